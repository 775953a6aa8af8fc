// The play viewer: two videos in step, boxes and contacts over them, the field, and a timeline of
// every pair and player. Time is in seconds after step 0; `start` of a view is that of its frame 0.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const FPS = data.frames_per_second;
const STEPS = data.steps_per_second;
const LAST = data.labelled_steps - 1; // labels run from step 0
const GROUND = -1;
const COLORS = { home: "#56b4e9", away: "#e69f00", tp: "#f0e442", fn: "#d55e00", fp: "#cc79a7" };
const DASHES = { tp: [], fn: [14, 8], fp: [3, 6] };
const OUTCOMES = {
  tp: "contact, predicted",
  fn: "contact, missed",
  fp: "no contact, but predicted",
  tn: "no contact",
};
const MODELS = {
  screen: { stroke: "#56b4e9", "stroke-width": 1.5, "stroke-dasharray": "6 3" },
  vision: { stroke: "#e69f00", "stroke-width": 2, "stroke-dasharray": "2 2" },
  final: { stroke: "#fff", "stroke-width": 2.5 },
};
const LABEL_COLOR = "#aab2bd";
const ZOOM = 3;
const $ = (id) => document.getElementById(id);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

const state = {
  time: 0,
  playing: false,
  rate: 1,
  overlay: true,
  zoomed: false,
  selected: -1, // index of a track
  lastTick: 0,
};
const views = data.views.map((view) => {
  const figure = document.querySelector(`figure[data-view="${view.name}"]`);
  const [content, video, canvas] = [".content", "video", "canvas"].map((selector) =>
    figure.querySelector(selector),
  );
  return { ...view, figure, content, video, canvas, frame: 0, usable: Boolean(view.video) };
});
const players = data.players.map((player, index) => {
  return { ...player, index, team: player.home ? "home" : "away", ...playerNames(player) };
});
const tracks = data.tracks.map((track) => {
  const outcome = Array.from(track.label, (label, step) => outcomeOf(label, track.predicted[step]));
  const members = track.second === GROUND ? [track.first] : [track.first, track.second];
  return { ...track, outcome, members, errors: outcome.filter(isError).length, row: null };
});
let listed = []; // indices of the tracks that pass the filters, in order

/** "H 54 LB", and with the id of the tables; the id alone where there is no jersey number. */
function playerNames({ id, jersey, role, home }) {
  if (jersey === null) return { text: `${role} ${id}`, full: `${role} ${id}` };
  const text = `${home ? "H" : "A"} ${jersey} ${role}`;
  return { text, full: `${text} (${id})` };
}

function outcomeOf(label, predicted) {
  return (label === predicted ? "t" : "f") + (predicted === "1" ? "p" : "n");
}

function isError(outcome) {
  return outcome === "fn" || outcome === "fp";
}

// ---- time ----

const stepOf = (time) => Math.round(time * STEPS);
const usableViews = () => views.filter((view) => view.usable);
const hasEnded = (view) => view.video.currentTime >= view.video.duration - 0.5 / FPS;
const frameMiddle = (frame) => (frame + 0.5) / FPS;

function frameAt(view, time) {
  const frames = (view.usable && Math.round(view.video.duration * FPS)) || view.frames;
  return clamp(Math.round((time - view.start) * FPS), 0, Math.max(frames, 1) - 1); // may end early
}

/** Videos go to the middle of the frame, so that rounding can't show the one before. */
function seek(time) {
  state.time = clamp(time, data.start, data.end);
  for (const view of usableViews()) {
    view.target = state.time;
    if (!view.video.seeking) seekVideo(view);
    confirmFrame(view);
  }
  render();
}

function seekVideo(view) {
  if (view.target === undefined) return;
  const frame = frameAt(view, view.target);
  view.target = undefined;
  const time = frameMiddle(frame);
  if (view.frame !== frame || Math.abs(view.video.currentTime - time) > 0.1 / FPS) {
    view.video.currentTime = time;
  }
}

