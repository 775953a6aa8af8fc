"""The helmet boxes of a play from its videos: where the table has none, or beside those it has."""

import dataclasses
import logging
from collections import Counter
from collections.abc import Callable

import numpy as np

from player_contact.detection.helmets import NO_HELMETS, Helmets, box_iou
from player_contact.detection.naming import NOBODY, name_helmets
from player_contact.play import Play, View
from player_contact.video.clock_offset import UNKNOWN, helmets_at
from player_contact.video.decode import VideoError, gray_frames, video_info
from player_contact.video.step_boxes import fill_gaps

log = logging.getLogger(__name__)

Detector = Callable[[np.ndarray], Helmets]  # of a gray image

STEPS_BEFORE = 2  # of the snap, from which helmets are searched, as the competition's tables do
BETWEEN = 6  # frames between two steps, over which boxes are interpolated
SAME_IOU = 0.3  # of a helmet found and a box that the table has: they are one helmet
MIN_FIT = 0.5  # of the naming, below which nobody is named: chance reaches .4, a true view .7
FOUND, NAMED, ADDED = "helmets found", "helmets named", "boxes added from the video"
DOUBTED, NOT_NAMED = "boxes whose name the tracking doubts", "views whose helmets can't be named"


def detect_play(play: Play, detector: Detector, fill: bool) -> tuple[Play, Counter]:
    """The play with boxes from its videos, and counts of what was found and named.

    Views without any box get those of all helmets that are named; with `fill` the others get those
    of players whom the table lacks. Helmets are searched at the steps from just before the snap on,
    and boxes interpolated between. A view without a video that can be read stays as it is.
    """
    views, counts = {}, Counter[str]()
    for name, view in play.views.items():
        has_boxes = bool(np.isfinite(view.boxes).any())
        views[name] = view
        if (has_boxes and not fill) or not view.video.is_file():
            continue
        try:
            frames = frames_of_steps(play, view)
        except VideoError as error:
            log.warning("%s: no helmets are searched in it", error)
            continue
        found = dict[int, Helmets]()
        try:
            for frame, image in gray_frames(view.video, frames):
                found[frame] = detector(image)
        except VideoError as error:  # those found before are good
            log.warning(
                "%s: helmets are searched in %d of %d frames", error, len(found), len(frames)
            )
        helmets = [found.get(frame, NO_HELMETS) for frame in frames.tolist()]
        views[name], done = add_helmets(play, name, view, frames, helmets)
        counts.update(done)
    return dataclasses.replace(play, views=views), counts


def frames_of_steps(play: Play, view: View) -> np.ndarray:
    """[F] ascending: the frame nearest to each step from just before the snap on, in the video.

    Raises VideoError where it is missing or broken.
    """
    frames = np.unique(view.frame_of(play.times[play.steps >= -STEPS_BEFORE]))
    return frames[np.isfinite(video_info(view.video).distance(frames))]


def add_helmets(
    play: Play, name: str, view: View, frames: np.ndarray, helmets: list[Helmets]
) -> tuple[View, Counter]:
    """The view with the named ones among the helmets of `frames` as boxes of players without one.

    Where a box of the table lies on a helmet it stays, whatever the naming says: a box that is
    doubted is counted. Counts are as in `detect_play`.
    """
    counts = Counter({FOUND: sum(len(one.boxes) for one in helmets)})
    named = name_helmets(name, helmets_at(play, view, frames, UNKNOWN), helmets)
    if named.fit < MIN_FIT:
        text = "%s %s: the %d helmets found fit no view of the tracked players: not used"
        log.warning(text, play.game_play, name, counts[FOUND])
        return view, counts + Counter({NOT_NAMED: 1})
    size = max(len(view.boxes), int(frames.max(initial=-1)) + 1)
    boxes = np.full((size, *view.boxes.shape[1:]), np.nan, dtype=np.float32)
    boxes[: len(view.boxes)] = view.boxes
    added = np.full_like(boxes, np.nan)
    for frame, found, player in zip(frames.tolist(), helmets, named.player, strict=True):
        known = np.flatnonzero(~np.isnan(boxes[frame, :, 0]))
        overlap = box_iou(found.boxes, boxes[frame, known])
        is_new = overlap.max(axis=1, initial=0) < SAME_IOU
        if len(known):
            same = known[overlap.argmax(axis=1)]
            counts[DOUBTED] += int((~is_new & (player != NOBODY) & (player != same)).sum())
        counts[NAMED] += int((player != NOBODY).sum())
        is_new &= (player != NOBODY) & ~np.isin(player, known)
        added[frame, player[is_new]] = found.boxes[is_new]
    before = np.isfinite(boxes[..., 0]).sum()
    boxes = np.where(np.isnan(boxes), fill_gaps(added, BETWEEN), boxes)
    counts[ADDED] = int(np.isfinite(boxes[..., 0]).sum() - before)
    return dataclasses.replace(view, boxes=boxes), counts
