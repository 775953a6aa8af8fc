"""Where the camera of a view stands and looks, found by the tracked players and nameless helmets.

As in the helmet assignment competition of 2021, what is searched is the view under which the
tracked field fits the helmets found: here that of a tripod camera, of which the name of the view
tells roughly where it stands. For each place on a grid and some frames every helmet is laid on
every player, and the shifts that bring most helmets near a player are refined. The place that fits
all these frames best is refined too; from them the aim is followed through all others.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import least_squares

from player_contact.competition.constants import FIELD_LENGTH, FIELD_WIDTH
from player_contact.detection.matching import Points, match
from player_contact.detection.tripod import HELMET_SIZE, Aim, joined, look_at, project, unproject

KEY_FRAMES = 7  # whose helmets choose the camera's place
SCALES = 0.85, 1.0, 1.18  # of a player, beside what the size of the helmets says
REFINED_PLACES = 4
VOTES = 4  # shifts that are refined, of each place, frame and scale
LOOSE, GATE = 3.0, 2.2  # helmets up to which a helmet may be a player's: at first, and at last
LONELY = 0.3  # what a helmet on the field without a player counts against an aim
OUT_OF_BOUNDS = 2.0  # yd beyond which helmets are those of bystanders
ROUNDS = 6  # of matching and aiming
FOCAL_STD = 0.15  # of the logarithm: how well the size of helmets tells the zoom
STEP = 1e-4  # of pan, tilt and zoom, for derivatives
MOTION_STD = np.array([0.015, 0.008, 0.02])  # of an aim against its last motion, from step to step
DAMPING = 0.8  # of that motion
FARTHEST = 5.0  # helmets that all move between two frames, beyond that motion
SAME_AIM = 1.0  # of MOTION_STD, up to which two aims are near
PLACE_ROUNDS, PLACE_STD = 3, np.array([8.0, 8.0, 6.0])  # yd that a place moves in one of them
JUMP = 15.0  # helmets that must be explained better by another aim that is not near
LEAST_HELMETS = 5  # in a frame


@dataclass(frozen=True)
class Camera:
    """A camera that was found."""

    place: np.ndarray  # [3] yd
    aim: Aim  # in each of U frames
    fit: float  # mean share of the helmets on the field that lie at a player, nearer ones more


def find_camera(places: np.ndarray, field: np.ndarray, seen: list[Points]) -> Camera:
    """The camera that sees the tracked players at the helmets of U frames.

    `places` [N, 3] yd is where it may stand, about; `field` [U, P, 2] yd where each player's helmet
    is, NaN: nowhere. Each frame has at least LEAST_HELMETS of both.
    """
    keys = _key_frames(np.array([points.count for points in seen]))
    place, aims = _find_place(places, field, seen, keys)
    place, aims = _refine_place(place, aims, field, seen, keys)
    return Camera(place, *_follow(place, dict(zip(keys, aims, strict=True)), field, seen))


def camera_places(view: str) -> np.ndarray:
    """[N, 3] yd where a view's camera may stand: on either side, or behind either end."""
    if view == "Sideline":
        grid = [(d, h) for d in (30.0, 45.0, 65.0) for h in (15.0, 28.0, 42.0)]
        x = FIELD_LENGTH / 2
        sides = [[(x, -d, h), (x, FIELD_WIDTH + d, h)] for d, h in grid]
    else:
        grid = [(d, h) for d in (12.0, 25.0, 45.0) for h in (9.0, 16.0, 26.0)]
        y = FIELD_WIDTH / 2
        sides = [[(-d, y, h), (FIELD_LENGTH + d, y, h)] for d, h in grid]
    return np.array([place for pair in sides for place in pair])


def _key_frames(counts: np.ndarray) -> list[int]:
    """In each of KEY_FRAMES equal parts of the frames, the one with most helmets."""
    parts = np.array_split(np.arange(len(counts)), min(KEY_FRAMES, len(counts)))
    return [int(part[counts[part].argmax()]) for part in parts]


