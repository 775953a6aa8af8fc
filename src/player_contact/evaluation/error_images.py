"""The worst errors of a run as small pictures of the moment, from the crops of both views."""

import base64
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from player_contact.competition.constants import GROUND_TEXT
from player_contact.evaluation import sheet
from player_contact.utils.errors import InputError
from player_contact.video.crop_store import open_crops, read_contact_ids
from player_contact.video.crops import Crops
from player_contact.vision.augment import take_window

log = logging.getLogger(__name__)

COUNT, MOST_OF_A_PLAY = 6, 2
SIDE, GAP = 150, 2  # px of a view's image; between the two
NOTHING = 90  # gray of a view without an image
JPEG_QUALITY = 85


def error_images(run: Path, errors: pd.DataFrame) -> list[dict[str, Any]]:
    """The first COUNT of `breakdown.worst_errors` that a view shows, at most two of a play.

    Each with `step`, the nearest to its middle that was filmed, and `image`, a data URL: Sideline
    left, Endzone right, as the vision model gets them: of a pair without crops, as models of tokens
    leave it, a player's. Empty where the run has no crops.
    """
    shown: list[dict[str, Any]] = []
    for error in errors.to_dict("records"):
        play, folder = error["game_play"], run / "crops" / error["game_play"]
        of_play = sum(other["game_play"] == play for other in shown)
        if len(shown) == COUNT or of_play == MOST_OF_A_PLAY or not folder.is_dir():
            continue
        first, last = error["first_step"], error["last_step"]
        steps = sorted(range(first, last + 1), key=lambda step: abs(2 * step - first - last))
        crops, index = open_crops(folder), pd.Index(read_contact_ids(folder))
        players = [f"{player}_{GROUND_TEXT}" for player in error["pair"].split("_")]
        places = [(step, who) for who in (error["pair"], *players) for step in steps]
        ids = [f"{play}_{step}_{who}" for step, who in places]
        rows = zip(places, index.get_indexer(ids).tolist(), strict=True)
        filmed = [(step, row) for (step, _), row in rows if row >= 0 and crops.visible[row].any()]
        if filmed:
            step, row = filmed[0]
            try:
                shown.append({**error, "step": step, "image": _data_url(crops, row)})
            except (OSError, InputError) as fault:
                log.warning("the report lacks an image of %s: %s", play, fault)
    return shown


def _bgr(color: str) -> tuple[int, ...]:
    """Of a color such as "#ffd400"."""
    return tuple(bytes.fromhex(color[1:]))[::-1]


def _data_url(crops: Crops, row: int) -> str:
    import cv2

    views = []
    for view, visible in enumerate(crops.visible[row].tolist()):
        image = np.full((SIDE, SIDE, 3), NOTHING, np.uint8)
        if visible:
            middle = crops.images[row, view][crops.images.shape[2] // 2]
            gray = take_window(middle, crops.margin)
            large = cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
            image = np.asarray(cv2.cvtColor(large, cv2.COLOR_GRAY2BGR), np.uint8)
            boxes = (crops.boxes[row, view] - crops.margin) * SIDE / gray.shape[-1]
            for number, box in reversed(list(enumerate(boxes))):
                if not np.isnan(box[0]):
                    left, top, right, bottom = np.rint(box).astype(int).tolist()
                    color = _bgr(sheet.PAIR if number < 2 else sheet.OTHERS)
                    cv2.rectangle(image, (left, top), (right, bottom), color, 1)
        views.append(image)
    gap = np.full((SIDE, GAP, 3), 255, np.uint8)
    pixels = np.concatenate([views[0], gap, views[1]], axis=1)
    jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()
