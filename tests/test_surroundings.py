"""Without shared memory or a temporary folder, the same bytes come out, and one line says why.

Training predicts its test plays too, where shared memory is full.
"""

import re
import subprocess
import sys

import pytest

from player_contact.inference.predict import predict_folder
from tests.conftest import ROOT

pytestmark = pytest.mark.slow


PREPARE = """
set -e
full() { mount -t tmpfs -o size=4k tmpfs "$1"; head -c 4096 /dev/zero > "$1/full"; }
case "$1" in
  "shared memory and temporary folder read-only")
    mount -t tmpfs -o ro tmpfs /dev/shm
    mount -t tmpfs -o ro tmpfs "$2"; export TMPDIR="$2" ;;
  "shared memory missing")
    mount -t tmpfs tmpfs "$2"
    for name in null zero random urandom; do
      touch "$2/$name"; mount --bind "/dev/$name" "$2/$name"
    done
    mount --rbind "$2" /dev ;;
  "temporary folder read-only") mount -t tmpfs -o ro tmpfs "$2"; export TMPDIR="$2" ;;
  "temporary folder full") full "$2"; export TMPDIR="$2" ;;
  "only the outputs can be written"*)
    mount --bind "$3" "$3"
    for folder in /tmp /var/tmp /usr/tmp /dev/shm; do
      if [ -d "$folder" ]; then
        mount --rbind "$folder" "$folder"; mount -o remount,ro,bind "$folder"
      fi
    done
    if [[ "$1" == *"shared memory full" ]]; then full /dev/shm; fi
    cd /proc ;;
esac
shift 3
exec "$@"
"""
TINY = ROOT / "configs" / "tiny.yaml"
READ_ONLY, FULL = "temporary folder read-only", "temporary folder full"
OUTPUTS = "only the outputs can be written"


@pytest.fixture
def command_in(tmp_path):
    """Runs the command line in such surroundings, in a mount namespace of its own."""
    outputs, place = tmp_path / "outputs", tmp_path / "place"
    outputs.mkdir()
    place.mkdir()

    def run(surroundings: str, *words: object) -> subprocess.CompletedProcess[str]:
        inside = ["unshare", "-m", "bash", "-c", PREPARE, "bash", surroundings, place, outputs]
        try:
            allowed = subprocess.run([*inside, "true"], capture_output=True, check=False)
        except FileNotFoundError:
            pytest.skip("unshare is not here")
        if allowed.returncode:
            pytest.skip(f"mounts are not allowed here ({allowed.stderr.decode().strip()})")
        return subprocess.run(
            [*inside, sys.executable, "-m", "player_contact", *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )

    return run


@pytest.fixture(scope="module")
def submission(bundle, season_tables, tmp_path_factory) -> bytes:
    """What comes out in ordinary surroundings."""
    path = tmp_path_factory.mktemp("ordinary") / "submission.csv"
    predict_folder(bundle, season_tables, path, 0)
    return path.read_bytes()


@pytest.mark.parametrize(
    "surroundings",
    ["shared memory and temporary folder read-only", "shared memory missing", FULL, OUTPUTS],
)
def test_predicting_goes_on_in_any_surroundings(
    command_in, bundle, season_tables, submission, tmp_path, surroundings
):
    output = tmp_path / "outputs" / "submission.csv"
    words = ("--bundle", bundle, "--input", season_tables, "--output", output, "--workers", 2)
    done = command_in(surroundings, "predict", *words)
    assert done.returncode == 0, done.stderr
    assert output.read_bytes() == submission
    assert [path.name for path in output.parent.iterdir()] == ["submission.csv"]
    assert done.stderr.count("0 of 2 processes could be started") == (surroundings != FULL)
    assert "serial mode" not in done.stderr
    assert "disk" not in done.stderr


def test_training_goes_on_where_only_the_outputs_can_be_written(command_in, finished_run, tmp_path):
    words = ("--config", TINY, "--input", finished_run.input, "--workers", 2)
    where = f"{OUTPUTS}, shared memory full"
    done = command_in(where, "run", *words, "--outputs", tmp_path / "outputs")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("0 of 2 processes could be started") == 1
    folder = tmp_path / "outputs" / "tiny"
    for name in ("submission.csv", "oof.parquet", "scores.json"):
        assert (folder / name).read_bytes() == (finished_run.folder / name).read_bytes()


def test_a_place_that_is_read_only_is_told_before_the_work(command_in, bundle, season_tables):
    words = ("--bundle", bundle, "--input", season_tables, "--workers", 1)
    for name in ("submission.csv", "new/folder/submission.csv"):
        done = command_in(READ_ONLY, "predict", *words, "--output", f"place/{name}")
        assert done.returncode == 2
        sentence = (
            rf"error: place/{name} can't be written \(.*place: Read-only file system\)\. Name"
        )
        assert re.match(sentence, done.stderr.splitlines()[-1])
        assert "to predict" not in done.stderr
    words = ("--config", TINY, "--input", season_tables, "--outputs", "place")
    done = command_in(READ_ONLY, "run", *words)
    assert "place: Read-only file system). Name another place" in done.stderr.splitlines()[-1]
