"""Writes the two videos of a play."""

from dataclasses import fields
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from numpy.random import Generator

from player_contact.competition import clock
from player_contact.competition.constants import FRAME_HEIGHT, FRAME_WIDTH
from season_simulator import colours, figure
from season_simulator.bystanders import draw_bystanders
from season_simulator.field import draw_field
from season_simulator.helmet_detector import FIRST_BOX
from season_simulator.pose import Poses
from season_simulator.render import Renderer
from season_simulator.scene import Scene, draw_cables, draw_lights
from season_simulator.simulated_play import SimulatedPlay, Timing

RATE = Fraction(60_000, 1_001)  # frames a second
QUIET_FRAMES = FIRST_BOX - 12  # before these only the images of every QUIET_STEPS are drawn
QUIET_STEPS = 5
STEPS_BEFORE = 60  # of the snap: earlier than any video starts
OPTIONS = {"crf": "28", "preset": "ultrafast", "bf": "2", "coder": "1", "g": "60", "threads": "1"}
EXPOSURE = 1 / 250, 1 / 120  # s
GRAIN, GRAY, GRAIN_ROOM = (0.0, 2.2), 128, 64  # standard deviation; its middle; px to shift by
SOFTNESS = -0.8, 0.3  # from a camera that sharpens the brightness, as most do, to a soft one


def write_videos(play: SimulatedPlay, folder: Path, seed: int, image_every: int = 1) -> None:
    """Writes `{game_play}_{view}.mp4` of both views: 1280x720, H.264, 59.94 frames a second, of
    which those of `drawn_frames` show an image of their own."""
    import cv2

    cv2.setNumThreads(1)  # the same bytes, however many plays run beside this one
    rng = np.random.default_rng([seed, play.timing.game, 3])
    scene = draw_scene(play, rng)
    for name, view in play.views.items():
        renderer = Renderer(scene, view.camera, rng.uniform(*EXPOSURE))
        path = folder / f"{play.game_play}_{name}.mp4"
        drawn = drawn_frames(play.timing, len(view.boxes), image_every)
        _encode(renderer, drawn, path, rng.uniform(*SOFTNESS), _draw_grain(rng))


def drawn_frames(timing: Timing, frames: int, image_every: int) -> np.ndarray:
    """[frames] the frame whose image each frame of a video shows: its own, or one before.

    Images are drawn of each step's frame, then every `image_every` frames until the next step's;
    long before the snap of every fifth step's alone.
    """
    steps = np.arange(-STEPS_BEFORE, timing.tracked[-1] + 1)
    times = clock.step_zero(timing.snap_time) + steps * clock.STEP
    at_step, frame = clock.frame_of_time(times, timing.start_time), np.arange(frames)
    step = np.searchsorted(at_step, frame, side="right") - 1
    shown = frame - (frame - at_step[step]) % image_every
    quiet = at_step[step - step % QUIET_STEPS]
    return np.maximum(np.where(frame < QUIET_FRAMES, quiet, shown), 0)


def draw_scene(play: SimulatedPlay, rng: Generator) -> Scene:
    """The field, the light and everybody's clothes."""
    gain = rng.uniform(0.88, 1.18) * rng.uniform(0.95, 1.05, 3)
    home, away = (colours.tint(team, gain) for team in colours.draw_teams(rng))
    texture, lineup = draw_field(rng, (home, away), gain), play.lineup
    official = colours.OFFICIAL_COLOURS[int(rng.integers(len(colours.OFFICIAL_COLOURS)))]
    numbers = zip(lineup.home, lineup.ids.tolist(), lineup.jerseys.tolist(), strict=True)
    clothes = [figure.player_appearance(home if h else away, *n) for h, *n in numbers]
    for skin in islice(cycle(colours.SKIN), play.officials.heading.shape[1]):
        cap = official, skin, official.jersey, skin, colours.BLACK, colours.BLACK
        clothes.append(figure.Appearance(*cap, official=True))
    parts = ([getattr(p, f.name) for p in (play.poses, play.officials)] for f in fields(Poses))
    poses = Poses(*(np.concatenate(part, axis=1) for part in parts))
    bystanders = draw_bystanders(rng, (home, away))
    lights, cables = draw_lights(rng), draw_cables(rng)
    return Scene(texture, poses, tuple(clothes), play.ball, lights, bystanders, cables)


def _draw_grain(rng: Generator) -> np.ndarray:
    """[H, W] uint8 noise of the sensor around `GRAY`, larger than a frame by `GRAIN_ROOM`."""
    shape = FRAME_HEIGHT + GRAIN_ROOM, FRAME_WIDTH + GRAIN_ROOM
    noise = rng.normal(GRAY, rng.uniform(*GRAIN), shape)
    return np.clip(np.rint(noise), 0, 255).astype(np.uint8)


def _encode(
    renderer: Renderer, drawn: np.ndarray, path: Path, softness: float, grain: np.ndarray
) -> None:
    import av
    import cv2

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options=OPTIONS)
        stream.width, stream.height, stream.pix_fmt = FRAME_WIDTH, FRAME_HEIGHT, "yuv420p"
        shown = None
        for frame in drawn.tolist():
            if frame != shown:
                yuv = cv2.cvtColor(renderer.render(frame), cv2.COLOR_BGR2YUV_I420)
                planes = np.asarray(yuv, np.uint8)
                luma = planes[:FRAME_HEIGHT]
                blurred = cv2.GaussianBlur(luma, (3, 3), 0)
                cv2.addWeighted(luma, 1 - softness, blurred, softness, 0, dst=luma)
                top, left = frame * 37 % GRAIN_ROOM, frame * 53 % GRAIN_ROOM  # never twice alike
                noise = grain[top : top + FRAME_HEIGHT, left : left + FRAME_WIDTH]
                cv2.addWeighted(luma, 1, noise, 1, -GRAY, dst=luma)
                shown, image = frame, av.VideoFrame.from_ndarray(planes, format="yuv420p")
            image.pts = None  # the next
            container.mux(stream.encode(image))
        container.mux(stream.encode())
