"""What was seen of the plays of a season, as a line a topic."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from player_contact.video.clock_offset import MAX_SHIFT, MIN_SHIFT
from run_checks.look_at_boxes import ViewLook
from run_checks.look_at_play import USUAL_PLAYERS, PlayLook
from run_checks.season_check import STATISTICS

SHOWN = 5  # faults of a topic; the others are counted
FROM_MEDIAN = 0.3  # s, of a view's clock
LONG_SWAP = 180  # frames of both views; trackers mix up players for less in passing
WIDTH, INDENT = 100, 10  # characters


@dataclass(frozen=True)
class Line:
    """What was seen of a topic, sentences on what is wrong, and what to do about it."""

    topic: str
    seen: str
    faults: Sequence[str] = ()
    advice: str = ""

    def __str__(self) -> str:
        shown = "; ".join(fault.rstrip(".") for fault in self.faults[:SHOWN])
        more = f"; and {len(self.faults) - SHOWN} more" if len(self.faults) > SHOWN else ""
        wrong = f"{len(self.faults)} WRONG: {shown}{more}. In all: {self.seen}. {self.advice}."
        return textwrap.fill(
            wrong if self.faults else f"ok: {self.seen}",
            WIDTH,
            initial_indent=f"{self.topic:<{INDENT}}",
            subsequent_indent=" " * INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )


def labels_line(looks: Sequence[PlayLook]) -> Line:
    """Players, and the steps of the labels."""
    faults = [fault for look in looks for fault in look.faults]
    others = [f"{look.name} {look.players}" for look in looks if look.players != USUAL_PLAYERS]
    late = [look.late_steps for look in looks if look.late_steps]
    seen = f"{len(looks)} plays of {USUAL_PLAYERS} players"
    if others:
        seen += f" ({len(others)} of others: {_first(others)})"
    if late:
        seen += f"; of {len(late)} plays up to {max(late)} labelled steps have no image any more"
    advice = (
        "Mend or download these plays; training stops at players without tracking or boxes, "
        'unless SET="on_fault=skip"'
    )
    return Line("labels", seen, faults, advice)


def videos_line(looks: Sequence[PlayLook]) -> Line:
    """Which videos are there and can be decoded."""
    videos = [video.unreadable for look in looks for video in look.videos]
    faults = [view for look in looks for view in look.no_metadata]
    faults += filter(None, videos)
    good = videos.count("")
    seen = f"{good} videos of {len(looks)} plays are there and can be decoded"
    return Line("videos", seen, faults, "Download these again: rows have no view without them")


def times_line(looks: Sequence[PlayLook]) -> Line:
    """Whether videos show their images at i / 59.94 s."""
    readable = [video for look in looks for video in look.videos if not video.unreadable]
    faults = [video.other_times for video in readable if video.other_times]
    seen = f"{len(readable) - len(faults)} videos show image i at i / 59.94 s, from the first one"
    advice = (
        "A frame shows the image nearest in time; where these videos should be like the others, "
        "download them again"
    )
    return Line("frames", seen, faults, advice)


def clock_line(views: Iterable[ViewLook]) -> Line:
    """How far the tracking lies behind the videos."""
    known = [view for view in views if np.isfinite(view.shift)]
    if not known:
        return Line("clock", "no view could be registered")
    median = float(np.median([view.shift for view in known]))
    faults = [
        f"{view.name} {view.shift:+.2f} s"
        for view in known
        if abs(view.shift - median) > FROM_MEDIAN or not MIN_SHIFT < view.shift < MAX_SHIFT
    ]
    shifts = sorted(view.shift for view in known)
    real = STATISTICS["tracking behind the video, s"][0]
    seen = (
        f"tracking {median:.3f} s behind the video, median of {len(known)} views "
        f"({shifts[0]:.2f} to {shifts[-1]:.2f}; a real play: {real:.3f})"
    )
    advice = (
        f"Registration looks from {MIN_SHIFT} to {MAX_SHIFT} s: compare datetime in the tracking "
        "with start_time in the video metadata of these plays"
    )
    return Line("clock", seen, faults, advice)


def boxes_line(views: Iterable[ViewLook], sheet: str) -> Line:
    """How well the views are registered; `sheet` says where boxes can be seen."""
    looks = list(views)
    faults = [_error_text(view) for view in looks if not view.registered]
    known = [view.error for view in looks if np.isfinite(view.error)]
    if not known:
        return Line("boxes", f"no view could be registered; {sheet}", faults, BOXES_ADVICE)
    detected, completed = (
        float(np.mean([getattr(view, name) for view in looks]))
        for name in ("detected", "completed")
    )
    real = STATISTICS["registration error, median px"][0]
    seen = (
        f"registration error {np.median(known):.1f} px, median of {len(known)} views (real plays: "
        f"{real:.1f}); {detected:.0%} of the players have a box, {completed:.0%} once completed; "
        f"{sheet}"
    )
    return Line("boxes", seen, faults, BOXES_ADVICE)


BOXES_ADVICE = (
    "Boxes of these views are not completed: look whether they lie on helmets, and whether frame "
    "numbers start at 1 and clocks agree"
)


def _error_text(view: ViewLook) -> str:
    if not np.isfinite(view.error):
        return f"{view.name}: too few boxes to register it"
    return f"{view.name}: registration error {view.error:.0f} px, {view.widths:.1f} box widths"


def names_line(views: Iterable[ViewLook]) -> Line:
    """Which names of helmet boxes are swapped."""
    looks = [view for view in views if np.isfinite(view.error)]
    if not looks:
        return Line("names", "no view could be registered")
    frames: Counter[tuple[str, str]] = Counter()
    for view in looks:
        frames.update({(view.name.rpartition(" ")[0], pair): n for pair, n in view.swaps.items()})
    faults = [
        f"{play}: {pair} have each other's boxes in {count} frames"
        for (play, pair), count in frames.items()
        if count >= LONG_SWAP
    ]
    most = max(looks, key=lambda view: view.swapped)
    seen = (
        f"{np.median([view.swapped for view in looks]):.1%} of a view's boxes are given back to "
        f"their player, median of {len(looks)} views (most: {most.swapped:.1%}, {most.name})"
    )
    advice = (
        "Registration swaps these back; where it is many plays, look whether nfl_player_id of the "
        "helmets is that of the tracking"
    )
    return Line("names", seen, faults, advice)


def _first(texts: Sequence[str]) -> str:
    return ", ".join([*texts[:SHOWN], *["..."] * (len(texts) > SHOWN)])
