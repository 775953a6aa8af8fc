"""How one figure is drawn, a player or an official, from its projected joints."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from season_simulator.colours import BLACK, SHOES, SKIN, WHITE, Colour, Colours, shade
from season_simulator.geometry import direction, lift, unit
from season_simulator.pose import HELMET_RADIUS, JOINTS, SIDES, Poses

SHIFT = 4  # fractional bits of the pixels that are drawn at
ONE = 1 << SHIFT  # a pixel
SHOE = 0.19  # yd, ankle to toes
DIRT = (45, 62, 70)
JOINT = {name: k for k, name in enumerate((*JOINTS, "left_toe", "right_toe"))}
# The parts of a body, tapered and round at both ends: two joints, the shares of the way between
# them where the part starts and stops, its half width there in yd, and what it is made of.
Part = tuple[str, str, float, float, float, float, str]
LEG: tuple[Part, ...] = (
    ("knee", "foot", 0.0, 1.0, 0.085, 0.055, "socks"),
    ("foot", "toe", 0.0, 1.0, 0.065, 0.045, "shoes"),
    ("hip", "knee", 0.0, 1.0, 0.15, 0.095, "trousers"),
    ("knee", "foot", 0.0, 0.25, 0.095, 0.085, "knees"),
)
ARM: tuple[Part, ...] = (
    ("shoulder", "elbow", 0.4, 1.0, 0.075, 0.06, "sleeves"),
    ("elbow", "hand", 0.0, 0.9, 0.06, 0.045, "sleeves"),
    ("elbow", "hand", 0.95, 1.1, 0.055, 0.045, "gloves"),
    ("shoulder", "elbow", 0.0, 0.55, 0.115, 0.09, "jersey"),
)
BODY: tuple[Part, ...] = (
    ("left_hip", "right_hip", 0.0, 1.0, 0.14, 0.14, "trousers"),
    ("pelvis", "chest", 0.15, 1.0, 0.15, 0.19, "jersey"),
    ("left_shoulder", "right_shoulder", 0.0, 1.0, 0.13, 0.13, "jersey"),
)
LIMBS: list[Part] = [
    (f"{side}_{part[0]}", f"{side}_{part[1]}", *part[2:]) for side in SIDES for part in (*LEG, *ARM)
]
PARTS = (*LIMBS, *BODY)  # of K
HIPS, TRUNK, PADS = range(len(LIMBS), len(PARTS))
JOINED = np.array([[JOINT[part[0]], JOINT[part[1]]] for part in PARTS]).T  # [2, K]
SHARES, RADII = (np.array([part[k : k + 2] for part in PARTS], float).T for k in (2, 4))
ROUND = direction(np.radians([90, 130, 230, 270, -90, -50, 50, 90]))  # an outline's corners
LIT_WIDTH, LIT_SHIFT, LIT_UP = 0.72, 0.3, 0.14  # of the lit side, in half widths of its part
FAR_LIGHT, NEAR_LIGHT = 0.76, 0.97
# A digit is one stroke over the corners 0 1 / 2 3 / 4 5 of two squares.
STROKES = (
    "01540",
    "15",
    "013245",
    "0132354",
    "02315",
    "102354",
    "104532",
    "015",
    "0154023",
    "320154",
)
DIGITS = [np.array([[int(k) % 2, int(k) // 2] for k in stroke], float) for stroke in STROKES]
DIGIT_SIZE, DIGIT_TOP, DIGIT_GAP = (0.46, 0.27), 0.14, 0.26  # shares of half a chest and the trunk
NAME = np.array([[[x, 0.02], [x + 0.16, 0.02]] for x in (-0.58, -0.34, -0.1, 0.14, 0.38)])
SMALLEST_PRINT = 22  # px a yard


@dataclass(frozen=True)
class Appearance:
    """The clothes of one figure; an official has a cap, stripes and no number."""

    colours: Colours
    skin: Colour
    sleeves: Colour  # of the lower arm
    gloves: Colour
    socks: Colour
    shoes: Colour
    dirty: bool = False  # knees
    number: str = ""
    official: bool = False

    def palette(self, dark: float, left_far: bool) -> list[tuple[Colour, Colour]]:
        """[K] of each of `PARTS` the colour away from the light, `dark` times as bright, and in
        it; the farther limbs are darker."""
        own = {name: getattr(self, name) for name in ("socks", "shoes", "sleeves", "gloves")}
        own |= {"trousers": self.colours.trousers, "jersey": self.colours.jersey}
        own["knees"] = DIRT if self.dirty else self.colours.trousers
        light = np.full(len(PARTS), NEAR_LIGHT)
        half = len(LIMBS) // 2
        light[:half] = FAR_LIGHT if left_far else NEAR_LIGHT
        light[half : len(LIMBS)] = NEAR_LIGHT if left_far else FAR_LIGHT
        colours = [own[part[-1]] for part in PARTS]
        pairs = zip(colours, light.tolist(), strict=True)
        return [(shade(colour, dark * share), shade(colour, share)) for colour, share in pairs]


def player_appearance(colours: Colours, player: int, number: int) -> Appearance:
    """The player with this id: his own skin, sleeves, gloves, socks, shoes and dirt."""
    skin, shoes = SKIN[player % len(SKIN)], SHOES[player // 24 % len(SHOES)]
    gloves = (WHITE, skin, BLACK)[player // 4 % 3]
    sleeves = (skin, skin, BLACK, WHITE)[player // 7 % 4]
    socks = (colours.socks, colours.socks, skin)[player // 12 % 3]
    return Appearance(colours, skin, sleeves, gloves, socks, shoes, player % 5 == 0, str(number))


def with_toes(poses: Poses) -> np.ndarray:
    """[F, N, J + 2, 3] the joints, then the toes: ahead of an upright figure's feet."""
    ahead, toes = lift(direction(poses.heading)), []
    for side in SIDES:
        foot, shin = poses.joint(f"{side}_foot"), poses.joint(f"{side}_knee")
        down = poses.down[..., None]
        toes.append(foot + SHOE * unit((1 - down) * ahead + down * unit(foot - shin)))
    return np.concatenate([poses.joints, np.stack(toes, axis=2)], axis=2)


