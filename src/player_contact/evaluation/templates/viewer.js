// The play viewer: two videos in step, boxes and contacts over them, the field, and a timeline of every pair and player.
// Time is in seconds after step 0 everywhere; `start` of a view is when its frame 0 was taken.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const FPS = data.frames_per_second;
const STEPS = data.steps_per_second;
const LAST = data.labelled - 1; // labels run from step 0
const GROUND = -1;
const COLOURS = { home: "#56b4e9", away: "#e69f00", found: "#f0e442", missed: "#d55e00", false: "#cc79a7" };
const DASHES = { found: [], missed: [14, 8], false: [3, 6] };
const WORDS = { found: "contact, found", missed: "contact, missed", false: "no contact, but called one", none: "no contact" };
const $ = (id) => document.getElementById(id);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

const ZOOM = 3;
const state = { time: 0, playing: false, rate: 1, drawn: true, near: false, chosen: -1, before: 0 };
const views = data.views.map((view) => {
  const figure = document.querySelector(`figure[data-view="${view.name}"]`);
  return { ...view, figure, inside: figure.querySelector(".inside"), video: figure.querySelector("video"), canvas: figure.querySelector("canvas"), frame: 0, works: Boolean(view.video) };
});
const players = data.players.map((player, place) => ({ ...player, place, side: player.home ? "home" : "away", ...namesOf(player) }));
const tracks = data.tracks.map((track) => {
  const outcome = Array.from(track.label, (label, at) => outcomeOf(label === "1", track.decided[at] === "1"));
  const ends = track.second === GROUND ? [track.first] : [track.first, track.second];
  return { ...track, outcome, ends, errors: outcome.filter((one) => one === "missed" || one === "false").length, row: null };
});
let shown = [];

/** A player as on his jersey, "H 54 LB", and with his id, which the tables know him by; the id alone where the tables have no jersey number. */
function namesOf({ id, jersey, role, home }) {
  if (jersey === null) return { text: `${role} ${id}`, full: `${role} ${id}` };
  const text = `${home ? "H" : "A"} ${jersey} ${role}`;
  return { text, full: `${text} (${id})` };
}

function outcomeOf(label, decided) {
  if (label) return decided ? "found" : "missed";
  return decided ? "false" : "none";
}

// ---- time ----

const stepOf = (time) => Math.round(time * STEPS);
const lastFrame = (view) => Math.max((view.works && Math.round(view.video.duration * FPS)) || view.frames, 1) - 1; // a video may end early
const frameAt = (view, time) => clamp(Math.round((time - view.start) * FPS), 0, lastFrame(view));
const usable = () => views.filter((view) => view.works);
const ended = (view) => view.video.currentTime >= view.video.duration - 0.5 / FPS;

/** Shows a moment; the videos go to the middle of its frame, so that rounding can't show the one before. */
function seek(time) {
  state.time = clamp(time, data.from, data.until);
  for (const view of usable()) {
    view.wanted = state.time;
    if (!view.video.seeking) follow(view);
    confirmFrame(view);
  }
  show();
}

function follow(view) {
  if (view.wanted === undefined) return;
  const frame = frameAt(view, view.wanted);
  view.wanted = undefined;
  const at = (frame + 0.5) / FPS;
  if (view.frame !== frame || Math.abs(view.video.currentTime - at) > 0.1 / FPS) view.video.currentTime = at;
}

/** Once nothing moves any more: a picture that the browser shows without saying so is the one of the video's clock; a lost seek is made again. */
function confirmFrame(view, tries = 3) {
  setTimeout(() => {
    if (state.playing || view.video.seeking || view.wanted !== undefined || !view.works) return;
    const frame = Math.floor(view.video.currentTime * FPS + 1e-3);
    if (frame !== frameAt(view, state.time) && tries > 0) {
      view.video.currentTime = (frameAt(view, state.time) + 0.5) / FPS;
      confirmFrame(view, tries - 1);
    } else if (view.frame !== frame) {
      view.frame = frame;
      show();
    }
  }, 150);
}