def _find_place(
    places: np.ndarray, field: np.ndarray, seen: list[Points], keys: list[int]
) -> tuple[np.ndarray, list[Aim]]:
    """The place whose best aims explain the key frames best, and these aims.

    Aims are refined at the REFINED_PLACES alone whose helmets agree most before.
    """
    agreed = []
    for place in places:
        votes = [_guess_aims(place, field[key], seen[key])[1] for key in keys]
        agreed.append(
            sum(best.max(initial=0) / seen[k].count for k, best in zip(keys, votes, strict=True))
        )
    likely = places[np.argsort(-np.array(agreed), kind="stable")[:REFINED_PLACES]]
    found = [[_search_aim(place, field[key], seen[key]) for key in keys] for place in likely]
    best = int(np.argmax([sum(value for value, _ in aims) for aims in found]))
    return likely[best], [aim for _, aim in found[best]]


def _search_aim(place: np.ndarray, field: np.ndarray, seen: Points) -> tuple[float, Aim]:
    """The aim that explains the helmets of a frame best, and how well; see `_explained`."""
    aims, _ = _guess_aims(place, field, seen)
    options = [_refine_aim(place, aim, field, seen) for aim in aims]
    return max(options, key=lambda option: option[0])


def _guess_aims(place: np.ndarray, field: np.ndarray, seen: Points) -> tuple[list[Aim], np.ndarray]:
    """Aims that bring a helmet of a frame to a player, VOTES of each of SCALES, and [A] how many
    helmets and players then lie near each other."""
    known = field[np.isfinite(field).all(-1)]
    aims, votes = list[Aim](), list[float]()
    for scale in SCALES:
        start = look_at(place, known.mean(0)[None], np.array([scale * seen.size / HELMET_SIZE]))
        expected = project(place, start, known[None])[0]
        expected = expected[np.isfinite(expected).all(-1)]
        away = ((seen.centre[:, None] - expected[None]) / seen.size).astype(np.float32)  # [K, P, 2]
        shifts = away.reshape(-1, 2)  # each lays a helmet on a player
        across, down = (away[None, ..., k] - shifts[:, None, None, k] for k in (0, 1))  # [V, K, P]
        near = np.clip(1 - (across * across + down * down) / LOOSE**2, 0, None)
        # Of helmets near a player, and of players near a helmet: a crowd has many near one.
        agree = np.minimum(*(near.max(axis, initial=0).sum(1) for axis in (2, 1)))
        for index in _distinct(shifts, agree):
            pan, tilt = shifts[index] * (1, -1) * seen.size / np.exp(start.log_focal[0])
            aims.append(start.moved(np.array([[pan, tilt, 0.0]])))
            votes.append(float(agree[index]))
        aims = aims or [start]
    return aims, np.array(votes)


def _distinct(shifts: np.ndarray, votes: np.ndarray) -> list[int]:
    """The VOTES shifts [V, 2], in helmets, with most votes that are not the same."""
    chosen = list[int]()
    for index in np.argsort(-votes, kind="stable").tolist():
        if all(np.linalg.norm(shifts[index] - shifts[other]) > LOOSE for other in chosen):
            chosen.append(index)
        if len(chosen) == VOTES:
            break
    return chosen


def _refine_aim(
    place: np.ndarray, aim: Aim, field: np.ndarray, seen: Points, prior: Aim | None = None
) -> tuple[float, Aim]:
    """How well the aim explains the frame after matching and aiming again and again, ever more
    strictly; and that aim."""
    for gate in np.linspace(LOOSE, GATE, ROUNDS):
        expected = project(place, aim, field[None])[0]
        helmet, player = match(seen.centre, expected, gate * seen.size)
        if len(helmet) < LEAST_HELMETS and prior is None:
            break
        aim = _fit_aim(place, aim, field[player], seen.centre[helmet], seen.size, prior)
    return _explained(place, aim, field, seen)[0], aim