/** At rest: takes the frame of the video's clock if no callback came, and retries a lost seek. */
function confirmFrame(view, tries = 3) {
  setTimeout(() => {
    if (state.playing || view.video.seeking || view.target !== undefined || !view.usable) return;
    const frame = Math.floor(view.video.currentTime * FPS + 1e-3);
    if (frame !== frameAt(view, state.time) && tries > 0) {
      view.video.currentTime = frameMiddle(frameAt(view, state.time));
      confirmFrame(view, tries - 1);
    } else if (view.frame !== frame) {
      view.frame = frame;
      render();
    }
  }, 150);
}

function setPlaying(playing) {
  state.playing = playing;
  $("play").textContent = playing ? "pause" : "play";
  if (!playing) {
    for (const view of usableViews()) view.video.pause();
    seek(state.time);
    updateHash();
    return;
  }
  if (state.time >= data.end - 1 / STEPS) seek(0);
  setRate(state.rate);
  for (const view of usableViews()) if (!hasEnded(view)) view.video.play().catch(() => {});
  state.lastTick = performance.now();
  requestAnimationFrame(tick);
}

function setRate(rate) {
  state.rate = rate;
  $("half_speed").setAttribute("aria-pressed", String(rate < 1));
  for (const view of usableViews()) view.video.playbackRate = rate;
}

/** While playing: the first running video is the clock; the other's rate is adapted to it. */
function tick(now) {
  if (!state.playing) return;
  const running = usableViews().filter((view) => !view.video.seeking && !hasEnded(view));
  if (running.length) {
    const [clock, ...others] = running;
    const exact = clock.start + clock.video.currentTime;
    clock.video.playbackRate = state.rate;
    state.time = clock.start + Math.floor(clock.video.currentTime * FPS) / FPS;
    for (const view of others) {
      const ahead = view.start + view.video.currentTime - exact;
      if (Math.abs(ahead) > 0.3) view.video.currentTime = exact - view.start;
      const factor = Math.abs(ahead) < 0.25 / FPS ? 1 : clamp(1 - 4 * ahead, 0.7, 1.3);
      view.video.playbackRate = state.rate * factor;
    }
  } else if (!usableViews().length || usableViews().every(hasEnded)) {
    state.time += (state.rate * (now - state.lastTick)) / 1000;
  }
  state.lastTick = now;
  if (state.time >= data.end) setPlaying(false);
  else {
    render();
    requestAnimationFrame(tick);
  }
}

// ---- views and field ----

function contactsAt(step) {
  if (step < 0 || step > LAST) return [];
  return tracks.filter((track) => track.outcome[step] !== "tn");
}

/** A line between two points; an ellipse around one for the ground. */
function drawContact(context, first, second, outcome, width) {
  for (const [color, factor] of [["#000", 1.7], [COLORS[outcome], 1]]) {
    context.strokeStyle = color;
    context.lineWidth = width * factor;
    context.setLineDash(DASHES[outcome].map((length) => (length * width) / 3));
    context.beginPath();
    if (second) {
      context.moveTo(first.x, first.y);
      context.lineTo(second.x, second.y);
    } else context.ellipse(first.x, first.y, first.r * 1.9, first.r, 0, 0, 2 * Math.PI);
    context.stroke();
  }
  context.setLineDash([]);
}

/** Player index -> box, of the view's current frame. */
function boxesOf(view) {
  const flat = view.boxes[view.frame - view.first_frame] ?? [];
  const boxes = new Map();
  for (let start = 0; start < flat.length; start += 6) {
    const [player, left, top, width, height, detected] = flat.slice(start, start + 6);
    boxes.set(player, { left, top, width, height, detected });
  }
  return boxes;
}

/** Zooms on the selected players; on where they were last, if they have no box. */
function zoomView(view, boxes, members) {
  const known = members.map((index) => boxes.get(index)).filter(Boolean);
  const mean = (low, size) =>
    known.reduce((sum, box) => sum + box[low] + box[size] / 2, 0) / known.length;
  if (known.length) view.center = [mean("left", "width"), mean("top", "height")];
  const [x, y] = view.center ?? [640, 360];
  const shift = (value, size) =>
    50 - ZOOM * clamp((100 * value) / size, 50 / ZOOM, 100 - 50 / ZOOM);
  view.content.style.transform = state.zoomed
    ? `translate(${shift(x, 1280)}%, ${shift(y, 720)}%) scale(${ZOOM})`
    : "";
}

