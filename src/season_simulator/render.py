"""Renders the images: the warped field, shadows, then figures and the ball from far to near."""

from dataclasses import replace
from functools import cache

import numpy as np

from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.competition.constants import (
    FIELD_LENGTH,
    FIELD_WIDTH,
    FRAME_HEIGHT,
    FRAME_WIDTH,
)
from season_simulator.bystanders import Crowd
from season_simulator.camera import Camera
from season_simulator.field import MARGIN, TEXELS
from season_simulator.figure import (
    JOINT,
    ONE,
    SHIFT,
    Canvas,
    Figure,
    outlines,
    with_toes,
)
from season_simulator.geometry import GROUND_PLANE, direction, lift
from season_simulator.pose import Poses
from season_simulator.scene import Scene

SIZE, HALF_SIZE = (FRAME_WIDTH, FRAME_HEIGHT), (FRAME_WIDTH // 2, FRAME_HEIGHT // 2)
SHADOW_SCALE = 2  # shadows are drawn this many times smaller
SHADOWS = (  # what casts them: joints, and yd across
    (("left_foot", "left_knee", "pelvis", "right_knee", "right_foot"), 0.2),
    (("pelvis", "chest", "head"), 0.42),
)
LOW = [f"{side}_{part}" for part in ("foot", "knee", "elbow") for side in ("left", "right")]
LOW += ["pelvis", "chest", "head"]
OCCLUDED, OCCLUSION = 0.3, 0.5  # yd below which a joint darkens the turf; by how much at most
TILE = 160  # px of the stands, then they repeat
DARKEST, CONTRAST = 0.5, 0.9  # of a body's side that lies away from the light
BLUR_THRESHOLD = 1.3  # px of motion during the exposure from which a figure is blurred
MAX_BLUR = 20  # px
FAST_PAN = 3.5  # px from which the background is blurred at half the size, with less work
POST = (40, 205, 225)  # BGR of a goalpost
WIDEST_POST = 12.0  # px; a camera does not stand behind a nearer one


class Renderer:
    """One view of a play, exposed for `exposure` seconds a frame; the ball is figure N."""

    def __init__(self, scene: Scene, camera: Camera, exposure: float) -> None:
        frames = len(camera.focal)  # a video may be shorter than the other view's
        scene = replace(scene, poses=scene.poses.first(frames), ball=scene.ball[:frames])
        poses = scene.poses
        pixels, depth = camera.project(with_toes(poses))
        ball, ball_depth = camera.project(scene.ball)
        front = lift(direction(poses.heading))
        face = camera.project(poses.joint("head") + 0.13 * front - [0, 0, 0.03])[0]
        to_camera = (camera.position - poses.joint("pelvis")) * GROUND_PLANE
        distance = np.maximum(np.linalg.norm(to_camera, axis=-1), 1e-6)
        self.scene = scene
        self.stands = _tile_stands(scene.field)
        self.points = _fixed_point(pixels)  # [F, N, J + 2, 2]
        self.mask = _fixed_point(face)  # [F, N, 2]
        self.ball = _fixed_point(ball)  # [F, 2]
        scales = [camera.focal[:, None] / depth[:, :, 0], camera.focal / ball_depth]
        self.scale = np.column_stack(scales)  # [F, N + 1] pixels a yard
        self.facing = (to_camera * front).sum(-1) / distance  # [F, N] 1: towards the camera
        self.left_far = depth[:, :, JOINT["left_shoulder"]] > depth[:, :, JOINT["right_shoulder"]]
        self.order = np.argsort(-_ground_depth(camera, poses, scene.ball), axis=1)
        self.shadows = [
            [_shadows(camera, poses, xy, names) for names, _ in SHADOWS]
            for xy in scene.lights[:, :2]
        ]
        low = poses.joints[:, :, [JOINT[name] for name in LOW]]
        self.low = np.clip(1 - low[..., 2] / OCCLUDED, 0, 1)  # [F, N, K] how near to the turf
        self.under = _fixed_point(camera.project(low * GROUND_PLANE)[0], ONE / SHADOW_SCALE)
        right = camera.matrix[0, 0, :2] - FRAME_WIDTH / 2 * camera.matrix[0, 2, :2]
        strongest = scene.lights[scene.lights[:, 2].argmax(), :2]
        self.light = float(np.clip(-1.5 * strongest @ right / np.linalg.norm(right), -1, 1))
        dark = max(1 - CONTRAST * float(scene.lights[:, 2].max()), DARKEST)
        self.palettes = [[a.palette(dark, far) for far in (False, True)] for a in scene.appearances]
        self.crowd = Crowd(scene.bystanders, camera)
        self.posts = _goalposts(camera)
        behind_end = not 0 < camera.position[0] < FIELD_LENGTH
        self.cables = scene.cables if behind_end else scene.cables[:0]
        open_frames = exposure * FRAMES_PER_SECOND
        centers = np.concatenate([pixels[:, :, JOINT["chest"]], ball[:, None]], axis=1)
        self.blur = open_frames * np.gradient(centers, axis=0)  # [F, N + 1, 2] px of motion
        ground = _ground_motion(camera)
        self.pan = open_frames * ground  # [F, 2] px the field moves during the exposure
        self.offset = np.cumsum(ground, axis=0).astype(int)  # [F, 2] px of the stands
        texture = np.array([[1 / TEXELS, 0, -MARGIN], [0, 1 / TEXELS, -MARGIN], [0, 0, 1]])
        self.warp = camera.homography() @ texture

    def render(self, frame: int) -> np.ndarray:
        """[720, 1280, 3] uint8 BGR image of `frame`."""
        visible = self._visible(frame)
        image = self._background(frame, visible)
        shapes = outlines(self.points[frame], self.scale[frame, :-1], self.light)
        for n in visible:
            shape = None if n == len(shapes) else shapes[n]
            blurred = np.abs(self.blur[frame, n]).max() >= BLUR_THRESHOLD
            (self._draw_blurred if blurred else self._draw)(image, frame, n, shape)
        self._draw_posts_and_cables(image, frame)
        return image

    def _visible(self, frame: int) -> list[int]:
        """The figures, and the ball, at least partly in the image, from far to near."""
        x, y = np.concatenate([self.points[frame, :, 0], self.ball[frame : frame + 1]]).T >> SHIFT
        near = (x > -120) & (x < FRAME_WIDTH + 120) & (y > -120) & (y < FRAME_HEIGHT + 160)
        order = self.order[frame]
        return order[near[order]].tolist()

    def _background(self, frame: int, visible: list[int]) -> np.ndarray:
        """[720, 1280, 3] the stands, the field and the shadows of the `visible` figures."""
        import cv2

        left, top = -self.offset[frame] % (FRAME_WIDTH, TILE)
        image = self.stands[top : top + FRAME_HEIGHT, left : left + FRAME_WIDTH].copy()
        warp, border = self.warp[frame], cv2.BORDER_TRANSPARENT
        cv2.warpPerspective(self.scene.field, warp, SIZE, dst=image, borderMode=border)
        light = np.full(HALF_SIZE[::-1], 255, np.uint8)
        figures = [n for n in visible if n < len(self.scene.appearances)]
        yard = float(np.mean(self.scale[frame])) / SHADOW_SCALE
        shadow = np.zeros_like(light)
        for share, parts in zip(self.scene.lights[:, 2], self.shadows, strict=True):
            shadow[:] = 0
            for (_, yards), shapes in zip(SHADOWS, parts, strict=True):
                lines, width = list(shapes[frame, figures]), max(1, round(yards * yard))
                cv2.polylines(shadow, lines, False, int(255 * share), width, cv2.LINE_8, SHIFT)
            cv2.subtract(light, shadow, dst=light)
        shadow[:] = 0
        radius = int(0.15 * yard * ONE)
        near = self.low[frame, figures]
        for xy, share in zip(self.under[frame, figures][near > 0], near[near > 0], strict=True):
            colour = int(255 * OCCLUSION * share)
            cv2.circle(shadow, xy.tolist(), radius, colour, -1, cv2.LINE_8, SHIFT)
        open_sky = cv2.bitwise_not(cv2.blur(shadow, (5, 5)))
        cv2.multiply(light, open_sky, dst=light, scale=1 / 255)
        light = cv2.cvtColor(cv2.resize(light, SIZE), cv2.COLOR_GRAY2BGR)
        image = cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)
        lit = np.asarray(cv2.multiply(image, light, dst=light, scale=1 / 255))
        self.crowd.draw(lit, frame)
        pan = self.pan[frame]
        if np.abs(pan).max() < BLUR_THRESHOLD:
            return lit
        if np.abs(pan).max() < FAST_PAN:
            return _motion_blur(lit, pan)
        small = cv2.resize(lit, HALF_SIZE, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(_motion_blur(small, pan / 2), SIZE))

    def _draw_posts_and_cables(self, image: np.ndarray, frame: int) -> None:
        import cv2

        for points, width in self.posts:
            thick = max(1, round(float(width[frame])))
            cv2.polylines(image, [points[frame]], False, POST, thick, cv2.LINE_AA, SHIFT)
        for top, bottom, gray in self.cables.tolist():
            sway = 3.0 * np.sin(0.01 * frame)
            ends = (
                (round((top + sway) * ONE), 0),
                (round((bottom + sway) * ONE), FRAME_HEIGHT * ONE),
            )
            cv2.line(image, *ends, (gray, gray, gray), 1, cv2.LINE_AA, SHIFT)

    def _draw(self, image: np.ndarray, frame: int, n: int, shape: np.ndarray | None) -> None:
        scale = float(self.scale[frame, n])
        if shape is None:
            Canvas(image, scale, self.light).ball(self.ball[frame], 25.0 * np.sin(0.15 * frame))
            return
        left_far, points = bool(self.left_far[frame, n]), self.points[frame, n]
        clothes = self.scene.appearances[n], self.palettes[n][left_far]
        mask, facing = self.mask[frame, n], float(self.facing[frame, n])
        Figure(image, scale, self.light, *clothes, points, shape, mask, facing, left_far).draw()

    def _draw_blurred(
        self, image: np.ndarray, frame: int, n: int, shape: np.ndarray | None
    ) -> None:
        """Draws the figure, then blurs what it changed of the image along its motion."""
        import cv2

        blur = self.blur[frame, n]
        points = self.ball[frame : frame + 1] if shape is None else self.points[frame, n]
        room = 0.3 * self.scale[frame, n] + np.abs(blur).max()
        left, top = np.maximum((points.min(0) >> SHIFT) - room, 0).astype(int)
        right, bottom = np.maximum((points.max(0) >> SHIFT) + room, 0).astype(int)
        part = image[top:bottom, left:right]
        if not part.size:
            return
        before = part.copy()
        self._draw(image, frame, n, shape)
        changed = cv2.bitwise_not(cv2.inRange(cv2.absdiff(part, before), (0, 0, 0), (0, 0, 0)))
        reached = cv2.threshold(_motion_blur(changed, blur), 0, 255, cv2.THRESH_BINARY)[1]
        cv2.copyTo(_motion_blur(part, blur), reached, part)