def _fit_aim(
    place: np.ndarray,
    aim: Aim,
    field: np.ndarray,
    pixels: np.ndarray,
    size: float,
    prior: Aim | None,
) -> Aim:
    """One robust Gauss-Newton step of pan, tilt and zoom, for matched players and helmets [M, 2].

    Without a `prior` of the aim, a zoom alone needs evidence.
    """
    steps = STEP * np.concatenate([np.zeros((1, 3)), np.eye(3)])
    base, *moved = project(place, aim.moved(steps), np.broadcast_to(field, (4, *field.shape)))
    residual = pixels - base
    jacobian = np.stack([(one - base) / STEP for one in moved], axis=-1)  # [M, 2, 3]
    weight = 1 / (1 + (np.linalg.norm(residual, axis=-1) / size) ** 2)
    known = np.isfinite(residual).all(-1)
    jacobian, residual, weight = jacobian[known], residual[known], weight[known]
    matrix = np.einsum("mik,m,mil->kl", jacobian, weight, jacobian)
    side = np.einsum("mik,m,mi->k", jacobian, weight, residual)
    if prior is None:
        precision = np.array([1e-9, 1e-9, (size / FOCAL_STD) ** 2])
    else:
        precision = (size / MOTION_STD) ** 2
        side = side + precision * aim.to(prior)[0]
    return aim.moved(np.linalg.solve(matrix + np.diag(precision), side)[None])


def _refine_place(
    place: np.ndarray, aims: list[Aim], field: np.ndarray, seen: list[Points], keys: list[int]
) -> tuple[np.ndarray, list[Aim]]:
    """The place and aims that bring the matched helmets of all key frames nearest to players."""
    for _ in range(PLACE_ROUNDS):
        matched = []
        for key, aim in zip(keys, aims, strict=True):
            expected = project(place, aim, field[key][None])[0]
            helmet, player = match(seen[key].centre, expected, GATE * seen[key].size)
            matched.append((field[key][player], seen[key].centre[helmet], seen[key].size))
        joint, count = joined(aims), len(keys)
        start = np.concatenate([place, joint.pan, joint.tilt, joint.log_focal])
        scale = np.concatenate([np.full(3, 10.0), np.full(3 * count, 0.1)])
        residuals = partial(_residuals, matched=matched, start=place)
        done = least_squares(residuals, start, loss="soft_l1", x_scale=scale, max_nfev=30).x
        place, angles = done[:3], done[3:].reshape(3, count)
        aims = [Aim(*angles[:, k : k + 1]) for k in range(count)]
    return place, aims


def _residuals(values: np.ndarray, matched: list, start: np.ndarray) -> np.ndarray:
    """Helmets between matched helmets and players of a place and aims, and of that place from
    where it was."""
    place, angles = values[:3], values[3:].reshape(3, -1)
    parts = [
        ((project(place, Aim(*angles[:, k : k + 1]), at[None])[0] - pixels) / size).ravel()
        for k, (at, pixels, size) in enumerate(matched)
    ]
    residuals = np.concatenate([*parts, (place - start) / PLACE_STD])
    return np.nan_to_num(residuals, nan=10 * GATE)  # of players behind the camera


