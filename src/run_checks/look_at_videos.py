"""Whether the videos of a play are there, can be decoded, and show their images when expected."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.video.decode import VideoError, VideoInfo, gray_frames, video_info

OFF = 0.5  # frames from where an image is expected: then another frame is nearer
LONG = 1.5  # frames between two images: one is missing
FEW = 0.1  # share of irregular intervals that are gaps; more are a variable rate
ENDS = 2  # frames decoded at the beginning, and at the end


@dataclass(frozen=True)
class VideoLook:
    """A video and what is wrong with it; "": nothing is."""

    end: int | None  # frame after its last one; None: it can't be read
    unreadable: str = ""
    other_times: str = ""


def look_at_video(path: Path, prefix: str = "") -> VideoLook:
    """Reads the packets of a video, and decodes its first and last frames.

    Sentences begin with `prefix` and its name.
    """
    name = f"{prefix}{path.name}"
    try:
        info = video_info(path)
        end = round(info.end)
        ends = {"first": np.arange(min(ENDS, end)), "last": np.arange(max(end - ENDS, 0), end)}
        for place, frames in ends.items():
            if sum(1 for _ in gray_frames(path, frames)) < len(frames):
                return VideoLook(end, f"{name}: its {place} images are broken")
    except VideoError as error:
        return VideoLook(None, f"{prefix}{error}")
    if info.frames - info.end > LONG:
        told, there = (frames / FRAMES_PER_SECOND for frames in (info.frames, info.end))
        return VideoLook(end, f"{name} breaks off: it has {there:.1f} of {told:.1f} s")
    fault = other_times(info)
    return VideoLook(end, other_times=fault and f"{name} {fault}")


def other_times(info: VideoInfo) -> str:
    """How the times of a video's images differ from i / 59.94 s; "": by less than half a frame."""
    faults = []
    if abs(info.start) > OFF:
        faults.append(f"begins {info.start / FRAMES_PER_SECOND:.2f} s after its clock's zero")
    late = info.times - np.arange(len(info.times))
    if np.abs(late).max() > OFF:
        interval = np.diff(info.times)
        usual = np.median(interval)
        irregular = np.abs(interval - usual) > OFF * usual
        if not irregular.any():
            rate = FRAMES_PER_SECOND * len(interval) / info.times[-1]
            faults.append(f"has {rate:.2f} images a second")
        elif irregular.mean() <= FEW:
            longest, before = interval.max(), interval.argmax() + 1
            gap, at = longest / FRAMES_PER_SECOND, before / FRAMES_PER_SECOND
            count = int((interval > LONG * usual).sum())
            gaps = f"{count} gap{'s' * (count > 1)}, the longest of {gap:.2f} s"
            faults.append(f"has {gaps} {at:.2f} s after its start")
        else:
            low, high = FRAMES_PER_SECOND / np.quantile(interval, [0.95, 0.05])
            faults.append(f"has a variable rate, {low:.0f} to {high:.0f} images a second")
    return " and ".join(faults)
