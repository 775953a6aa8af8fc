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
    [("one_cycle", 0), ("cosine", 0), ("one_cycle", 1), ("one_cycle", 2)],
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


TRAINING = """
import sys, time
from pathlib import Path
from safetensors.torch import save_file
from player_contact.vision.train import Trainer
from tests.vision.test_train import WITH_DROPOUT, train_weights
def step_and_wait(self, *words, step=Trainer._train_step):
    result = step(self, *words)
    if len(self.log) == int(sys.argv[3]):
        print("in the middle", flush=True)
        time.sleep(3600)
    return result
Trainer._train_step = step_and_wait
config = WITH_DROPOUT.model_copy(update={"clip_epochs": 6})
weights = train_weights(config, checkpoint=Path(sys.argv[1]))
save_file({name: value.contiguous() for name, value in weights.items()}, sys.argv[2])
"""


def train_in_a_process(checkpoint, weights, killed_after: int = -1) -> int:
    """The exit code; the process is killed in the middle of the epoch after so many, if any."""
    command = [sys.executable, "-c", TRAINING, str(checkpoint), str(weights), str(killed_after)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        if killed_after > 0:
            assert process.stdout.readline() == "in the middle\n"
            process.kill()
    return process.returncode


def test_process_killed_in_the_middle_of_an_epoch_resumes(tmp_path):
    expected, weights = tmp_path / "expected.safetensors", tmp_path / "resumed.safetensors"
    assert train_in_a_process(tmp_path / "expected.checkpoint", expected) == 0
    checkpoint = tmp_path / "fold0.checkpoint"
    for epochs in (1, 2):
        assert train_in_a_process(checkpoint, weights, epochs) == -signal.SIGKILL
    assert not weights.exists()
    assert train_in_a_process(checkpoint, weights) == 0
    assert weights.read_bytes() == expected.read_bytes()


@pytest.mark.parametrize("damage", [lambda _: b"", lambda _: b"\xff?", lambda x: x[: len(x) // 2]])
def test_unreadable_checkpoint_starts_anew(tmp_path, damage):
    path = tmp_path / "fold0.checkpoint"
    expected = train_weights(TINY_VISION, checkpoint=path)
    path.write_bytes(damage(path.read_bytes()))
    model, log = train(TINY_VISION, checkpoint=path)
    assert len(log) == TINY_VISION.clip_epochs
    assert equal(model.state_dict(), expected)