def _follow(
    place: np.ndarray, known: dict[int, Aim], field: np.ndarray, seen: list[Points]
) -> tuple[Aim, float]:
    """The aim in each frame, and the fit as in `Camera`.

    It is followed from each key frame both ways; of these paths the way is taken that explains most
    helmets (Viterbi 1967), where leaving one for another that is not near costs JUMP.
    """
    paths = [_path(place, key, aim, field, seen) for key, aim in known.items()]
    value = np.array([values for _, values in paths])  # [K, U]
    aims = [aim for aim, _ in paths]
    apart = [[np.abs(a.to(b) / MOTION_STD).max(1) for b in aims] for a in aims]  # [K, K, U]
    cost = np.where(np.array(apart).transpose(2, 0, 1) <= SAME_AIM, 0.0, JUMP)
    best, origin = value[:, 0], np.zeros((len(seen), len(aims)), dtype=int)
    for frame in range(1, len(seen)):
        total = best[:, None] - cost[frame]
        origin[frame] = total.argmax(0)
        best = total.max(0) + value[:, frame]
    chosen = [int(best.argmax())]
    for frame in range(len(seen) - 1, 0, -1):
        chosen.append(int(origin[frame, chosen[-1]]))
    chosen.reverse()
    way = joined([aims[path][frame] for frame, path in enumerate(chosen)])
    parts = [_explained(place, way[frame], field[frame], seen[frame]) for frame in range(len(seen))]
    near, count = (sum(part[k] for part in parts) for k in (1, 2))
    return way, near / max(count, 1)


def _explained(
    place: np.ndarray, aim: Aim, field: np.ndarray, seen: Points
) -> tuple[float, float, int]:
    """How well an aim explains a frame's helmets: the sum of 1 for each at a player to 0 at the
    gate, less LONELY for each on the field that is nobody's; that sum alone; and how many it is of.

    Helmets off the field are those of bystanders, and tell nothing.
    """
    expected = project(place, aim, field[None])[0]
    helmet, player = match(seen.centre, expected, GATE * seen.size)
    distance = np.linalg.norm(seen.centre[helmet] - expected[player], axis=-1) / seen.size
    near = float((1 - (distance / GATE) ** 2).sum())
    at = unproject(place, aim, seen.centre[None])[0]
    low, high = -OUT_OF_BOUNDS, np.array([FIELD_LENGTH, FIELD_WIDTH]) + OUT_OF_BOUNDS
    is_counted = ((at > low) & (at < high)).all(1)
    is_counted[helmet] = True
    lonely = int(is_counted.sum()) - len(helmet)
    return near - LONELY * lonely, near, len(helmet) + lonely


def _path(
    place: np.ndarray, key: int, aim: Aim, field: np.ndarray, seen: list[Points]
) -> tuple[Aim, list[float]]:
    """The aim in each frame, followed both ways from that of a key frame; and how well it explains
    each."""
    found = {key: (_explained(place, aim, field[key], seen[key])[0], aim)}
    for frames in (range(key + 1, len(seen)), range(key - 1, -1, -1)):
        last, velocity = aim, np.zeros((1, 3))
        for frame in frames:
            at = field[frame], seen[frame]
            prior = last.moved(DAMPING * velocity)
            starts = [prior, _shifted(place, prior, *at)]
            options = [_refine_aim(place, start, *at, prior) for start in starts]
            found[frame] = max(options, key=lambda option: option[0])
            velocity, last = last.to(found[frame][1]), found[frame][1]
    values, aims = zip(*(found[frame] for frame in range(len(seen))), strict=True)
    return joined(list(aims)), list(values)


def _shifted(place: np.ndarray, aim: Aim, field: np.ndarray, seen: Points) -> Aim:
    """The aim, panned and tilted by what brings most helmets near a player: the camera moved on."""
    expected = project(place, aim, field[None])[0]
    shifts = (seen.centre[:, None] - expected[None]).reshape(-1, 2)
    shifts = shifts[np.linalg.norm(shifts, axis=-1) < FARTHEST * seen.size]
    if not len(shifts):
        return aim
    distance = np.linalg.norm(shifts[:, None] - shifts[None], axis=-1) / seen.size
    votes = np.clip(1 - distance**2, 0, None).sum(1) - 1e-3 * np.linalg.norm(shifts, axis=-1)
    across, down = shifts[votes.argmax()] / np.exp(aim.log_focal[0])
    return aim.moved(np.array([[across, -down, 0.0]]))