function setPlaying(playing) {
  state.playing = playing;
  $("play").textContent = playing ? "pause" : "play";
  if (!playing) {
    for (const view of usable()) view.video.pause();
    seek(state.time);
    remember();
    return;
  }
  if (state.time >= data.until - 1 / STEPS) seek(0);
  setRate(state.rate);
  for (const view of usable()) if (!ended(view)) view.video.play().catch(() => {});
  state.before = performance.now();
  requestAnimationFrame(tick);
}

function setRate(rate) {
  state.rate = rate;
  $("half").setAttribute("aria-pressed", String(rate < 1));
  for (const view of usable()) view.video.playbackRate = rate;
}

/** While playing: the first video that still runs is the clock, the other one runs a little faster or slower until it is in step. */
function tick(now) {
  if (!state.playing) return;
  const running = usable().filter((view) => !view.video.seeking && !ended(view));
  if (running.length) {
    const [clock, ...others] = running;
    const exact = clock.start + clock.video.currentTime;
    clock.video.playbackRate = state.rate;
    state.time = clock.start + Math.floor(clock.video.currentTime * FPS) / FPS;
    for (const view of others) {
      const ahead = view.start + view.video.currentTime - exact;
      if (Math.abs(ahead) > 0.3) view.video.currentTime = exact - view.start;
      view.video.playbackRate = state.rate * (Math.abs(ahead) < 0.25 / FPS ? 1 : clamp(1 - 4 * ahead, 0.7, 1.3));
    }
  } else if (!usable().length || usable().every(ended)) {
    state.time += (state.rate * (now - state.before)) / 1000;
  }
  state.before = now;
  if (state.time >= data.until) setPlaying(false);
  else {
    show();
    requestAnimationFrame(tick);
  }
}

// ---- pictures ----

function pairLines(step) {
  if (step < 0 || step > LAST) return [];
  return tracks.filter((track) => track.outcome[step] !== "none");
}

function mark(context, one, other, outcome, width) {
  for (const [colour, wide] of [["#000", 1.7], [COLOURS[outcome], 1]]) {
    context.strokeStyle = colour;
    context.lineWidth = width * wide;
    context.setLineDash(DASHES[outcome].map((part) => (part * width) / 3));
    context.beginPath();
    if (other) {
      context.moveTo(one.x, one.y);
      context.lineTo(other.x, other.y);
    } else context.ellipse(one.x, one.y, one.r * 1.9, one.r, 0, 0, 2 * Math.PI);
    context.stroke();
  }
  context.setLineDash([]);
}

function boxesAt(view) {
  const flat = view.boxes[view.frame - view.first] ?? [];
  const found = new Map();
  for (let at = 0; at < flat.length; at += 6) {
    const [player, left, top, width, height, detected] = flat.slice(at, at + 6);
    found.set(player, { left, top, width, height, detected });
  }
  return found;
}

/** Where the chosen players are in the picture; where they were last, if they have no box. */
function centreOn(view, boxes, chosen) {
  const found = chosen.map((place) => boxes.get(place)).filter(Boolean);
  const middle = (low, size) => found.reduce((sum, box) => sum + box[low] + box[size] / 2, 0) / found.length;
  if (found.length) view.centre = [middle("left", "width"), middle("top", "height")];
  const [x, y] = view.centre ?? [640, 360];
  const shift = (at, whole) => 50 - ZOOM * clamp((100 * at) / whole, 50 / ZOOM, 100 - 50 / ZOOM);
  view.inside.style.transform = state.near ? `translate(${shift(x, 1280)}%, ${shift(y, 720)}%) scale(${ZOOM})` : "";
}

