"""Draws the pictures: the field as one warped texture, the players as jointed figures from far to near."""

from dataclasses import dataclass

import numpy as np

from player_contact.competition.names import FIELD_LENGTH, FIELD_WIDTH, FRAME_HEIGHT, FRAME_WIDTH
from player_contact.simulate.camera import Camera
from player_contact.simulate.pose import HELMET_RADIUS, JOINTS, Bodies

TEXELS = 18  # texture pixels a yard
MARGIN = 12  # yards of surroundings in the texture
SHIFT = 4  # fractional bits of the coordinates that are drawn
BLACK, WHITE = (22, 22, 22), (238, 238, 240)
STANDS = (70, 75, 80)


@dataclass(frozen=True)
class Colours:
    """BGR colours of one team."""

    jersey: tuple[int, int, int]
    trousers: tuple[int, int, int]
    helmet: tuple[int, int, int]
    digits: tuple[int, int, int]


TEAM_COLOURS = (  # home teams wear colour
    Colours((40, 35, 190), (225, 225, 225), (45, 40, 200), (240, 240, 240)),
    Colours((120, 50, 25), (60, 60, 60), (130, 60, 30), (235, 235, 235)),
    Colours((45, 45, 45), (70, 70, 70), (150, 150, 150), (220, 200, 120)),
    Colours((60, 100, 25), (210, 210, 215), (70, 120, 30), (240, 240, 240)),
    Colours((110, 30, 85), (200, 200, 210), (120, 35, 95), (60, 190, 235)),
    Colours((30, 110, 225), (235, 235, 235), (35, 120, 235), (30, 30, 30)),
)
AWAY_COLOURS = (
    Colours((232, 232, 232), (225, 225, 225), (120, 90, 40), (110, 60, 30)),
    Colours((228, 230, 232), (70, 60, 60), (90, 150, 190), (40, 40, 40)),
    Colours((235, 232, 230), (90, 50, 30), (70, 60, 55), (140, 60, 30)),
    Colours((230, 230, 230), (50, 50, 150), (230, 230, 230), (40, 40, 160)),
)
SKIN = ((60, 85, 130), (45, 62, 95), (95, 130, 185), (40, 52, 75))


