"""Writes the two videos of a play."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from player_contact.competition.names import FRAME_HEIGHT, FRAME_WIDTH
from player_contact.simulate import render
from player_contact.simulate.helmets import FIRST_BOX
from player_contact.simulate.play import SimulatedPlay

RATE = Fraction(60_000, 1_001)  # frames a second
QUIET_FRAMES = FIRST_BOX - 12  # before these nothing is labelled
QUIET_EVERY = 4  # and a new picture this often will do
OPTIONS = {"crf": "23", "preset": "ultrafast", "bf": "2", "coder": "1", "g": "60", "threads": "1", "sc_threshold": "0"}


def write_videos(play: SimulatedPlay, folder: Path, seed: int) -> None:
    """Writes `{game_play}_{view}.mp4` of both views: 1280x720, H.264, 59.94 frames a second."""
    import cv2

    cv2.setNumThreads(1)  # the same bytes, however many plays run beside this one
    rng = np.random.default_rng([seed, play.game, 3])
    field = render.draw_field(rng)
    home = render.TEAM_COLOURS[int(rng.integers(len(render.TEAM_COLOURS)))]
    away = render.AWAY_COLOURS[int(rng.integers(len(render.AWAY_COLOURS)))]
    lineup = play.lineup
    wardrobe = render.Wardrobe(
        colours=tuple(home if at_home else away for at_home in lineup.home),
        skin=tuple(render.SKIN[int(player) % len(render.SKIN)] for player in lineup.ids),
        numbers=tuple(str(jersey) for jersey in lineup.jerseys),
    )
    for name, view in play.views.items():
        painter = render.Painter(field, view.camera, play.bodies, wardrobe)
        _encode(painter, len(view.boxes), folder / f"{play.game_play}_{name}.mp4")


def _encode(painter: render.Painter, frames: int, path: Path) -> None:
    import av
    import cv2

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options=OPTIONS)
        stream.width, stream.height, stream.pix_fmt = FRAME_WIDTH, FRAME_HEIGHT, "yuv420p"
        for frame in range(frames):
            if frame >= QUIET_FRAMES or frame % QUIET_EVERY == 0:
                planes = np.asarray(cv2.cvtColor(painter.draw(frame), cv2.COLOR_BGR2YUV_I420), np.uint8)
            picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
