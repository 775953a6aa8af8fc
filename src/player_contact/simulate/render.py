"""Draws the pictures: the field as one warped texture, then shadows, figures and the ball from far to near, blurred where they move."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.competition.names import FRAME_HEIGHT, FRAME_WIDTH
from player_contact.simulate.camera import Camera
from player_contact.simulate.field import MARGIN, TEXELS
from player_contact.simulate.figure import JOINT, SHIFT, Look, Pose, draw_ball, draw_figure
from player_contact.simulate.pose import Bodies

SOFT = 4  # shadows are drawn this many times smaller
OUTLINE = ("left_foot", "pelvis", "chest", "head", "pelvis", "right_foot")  # what throws a shadow
TILE = 80  # px of the crowd, then it repeats
SHARP = 1.3  # px a figure may move during the exposure before one sees it


@dataclass(frozen=True)
class Scene:
    """What one play shows; F frames, N figures (players, then officials).

    field   the texture, see `draw_field`
    bodies  of all N
    looks   N
    ball    [F, 3] yd
    lamps   [L, 3] how far each lamp throws a shadow, yd in x and y per yd of height, and the share of light it gives
    """

    field: np.ndarray
    bodies: Bodies
    looks: tuple[Look, ...]
    ball: np.ndarray
    lamps: np.ndarray


def draw_lamps(rng: np.random.Generator) -> np.ndarray:
    """[L, 3] the light, see `Scene`: the sun now and then, else floodlights all round; both leave it dark under a body."""
    above = [[0.0, 0.0, 0.16]]
    if rng.random() < 0.35:
        way, length = rng.uniform(-np.pi, np.pi), rng.uniform(0.3, 1.4)
        return np.array([*above, [length * np.cos(way), length * np.sin(way), rng.uniform(0.15, 0.42)]])
    ways = rng.uniform(-np.pi, np.pi) + np.array([0.0, 1.2, 3.1, 4.4]) + rng.normal(0, 0.2, 4)
    return np.array([*above, *([0.9 * np.cos(way), 0.9 * np.sin(way), rng.uniform(0.07, 0.17)] for way in ways)])


def join(first: Bodies, second: Bodies) -> Bodies:
    """All figures of both, at the same moments."""
    pairs = ((getattr(first, name), getattr(second, name)) for name in ("joints", "heading", "down"))
    return Bodies(*(np.concatenate(pair, axis=1) for pair in pairs))


class Painter:
    """Draws one view of a play, frame by frame; the shutter is open for `exposure` seconds a frame."""

    def __init__(self, scene: Scene, camera: Camera, exposure: float) -> None:
        bodies = scene.bodies
        front = np.stack([np.cos(bodies.heading), np.sin(bodies.heading), np.zeros_like(bodies.heading)], -1)
        away = camera.place - bodies.joint("pelvis")
        away[..., 2] = 0
        pixels, depth = camera.project(bodies.joints)
        ball, ball_depth = camera.project(scene.ball)
        self.scene = scene
        self.stands = _stands(scene.field)
        self.points = _fixed(pixels)  # [F, N, J, 2]
        self.mask = _fixed(camera.project(bodies.joint("head") + 0.13 * front - [0, 0, 0.03])[0])  # [F, N, 2]
        self.ball = _fixed(ball)  # [F, 2]
        self.scale = np.column_stack([camera.focal[:, None] / depth[:, :, 0], camera.focal / ball_depth])  # [F, N + 1] pixels a yard
        self.facing = (away * front).sum(-1) / np.maximum(np.linalg.norm(away, axis=-1), 1e-6)  # [F, N] 1: towards the camera
        self.left_far = depth[:, :, JOINT["left_shoulder"]] > depth[:, :, JOINT["right_shoulder"]]
        self.order = np.argsort(-_ground_depth(camera, bodies, scene.ball), axis=1)  # the ball is number N
        self.shadows = _shadows(camera, bodies, scene.lamps)
        open_frames = exposure * FRAMES_PER_SECOND
        whole = np.concatenate([pixels[:, :, JOINT["chest"]], ball[:, None]], axis=1)
        self.smear = open_frames * np.gradient(whole, axis=0)  # [F, N + 1, 2] px a figure moves during the exposure
        pan = _pan(camera)
        self.drift = np.cumsum(pan / 2, axis=0).astype(int)  # [F, 2] of the stands, px of the half picture
        self.pan = open_frames * pan  # [F, 2] px the field moves during it
        texture = np.array([[1 / TEXELS, 0, -MARGIN], [0, 1 / TEXELS, -MARGIN], [0, 0, 1]])
        shrink = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])  # between the middles of pixels
        self.warp = shrink @ camera.ground() @ texture

    def draw(self, frame: int) -> np.ndarray:
        """[720, 1280, 3] uint8 BGR picture of `frame`."""
        import cv2

        inside = self._inside(frame)
        picture = cv2.resize(self._background(frame, inside), (FRAME_WIDTH, FRAME_HEIGHT), interpolation=cv2.INTER_LINEAR)
        for n in inside:
            if np.abs(self.smear[frame, n]).max() < SHARP:
                self._draw_one(picture, frame, n)
            else:
                self._draw_smeared(picture, frame, n)
        return picture

    def _background(self, frame: int, inside: list[int]) -> np.ndarray:
        """[360, 640, 3] the field and the shadows of the figures `inside`: half the size is enough, and half the work."""
        import cv2

        half = (FRAME_WIDTH // 2, FRAME_HEIGHT // 2)
        left, top = -self.drift[frame] % (half[0], TILE)
        picture = self.stands[top : top + half[1], left : left + half[0]].copy()
        cv2.warpPerspective(self.scene.field, self.warp[frame], half, dst=picture, borderMode=cv2.BORDER_TRANSPARENT)
        shape = (FRAME_HEIGHT // SOFT, FRAME_WIDTH // SOFT)
        light = np.full(shape, 255, np.uint8)
        who = [n for n in inside if n < len(self.scene.looks)]
        width = max(1, round(0.36 * float(np.mean(self.scale[frame])) / SOFT))
        for lamp, outlines in zip(self.scene.lamps, self.shadows, strict=True):
            shadow = np.zeros(shape, np.uint8)
            cv2.polylines(shadow, list(outlines[frame, who]), False, int(255 * lamp[2]), width)
            cv2.subtract(light, shadow, dst=light)
        bright = cv2.cvtColor(cv2.resize(cv2.blur(light, (3, 3)), half, interpolation=cv2.INTER_LINEAR), cv2.COLOR_GRAY2BGR)
        return _smeared(np.asarray(cv2.multiply(picture, bright, scale=1 / 255), np.uint8), self.pan[frame] / 2)

    def _inside(self, frame: int) -> list[int]:
        """The figures, and the ball, at least partly in the picture, from far to near."""
        x, y = np.concatenate([self.points[frame, :, 0], self.ball[frame : frame + 1]]).T >> SHIFT
        near = (x > -120) & (x < FRAME_WIDTH + 120) & (y > -120) & (y < FRAME_HEIGHT + 160)
        return [int(n) for n in self.order[frame] if near[n]]

    def _draw_one(self, picture: np.ndarray, frame: int, n: int) -> None:
        scale = float(self.scale[frame, n])
        if n == len(self.scene.looks):
            draw_ball(picture, self.ball[frame], scale, 25.0 * np.sin(0.15 * frame))
            return
        pose = Pose(
            points=self.points[frame, n],
            mask=self.mask[frame, n],
            scale=scale,
            facing=float(self.facing[frame, n]),
            left_far=bool(self.left_far[frame, n]),
            lying=bool(self.scene.bodies.down[frame, n] > 0.5),
        )
        draw_figure(picture, pose, self.scene.looks[n])

    def _draw_smeared(self, picture: np.ndarray, frame: int, n: int) -> None:
        """Draws the figure, then smears what it changed of the picture along its way."""
        import cv2

        points = self.points[frame, n] if n < len(self.scene.looks) else self.ball[frame : frame + 1]
        room = 0.3 * self.scale[frame, n] + np.abs(self.smear[frame, n]).max()
        left, top = np.maximum((points.min(0) >> SHIFT) - room, 0).astype(int)
        right, bottom = np.maximum((points.max(0) >> SHIFT) + room, 0).astype(int)
        part = picture[top:bottom, left:right]
        if not part.size:
            return
        before = part.copy()
        self._draw_one(picture, frame, n)
        changed = cv2.inRange(cv2.absdiff(part, before), (0, 0, 0), (0, 0, 0))
        reached = cv2.threshold(_smeared(cv2.bitwise_not(changed), self.smear[frame, n]), 0, 255, cv2.THRESH_BINARY)[1]
        cv2.copyTo(_smeared(part, self.smear[frame, n]), reached, part)


def _smeared(picture: np.ndarray, way: np.ndarray) -> np.ndarray:
    """`picture` blurred along `way` [2] px; as it is where that is too short to be seen."""
    import cv2

    x, y = np.rint(np.clip(way, -20, 20)).astype(int).tolist()
    return picture if abs(x) + abs(y) < 1 else np.asarray(cv2.filter2D(picture, -1, _kernel(x, y)), np.uint8)


@cache
def _kernel(x: int, y: int) -> np.ndarray:
    """A line `x` px to the right and `y` px down that adds up to one."""
    half = max(abs(x), abs(y)) // 2 + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for share in np.linspace(-0.5, 0.5, 8 * half + 1):
        across, down = half + share * x, half + share * y
        low, high = int(across), int(down)
        for column, row in ((low, high), (low + 1, high), (low, high + 1), (low + 1, high + 1)):
            weight = max(0.0, 1 - abs(across - column)) * max(0.0, 1 - abs(down - row))
            if weight > 0:
                kernel[row, column] += weight
    return kernel / kernel.sum()


def _stands(field: np.ndarray) -> np.ndarray:
    """[360 + TILE or more, 1280, 3] the crowd that goes on beyond the texture, as it is in the corner of the texture."""
    import cv2

    tile = cv2.resize(field[: 2 * TILE, :FRAME_WIDTH], (FRAME_WIDTH // 2, TILE), interpolation=cv2.INTER_AREA)
    return np.tile(tile, (FRAME_HEIGHT // 2 // TILE + 2, 2, 1))


def _fixed(pixels: np.ndarray) -> np.ndarray:
    """Pixels as int32 with `SHIFT` fractional bits, within what OpenCV can draw."""
    return np.rint(np.clip(pixels, -3000, 4000) * (1 << SHIFT)).astype(np.int32)


def _ground_depth(camera: Camera, bodies: Bodies, ball: np.ndarray) -> np.ndarray:
    """[F, N + 1] depth in yd of the ground under each body and the ball: one who lies is not behind one who stands beyond him."""
    middle = 0.5 * (bodies.joint("pelvis") + bodies.joint("chest"))
    middle[..., 2] = bodies.joints[..., 2].min(-1)  # on top of a pile is nearer
    return np.column_stack([camera.project(middle)[1], camera.project(ball * [1, 1, 0])[1]])


def _shadows(camera: Camera, bodies: Bodies, lamps: np.ndarray) -> list[np.ndarray]:
    """For each lamp [F, N, len(OUTLINE), 2] int32: the outline of each body's shadow, in pixels of the small picture."""
    points = bodies.joints[:, :, [JOINT[name] for name in OUTLINE]]
    thrown = []
    for x, y, _ in lamps:
        ground = points + points[..., 2:] * np.array([x, y, -1.0])
        thrown.append(np.rint(np.clip(camera.project(ground)[0], -3000, 4000) / SOFT).astype(np.int32))
    return thrown


def _pan(camera: Camera) -> np.ndarray:
    """[F, 2] px by which the ground in the middle of the picture moves until the next frame."""
    middle = np.array([FRAME_WIDTH / 2, FRAME_HEIGHT / 2, 1.0])
    ground = camera.ground()
    under = np.linalg.solve(ground, np.broadcast_to(middle[:, None], (len(ground), 3, 1)))[..., 0]
    later = np.einsum("fij,fj->fi", np.concatenate([ground[1:], ground[-1:]]), under)
    return later[:, :2] / later[:, 2:] - middle[:2]
