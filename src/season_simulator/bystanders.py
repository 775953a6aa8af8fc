"""People along the sidelines and behind the end lines: upright, in the images only."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.random import Generator

from player_contact.competition.constants import FIELD_LENGTH, FIELD_WIDTH
from season_simulator.camera import Camera
from season_simulator.colours import SKIN, Colour, Colours, draw_colour, shade

HEIGHT = 2.0  # yd, of a sprite
PIXELS = 128, 48  # of a sprite, height and width
ASPECT = PIXELS[1] / PIXELS[0]
KINDS, PLAYERS = 24, 0.4  # sprites of a game; share of them in a helmet
BENCH = 25.0, 95.0  # yd along the field, between which a sideline is crowded
CROWDED, SPARSE, BEHIND = 75, 12, 10  # people at each bench, elsewhere on the sideline, at an end
NEAREST, FARTHEST = 2.2, 6.5  # yd from the sideline


@dataclass(frozen=True)
class Bystanders:
    """N people who stand still."""

    feet: np.ndarray  # [N, 3] yd
    kind: np.ndarray  # [N] index of the sprite
    sprites: tuple[np.ndarray, ...]  # [128, 48, 4] uint8, BGR and opacity


def draw_bystanders(rng: Generator, teams: tuple[Colours, ...]) -> Bystanders:
    """Substitutes of both teams, staff and photographers."""
    places = []
    for edge, out in ((0.0, -1.0), (FIELD_WIDTH, 1.0)):
        along = np.concatenate([rng.uniform(*BENCH, CROWDED), rng.uniform(0, FIELD_LENGTH, SPARSE)])
        off = NEAREST + (FARTHEST - NEAREST) * rng.beta(1.0, 2.2, len(along))
        places.append(np.column_stack([along, edge + out * off]))
    for end, out in ((0.0, -1.0), (FIELD_LENGTH, 1.0)):
        across = rng.uniform(0, FIELD_WIDTH, BEHIND)
        places.append(np.column_stack([end + out * rng.uniform(3, 7, BEHIND), across]))
    feet = np.concatenate(places)
    sprites = tuple(_draw_sprite(rng, teams) for _ in range(KINDS))
    height = np.zeros((len(feet), 1))
    return Bystanders(np.hstack([feet, height]), rng.integers(KINDS, size=len(feet)), sprites)


def _draw_sprite(rng: Generator, teams: tuple[Colours, ...]) -> np.ndarray:
    """[128, 48, 4] one person from the front."""
    import cv2

    image = np.zeros((*PIXELS, 4), np.uint8)
    team = teams[int(rng.integers(len(teams)))] if rng.random() < PLAYERS else None
    skin = SKIN[int(rng.integers(len(SKIN)))]
    dark = shade((235, 235, 235), float(rng.choice([0.15, 0.3, 0.9])))
    shirt = team.jersey if team else draw_colour(rng)
    trousers = team.trousers if team else dark

    def line(start: tuple[int, int], stop: tuple[int, int], colour: Colour, width: int) -> None:
        cv2.line(image, start, stop, (*colour, 255), width, cv2.LINE_AA)

    spread, lean = int(rng.integers(3, 8)), int(rng.integers(-2, 3))
    for side, light in ((-1, 0.75), (1, 1.0)):
        line((24 + side * 5, 72), (24 + side * spread, 122), shade(trousers, light), 8)
        line((24 + side * spread, 122), (24 + side * (spread + 3), 124), (25, 25, 25), 6)
        elbow = 24 + lean + side * int(rng.integers(13, 17)), 56
        hand = 24 + side * int(rng.integers(4, 17)), int(rng.integers(58, 74))
        line((24 + lean + side * 10, 36), elbow, shade(shirt, 0.8 * light), 7)
        line(elbow, hand, shade(skin, light), 5)
    line((24 + lean - 5, 36), (22, 70), shade(shirt, 0.75), 12)
    line((24 + lean + 5, 36), (26, 70), shirt, 12)
    cv2.circle(image, (24 + lean, 18), 9, (*(team.helmet if team else skin), 255), -1, cv2.LINE_AA)
    if team:
        cv2.circle(image, (24 + lean, 21), 5, (*shade(skin, 0.6), 255), -1, cv2.LINE_AA)
    else:
        cv2.ellipse(image, (24 + lean, 13), (9, 6), 0, 180, 360, (*dark, 255), -1, cv2.LINE_AA)
    return image


class Crowd:
    """The bystanders as a camera sees them."""

    def __init__(self, bystanders: Bystanders, camera: Camera) -> None:
        feet = np.broadcast_to(bystanders.feet, (len(camera.focal), *bystanders.feet.shape))
        pixels, depth = camera.project(feet)
        self.feet = pixels  # [F, N, 2]
        self.height = HEIGHT * camera.focal[:, None] / depth  # [F, N] px
        self.order = np.argsort(-depth.mean(0)).tolist()  # from far to near
        self.kind, self.sprites = bystanders.kind, bystanders.sprites
        self.resized = lru_cache(maxsize=512)(self._resized)

    def draw(self, image: np.ndarray, frame: int) -> None:
        """Draws those who are in the image, from far to near."""
        rows, columns = image.shape[:2]
        for n in self.order:
            height, (x, y) = round(float(self.height[frame, n])), self.feet[frame, n].tolist()
            left, top = round(x - ASPECT * height / 2), round(y) - height
            if height < 4 or not (-height < left < columns and -height < top < rows):
                continue
            colour, opacity = self.resized(int(self.kind[n]), height)
            high, wide = opacity.shape[:2]
            a, b, c, d = max(top, 0), min(top + high, rows), max(left, 0), min(left + wide, columns)
            if a >= b or c >= d:
                continue
            cut = slice(a - top, b - top), slice(c - left, d - left)
            part = image[a:b, c:d]
            part[:] = (colour[cut] + (opacity[cut] * part >> 8)).astype(np.uint8)

    def _resized(self, kind: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """[h, w, 3] colour times opacity, and [h, w, 1] 256 less the opacity, as uint16."""
        import cv2

        size = max(round(ASPECT * height), 2), height
        sprite = cv2.resize(self.sprites[kind], size, interpolation=cv2.INTER_AREA).astype(
            np.uint16
        )
        opacity = sprite[..., 3:]
        return sprite[..., :3] * opacity >> 8, 256 - opacity