def _motion_blur(image: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """`image` blurred along `motion` [2] px; as it is where that is too short."""
    import cv2

    x, y = np.rint(np.clip(motion, -MAX_BLUR, MAX_BLUR)).astype(int).tolist()
    return np.asarray(cv2.filter2D(image, -1, _kernel(x, y)), np.uint8) if x or y else image


@cache
def _kernel(x: int, y: int) -> np.ndarray:
    """A line `x` px to the right and `y` px down that adds up to one."""
    half = max(abs(x), abs(y)) // 2 + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for share in np.linspace(-0.5, 0.5, 8 * half + 1):
        column, row = half + share * x, half + share * y
        for j in (int(column), int(column) + 1):
            for i in (int(row), int(row) + 1):
                weight = max(0.0, 1 - abs(j - column)) * max(0.0, 1 - abs(i - row))
                if weight > 0:
                    kernel[i, j] += weight
    return kernel / kernel.sum()


def _tile_stands(field: np.ndarray) -> np.ndarray:
    """[720 + TILE or more, 2560, 4] the stands in the texture's corner go on beyond it."""
    return np.tile(field[:TILE, :FRAME_WIDTH], (FRAME_HEIGHT // TILE + 2, 2, 1))


def _fixed_point(pixels: np.ndarray, scale: float = ONE) -> np.ndarray:
    """Pixels as int32 with `SHIFT` fractional bits, within what OpenCV can draw."""
    return np.rint(np.clip(pixels, -3000, 4000) * scale).astype(np.int32)


def _ground_depth(camera: Camera, poses: Poses, ball: np.ndarray) -> np.ndarray:
    """[F, N + 1] yd depth of the ground under each body and the ball; a pile's top is nearer."""
    center = 0.5 * (poses.joint("pelvis") + poses.joint("chest"))
    center[..., 2] = poses.joints[..., 2].min(-1)
    return np.column_stack([camera.project(p)[1] for p in (center, ball * GROUND_PLANE)])


def _shadows(camera: Camera, poses: Poses, shift: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """[F, N, len(names), 2] pixels of the small image with `SHIFT` fractional bits; `shift` [2] of
    a light."""
    points = poses.joints[:, :, [JOINT[name] for name in names]]
    ground = points + points[..., 2:] * np.array([*shift, -1.0])
    return _fixed_point(camera.project(ground)[0], ONE / SHADOW_SCALE)


def _goalposts(camera: Camera) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each line of both goalposts: [F, 2, 2] pixels as in `_fixed_point`, [F] px across."""
    y, half = FIELD_WIDTH / 2, 3.08
    lines = [((0, 0), (0, 3.3)), ((-half, 3.3), (half, 3.3))]
    lines += [((side, 3.3), (side, 15.0)) for side in (-half, half)]
    posts = []
    for x in (0.0, FIELD_LENGTH):
        for ends in lines:
            world = np.array([(x, y + across, z) for across, z in ends])
            ahead = camera.matrix[:, 2] @ np.vstack([world.T, np.ones(2)])  # [F, 2] yd
            if ahead.min() > 1:
                pixels, depth = camera.project(np.tile(world, (len(ahead), 1, 1)))
                posts.append((_fixed_point(pixels), 0.15 * camera.focal / depth.mean(1)))
    return [(pixels, width) for pixels, width in posts if width.max() < WIDEST_POST]


def _ground_motion(camera: Camera) -> np.ndarray:
    """[F, 2] px by which the ground in the image's center moves until the next frame."""
    center = np.array([FRAME_WIDTH / 2, FRAME_HEIGHT / 2, 1.0])
    ground = camera.homography()
    centers = np.broadcast_to(center[:, None], (len(ground), 3, 1))
    points = np.linalg.solve(ground, centers)[..., 0]
    later = np.einsum("fij,fj->fi", np.concatenate([ground[1:], ground[-1:]]), points)
    return later[:, :2] / later[:, 2:] - center[:2]
