"""The colours of a game: what teams wear, skin, turf and paint; BGR."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.random import Generator

Colour = tuple[int, int, int]
BLACK, WHITE, GRAY = (22, 22, 22), (238, 238, 240), (150, 150, 155)
SKY = 0.28
COMMON_HUES = (205, 260), (345, 375)  # degrees: blues and reds, which half of the teams wear
SKIN = ((60, 85, 130), (45, 62, 95), (95, 130, 185), (40, 52, 75), (120, 150, 205), (32, 42, 62))
SHOES = (BLACK, WHITE, WHITE, BLACK, (60, 60, 200), (60, 170, 220))


@dataclass(frozen=True)
class Colours:
    """What a team wears."""

    jersey: Colour
    trousers: Colour
    helmet: Colour
    digits: Colour
    socks: Colour = WHITE
    stripe: Colour = BLACK  # of the trousers and the helmet


OFFICIAL_COLOURS = tuple(Colours(WHITE, c, BLACK, BLACK) for c in (BLACK, (225, 225, 225)))


@lru_cache(maxsize=4096)
def shade(colour: Colour, light: float) -> Colour:
    """The colour in so much light; what is left in a shadow comes from the blue sky."""
    sky = SKY * max(1 - light, 0)
    blue, green, red = colour
    seen = light * (1 + sky) * blue, light * green, light * (1 - sky) * red
    return min(int(seen[0]), 255), min(int(seen[1]), 255), min(int(seen[2]), 255)


def from_hsv(hue: float, saturation: float, value: float) -> Colour:
    """Hue in degrees, saturation 0..1 and value 0..255."""
    import cv2

    pixel = np.array([[[hue % 360, saturation, value / 255]]], np.float32)
    blue, green, red = np.rint(255 * cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0]).tolist()
    return int(blue), int(green), int(red)


def draw_colour(rng: Generator) -> Colour:
    """Any colour of clothes: gray now and then."""
    saturation = 0.0 if rng.random() < 0.4 else rng.uniform(0.4, 1.0)
    return from_hsv(rng.uniform(0, 360), saturation, rng.uniform(25, 240))


def draw_teams(rng: Generator) -> tuple[Colours, Colours]:
    """The home team in a dark colour, the visitors in white or a light one; sometimes swapped."""
    common = [rng.uniform(*hues) for hues in COMMON_HUES]
    hues = [rng.choice([*common, *rng.uniform(0, 360, 2)]) for _ in range(2)]
    teams = []
    for hue, dark in zip(hues, (True, False), strict=True):
        accent = from_hsv(hue + rng.uniform(-20, 20), rng.uniform(0.4, 0.95), rng.uniform(50, 190))
        turn = rng.choice([0, 150, 180, 200])
        second = from_hsv(hue + turn, rng.uniform(0, 0.7), rng.uniform(120, 220))
        if dark:
            gray = rng.random() < 0.2  # black or anthracite
            saturation = 0.1 if gray else rng.uniform(0.45, 0.95)
            jersey = from_hsv(hue, saturation, rng.uniform(30, 160))
        else:
            jersey = from_hsv(hue, rng.uniform(0, 0.06), rng.uniform(215, 250))
        trousers = (WHITE, WHITE, jersey, accent, GRAY, second)[int(rng.integers(6))]
        helmet = (accent, jersey, WHITE, GRAY, second, BLACK)[int(rng.integers(6))]
        light = WHITE if rng.random() < 0.7 else second
        digits = light if dark else (accent, BLACK)[int(hue > 270)]
        socks = (WHITE, accent, jersey, BLACK)[int(rng.integers(4))]
        stripe = (WHITE, accent, jersey, BLACK)[int(rng.integers(4))]
        teams.append(Colours(jersey, trousers, helmet, digits, socks, stripe))
    home, away = teams if rng.random() < 0.8 else teams[::-1]
    return home, away


def draw_turf_colour(rng: Generator) -> np.ndarray:
    """[3] mean BGR: natural grass, dry or lush, or an artificial turf."""
    artificial = rng.random() < 0.3
    hue = rng.uniform(80, 125) if artificial else rng.uniform(68, 98)
    return np.array(from_hsv(hue, rng.uniform(0.27, 0.54), rng.uniform(100, 150)), float)


def tint(colours: Colours, gain: np.ndarray) -> Colours:
    """The colours under a camera's white balance and exposure, a gain [3] of each channel."""

    def seen(colour: Colour) -> Colour:
        blue, green, red = np.clip(gain * colour, 0, 255).astype(int).tolist()
        return blue, green, red

    return Colours(*(seen(getattr(colours, name)) for name in colours.__dataclass_fields__))