function drawView(view) {
  const context = view.canvas.getContext("2d");
  context.clearRect(0, 0, view.canvas.width, view.canvas.height);
  const boxes = boxesAt(view);
  const chosen = tracks[state.chosen]?.ends ?? [];
  centreOn(view, boxes, chosen);
  if (!state.drawn) return;
  const thin = state.near ? 2 / ZOOM : 1;
  for (const [place, box] of boxes) {
    const strong = chosen.includes(place);
    context.setLineDash(box.detected ? [] : [5, 4]);
    context.strokeStyle = strong ? "#fff" : COLOURS[players[place].side];
    context.lineWidth = (strong ? 4 : 2) * thin;
    context.strokeRect(box.left, box.top, box.width, box.height);
  }
  context.setLineDash([]);
  const centre = (place) => {
    const box = boxes.get(place);
    return box && { x: box.left + box.width / 2, y: box.top + box.height / 2, r: box.height * 0.7 };
  };
  const step = stepOf(view.start + view.frame / FPS);
  for (const track of pairLines(step)) {
    const [one, other] = [centre(track.first), centre(track.second)];
    if (one && track.second === GROUND) mark(context, { ...one, y: one.y + one.r }, null, track.outcome[step], 3 * thin);
    else if (one && other) mark(context, one, other, track.outcome[step], 3 * thin);
  }
  context.font = `bold ${22 * thin}px system-ui, sans-serif`;
  context.lineWidth = 4 * thin;
  chosen.forEach((place, number) => {
    const box = boxes.get(place);
    if (!box) return;
    const y = number ? box.top + box.height + 26 * thin : box.top - 8 * thin;
    context.strokeStyle = "#000";
    context.strokeText(players[place].text, box.left, y);
    context.fillStyle = COLOURS[players[place].side];
    context.fillText(players[place].text, box.left, y);
  });
}

const map = $("map");
const spots = [];

/** The stretch of field that the play needs, in yards: left, bottom, width, height. */
const field = (() => {
  const at = data.positions.flat().filter(Boolean);
  const [x, y] = [0, 1].map((axis) => at.map((spot) => spot[axis]));
  const low = [Math.min(...x, 60) - 3, Math.min(...y, 26) - 3];
  return at.length ? [...low, Math.max(...x, 60) + 3 - low[0], Math.max(...y, 26) + 3 - low[1]] : [0, 0, 120, 53.3];
})();