def outlines(points: np.ndarray, scale: np.ndarray, light: float) -> np.ndarray:
    """[N, 2, K, 8, 2] int32 outlines of all `PARTS` and of their lit sides.

    `points` [N, J + 2, 2] as in `Figure`, `scale` [N] in pixels a yard, `light` as in `Canvas`.
    """
    start, stop = points[:, JOINED[0]].astype(np.float32), points[:, JOINED[1]]  # [N, K, 2]
    way = stop - start
    ends = np.stack([start + share[:, None] * way for share in SHARES.astype(np.float32)], axis=2)
    along = way / np.maximum(np.abs(way).max(-1, keepdims=True), 1e-3)
    along /= np.sqrt((along**2).sum(-1, keepdims=True)) + 1e-6
    axes = np.stack(
        [along, along[..., ::-1] * np.array([-1, 1], np.float32)], axis=-2
    )  # [N, K, 2, 2]
    radius = (RADII.T * ONE).astype(np.float32) * scale[:, None, None].astype(np.float32)
    corners = np.repeat(ends, 4, axis=2)
    round_ = (ROUND.astype(np.float32) @ axes) * np.repeat(radius, 4, axis=2)[..., None]
    shift = np.array([LIT_SHIFT * light, -LIT_UP], np.float32) * radius[:, :, :1, None]
    lit = corners + shift + LIT_WIDTH * round_
    return np.stack([corners + round_, lit], axis=1).astype(np.int32)


