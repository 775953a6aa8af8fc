"""What the notebook runs once the wheels are installed: `python -m player_contact.kaggle.submit`.

It imports nothing but Python's own library before it knows that all else can be imported.
"""

import argparse
import importlib
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

NEEDED = (
    "av cv2 joblib lightgbm numpy omegaconf pandas pandera pyarrow pydantic safetensors scipy "
    "sklearn timm torch torchvision tqdm"
)
FOR_VISION = {"torch", "torchvision", "timm"}  # without what the encoder needs boxes decide
WITHOUT_VISION = ("--without-vision", "--budget", "30min")
MORE = 1.5  # times as many rows on the ground: of a file that models decided for more plays


def missing_imports(names: Sequence[str]) -> list[str]:
    """The modules that can't be imported, with the reason: one may lack what it needs in turn."""
    missing = []
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever it is, plays would fail of it one by one
            missing.append(f"{name} ({error})")
    return missing


def missing_in_another_process(names: Sequence[str]) -> list[str]:
    """The same, tried where it costs this process no memory, and where a crash ends nothing."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(missing_imports, names).result()
        except BrokenProcessPool as error:
            return [f"all of what it needs ({error})"]


def make_submission(bundle: Path, competition: Path, output: Path, budget: str) -> None:
    """Runs `predict`; if that fails, what it wrote stays, unless it goes further without vision.

    Raises SystemExit where no submission comes out at all.
    """
    command = ("-m", "player_contact", "predict", "--bundle", bundle, "--input", competition)
    predict: list[str | Path] = [sys.executable, *command, "--mend"]
    if subprocess.run([*predict, "--output", output, "--budget", budget], check=False).returncode:
        print("This failed. What was written stays; now without vision", flush=True)
        fallback = output.with_name("fallback.csv")
        subprocess.run([*predict, "--output", fallback, *WITHOUT_VISION], check=False)
        if fallback.is_file() and on_the_ground(fallback) > MORE * on_the_ground(output):
            fallback.replace(output)
        fallback.unlink(missing_ok=True)
    if not output.is_file():
        raise SystemExit("There is no submission: see above")


def on_the_ground(path: Path) -> int:
    """Rows with the ground in contact, which distance alone puts nobody in; -1: no file."""
    return path.read_text(encoding="utf-8").count("_G,1") if path.is_file() else -1


def main() -> None:
    """Reads the command line. Raises SystemExit where the image lacks something."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bundle", "input", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--budget", required=True)
    args = parser.parse_args()
    if missing := missing_in_another_process(NEEDED.split()):
        text = f"This image can't import {', '.join(missing)}. "
        text += "Make the kernel again with what is lacking: make kernel WHEELS=..."
        if not {name.split()[0] for name in missing} <= FOR_VISION:
            raise SystemExit(text)
        print(text, flush=True)
    make_submission(args.bundle, args.input, args.output, args.budget)


if __name__ == "__main__":
    main()