def draw_field(rng: np.random.Generator) -> np.ndarray:
    """[H, W, 3] uint8 BGR texture of the field with `MARGIN` yards around it; row 0 is y = -MARGIN."""
    import cv2

    width, height = int((FIELD_LENGTH + 2 * MARGIN) * TEXELS), int((FIELD_WIDTH + 2 * MARGIN) * TEXELS)
    grass = np.array([rng.uniform(45, 65), rng.uniform(105, 135), rng.uniform(75, 100)])
    stripe = 1 + 0.04 * np.where(np.arange(width) // (5 * TEXELS) % 2 == 0, 1.0, -1.0)
    patches = cv2.resize(rng.normal(0, 1, (14, 26)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    grain = rng.normal(0, 1, (height, width)).astype(np.float32)
    shade = stripe[None, :] * (1 + 0.03 * patches + 0.06 * cv2.GaussianBlur(grain, (0, 0), 0.8))
    field = np.clip(shade[..., None] * grass, 0, 255).astype(np.uint8)

    def at(x: float, y: float) -> tuple[int, int]:
        return round((x + MARGIN) * TEXELS), round((y + MARGIN) * TEXELS)

    paint = tuple(int(c) for c in np.clip(grass * 0.25 + 170, 0, 235))
    for low, high in ((0, 10), (110, 120)):
        colour = TEAM_COLOURS[int(rng.integers(len(TEAM_COLOURS)))].jersey
        block = field[at(0, 0)[1] : at(0, FIELD_WIDTH)[1], at(low, 0)[0] : at(high, 0)[0]]
        block[:] = (0.45 * block + 0.55 * np.array(colour)).astype(np.uint8)
    cv2.rectangle(field, at(-1.2, -1.2), at(FIELD_LENGTH + 1.2, FIELD_WIDTH + 1.2), paint, int(1.6 * TEXELS))
    for x in range(10, 111, 5):
        cv2.line(field, at(x, 0), at(x, FIELD_WIDTH), paint, 3, cv2.LINE_AA)
    for x in range(10, 111):
        for y in (0.6, 23.58, FIELD_WIDTH - 23.58, FIELD_WIDTH - 0.6):
            cv2.line(field, at(x, y - 0.33), at(x, y + 0.33), paint, 2, cv2.LINE_AA)
    for x in range(20, 101, 10):
        number = str(min(x - 10, 110 - x))
        for y, up in ((12.0, True), (FIELD_WIDTH - 12.0, False)):
            stamp = np.zeros((int(2.2 * TEXELS), int(4.6 * TEXELS)), np.uint8)
            for digit, left in zip(number, (0.35, 2.75), strict=True):
                cv2.putText(stamp, digit, (int(left * TEXELS), int(2.05 * TEXELS)), cv2.FONT_HERSHEY_SIMPLEX, 1.75, 255, 5, cv2.LINE_AA)
            stamp = stamp[::-1] if up else stamp[:, ::-1]
            left, top = at(x - 2.3, y - 1.1)
            part = field[top : top + stamp.shape[0], left : left + stamp.shape[1]]
            part[:] = np.where(stamp[..., None] > 90, np.array(paint, np.uint8), part)
    return field


@dataclass(frozen=True)
class Wardrobe:
    """What the P players look like."""

    colours: tuple[Colours, ...]
    skin: tuple[tuple[int, int, int], ...]
    numbers: tuple[str, ...]


class Painter:
    """Draws one view of a play, frame by frame."""

    def __init__(self, field: np.ndarray, camera: Camera, bodies: Bodies, wardrobe: Wardrobe) -> None:
        pixels, depth = camera.project(bodies.joints)
        self.field, self.wardrobe = field, wardrobe
        self.pixels = np.rint(np.clip(pixels, -3000, 4000) * (1 << SHIFT)).astype(np.int32)  # [F, P, J, 2]
        self.scale = camera.focal[:, None] / depth[:, :, 0]  # [F, P] pixels a yard
        self.order = np.argsort(-depth[:, :, 0], axis=1)
        spot = bodies.joint("pelvis").copy()
        spot[..., :2] += [0.25, 0.15]
        spot[..., 2] = 0
        self.shadow = np.rint(np.clip(camera.project(spot)[0], -3000, 4000)).astype(np.int32)
        self.down = bodies.down
        away = camera.place[:2] - bodies.joint("pelvis")[..., :2]
        front = np.stack([np.cos(bodies.heading), np.sin(bodies.heading)], -1)
        self.facing = (away * front).sum(-1) / np.maximum(np.linalg.norm(away, axis=-1), 1e-6)  # [F, P] 1: towards the camera
        texture = np.array([[1 / TEXELS, 0, -MARGIN], [0, 1 / TEXELS, -MARGIN], [0, 0, 1]])
        shrink = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])  # between the middles of pixels
        self.warp = shrink @ camera.ground() @ texture
        self.joint = {name: k for k, name in enumerate(JOINTS)}

    def draw(self, frame: int) -> np.ndarray:
        """[720, 1280, 3] uint8 BGR picture of `frame`."""
        import cv2

        half = (FRAME_WIDTH // 2, FRAME_HEIGHT // 2)  # the field needs no more, and this halves the cost of a frame
        picture = cv2.warpPerspective(self.field, self.warp[frame], half, borderMode=cv2.BORDER_CONSTANT, borderValue=STANDS)
        picture = cv2.resize(picture, (FRAME_WIDTH, FRAME_HEIGHT), interpolation=cv2.INTER_LINEAR)
        inside = self._inside(frame)
        for p in inside:
            self._draw_shadow(picture, frame, p)
        for p in inside:
            self._draw_player(picture, frame, p)
        return picture

    def _inside(self, frame: int) -> list[int]:
        """The players at least partly in the picture, from far to near."""
        place = self.pixels[frame, :, 0] >> SHIFT
        x, y = place[:, 0], place[:, 1]
        near = (x > -120) & (x < FRAME_WIDTH + 120) & (y > -120) & (y < FRAME_HEIGHT + 160)
        return [int(p) for p in self.order[frame] if near[p]]

    def _draw_shadow(self, picture: np.ndarray, frame: int, p: int) -> None:
        import cv2

        scale = self.scale[frame, p]
        x, y = self.shadow[frame, p]
        w, h = int(0.75 * scale), int(0.28 * scale)
        part = picture[max(y - h, 0) : max(y + h, 0), max(x - w, 0) : max(x + w, 0)]
        if part.size:
            mask = np.zeros(part.shape[:2], np.uint8)
            cv2.ellipse(mask, (x - max(x - w, 0), y - max(y - h, 0)), (w, h), 0, 0, 360, 90, -1)
            dark = cv2.convertScaleAbs(part, alpha=0.62)
            cv2.copyTo(dark, mask, part)

    def _draw_player(self, picture: np.ndarray, frame: int, p: int) -> None:
        import cv2

        points, scale, joint = self.pixels[frame, p], self.scale[frame, p], self.joint
        colours, skin = self.wardrobe.colours[p], self.wardrobe.skin[p]

        def limb(a: str, b: str, colour: tuple[int, int, int], yards: float) -> None:
            start, stop = points[[joint[a], joint[b]]].tolist()
            cv2.line(picture, start, stop, colour, max(1, round(yards * scale)), cv2.LINE_AA, SHIFT)

        def ball(at: str, colour: tuple[int, int, int], yards: float) -> None:
            cv2.circle(picture, points[joint[at]].tolist(), int(yards * scale * (1 << SHIFT)), colour, -1, cv2.LINE_AA, SHIFT)

        blue, green, red = colours.jersey
        sleeve = (int(0.78 * blue), int(0.78 * green), int(0.78 * red))  # arms stand out from the chest behind them

        def arms() -> None:
            for side in ("left", "right"):
                limb(f"{side}_shoulder", f"{side}_elbow", sleeve, 0.15)
                limb(f"{side}_elbow", f"{side}_hand", skin, 0.11)
                ball(f"{side}_hand", WHITE, 0.085)

        for side in ("left", "right"):
            limb(f"{side}_hip", f"{side}_knee", colours.trousers, 0.21)
            limb(f"{side}_knee", f"{side}_foot", colours.trousers, 0.15)
            ball(f"{side}_foot", BLACK, 0.085)
        behind = self.facing[frame, p] < -0.1
        if behind:
            arms()
        self._draw_torso(picture, frame, p)
        if not behind:
            arms()
        self._draw_helmet(picture, frame, p)

    def _draw_torso(self, picture: np.ndarray, frame: int, p: int) -> None:
        import cv2

        points, scale, joint = self.pixels[frame, p], self.scale[frame, p], self.joint
        colours = self.wardrobe.colours[p]
        corners = points[[joint["left_shoulder"], joint["right_shoulder"], joint["right_hip"], joint["left_hip"]]]
        edge = max(1, round(0.20 * scale))
        cv2.polylines(picture, [corners], True, colours.jersey, edge, cv2.LINE_AA, SHIFT)
        cv2.fillConvexPoly(picture, cv2.convexHull(corners), colours.jersey, cv2.LINE_AA, SHIFT)
        if abs(self.facing[frame, p]) > 0.35 and scale > 22 and self.down[frame, p] < 0.5:
            x, y = (0.6 * points[joint["chest"]] + 0.4 * points[joint["pelvis"]]).astype(int) >> SHIFT
            size = 0.36 * scale / 22
            number = self.wardrobe.numbers[p]
            origin = (int(x - 9.5 * size * len(number)), int(y + 8 * size))
            cv2.putText(picture, number, origin, cv2.FONT_HERSHEY_SIMPLEX, size, colours.digits, max(1, round(scale / 28)), cv2.LINE_AA)

    def _draw_helmet(self, picture: np.ndarray, frame: int, p: int) -> None:
        import cv2

        points, scale, joint = self.pixels[frame, p], self.scale[frame, p], self.joint
        colours = self.wardrobe.colours[p]
        head = points[joint["head"]]
        radius = HELMET_RADIUS * scale * (1 << SHIFT)
        axes = (int(radius), int(1.1 * radius))
        cv2.ellipse(picture, head.tolist(), axes, 0, 0, 360, colours.helmet, -1, cv2.LINE_AA, SHIFT)
        toward = self.facing[frame, p]
        if toward > 0.15:  # the face mask is seen
            face = (int(head[0]), int(head[1] + 0.35 * radius))
            cv2.ellipse(picture, face, (int(0.6 * radius), int(0.55 * radius)), 0, 0, 360, BLACK, -1, cv2.LINE_AA, SHIFT)
        top = [int(head[0] - 0.25 * radius), int(head[1] - 0.55 * radius)]
        cv2.circle(picture, top, int(0.3 * radius), WHITE, -1, cv2.LINE_AA, SHIFT)
