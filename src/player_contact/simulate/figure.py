"""How one figure is drawn, a player or an official, from its projected joints."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from player_contact.simulate.pose import HELMET_RADIUS, JOINTS

SHIFT = 4  # fractional bits of the coordinates that are drawn
BLACK, WHITE = (22, 22, 22), (238, 238, 240)
JOINT = {name: k for k, name in enumerate(JOINTS)}
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Colours:
    """BGR colours of one team."""

    jersey: Colour
    trousers: Colour
    helmet: Colour
    digits: Colour


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
OFFICIAL_COLOURS = (Colours(WHITE, BLACK, BLACK, BLACK), Colours(WHITE, (225, 225, 225), BLACK, BLACK))
SKIN = ((60, 85, 130), (45, 62, 95), (95, 130, 185), (40, 52, 75))
SHOES = (BLACK, WHITE, WHITE, BLACK, (60, 60, 200), (60, 170, 220))


@dataclass(frozen=True)
class Look:
    """What one figure looks like; an official has a cap, no number and stripes."""

    colours: Colours
    skin: Colour
    gloves: Colour
    socks: Colour
    shoes: Colour
    number: str
    official: bool = False


def player_look(colours: Colours, player: int, number: int) -> Look:
    """The look of the player with this id: his own skin, gloves, socks and shoes."""
    skin = SKIN[player % len(SKIN)]
    gloves = (WHITE, skin, BLACK)[player // 4 % 3]
    socks = (WHITE, colours.helmet)[player // 12 % 2]
    return Look(colours, skin, gloves, socks, SHOES[player // 24 % len(SHOES)], str(number).replace("0", "O"))  # OpenCV strikes its noughts through


def official_look(colours: Colours, which: int) -> Look:
    """The look of the official number `which`."""
    return Look(colours, SKIN[which % len(SKIN)], SKIN[which % len(SKIN)], BLACK, BLACK, "", official=True)


@dataclass(frozen=True)
class Pose:
    """One figure in one frame.

    points    [J, 2] int, pixels with `SHIFT` fractional bits
    mask      [2] the same, the middle of the face
    scale     pixels a yard
    facing    1 towards the camera .. -1 away from it
    left_far  the left side is the farther one
    lying     on the ground
    """

    points: np.ndarray
    mask: np.ndarray
    scale: float
    facing: float
    left_far: bool
    lying: bool

    def __getitem__(self, joint: str) -> np.ndarray:
        return self.points[JOINT[joint]]


def draw_figure(picture: np.ndarray, pose: Pose, look: Look) -> None:
    """Draws the figure into `picture` [H, W, 3]: the farther limbs first and a little darker."""
    colours = look.colours
    far, near = ("left", "right") if pose.left_far else ("right", "left")
    for side, light in ((far, 0.72), (near, 0.95)):
        trousers, socks = _shade(colours.trousers, light), _shade(look.socks, light)
        shin = (0.55 * pose[f"{side}_knee"] + 0.45 * pose[f"{side}_foot"]).astype(int)
        _line(picture, pose, pose[f"{side}_knee"], pose[f"{side}_foot"], socks, 0.14)
        _line(picture, pose, pose[f"{side}_hip"], pose[f"{side}_knee"], trousers, 0.25)
        _line(picture, pose, pose[f"{side}_knee"], shin, trousers, 0.17)
        _dot(picture, pose, pose[f"{side}_foot"], look.shoes, 0.09)
    _line(picture, pose, pose["left_hip"], pose["right_hip"], _shade(colours.trousers, 0.9), 0.26)
    if pose.facing < 0.5:
        _draw_arm(picture, pose, look, far, 0.62)
    if pose.facing < -0.5:
        _draw_arm(picture, pose, look, near, 0.8)
    _draw_torso(picture, pose, look)
    if pose.facing >= 0.5:
        _draw_arm(picture, pose, look, far, 0.72)
    if pose.facing >= -0.5:
        _draw_arm(picture, pose, look, near, 0.8)
    if look.official:
        _draw_cap(picture, pose, look)
    else:
        _draw_helmet(picture, pose, look)


def draw_ball(picture: np.ndarray, at: np.ndarray, scale: float, angle: float) -> None:
    """The ball at `at` [2] (`SHIFT` fractional bits), its long axis `angle` degrees off the picture's x axis."""
    import cv2

    axes = [int(yards * scale * (1 << SHIFT)) for yards in (0.16, 0.10)]
    cv2.ellipse(picture, at.tolist(), axes, angle, 0, 360, (32, 52, 100), -1, cv2.LINE_AA, SHIFT)
    cv2.ellipse(
        picture, [int(at[0]), int(at[1] - 0.35 * axes[1])], [axes[0] // 2, axes[1] // 4], angle, 0, 360, (70, 95, 150), -1, cv2.LINE_AA, SHIFT
    )


@lru_cache(maxsize=1024)
def _shade(colour: Colour, light: float) -> Colour:
    blue, green, red = colour
    return min(int(light * blue), 255), min(int(light * green), 255), min(int(light * red), 255)


def _line(picture: np.ndarray, pose: Pose, start: np.ndarray, stop: np.ndarray, colour: Colour, yards: float) -> None:
    import cv2

    cv2.line(picture, start.tolist(), stop.tolist(), colour, max(1, round(yards * pose.scale)), cv2.LINE_AA, SHIFT)


def _dot(picture: np.ndarray, pose: Pose, at: np.ndarray, colour: Colour, yards: float) -> None:
    import cv2

    cv2.circle(picture, at.tolist(), int(yards * pose.scale * (1 << SHIFT)), colour, -1, cv2.LINE_AA, SHIFT)


def _draw_arm(picture: np.ndarray, pose: Pose, look: Look, side: str, light: float) -> None:
    """Darker than the chest behind it, and so told apart from it."""
    shoulder, elbow, hand = (pose[f"{side}_{part}"] for part in ("shoulder", "elbow", "hand"))
    _line(picture, pose, shoulder, elbow, _shade(look.colours.jersey, light), 0.16)
    _line(picture, pose, elbow, hand, _shade(look.skin, light + 0.2), 0.11)
    _dot(picture, pose, hand, look.gloves, 0.085)


def _draw_torso(picture: np.ndarray, pose: Pose, look: Look) -> None:
    import cv2

    jersey = look.colours.jersey
    corners = pose.points[[JOINT[name] for name in ("left_shoulder", "right_shoulder", "right_hip", "left_hip")]]
    cv2.polylines(picture, [corners], True, _shade(jersey, 0.86), max(1, round(0.22 * pose.scale)), cv2.LINE_AA, SHIFT)
    cv2.fillConvexPoly(picture, cv2.convexHull(corners), _shade(jersey, 0.92), cv2.LINE_AA, SHIFT)
    _line(picture, pose, pose["pelvis"], pose["chest"], _shade(jersey, 0.92), 0.30)  # as deep from the side as a body is
    if look.official:
        trunk = (pose["chest"] - pose["pelvis"]) / (pose.scale * (1 << SHIFT))  # yards
        across = np.array([-trunk[1], trunk[0]]) / max(float(np.hypot(*trunk)), 1e-3) * pose.scale * (1 << SHIFT)
        wide = 0.17 + 0.15 * abs(pose.facing)
        for place in np.linspace(-wide, wide, 5 if wide * pose.scale > 10 else 3):
            _line(picture, pose, (pose["pelvis"] + 0.75 * place * across).astype(int), (pose["chest"] + place * across).astype(int), BLACK, 0.04)
        return
    _line(picture, pose, corners[0], corners[1], _shade(jersey, 1.08), 0.20)  # the shoulder pads catch the light
    if abs(pose.facing) > 0.35 and pose.scale > 22 and not pose.lying:
        x, y = (0.6 * pose["chest"] + 0.4 * pose["pelvis"]).astype(int) >> SHIFT
        size = 0.36 * pose.scale / 22
        origin = (int(x - 9.5 * size * len(look.number)), int(y + 8 * size))
        thickness = max(1, round(pose.scale / 28))
        cv2.putText(picture, look.number, origin, cv2.FONT_HERSHEY_SIMPLEX, size, look.colours.digits, thickness, cv2.LINE_AA)


def _draw_helmet(picture: np.ndarray, pose: Pose, look: Look) -> None:
    """A shell that is darker below, its glint, and the face mask where it is seen."""
    import cv2

    shell = look.colours.helmet
    x, y = pose["head"].tolist()
    radius = HELMET_RADIUS * pose.scale * (1 << SHIFT)

    def spot(dx: float, dy: float, wide: float, high: float, colour: Colour) -> None:
        at, axes = (int(x + dx * radius), int(y + dy * radius)), (int(wide * radius), int(high * radius))
        cv2.ellipse(picture, at, axes, 0, 0, 360, colour, -1, cv2.LINE_AA, SHIFT)

    spot(0, 0, 1.0, 1.1, _shade(shell, 0.7))
    spot(0, -0.1, 0.9, 0.95, shell)
    if pose.facing > -0.25:
        dx, dy = (pose.mask - pose["head"]) / radius
        wide = 0.35 + 0.25 * max(pose.facing, 0)
        spot(dx, dy, wide, 0.5, _shade(look.skin, 0.6))
        spot(dx, dy + 0.12, 0.9 * wide, 0.16, BLACK)
        spot(dx, dy + 0.42, 0.8 * wide, 0.12, BLACK)
    spot(-0.3, -0.6, 0.25, 0.18, _shade(tuple(c + 60 for c in shell), 1.15))


def _draw_cap(picture: np.ndarray, pose: Pose, look: Look) -> None:
    import cv2

    x, y = pose["head"].tolist()
    radius = 0.75 * HELMET_RADIUS * pose.scale * (1 << SHIFT)
    cv2.ellipse(picture, (x, y), (int(0.9 * radius), int(1.1 * radius)), 0, 0, 360, look.skin, -1, cv2.LINE_AA, SHIFT)
    cv2.ellipse(picture, (x, int(y - 0.4 * radius)), (int(radius), int(0.7 * radius)), 0, 0, 360, look.colours.helmet, -1, cv2.LINE_AA, SHIFT)