function drawView(view) {
  const context = view.canvas.getContext("2d");
  context.clearRect(0, 0, view.canvas.width, view.canvas.height);
  const boxes = boxesOf(view);
  const members = tracks[state.selected]?.members ?? [];
  zoomView(view, boxes, members);
  if (!state.overlay) return;
  const unit = state.zoomed ? 2 / ZOOM : 1;
  for (const [index, box] of boxes) {
    const selected = members.includes(index);
    context.setLineDash(box.detected ? [] : [5, 4]);
    context.strokeStyle = selected ? "#fff" : COLORS[players[index].team];
    context.lineWidth = (selected ? 4 : 2) * unit;
    context.strokeRect(box.left, box.top, box.width, box.height);
  }
  context.setLineDash([]);
  const center = (index) => {
    const box = boxes.get(index);
    return box && {
      x: box.left + box.width / 2,
      y: box.top + box.height / 2,
      r: box.height * 0.7,
    };
  };
  const step = stepOf(view.start + view.frame / FPS);
  drawContacts(context, step, center, 3 * unit, 3 * unit, (point) => {
    return { ...point, y: point.y + point.r };
  });
  context.font = `bold ${22 * unit}px system-ui, sans-serif`;
  context.lineWidth = 4 * unit;
  members.forEach((index, number) => {
    const box = boxes.get(index);
    if (!box) return;
    const y = number ? box.top + box.height + 26 * unit : box.top - 8 * unit;
    context.strokeStyle = "#000";
    context.strokeText(players[index].text, box.left, y);
    context.fillStyle = COLORS[players[index].team];
    context.fillText(players[index].text, box.left, y);
  });
}

function drawContacts(context, step, pointOf, pairWidth, groundWidth, groundPoint) {
  for (const track of contactsAt(step)) {
    const [first, second] = [pointOf(track.first), pointOf(track.second)];
    const outcome = track.outcome[step];
    if (first && track.second === GROUND) {
      drawContact(context, groundPoint(first), null, outcome, groundWidth);
    } else if (first && second) drawContact(context, first, second, outcome, pairWidth);
  }
}

const map = $("map");
const mapPoints = [];

/** The part of the field that the play needs, in yards: left, bottom, width, height. */
const field = (() => {
  const known = data.positions.flat().filter(Boolean);
  const [x, y] = [0, 1].map((axis) => known.map((position) => position[axis]));
  const low = [Math.min(...x, 60) - 3, Math.min(...y, 26) - 3];
  const size = [Math.max(...x, 60) + 3 - low[0], Math.max(...y, 26) + 3 - low[1]];
  return known.length ? [...low, ...size] : [0, 0, 120, 53.3];
})();

