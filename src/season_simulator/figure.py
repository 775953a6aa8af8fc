"""How one figure is drawn, a player or an official, from its projected joints."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from season_simulator.pose import HELMET_RADIUS, JOINTS

SHIFT = 4  # fractional bits of the pixels that are drawn at
ONE = 1 << SHIFT  # a pixel
BLACK, WHITE = (22, 22, 22), (238, 238, 240)
JOINT = {name: k for k, name in enumerate(JOINTS)}
Colour = tuple[int, int, int]  # BGR


@dataclass(frozen=True)
class Colours:
    """What a team wears."""

    jersey: Colour
    trousers: Colour
    helmet: Colour
    digits: Colour


HOME_COLOURS = (
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
OFFICIAL_COLOURS = tuple(Colours(WHITE, c, BLACK, BLACK) for c in (BLACK, (225, 225, 225)))
SKIN = ((60, 85, 130), (45, 62, 95), (95, 130, 185), (40, 52, 75))
SHOES = (BLACK, WHITE, WHITE, BLACK, (60, 60, 200), (60, 170, 220))


@dataclass(frozen=True)
class Appearance:
    """The clothes of one figure; an official has a cap, stripes and no number."""

    colours: Colours
    skin: Colour
    gloves: Colour
    socks: Colour
    shoes: Colour
    number: str = ""
    official: bool = False


def player_appearance(colours: Colours, player: int, number: int) -> Appearance:
    """The player with this id: his own skin, gloves, socks and shoes."""
    skin, shoes = SKIN[player % len(SKIN)], SHOES[player // 24 % len(SHOES)]
    gloves = (WHITE, skin, BLACK)[player // 4 % 3]
    socks = (WHITE, colours.helmet)[player // 12 % 2]
    text = str(number).replace("0", "O")  # OpenCV strikes its noughts through
    return Appearance(colours, skin, gloves, socks, shoes, text)


@lru_cache(maxsize=1024)
def _shade(colour: Colour, light: float) -> Colour:
    blue, green, red = (min(int(light * channel), 255) for channel in colour)
    return blue, green, red


@dataclass(frozen=True)
class Canvas:
    """Anti-aliased shapes in an image, at pixels with `SHIFT` fractional bits."""

    image: np.ndarray  # [H, W, 3] uint8
    scale: float  # pixels a yard

    def line(self, start: np.ndarray, stop: np.ndarray, colour: Colour, yards: float) -> None:
        """A line so many yards wide, at least one pixel."""
        import cv2

        ends, width = (start.tolist(), stop.tolist()), max(1, round(yards * self.scale))
        cv2.line(self.image, *ends, colour, width, cv2.LINE_AA, SHIFT)

    def disc(self, center: np.ndarray, colour: Colour, yards: float) -> None:
        """A disc with this radius in yards."""
        import cv2

        radius = int(yards * self.scale * ONE)
        cv2.circle(self.image, center.tolist(), radius, colour, -1, cv2.LINE_AA, SHIFT)

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
    points: np.ndarray  # [J, 2] int pixels with `SHIFT` fractional bits
    mask: np.ndarray  # [2] int, the middle of the face
    facing: float  # 1 towards the camera .. -1 away from it
    left_far: bool  # the left side is the farther one
    lying: bool

    def __getitem__(self, joint: str) -> np.ndarray:
        return self.points[JOINT[joint]]

    def draw(self) -> None:
        """Draws the farther limbs first and a little darker."""
        trousers = self.appearance.colours.trousers
        far, near = ("left", "right") if self.left_far else ("right", "left")
        for side, light in ((far, 0.72), (near, 0.95)):
            hip, knee, foot = (self[f"{side}_{part}"] for part in ("hip", "knee", "foot"))
            shin = (0.55 * knee + 0.45 * foot).astype(int)
            self.line(knee, foot, _shade(self.appearance.socks, light), 0.14)
            self.line(hip, knee, _shade(trousers, light), 0.25)
            self.line(knee, shin, _shade(trousers, light), 0.17)
            self.disc(foot, self.appearance.shoes, 0.09)
        self.line(self["left_hip"], self["right_hip"], _shade(trousers, 0.9), 0.26)
        if self.facing < 0.5:
            self._draw_arm(far, 0.62)
        if self.facing < -0.5:
            self._draw_arm(near, 0.8)
        self._draw_torso()
        if self.facing >= 0.5:
            self._draw_arm(far, 0.72)
        if self.facing >= -0.5:
            self._draw_arm(near, 0.8)
        self._draw_cap() if self.appearance.official else self._draw_helmet()

    def _draw_arm(self, side: str, light: float) -> None:
        """Darker than the chest behind it, from which it so stands out."""
        shoulder, elbow, hand = (self[f"{side}_{part}"] for part in ("shoulder", "elbow", "hand"))
        self.line(shoulder, elbow, _shade(self.appearance.colours.jersey, light), 0.16)
        self.line(elbow, hand, _shade(self.appearance.skin, light + 0.2), 0.11)
        self.disc(hand, self.appearance.gloves, 0.085)

    def _draw_torso(self) -> None:
        import cv2

        jersey, number = self.appearance.colours.jersey, self.appearance.number
        names = ("left_shoulder", "right_shoulder", "right_hip", "left_hip")
        corners = self.points[[JOINT[name] for name in names]]
        outline, width = _shade(jersey, 0.86), max(1, round(0.22 * self.scale))
        cv2.polylines(self.image, [corners], True, outline, width, cv2.LINE_AA, SHIFT)
        hull, inside = cv2.convexHull(corners), _shade(jersey, 0.92)
        cv2.fillConvexPoly(self.image, hull, inside, cv2.LINE_AA, SHIFT)
        self.line(self["pelvis"], self["chest"], inside, 0.30)  # the depth, seen from the side
        if self.appearance.official:
            self._draw_stripes()
            return
        self.line(corners[0], corners[1], _shade(jersey, 1.08), 0.20)  # lit shoulder pads
        if abs(self.facing) > 0.35 and self.scale > 22 and not self.lying:
            x, y = (0.6 * self["chest"] + 0.4 * self["pelvis"]).astype(int) >> SHIFT
            size, width = 0.36 * self.scale / 22, max(1, round(self.scale / 28))
            origin = (int(x - 9.5 * size * len(number)), int(y + 8 * size))
            font, colour = cv2.FONT_HERSHEY_SIMPLEX, self.appearance.colours.digits
            cv2.putText(self.image, number, origin, font, size, colour, width, cv2.LINE_AA)

    def _draw_stripes(self) -> None:
        pelvis, chest = self["pelvis"], self["chest"]
        x, y = (chest - pelvis) / (self.scale * ONE)  # yards
        across = np.array([-y, x]) / max(float(np.hypot(x, y)), 1e-3) * self.scale * ONE
        half = 0.17 + 0.15 * abs(self.facing)
        for offset in np.linspace(-half, half, 5 if half * self.scale > 10 else 3):
            bottom, top = pelvis + 0.75 * offset * across, chest + offset * across
            self.line(bottom.astype(int), top.astype(int), BLACK, 0.04)

    def _draw_helmet(self) -> None:
        """A shell that is darker below, its highlight, and the face mask where it is visible."""
        shell, radius = self.appearance.colours.helmet, HELMET_RADIUS * self.scale * ONE
        self._draw_spot(radius, (0, 0, 1.0, 1.1), _shade(shell, 0.7))
        self._draw_spot(radius, (0, -0.1, 0.9, 0.95), shell)
        if self.facing > -0.25:
            dx, dy = (self.mask - self["head"]) / radius
            wide = 0.35 + 0.25 * max(self.facing, 0)
            self._draw_spot(radius, (dx, dy, wide, 0.5), _shade(self.appearance.skin, 0.6))
            self._draw_spot(radius, (dx, dy + 0.12, 0.9 * wide, 0.16), BLACK)
            self._draw_spot(radius, (dx, dy + 0.42, 0.8 * wide, 0.12), BLACK)
        blue, green, red = shell
        light = _shade((blue + 60, green + 60, red + 60), 1.15)
        self._draw_spot(radius, (-0.3, -0.6, 0.25, 0.18), light)

    def _draw_cap(self) -> None:
        radius = 0.75 * HELMET_RADIUS * self.scale * ONE
        self._draw_spot(radius, (0, 0, 0.9, 1.1), self.appearance.skin)
        self._draw_spot(radius, (0, -0.4, 1.0, 0.7), self.appearance.colours.helmet)

    def _draw_spot(self, radius: float, shape: tuple[float, ...], colour: Colour) -> None:
        """An ellipse on the head: center and half axes in units of `radius`."""
        (x, y), (dx, dy, a, b) = self["head"].tolist(), (radius * size for size in shape)
        self.ellipse(x + dx, y + dy, a, b, colour, 0)