@lru_cache(maxsize=16)
def _order(left_far: bool, facing: int) -> tuple[list[int], list[int]]:
    """The limbs that are drawn before and after the trunk; `facing` -1 away .. 1 towards."""
    legs, arms = ([[side * 8 + k + j for j in range(4)] for side in (0, 1)] for k in (0, 4))
    far, near = (0, 1) if left_far else (1, 0)
    before, after = [*legs[far], *legs[near], HIPS], list[int]()
    (after if facing > 0 else before).extend(arms[far])
    (before if facing < 0 else after).extend(arms[near])
    return before, after


@dataclass(frozen=True)
class Canvas:
    """Anti-aliased shapes in an image, at pixels with `SHIFT` fractional bits."""

    image: np.ndarray  # [H, W, 3] uint8
    scale: float  # pixels a yard
    light: float  # where it comes from: -1 left .. 1 right

    def polygon(self, outline: np.ndarray, colour: Colour) -> None:
        """A filled convex polygon, `outline` [M, 2] int32."""
        import cv2

        cv2.fillConvexPoly(self.image, outline, colour, cv2.LINE_AA, SHIFT)

    def lines(self, lines: list[np.ndarray], colour: Colour, yards: float) -> None:
        """Lines [M, 2] int32 so many yards wide, at least one pixel."""
        import cv2

        width = max(1, round(yards * self.scale))
        cv2.polylines(self.image, lines, False, colour, width, cv2.LINE_AA, SHIFT)

    def ellipse(self, x: float, y: float, a: float, b: float, colour: Colour, angle: float) -> None:
        """A filled ellipse; a and b are half axes in the unit of x and y."""
        import cv2

        shape = (int(x), int(y)), (int(a), int(b)), angle, 0, 360
        cv2.ellipse(self.image, *shape, colour, -1, cv2.LINE_AA, SHIFT)

    def ball(self, center: np.ndarray, angle: float) -> None:
        """The ball at `center` [2], its long axis `angle` degrees off the image's x axis."""
        x, y = center.tolist()
        a, b = int(0.16 * self.scale * ONE), int(0.10 * self.scale * ONE)
        self.ellipse(x, y, a, b, (32, 52, 100), angle)
        self.ellipse(x, y - 0.35 * b, a // 2, b // 4, (70, 95, 150), angle)


@dataclass(frozen=True)
class Figure(Canvas):
    """One figure in one frame."""

    appearance: Appearance
    palette: list[tuple[Colour, Colour]]  # see `Appearance.palette`
    points: np.ndarray  # [J + 2, 2] int pixels with `SHIFT` fractional bits, as in `JOINT`
    outlines: np.ndarray  # [2, K, 8, 2] see `outlines`
    mask: np.ndarray  # [2] int, the middle of the face
    facing: float  # 1 towards the camera .. -1 away from it
    left_far: bool  # the left side is the farther one

    def __getitem__(self, joint: str) -> np.ndarray:
        return self.points[JOINT[joint]]

    def draw(self) -> None:
        """Draws the farther limbs first."""
        facing = int(self.facing >= 0.5) - int(self.facing < -0.5)
        before, after = _order(self.left_far, facing)
        self._draw_parts(before)
        if abs(self.facing) < 0.7:
            side = "right" if self.left_far else "left"
            stripe = [self.points[[JOINT[f"{side}_hip"], JOINT[f"{side}_knee"]]]]
            self.lines(stripe, self.appearance.colours.stripe, 0.05)
        self._draw_torso()
        self._draw_parts(after)
        self._draw_cap() if self.appearance.official else self._draw_helmet()

    def _draw_parts(self, parts: list[int]) -> None:
        dark, lit = self.outlines
        for k in parts:
            colours = self.palette[k]
            self.polygon(dark[k], colours[0])
            self.polygon(lit[k], colours[1])

    def _draw_torso(self) -> None:
        import cv2

        dark, lit = self.outlines
        hull = cv2.convexHull(np.concatenate([dark[PADS], dark[TRUNK]]))
        self.polygon(hull, self.palette[TRUNK][0])
        self.polygon(lit[TRUNK], self.palette[TRUNK][1])
        self.polygon(lit[PADS], shade(self.appearance.colours.jersey, 1.08))
        if self.appearance.official:
            self._draw_stripes()
        elif self.scale > SMALLEST_PRINT:
            self._draw_print()

    def _draw_print(self) -> None:
        """The number on the chest or the back, wherever that points, and the name on the back."""
        chest, across = self["chest"], (self["right_shoulder"] - self["left_shoulder"]) / 2
        down = self["pelvis"] - chest
        area = float(across[0] * down[1] - across[1] * down[0]) / (self.scale * ONE) ** 2
        if abs(area) < 0.035:  # yd2: seen from the side or from above
            return
        axes, number = np.stack([across if area > 0 else -across, down]), self.appearance.number
        width, strokes = len(number) * (DIGIT_SIZE[0] + DIGIT_GAP) - DIGIT_GAP, []
        for k, digit in enumerate(number):
            left = k * (DIGIT_SIZE[0] + DIGIT_GAP) - width / 2, DIGIT_TOP
            strokes.append((chest + (left + DIGITS[int(digit)] * DIGIT_SIZE) @ axes).astype(int))
        digits = self.appearance.colours.digits
        self.lines([s.astype(np.int32) for s in strokes], digits, 0.045)
        if area > 0:
            self.lines(list((chest + NAME @ axes).astype(np.int32)), digits, 0.03)

    def _draw_stripes(self) -> None:
        pelvis, chest = self["pelvis"], self["chest"]
        x, y = (chest - pelvis) / (self.scale * ONE)  # yards
        across = np.array([-y, x]) / max(float(np.hypot(x, y)), 1e-3) * self.scale * ONE
        half = 0.17 + 0.15 * abs(self.facing)
        offsets = np.linspace(-half, half, 5 if half * self.scale > 10 else 3)[:, None]
        ends = np.stack([pelvis + 0.75 * offsets * across, chest + offsets * across], axis=1)
        self.lines(list(ends.astype(np.int32)), BLACK, 0.045)

    def _draw_helmet(self) -> None:
        """A shell that is darker below, its stripe and highlight, and the face mask where it is
        visible."""
        colours, radius = self.appearance.colours, HELMET_RADIUS * self.scale * ONE
        shell, side = colours.helmet, 0.16 * self.light
        self._draw_spot(radius, (0, 0, 1.0, 1.1), shade(shell, 0.6))
        self._draw_spot(radius, (side, -0.12, 0.86, 0.92), shell)
        if abs(self.facing) > 0.6:
            self._draw_spot(radius, (0, -0.35, 0.12, 0.7), colours.stripe)
        else:
            self._draw_spot(radius, (0, 0.0, 0.34, 0.28), colours.stripe)
        if self.facing > -0.25:
            dx, dy = (self.mask - self["head"]) / radius
            wide = 0.35 + 0.25 * max(self.facing, 0)
            self._draw_spot(radius, (dx, dy, wide, 0.5), shade(self.appearance.skin, 0.6))
            self._draw_spot(radius, (dx, dy + 0.12, 0.9 * wide, 0.16), BLACK)
            self._draw_spot(radius, (dx, dy + 0.42, 0.8 * wide, 0.12), BLACK)
        blue, green, red = shell
        light = shade((blue + 70, green + 70, red + 70), 1.2)
        self._draw_spot(radius, (0.3 * self.light, -0.62, 0.22, 0.15), light)

    def _draw_cap(self) -> None:
        radius = 0.75 * HELMET_RADIUS * self.scale * ONE
        self._draw_spot(radius, (0, 0, 0.9, 1.1), self.appearance.skin)
        self._draw_spot(radius, (0, -0.4, 1.0, 0.7), self.appearance.colours.helmet)

    def _draw_spot(self, radius: float, shape: tuple[float, ...], colour: Colour) -> None:
        """An ellipse on the head: center and half axes in units of `radius`."""
        (x, y), (dx, dy, a, b) = self["head"].tolist(), (radius * size for size in shape)
        self.ellipse(x + dx, y + dy, a, b, colour, 0)