function drawMap() {
  const [width, height] = [map.clientWidth, map.clientHeight];
  const dense = window.devicePixelRatio || 1;
  if (map.width !== Math.round(width * dense) || map.height !== Math.round(height * dense)) {
    map.width = Math.round(width * dense);
    map.height = Math.round(height * dense);
  }
  const context = map.getContext("2d");
  context.setTransform(dense, 0, 0, dense, 0, 0);
  context.fillStyle = "#1f3327";
  context.fillRect(0, 0, width, height);
  const scale = Math.min(width / field[2], height / field[3]);
  const point = ([x, y]) => ({
    x: width / 2 + (x - field[0] - field[2] / 2) * scale,
    y: height / 2 - (y - field[1] - field[3] / 2) * scale,
    r: clamp(scale * 0.55, 4, 9),
  });
  context.strokeStyle = context.fillStyle = "#7d8f83";
  context.lineWidth = 1;
  context.font = "11px system-ui, sans-serif";
  for (let yard = 10; yard <= 110; yard += 5) {
    const { x } = point([yard, 0]);
    context.globalAlpha = yard % 10 ? 0.3 : 0.8;
    context.beginPath();
    context.moveTo(x, point([0, 160 / 3]).y);
    context.lineTo(x, point([0, 0]).y);
    context.stroke();
    if (yard % 10 === 0 && yard > 10 && yard < 110) context.fillText(String(50 - Math.abs(yard - 60)), x + 3, height - 5);
  }
  context.globalAlpha = 1;
  for (const y of [0, 160 / 3]) context.strokeRect(point([0, y]).x, point([0, y]).y, 120 * scale, 0);
  const where = players.map(({ place }) => positionOf(place)).map((spot) => spot && point(spot));
  const step = stepOf(state.time);
  for (const track of pairLines(step)) {
    const [one, other] = [where[track.first], where[track.second]];
    if (one && track.second === GROUND) mark(context, { ...one, r: one.r * 1.2 }, null, track.outcome[step], 2);
    else if (one && other) mark(context, one, other, track.outcome[step], 3);
  }
  spots.length = 0;
  for (const player of players) {
    const spot = where[player.place];
    if (!spot) continue;
    spots.push({ ...spot, place: player.place });
    context.fillStyle = COLOURS[player.side];
    const strong = tracks[state.chosen]?.ends.includes(player.place);
    context.strokeStyle = strong ? "#fff" : "#000";
    context.lineWidth = strong ? 3 : 1;
    context.beginPath();
    if (player.home) context.rect(spot.x - spot.r, spot.y - spot.r, 2 * spot.r, 2 * spot.r);
    else context.arc(spot.x, spot.y, spot.r, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}

/** Where a player is now, on a straight line between the steps around; null where the sensors lost him. */
function positionOf(place) {
  const at = clamp(state.time * STEPS - data.first_step, 0, data.positions.length - 1);
  const [one, other] = [data.positions[Math.floor(at)][place], data.positions[Math.ceil(at)][place]];
  return one && other && one.map((value, axis) => value + (other[axis] - value) * (at - Math.floor(at)));
}

// ---- timelines ----

function svg(name, attributes, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text;
  return node;
}

/** Stretches of equal outcome: [outcome, first step, step after the last]. */
function runs(outcome) {
  const found = [];
  outcome.forEach((one, step) => {
    if (found.length && found.at(-1)[0] === one) found.at(-1)[2] = step + 1;
    else found.push([one, step, step + 1]);
  });
  return found.filter(([one]) => one !== "none");
}

const nameOf = (track) => [...track.ends.map((place) => players[place].full), ...(track.second === GROUND ? ["the ground"] : [])].join(" and ");

function makeRow(track, number) {
  const row = document.createElement("div");
  row.className = "track";
  row.id = `track${number}`;
  row.setAttribute("role", "option");
  row.setAttribute("aria-label", `${nameOf(track)}: ${track.errors} wrong of ${LAST + 1} steps`);
  const name = document.createElement("span");
  track.ends.forEach((place, at) => {
    const player = document.createElement("span");
    player.className = players[place].side;
    player.textContent = `${players[place].home ? "■" : "●"} ${players[place].text}`;
    name.append(at ? " – " : "", player);
  });
  if (track.second === GROUND) name.append(" – ground");
  name.title = nameOf(track);
  const strip = svg("svg", { viewBox: `-0.5 0 ${LAST + 1} 18`, preserveAspectRatio: "none" });
  for (const [outcome, from, until] of runs(track.outcome)) {
    const place = { x: from - 0.5, width: until - from, height: 7 };
    if (outcome !== "false") strip.append(svg("rect", { ...place, y: 1, fill: outcome === "missed" ? COLOURS.missed : "#aab2bd" }));
    if (outcome !== "missed") strip.append(svg("rect", { ...place, y: 10, fill: COLOURS[outcome] }));
  }
  const line = track.final.map((value, step) => `${step},${17 - 16 * (value ?? 0)}`).join(" ");
  strip.append(svg("polyline", { points: line, fill: "none", stroke: "#fff", "stroke-opacity": 0.55, "vector-effect": "non-scaling-stroke" }));
  row.append(name, strip);
  row.addEventListener("click", (event) => {
    const box = strip.getBoundingClientRect();
    choose(number);
    if (event.clientX >= box.left) moveTo(Math.round(((event.clientX - box.left) / box.width) * (LAST + 1) - 0.5));
    else remember();
  });
  return row;
}

function filter() {
  const [what, kind, who, order] = ["what", "kind", "who", "order"].map((id) => $(id).value);
  const fits = (track) =>
    (what === "all" || (what === "errors" ? track.errors > 0 : track.outcome.includes(what))) &&
    (kind === "all" || (kind === "ground") === (track.second === GROUND)) &&
    (who === "" || track.ends.includes(Number(who)));
  const onset = (track) => track.outcome.findIndex((one) => one !== "none") + 1 || Infinity;
  shown = tracks.map((_, number) => number).filter((number) => fits(tracks[number]));
  shown.sort((one, other) =>
    order === "time" ? Math.sign(onset(tracks[one]) - onset(tracks[other])) || one - other : tracks[other].errors - tracks[one].errors || one - other,
  );
  tracks.forEach((track) => (track.row.hidden = true));
  for (const number of shown) {
    tracks[number].row.hidden = false;
    $("tracks").insertBefore(tracks[number].row, $("cursor"));
  }
  $("count").textContent = `${shown.length} of ${tracks.length}`;
  if (!shown.includes(state.chosen)) choose(shown[0] ?? -1);
  show();
}

function choose(number) {
  state.chosen = number;
  tracks.forEach((track, place) => track.row.setAttribute("aria-selected", String(place === number)));
  $("name").textContent = number < 0 ? "Nothing to show" : nameOf(tracks[number]);
  if (number >= 0) {
    $("tracks").setAttribute("aria-activedescendant", `track${number}`);
    tracks[number].row.scrollIntoView({ block: "nearest" });
  }
  drawDetail();
  show();
}

function drawDetail() {
  const box = $("detail");
  box.replaceChildren();
  const track = tracks[state.chosen];
  const [width, height] = [box.clientWidth || 400, box.clientHeight || 120];
  box.setAttribute("viewBox", `0 0 ${width} ${height}`);
  if (!track) return;
  const x = (step) => 30 + ((step + 0.5) / (LAST + 1)) * (width - 38);
  const y = (value) => height - 18 - value * (height - 42); // below the line of the label and its name
  for (const [outcome, from, until] of runs(track.outcome)) {
    const place = { x: x(from - 0.5), width: x(until - 0.5) - x(from - 0.5) };
    box.append(svg("rect", { ...place, y: y(1), height: y(0) - y(1), fill: COLOURS[outcome], opacity: 0.22 }));
    if (outcome !== "false") box.append(svg("rect", { ...place, y: 3, height: 8, fill: "#aab2bd" }));
  }
  box.append(svg("text", { x: 2, y: 11, fill: "#b6bec9", "font-size": 10 }, "label"));
  for (const value of [0, 0.5, 1]) {
    box.append(svg("line", { x1: x(-0.5), x2: x(LAST + 0.5), y1: y(value), y2: y(value), stroke: "#454c56" }));
    box.append(svg("text", { x: 25, y: y(value) + 4, fill: "#b6bec9", "font-size": 10, "text-anchor": "end" }, value || "0"));
  }
  for (let step = 0; step <= LAST; step += LAST > 100 ? 20 : 10) {
    box.append(svg("text", { x: x(step), y: height - 5, fill: "#b6bec9", "font-size": 10, "text-anchor": "middle" }, `${step / STEPS} s`));
  }
  if (track.threshold !== null) {
    const level = y(track.threshold);
    box.append(svg("line", { x1: x(-0.5), x2: x(LAST + 0.5), y1: level, y2: level, stroke: "#aab2bd", "stroke-dasharray": "10 3 2 3" }));
  }
  for (const [name, look] of [
    ["screen", { stroke: "#56b4e9", "stroke-width": 1.5, "stroke-dasharray": "6 3" }],
    ["vision", { stroke: "#e69f00", "stroke-width": 2, "stroke-dasharray": "2 2" }],
    ["final", { stroke: "#fff", "stroke-width": 2.5 }],
  ]) {
    const known = (step) => track[name][step] !== null && step >= 0 && step <= LAST;
    let path = "";
    track[name].forEach((value, step) => {
      if (known(step)) path += `${known(step - 1) ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}${known(step - 1) || known(step + 1) ? "" : "h2"}`;
    });
    box.append(svg("path", { d: path, fill: "none", ...look }));
  }
  box.append(svg("line", { id: "here", y1: 0, y2: height - 16, stroke: "#fff" }));
  box.dataset.left = x(-0.5);
  box.dataset.right = x(LAST + 0.5);
}

function say(track, step) {
  if (!track) return "";
  if (step < 0 || step > LAST) return "Nothing is labelled at this moment.";
  const number = (value) => (value === null ? "–" : value.toFixed(3));
  const values = ["screen", "vision", "final"].map((name) => `${name} ${number(track[name][step])}`);
  return `Step ${step}: ${WORDS[track.outcome[step]]}. ${values.join(", ")}; threshold ${number(track.threshold)}, chosen on the other folds.`;
}

// ---- all of it ----

function show() {
  const step = stepOf(state.time);
  for (const view of views) {
    if (!view.works) view.frame = frameAt(view, state.time);
    drawView(view);
  }
  drawMap();
  $("seek").value = step;
  const frames = views.map((view) => `${view.name[0]} ${view.frame + data.first_frame_number}`).join(", ");
  $("clock").textContent = `${state.time.toFixed(2)} s, step ${step}, frame ${frames}`;
  const strip = tracks[shown[0]]?.row.lastChild;
  if (strip) {
    const from = strip.getBoundingClientRect().left - $("tracks").getBoundingClientRect().left;
    $("cursor").style.left = `${from + (clamp(state.time * STEPS + 0.5, 0, LAST + 1) / (LAST + 1)) * strip.clientWidth}px`;
    $("cursor").style.height = `${shown.length * tracks[shown[0]].row.offsetHeight}px`;
  }
  const here = $("here");
  if (here) {
    const [left, right] = [Number($("detail").dataset.left), Number($("detail").dataset.right)];
    const at = left + (clamp(state.time * STEPS + 0.5, 0, LAST + 1) / (LAST + 1)) * (right - left);
    here.setAttribute("x1", at);
    here.setAttribute("x2", at);
  }
  if (!state.playing) $("now").textContent = say(tracks[state.chosen], step);
}

/** The address tells the moment, so that it can be kept and sent. */
function remember() {
  const track = tracks[state.chosen];
  const pair = track ? `&pair=${track.ends.map((place) => players[place].id).join("_")}${track.second === GROUND ? "_G" : ""}` : "";
  history.replaceState(null, "", `#step=${stepOf(state.time)}${pair}`);
}

function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const pair = (asked.get("pair") ?? "").split("_");
  const number = tracks.findIndex(
    (track) => String(players[track.first].id) === pair[0] && (track.second === GROUND ? "G" : String(players[track.second].id)) === pair[1],
  );
  if (number >= 0) {
    if (!shown.includes(number)) {
      for (const [id, value] of [["what", "all"], ["kind", "all"], ["who", ""]]) $(id).value = value;
      filter();
    }
    choose(number);
  }
  seek(Number(asked.get("step") ?? 0) / STEPS || 0);
}

function moveTo(step) {
  if (state.playing) setPlaying(false);
  seek(step / STEPS);
  remember();
}

function moveByFrame(by) {
  const view = usable()[0] ?? views[0];
  if (state.playing) setPlaying(false);
  seek(view.start + (view.frame + by) / FPS);
  remember();
}

function moveToError(onward) {
  const all = shown.flatMap((number) =>
    runs(tracks[number].outcome).filter(([outcome]) => outcome === "missed" || outcome === "false").map(([, from]) => ({ number, from })),
  );
  all.sort((one, other) => one.from - other.from || one.number - other.number);
  if (!onward) all.reverse();
  const [step, sign] = [stepOf(state.time), onward ? 1 : -1];
  const next = all.find(({ number, from }) => sign * (from - step) > 0 || (from === step && sign * (number - state.chosen) > 0)) ?? all[0];
  if (!next) return;
  choose(next.number);
  moveTo(next.from);
}

function chooseBeside(by) {
  const at = shown.indexOf(state.chosen);
  if (shown.length) choose(shown[clamp(at + by, 0, shown.length - 1)]);
  remember();
}

function toggleBoxes() {
  state.drawn = !state.drawn;
  $("boxes").setAttribute("aria-pressed", String(state.drawn));
  show();
}

function toggleNear() {
  state.near = !state.near;
  $("near").setAttribute("aria-pressed", String(state.near));
  show();
}

function setWho(place) {
  $("who").value = String(place);
  filter();
}

const KEYS = {
  " ": () => setPlaying(!state.playing),
  ArrowLeft: (event) => moveTo(stepOf(state.time) - (event.shiftKey ? 10 : 1)),
  ArrowRight: (event) => moveTo(stepOf(state.time) + (event.shiftKey ? 10 : 1)),
  ",": () => moveByFrame(-1),
  ".": () => moveByFrame(1),
  Home: () => moveTo(0),
  End: () => moveTo(LAST),
  ArrowUp: () => chooseBeside(-1),
  ArrowDown: () => chooseBeside(1),
  n: () => moveToError(true),
  p: () => moveToError(false),
  h: () => setRate(state.rate < 1 ? 1 : 0.5),
  b: toggleBoxes,
  z: toggleNear,
  "?": () => $("keys").showModal(),
};

function listen() {
  document.addEventListener("keydown", (event) => {
    const key = KEYS[event.key];
    const taken = event.target.matches("select") || ($("keys").open && event.key !== "Escape") || (event.key === " " && event.target.matches("button"));
    if (!key || taken || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    key(event);
  });
  for (const [id, act] of Object.entries({
    play: KEYS[" "],
    back: KEYS.ArrowLeft,
    on: KEYS.ArrowRight,
    half: KEYS.h,
    boxes: toggleBoxes,
    near: toggleNear,
    error_back: KEYS.p,
    error_on: KEYS.n,
    help: KEYS["?"],
  })) {
    $(id).addEventListener("click", act);
  }
  for (const id of ["what", "kind", "who", "order"]) $(id).addEventListener("change", filter);
  $("seek").addEventListener("input", () => moveTo(Number($("seek").value)));
  $("detail").addEventListener("click", (event) => {
    const { left, right } = $("detail").dataset;
    const at = event.clientX - $("detail").getBoundingClientRect().left;
    moveTo(clamp(Math.round(((at - left) / (right - left)) * (LAST + 1) - 0.5), 0, LAST));
  });
  map.addEventListener("click", (event) => {
    const away = (spot) => Math.hypot(spot.x - event.offsetX, spot.y - event.offsetY);
    const near = spots.filter((spot) => away(spot) < 14).sort((one, other) => away(one) - away(other))[0];
    setWho(near ? near.place : "");
  });
  for (const view of views) {
    view.canvas.addEventListener("click", (event) => {
      const scale = view.canvas.width / view.canvas.clientWidth;
      const [x, y] = [event.offsetX * scale, event.offsetY * scale];
      const hit = [...boxesAt(view)].filter(
        ([, box]) => x > box.left - 6 && x < box.left + box.width + 6 && y > box.top - 6 && y < box.top + box.height + 6,
      );
      setWho(hit.length ? hit[0][0] : "");
    });
    if (!view.video) continue;
    view.video.addEventListener("seeked", () => {
      follow(view);
      confirmFrame(view);
    });
    view.video.addEventListener("error", () => {
      view.works = false;
      const words = document.createElement("div");
      words.className = "gone";
      words.textContent = `The ${view.name} video can't be shown.`;
      view.figure.append(words);
      show();
    });
    const onFrame = (_, facts) => {
      view.frame = Math.round(facts.mediaTime * FPS);
      drawView(view);
      if (!state.playing) show();
      view.video.requestVideoFrameCallback?.(onFrame);
    };
    if (view.video.requestVideoFrameCallback) {
      view.video.requestVideoFrameCallback(onFrame);
    } else {
      // Browsers that do not tell when a frame is shown tell the time now and then.
      view.video.addEventListener("timeupdate", () => onFrame(0, { mediaTime: Math.floor(view.video.currentTime * FPS + 1e-3) / FPS }));
    }
  }
  window.addEventListener("resize", () => {
    drawDetail();
    show();
  });
  window.addEventListener("hashchange", readAddress);
}

function begin() {
  for (const player of players) $("who").add(new Option(`${player.full}, ${player.side}`, String(player.place)));
  $("seek").min = stepOf(data.from);
  $("seek").max = stepOf(data.until);
  tracks.forEach((track, number) => {
    track.row = makeRow(track, number);
    $("tracks").append(track.row);
  });
  const cursor = document.createElement("div");
  cursor.id = "cursor";
  $("tracks").append(cursor);
  listen();
  filter();
  readAddress();
}

begin();