function drawMap() {
  const [width, height] = [map.clientWidth, map.clientHeight];
  const density = window.devicePixelRatio || 1;
  const [pixelWidth, pixelHeight] = [Math.round(width * density), Math.round(height * density)];
  if (map.width !== pixelWidth || map.height !== pixelHeight) {
    map.width = pixelWidth;
    map.height = pixelHeight;
  }
  const context = map.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.fillStyle = "#1f3327";
  context.fillRect(0, 0, width, height);
  const scale = Math.min(width / field[2], height / field[3]);
  const toPoint = ([x, y]) => ({
    x: width / 2 + (x - field[0] - field[2] / 2) * scale,
    y: height / 2 - (y - field[1] - field[3] / 2) * scale,
    r: clamp(scale * 0.55, 4, 9),
  });
  drawFieldLines(context, toPoint, scale, height);
  const points = players.map(({ index }) => positionOf(index)).map((xy) => xy && toPoint(xy));
  drawContacts(context, stepOf(state.time), (index) => points[index], 3, 2, (point) => {
    return { ...point, r: point.r * 1.2 };
  });
  mapPoints.length = 0;
  for (const player of players) {
    const point = points[player.index];
    if (!point) continue;
    mapPoints.push({ ...point, index: player.index });
    context.fillStyle = COLORS[player.team];
    const selected = tracks[state.selected]?.members.includes(player.index);
    context.strokeStyle = selected ? "#fff" : "#000";
    context.lineWidth = selected ? 3 : 1;
    context.beginPath();
    const { x, y, r } = point;
    if (player.home) context.rect(x - r, y - r, 2 * r, 2 * r);
    else context.arc(x, y, r, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}

function drawFieldLines(context, toPoint, scale, height) {
  context.strokeStyle = context.fillStyle = "#7d8f83";
  context.lineWidth = 1;
  context.font = "11px system-ui, sans-serif";
  for (let yard = 10; yard <= 110; yard += 5) {
    const { x } = toPoint([yard, 0]);
    context.globalAlpha = yard % 10 ? 0.3 : 0.8;
    context.beginPath();
    context.moveTo(x, toPoint([0, 160 / 3]).y);
    context.lineTo(x, toPoint([0, 0]).y);
    context.stroke();
    if (yard % 10 === 0 && yard > 10 && yard < 110) {
      context.fillText(String(50 - Math.abs(yard - 60)), x + 3, height - 5);
    }
  }
  context.globalAlpha = 1;
  for (const side of [0, 160 / 3]) {
    const { x, y } = toPoint([0, side]);
    context.strokeRect(x, y, 120 * scale, 0);
  }
}

/** A player's position, interpolated between steps; null where he is not tracked. */
function positionOf(index) {
  const step = clamp(state.time * STEPS - data.first_step, 0, data.positions.length - 1);
  const [before, after] = [Math.floor(step), Math.ceil(step)].map(
    (number) => data.positions[number][index],
  );
  const weight = step - Math.floor(step);
  return before && after && before.map((value, axis) => value + (after[axis] - value) * weight);
}

// ---- timelines ----

function svg(name, attributes, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text;
  return node;
}

/** Consecutive steps of equal outcome: [outcome, first step, step after the last]; no "tn". */
function segments(outcomes) {
  const all = [];
  outcomes.forEach((outcome, step) => {
    if (all.length && all.at(-1)[0] === outcome) all.at(-1)[2] = step + 1;
    else all.push([outcome, step, step + 1]);
  });
  return all.filter(([outcome]) => outcome !== "tn");
}

function trackName(track) {
  const names = track.members.map((index) => players[index].full);
  return [...names, ...(track.second === GROUND ? ["the ground"] : [])].join(" and ");
}

function makeTimeline(track, number) {
  const row = document.createElement("div");
  row.className = "track";
  row.id = `track${number}`;
  row.setAttribute("role", "option");
  const label = `${trackName(track)}: ${track.errors} wrong of ${LAST + 1} steps`;
  row.setAttribute("aria-label", label);
  const name = document.createElement("span");
  track.members.forEach((index, position) => {
    const player = document.createElement("span");
    player.className = players[index].team;
    player.textContent = `${players[index].home ? "■" : "●"} ${players[index].text}`;
    name.append(position ? " – " : "", player);
  });
  if (track.second === GROUND) name.append(" – ground");
  name.title = trackName(track);
  const strip = svg("svg", { viewBox: `-0.5 0 ${LAST + 1} 18`, preserveAspectRatio: "none" });
  for (const [outcome, start, end] of segments(track.outcome)) {
    const box = { x: start - 0.5, width: end - start, height: 7 };
    const labelColor = outcome === "fn" ? COLORS.fn : LABEL_COLOR;
    if (outcome !== "fp") strip.append(svg("rect", { ...box, y: 1, fill: labelColor }));
    if (outcome !== "fn") strip.append(svg("rect", { ...box, y: 10, fill: COLORS[outcome] }));
  }
  const points = track.final.map((value, step) => `${step},${17 - 16 * (value ?? 0)}`).join(" ");
  const style = { fill: "none", stroke: "#fff", "stroke-opacity": 0.55 };
  strip.append(svg("polyline", { points, ...style, "vector-effect": "non-scaling-stroke" }));
  row.append(name, strip);
  row.addEventListener("click", (event) => {
    const box = strip.getBoundingClientRect();
    selectTrack(number);
    const step = Math.round(((event.clientX - box.left) / box.width) * (LAST + 1) - 0.5);
    if (event.clientX >= box.left) goToStep(step);
    else updateHash();
  });
  return row;
}

function filterTracks() {
  const [outcome, kind, player, order] = ["outcome", "kind", "player", "order"].map(
    (id) => $(id).value,
  );
  const passes = (track) =>
    (outcome === "all" ||
      (outcome === "errors" ? track.errors > 0 : track.outcome.includes(outcome))) &&
    (kind === "all" || (kind === "ground") === (track.second === GROUND)) &&
    (player === "" || track.members.includes(Number(player)));
  const onset = (track) => track.outcome.findIndex((value) => value !== "tn") + 1 || Infinity;
  const compare = (a, b) =>
    order === "time" ? Math.sign(onset(a) - onset(b)) : b.errors - a.errors;
  listed = tracks.map((_, number) => number).filter((number) => passes(tracks[number]));
  listed.sort((a, b) => compare(tracks[a], tracks[b]) || a - b);
  tracks.forEach((track) => (track.row.hidden = true));
  for (const number of listed) {
    tracks[number].row.hidden = false;
    $("tracks").insertBefore(tracks[number].row, $("cursor"));
  }
  $("count").textContent = `${listed.length} of ${tracks.length}`;
  if (!listed.includes(state.selected)) selectTrack(listed[0] ?? -1);
  render();
}

function selectTrack(number) {
  state.selected = number;
  tracks.forEach((track, index) => {
    track.row.setAttribute("aria-selected", String(index === number));
  });
  $("track_name").textContent = number < 0 ? "Nothing to show" : trackName(tracks[number]);
  if (number >= 0) {
    $("tracks").setAttribute("aria-activedescendant", `track${number}`);
    tracks[number].row.scrollIntoView({ block: "nearest" });
  }
  drawChart();
  render();
}

/** The probabilities of the selected track. */
function drawChart() {
  const chart = $("chart");
  chart.replaceChildren();
  const track = tracks[state.selected];
  const [width, height] = [chart.clientWidth || 400, chart.clientHeight || 120];
  chart.setAttribute("viewBox", `0 0 ${width} ${height}`);
  if (!track) return;
  const x = (step) => 30 + ((step + 0.5) / (LAST + 1)) * (width - 38);
  const y = (value) => height - 18 - value * (height - 42); // below the line of the label
  const text = (attributes, content) =>
    chart.append(svg("text", { fill: "#b6bec9", "font-size": 10, ...attributes }, content));
  const level = (value, style) =>
    chart.append(svg("line", { x1: x(-0.5), x2: x(LAST + 0.5), y1: value, y2: value, ...style }));
  for (const [outcome, start, end] of segments(track.outcome)) {
    const box = { x: x(start - 0.5), width: x(end - 0.5) - x(start - 0.5) };
    const style = { fill: COLORS[outcome], opacity: 0.22 };
    chart.append(svg("rect", { ...box, y: y(1), height: y(0) - y(1), ...style }));
    if (outcome !== "fp") chart.append(svg("rect", { ...box, y: 3, height: 8, fill: LABEL_COLOR }));
  }
  text({ x: 2, y: 11 }, "label");
  for (const value of [0, 0.5, 1]) {
    level(y(value), { stroke: "#454c56" });
    text({ x: 25, y: y(value) + 4, "text-anchor": "end" }, value || "0");
  }
  for (let step = 0; step <= LAST; step += LAST > 100 ? 20 : 10) {
    text({ x: x(step), y: height - 5, "text-anchor": "middle" }, `${step / STEPS} s`);
  }
  if (track.threshold !== null) {
    level(y(track.threshold), { stroke: LABEL_COLOR, "stroke-dasharray": "10 3 2 3" });
  }
  for (const [name, style] of Object.entries(MODELS)) {
    const known = (step) => step >= 0 && step <= LAST && track[name][step] !== null;
    let path = "";
    track[name].forEach((value, step) => {
      if (!known(step)) return;
      const point = `${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
      path += (known(step - 1) ? "L" : "M") + point;
      if (!known(step - 1) && !known(step + 1)) path += "h2";
    });
    chart.append(svg("path", { d: path, fill: "none", ...style }));
  }
  chart.append(svg("line", { id: "chart_cursor", y1: 0, y2: height - 16, stroke: "#fff" }));
  chart.dataset.left = x(-0.5);
  chart.dataset.right = x(LAST + 0.5);
}

function describe(track, step) {
  if (!track) return "";
  if (step < 0 || step > LAST) return "This step has no labels.";
  const number = (value) => (value === null ? "–" : value.toFixed(3));
  const values = Object.keys(MODELS).map((name) => `${name} ${number(track[name][step])}`);
  const threshold = `threshold ${number(track.threshold)}, chosen on the other folds.`;
  return `Step ${step}: ${OUTCOMES[track.outcome[step]]}. ${values.join(", ")}; ${threshold}`;
}

// ---- the whole page ----

function render() {
  const step = stepOf(state.time);
  for (const view of views) {
    if (!view.usable) view.frame = frameAt(view, state.time);
    drawView(view);
  }
  drawMap();
  $("seek").value = step;
  const frames = views.map((view) => `${view.name[0]} ${view.frame + data.first_frame_number}`);
  const clock = `${state.time.toFixed(2)} s, step ${step}, frame ${frames.join(", ")}`;
  $("clock").textContent = clock;
  const fraction = clamp(state.time * STEPS + 0.5, 0, LAST + 1) / (LAST + 1);
  const strip = tracks[listed[0]]?.row.lastChild;
  if (strip) {
    const [stripLeft, tracksLeft] = [strip, $("tracks")].map(
      (node) => node.getBoundingClientRect().left,
    );
    $("cursor").style.left = `${stripLeft - tracksLeft + fraction * strip.clientWidth}px`;
    $("cursor").style.height = `${listed.length * tracks[listed[0]].row.offsetHeight}px`;
  }
  const cursor = $("chart_cursor");
  if (cursor) {
    const [left, right] = [Number($("chart").dataset.left), Number($("chart").dataset.right)];
    const x = left + fraction * (right - left);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
  }
  if (!state.playing) $("step_text").textContent = describe(tracks[state.selected], step);
}

/** The address holds step and pair, so that it can be kept and sent. */
function updateHash() {
  const track = tracks[state.selected];
  const ids = track?.members.map((index) => players[index].id).join("_");
  const pair = track ? `&pair=${ids}${track.second === GROUND ? "_G" : ""}` : "";
  history.replaceState(null, "", `#step=${stepOf(state.time)}${pair}`);
}

function readHash() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const [first, second] = (parameters.get("pair") ?? "").split("_");
  const idOf = (index) => (index === GROUND ? "G" : String(players[index].id));
  const number = tracks.findIndex(
    (track) => idOf(track.first) === first && idOf(track.second) === second,
  );
  if (number >= 0) {
    if (!listed.includes(number)) {
      for (const id of ["outcome", "kind"]) $(id).value = "all";
      $("player").value = "";
      filterTracks();
    }
    selectTrack(number);
  }
  seek(Number(parameters.get("step") ?? 0) / STEPS || 0);
}

function goToStep(step) {
  if (state.playing) setPlaying(false);
  seek(step / STEPS);
  updateHash();
}

function moveByFrames(count) {
  const view = usableViews()[0] ?? views[0];
  if (state.playing) setPlaying(false);
  seek(view.start + (view.frame + count) / FPS);
  updateHash();
}

/** To the next error of the listed tracks, or to the previous one with direction -1. */
function goToError(direction) {
  const errors = listed.flatMap((number) =>
    segments(tracks[number].outcome)
      .filter(([outcome]) => isError(outcome))
      .map(([, step]) => ({ number, step })),
  );
  errors.sort((a, b) => direction * (a.step - b.step || a.number - b.number));
  const step = stepOf(state.time);
  const follows = (error) =>
    direction * (error.step - step || error.number - state.selected) > 0;
  const error = errors.find(follows) ?? errors[0];
  if (!error) return;
  selectTrack(error.number);
  goToStep(error.step);
}

function selectNext(count) {
  const position = listed.indexOf(state.selected);
  if (listed.length) selectTrack(listed[clamp(position + count, 0, listed.length - 1)]);
  updateHash();
}

function toggle(name) {
  state[name] = !state[name];
  $(name).setAttribute("aria-pressed", String(state[name]));
  render();
}

function filterByPlayer(index) {
  $("player").value = String(index);
  filterTracks();
}

const KEYS = {
  " ": () => setPlaying(!state.playing),
  ArrowLeft: (event) => goToStep(stepOf(state.time) - (event.shiftKey ? 10 : 1)),
  ArrowRight: (event) => goToStep(stepOf(state.time) + (event.shiftKey ? 10 : 1)),
  ",": () => moveByFrames(-1),
  ".": () => moveByFrames(1),
  Home: () => goToStep(0),
  End: () => goToStep(LAST),
  ArrowUp: () => selectNext(-1),
  ArrowDown: () => selectNext(1),
  n: () => goToError(1),
  p: () => goToError(-1),
  h: () => setRate(state.rate < 1 ? 1 : 0.5),
  b: () => toggle("overlay"),
  z: () => toggle("zoomed"),
  "?": () => $("keys").showModal(),
};
const BUTTONS = {
  play: " ",
  previous_step: "ArrowLeft",
  next_step: "ArrowRight",
  half_speed: "h",
  overlay: "b",
  zoomed: "z",
  previous_error: "p",
  next_error: "n",
  help: "?",
};

function addListeners() {
  document.addEventListener("keydown", (event) => {
    const action = KEYS[event.key];
    const taken =
      event.target.matches("select") ||
      ($("keys").open && event.key !== "Escape") ||
      (event.key === " " && event.target.matches("button"));
    if (!action || taken || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    action(event);
  });
  for (const [id, key] of Object.entries(BUTTONS)) $(id).addEventListener("click", KEYS[key]);
  for (const id of ["outcome", "kind", "player", "order"]) {
    $(id).addEventListener("change", filterTracks);
  }
  $("seek").addEventListener("input", () => goToStep(Number($("seek").value)));
  $("chart").addEventListener("click", (event) => {
    const { left, right } = $("chart").dataset;
    const x = event.clientX - $("chart").getBoundingClientRect().left;
    const step = Math.round(((x - left) / (right - left)) * (LAST + 1) - 0.5);
    goToStep(clamp(step, 0, LAST));
  });
  map.addEventListener("click", (event) => {
    const distance = (point) => Math.hypot(point.x - event.offsetX, point.y - event.offsetY);
    const near = mapPoints.filter((point) => distance(point) < 14);
    near.sort((a, b) => distance(a) - distance(b));
    filterByPlayer(near.length ? near[0].index : "");
  });
  views.forEach(addViewListeners);
  window.addEventListener("resize", () => {
    drawChart();
    render();
  });
  window.addEventListener("hashchange", readHash);
}

function addViewListeners(view) {
  view.canvas.addEventListener("click", (event) => {
    const scale = view.canvas.width / view.canvas.clientWidth;
    const inside = (value, low, size) => value > low - 6 && value < low + size + 6;
    const hit = [...boxesOf(view)].find(
      ([, box]) =>
        inside(event.offsetX * scale, box.left, box.width) &&
        inside(event.offsetY * scale, box.top, box.height),
    );
    filterByPlayer(hit ? hit[0] : "");
  });
  if (!view.video) return;
  view.video.addEventListener("seeked", () => {
    seekVideo(view);
    confirmFrame(view);
  });
  view.video.addEventListener("error", () => {
    view.usable = false;
    const message = document.createElement("div");
    message.className = "missing";
    message.textContent = `The ${view.name} video can't be shown.`;
    view.figure.append(message);
    render();
  });
  const onFrame = (_, { mediaTime }) => {
    view.frame = Math.round(mediaTime * FPS);
    drawView(view);
    if (!state.playing) render();
    view.video.requestVideoFrameCallback?.(onFrame);
  };
  if (view.video.requestVideoFrameCallback) view.video.requestVideoFrameCallback(onFrame);
  else {
    // Browsers without that callback report the time now and then.
    view.video.addEventListener("timeupdate", () => {
      onFrame(0, { mediaTime: Math.floor(view.video.currentTime * FPS + 1e-3) / FPS });
    });
  }
}

function init() {
  for (const player of players) {
    $("player").add(new Option(`${player.full}, ${player.team}`, String(player.index)));
  }
  $("seek").min = stepOf(data.start);
  $("seek").max = stepOf(data.end);
  tracks.forEach((track, number) => {
    track.row = makeTimeline(track, number);
    $("tracks").append(track.row);
  });
  const cursor = document.createElement("div");
  cursor.id = "cursor";
  $("tracks").append(cursor);
  addListeners();
  filterTracks();
  readHash();
}

init();
