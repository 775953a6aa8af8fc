"""Writes the two videos of a play."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from player_contact.competition.names import FRAME_HEIGHT, FRAME_WIDTH
from player_contact.simulate import field, figure, render
from player_contact.simulate.helmets import FIRST_BOX
from player_contact.simulate.play import SimulatedPlay

RATE = Fraction(60_000, 1_001)  # frames a second
QUIET_FRAMES = FIRST_BOX - 12  # before these nothing is labelled
QUIET_EVERY = 4  # and a new picture this often will do
OPTIONS = {"crf": "23", "preset": "ultrafast", "bf": "2", "coder": "1", "g": "60", "threads": "1", "sc_threshold": "0"}
SHUTTER = 1 / 250, 1 / 120  # s
SOFTNESS = -0.8, 0.3  # from a camera that sharpens, as most do, to one that is a little out of focus


def write_videos(play: SimulatedPlay, folder: Path, seed: int) -> None:
    """Writes `{game_play}_{view}.mp4` of both views: 1280x720, H.264, 59.94 frames a second."""
    import cv2

    cv2.setNumThreads(1)  # the same bytes, however many plays run beside this one
    rng = np.random.default_rng([seed, play.game, 3])
    scene = draw_scene(play, rng)
    for name, view in play.views.items():
        painter = render.Painter(scene, view.camera, float(rng.uniform(*SHUTTER)))
        _encode(painter, len(view.boxes), folder / f"{play.game_play}_{name}.mp4", float(rng.uniform(*SOFTNESS)))


def draw_scene(play: SimulatedPlay, rng: np.random.Generator) -> render.Scene:
    """The field, the light and everybody's clothes."""
    ground = field.draw_field(rng)
    home = figure.TEAM_COLOURS[int(rng.integers(len(figure.TEAM_COLOURS)))]
    away = figure.AWAY_COLOURS[int(rng.integers(len(figure.AWAY_COLOURS)))]
    judges = figure.OFFICIAL_COLOURS[int(rng.integers(len(figure.OFFICIAL_COLOURS)))]
    lineup = play.lineup
    players = (
        figure.player_look(home if at_home else away, int(player), int(jersey))
        for at_home, player, jersey in zip(lineup.home, lineup.ids, lineup.jerseys, strict=True)
    )
    officials = (figure.official_look(judges, which) for which in range(play.officials.heading.shape[1]))
    bodies = render.join(play.bodies, play.officials)
    return render.Scene(ground, bodies, (*players, *officials), play.ball, render.draw_lamps(rng))


def _encode(painter: render.Painter, frames: int, path: Path, softness: float) -> None:
    import av
    import cv2

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options=OPTIONS)
        stream.width, stream.height, stream.pix_fmt = FRAME_WIDTH, FRAME_HEIGHT, "yuv420p"
        for frame in range(frames):
            if frame >= QUIET_FRAMES or frame % QUIET_EVERY == 0:
                planes = np.asarray(cv2.cvtColor(painter.draw(frame), cv2.COLOR_BGR2YUV_I420), np.uint8)
                _soften(planes[:FRAME_HEIGHT], softness)
            picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def _soften(luma: np.ndarray, softness: float) -> None:
    """Blurs `luma` [H, W] in place, or sharpens it where `softness` is negative, as cameras do with the brightness alone."""
    import cv2

    blurred = cv2.GaussianBlur(luma, (3, 3), 0)
    cv2.addWeighted(luma, 1 - softness, blurred, softness, 0, dst=luma)
