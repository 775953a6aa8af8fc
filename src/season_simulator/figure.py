"""How one figure is drawn, a player or an official, from its projected joints."""

from dataclasses import dataclass

import numpy as np

from season_simulator.colours import BLACK, SHOES, SKIN, WHITE, Colour, Colours, shade
from season_simulator.pose import HELMET_RADIUS, JOINTS

SHIFT = 4  # fractional bits of the pixels that are drawn at
ONE = 1 << SHIFT  # a pixel
DARK, LIT = 0.66, 1.06  # share of the light on the far and the near side of a limb
DIRT = (45, 62, 70)
JOINT = {name: k for k, name in enumerate(JOINTS)}


@dataclass(frozen=True)
class Appearance:
    """The clothes of one figure; an official has a cap, stripes and no number."""

    colours: Colours
    skin: Colour
    sleeves: Colour  # of the lower arm
    gloves: Colour
    socks: Colour
    shoes: Colour
    dirty: bool = False  # knees and seat
    number: str = ""
    official: bool = False


def player_appearance(colours: Colours, player: int, number: int) -> Appearance:
    """The player with this id: his own skin, sleeves, gloves, socks, shoes and dirt."""
    skin, shoes = SKIN[player % len(SKIN)], SHOES[player // 24 % len(SHOES)]
    gloves = (WHITE, skin, BLACK)[player // 4 % 3]
    sleeves = (skin, skin, BLACK, WHITE)[player // 7 % 4]
    socks = (colours.socks, colours.socks, skin)[player // 12 % 3]
    text = str(number).replace("0", "O")  # OpenCV strikes its noughts through
    return Appearance(colours, skin, sleeves, gloves, socks, shoes, player % 5 == 0, text)


@dataclass(frozen=True)
class Canvas:
    """Anti-aliased shapes in an image, at pixels with `SHIFT` fractional bits."""

    image: np.ndarray  # [H, W, 3] uint8
    scale: float  # pixels a yard
    light: float  # where it comes from: -1 left .. 1 right

    def line(self, start: np.ndarray, stop: np.ndarray, colour: Colour, yards: float) -> None:
        """A line so many yards wide, at least one pixel."""
        import cv2

        ends, width = (start.tolist(), stop.tolist()), max(1, round(yards * self.scale))
        cv2.line(self.image, *ends, colour, width, cv2.LINE_AA, SHIFT)

    def limb(self, start: np.ndarray, stop: np.ndarray, colour: Colour, yards: float) -> None:
        """A line that is darker on the side that lies away from the light."""
        self.line(start, stop, shade(colour, DARK), yards)
        shift = np.array([self.light * 0.22 * yards, -0.05 * yards]) * self.scale * ONE
        shift = shift.astype(int)
        self.line(start + shift, stop + shift, shade(colour, LIT), 0.6 * yards)

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
            self.limb(knee, foot, shade(self.appearance.socks, light), 0.15)
            self.limb(hip, knee, shade(trousers, light), 0.27)
            self.line(knee, shin, shade(trousers, 0.9 * light), 0.18)
            if self.appearance.dirty:
                self.disc(knee, DIRT, 0.07)
            self.disc(foot, shade(self.appearance.shoes, light), 0.08)
        self.line(self["left_hip"], self["right_hip"], shade(trousers, 0.85), 0.28)
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
        self.limb(shoulder, elbow, shade(self.appearance.colours.jersey, light + 0.05), 0.17)
        self.line(elbow, hand, shade(self.appearance.sleeves, light + 0.15), 0.12)
        self.disc(hand, shade(self.appearance.gloves, light + 0.15), 0.07)

    def _draw_torso(self) -> None:
        import cv2

        jersey, number = self.appearance.colours.jersey, self.appearance.number
        names = ("left_shoulder", "right_shoulder", "right_hip", "left_hip")
        corners = self.points[[JOINT[name] for name in names]]
        outline, width = shade(jersey, 0.7), max(1, round(0.22 * self.scale))
        cv2.polylines(self.image, [corners], True, outline, width, cv2.LINE_AA, SHIFT)
        hull, inside = cv2.convexHull(corners), shade(jersey, 0.82)
        cv2.fillConvexPoly(self.image, hull, inside, cv2.LINE_AA, SHIFT)
        self.limb(self["pelvis"], self["chest"], shade(jersey, 0.98), 0.32)  # seen from the side
        if self.appearance.official:
            self._draw_stripes()
            return
        self.line(corners[0], corners[1], shade(jersey, 1.1), 0.22)  # lit shoulder pads
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
        self._draw_spot(radius, (0, 0, 1.0, 1.1), shade(shell, 0.7))
        self._draw_spot(radius, (0, -0.1, 0.9, 0.95), shell)
        if self.facing > -0.25:
            dx, dy = (self.mask - self["head"]) / radius
            wide = 0.35 + 0.25 * max(self.facing, 0)
            self._draw_spot(radius, (dx, dy, wide, 0.5), shade(self.appearance.skin, 0.6))
            self._draw_spot(radius, (dx, dy + 0.12, 0.9 * wide, 0.16), BLACK)
            self._draw_spot(radius, (dx, dy + 0.42, 0.8 * wide, 0.12), BLACK)
        blue, green, red = shell
        light = shade((blue + 60, green + 60, red + 60), 1.15)
        self._draw_spot(radius, (-0.3, -0.6, 0.25, 0.18), light)

    def _draw_cap(self) -> None:
        radius = 0.75 * HELMET_RADIUS * self.scale * ONE
        self._draw_spot(radius, (0, 0, 0.9, 1.1), self.appearance.skin)
        self._draw_spot(radius, (0, -0.4, 1.0, 0.7), self.appearance.colours.helmet)

    def _draw_spot(self, radius: float, shape: tuple[float, ...], colour: Colour) -> None:
        """An ellipse on the head: center and half axes in units of `radius`."""
        (x, y), (dx, dy, a, b) = self["head"].tolist(), (radius * size for size in shape)
        self.ellipse(x + dx, y + dy, a, b, colour, 0)
