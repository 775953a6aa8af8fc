"""What the helmet boxes say, per view, in units of the helmets' size so that zoom does not matter."""

import numpy as np

from player_contact.competition.names import VIEWS
from player_contact.features.gather import Columns, low_high, nan_reduce, of_pair, shifted
from player_contact.helmets import StepBoxes, step_boxes
from player_contact.play import Play, Rows

LONGEST_GAP = 30  # frames filled on a straight line: half a second
HEIGHT_LAGS = (-10, -5, 5, 10)  # steps


def helmets(play: Play, rows: Rows) -> Columns:
    """Helmet features of both views; a view without metadata or boxes gives NaN."""
    columns: Columns = {}
    for name in VIEWS:
        if name in play.views:
            boxes = step_boxes(play, play.views[name], LONGEST_GAP)
        else:
            shape = (len(play.steps), len(play.players))
            nothing = np.full((*shape, 2), np.nan, dtype=np.float32)
            boxes = StepBoxes(np.full(shape[0], -1), nothing, nothing, nothing[..., 0])
        columns |= {f"{name.lower()}_{key}": values for key, values in _of_view(boxes, rows).items()}
    return columns


def _of_view(boxes: StepBoxes, rows: Rows) -> Columns:
    """Distance and overlap of the two boxes, size and shape of each, and how each helmet sank against the others within a second."""
    unit = nan_reduce(np.nanmedian, boxes.size.reshape(len(boxes.size), -1), axis=1)  # [S] the usual helmet of the moment, pixels
    offset = (boxes.centre[:, None, :, :] - boxes.centre[:, :, None, :]) / unit[:, None, None, None]
    reach = np.abs(boxes.centre[:, None, :, :] - boxes.centre[:, :, None, :])
    both = (boxes.size[:, None, :, :] + boxes.size[:, :, None, :]) / 2
    overlap = np.maximum(both - reach, 0).prod(-1) / np.maximum(boxes.size[:, None, :, :].prod(-1), 1)
    columns: Columns = {
        "gap": of_pair(np.linalg.norm(offset, axis=-1), rows),
        "gap_across": np.abs(of_pair(offset[..., 0], rows)),
        "gap_up": np.abs(of_pair(offset[..., 1], rows)),
        "overlap": of_pair(np.maximum(overlap, overlap.transpose(0, 2, 1)), rows),
    }
    columns |= low_high("box_age", boxes.age, rows)
    columns |= low_high("box_height", boxes.size[..., 1] / unit[:, None], rows)
    columns |= low_high("box_shape", boxes.size[..., 1] / boxes.size[..., 0], rows)
    # The camera moves everybody alike: a helmet that sinks against the median of all helmets belongs to somebody who goes down.
    height = (boxes.centre[..., 1] - nan_reduce(np.nanmedian, boxes.centre[..., 1], axis=1)[:, None]) / unit[:, None]
    for lag in HEIGHT_LAGS:
        then = np.stack([shifted(height[:, player], np.arange(len(height)) + lag) for player in range(height.shape[1])], axis=1)
        columns |= low_high(f"sank_{lag:+d}", height - then, rows)
    return columns
