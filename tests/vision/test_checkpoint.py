import signal
import subprocess
import sys

import pytest

from player_contact.config import AugmentConfig
from tests.conftest import ROOT
from tests.makers import TINY_VISION
from tests.vision.test_train import WITH_DROPOUT, equal, train, train_weights

pytestmark = pytest.mark.slow


class KilledError(Exception):
    pass


def kill_after(epoch):
    """As if the process ended once an epoch was reported."""

    def on_epoch(line):
        if line.epoch == epoch:
            raise KilledError

    return on_epoch


@pytest.mark.parametrize(
    ("scheduler", "image_epochs"),
    [("cosine", 0), ("one_cycle", 1), ("one_cycle", 2)],
)
def test_resumed_training_equals_an_uninterrupted_one(tmp_path, scheduler, image_epochs):
    config = WITH_DROPOUT.model_copy(
        update={
            "image_epochs": image_epochs,
            "clip_epochs": 4 - image_epochs,
            "scheduler": scheduler,
            "augment": AugmentConfig(mixup_alpha=0.3, image_dropout_prob=0.2),
        }
    )
    expected, expected_log = train(config)
    path = tmp_path / "fold0.checkpoint"
    for epoch in (0, 2):
        with pytest.raises(KilledError):
            train(config, on_epoch=kill_after(epoch), checkpoint=path)
    reported = []
    resumed, log = train(config, on_epoch=reported.append, checkpoint=path)
    assert [line.epoch for line in reported] == [3]
    assert repr(log) == repr(expected_log)  # NaN equals NaN
    assert equal(resumed.state_dict(), expected.state_dict())


LONGER = WITH_DROPOUT.model_copy(update={"clip_epochs": 4})
TRAINING = """
import os, signal, sys
from pathlib import Path
from player_contact.vision.train import Trainer
from tests.vision.test_checkpoint import LONGER, train
def step_and_die(self, *words, step=Trainer._train_step):
    result = step(self, *words)
    if len(self.log) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
Trainer._train_step = step_and_die
train(LONGER, checkpoint=Path(sys.argv[1]))
"""


def test_process_killed_in_the_middle_of_an_epoch_resumes(tmp_path):
    checkpoint, reported = tmp_path / "fold0.checkpoint", []
    command = [sys.executable, "-c", TRAINING, str(checkpoint)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    resumed, _ = train(LONGER, on_epoch=reported.append, checkpoint=checkpoint)
    assert [line.epoch for line in reported] == [2, 3]
    assert equal(resumed.state_dict(), train_weights(LONGER))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The weights of a whole training, and what its checkpoint holds."""
    path = tmp_path_factory.mktemp("finished") / "fold0.checkpoint"
    return train_weights(TINY_VISION, checkpoint=path), path.read_bytes()


@pytest.mark.parametrize("damage", [lambda _: b"", lambda _: b"\xff?", lambda x: x[: len(x) // 2]])
def test_unreadable_checkpoint_starts_anew(tmp_path, finished, damage):
    expected, content = finished
    path, reported = tmp_path / "fold0.checkpoint", []
    path.write_bytes(damage(content))
    model, _ = train(TINY_VISION, on_epoch=reported.append, checkpoint=path)
    assert len(reported) == TINY_VISION.clip_epochs
    assert equal(model.state_dict(), expected)
