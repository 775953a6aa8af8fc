"""Stand-ins for `predict_play` that die, hang or break a GPU.

Each process that works on a play imports this module: it loads nothing heavy.
"""

import os
import signal
import time
from unittest.mock import Mock

from player_contact.inference.cascade import predict_play


def dying_play(
    tables, folder, complete, with_video, boxes, video, small_batches=False, models=None
):
    if tables.game_play == (video if with_video else boxes) and complete:
        os.kill(os.getpid(), signal.SIGKILL)
    return predict_play(tables, folder, complete, with_video)


def without_end(tables, folder, complete, with_video, at_video, small_batches=False, models=None):
    if with_video:
        at_video.touch()
        time.sleep(300)
    return predict_play(tables, folder, complete, with_video)


def hangs_when_loaded(_):
    time.sleep(300)


def dies_when_loaded(_):
    os.kill(os.getpid(), signal.SIGKILL)


def dies_of_large_batches(
    tables, folder, complete, with_video, tries, small_batches=False, models=None
):
    if with_video and not small_batches:
        tries.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return predict_play(tables, folder, complete, with_video, small_batches)


def breaks_the_gpu(
    tables, folder, complete, with_video, broken, play, small_batches=False, models=None
):
    """The first try of a play fails as CUDA does; what that process does later would too."""
    if with_video and tables.game_play == play and not small_batches:
        from player_contact.vision import scoring

        broken.touch()
        scoring.predict_logits = Mock(
            side_effect=RuntimeError("CUDA error: an illegal memory access was encountered")
        )
    return predict_play(tables, folder, complete, with_video, small_batches)
