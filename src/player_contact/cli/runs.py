"""The config, the run and the season that a command line names."""

import difflib
import logging
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from player_contact.cli.options import INPUT, OPTIONS
from player_contact.utils.errors import ConfigError, InputError

if TYPE_CHECKING:
    from player_contact.config import Config, SeasonConfig
    from player_contact.pipeline.run import Run

log = logging.getLogger(__name__)

NO_RUNS = ("seasons", "..")  # what no run may be called


def config_of(args: Namespace) -> "Config":
    """The config with the settings of --set, --plays and --video."""
    from player_contact.config import load_config

    season = {name: getattr(args, name, "") for name in ("plays", "video")}
    settings = [f"season.{name}={value}" for name, value in season.items() if value != ""]
    return load_config(args.config, [*args.set, *settings])


def make_run(args: Namespace, may_be_new: bool = False) -> "Run":
    """The run that RUN_OPTIONS name; simulates a season where the input folder holds no data.

    Raises InputError where there is no such run, unless it `may_be_new`: then it is logged where
    other runs are there, since a name may be misspelt. A run that is there has its own settings
    where --config is not given.
    """
    from player_contact.pipeline.run import Run
    from player_contact.utils.parallel import worker_count

    if args.run and not may_be_new:
        own = find_run(args) / "config.yaml"
        if args.config == OPTIONS["config"][0] and own.is_file():
            args.config = own  # another would train the run anew
    config, folder, data = config_of(args), _run_folder(args), args.input
    if not _is_run(folder) and (folder.parent != args.outputs or folder.name in NO_RUNS):
        raise ConfigError(
            f"A run can't be called {args.run!r}: its name is that of a folder beside `seasons`"
        )
    if not _is_run(folder) and (runs := _runs_beside(folder)):
        log.info("%s is a new run; %s holds %s", folder, folder.parent, ", ".join(runs))
    args.outputs = folder.parent  # also where --run is the path of a run elsewhere
    if data == INPUT and not has_data(data):
        data = simulated_season(args, config.season)
    workers = worker_count(args.workers, config.num_threads)
    simulated = (data / "truth").is_dir()  # what only a simulation knows
    return Run(config, data, folder, workers, simulated)


def simulated_season(args: Namespace, season: "SeasonConfig") -> Path:
    """The folder of a simulated season, which is made where it is not there yet."""
    from player_contact.utils.parallel import worker_count

    if find_spec("season_simulator") is None:
        raise InputError(
            "There is no data, and the package season_simulator, which would simulate some, is not "
            "installed. Name a folder with INPUT=, or install the project's whole repository"
        )
    from season_simulator.season_cache import season_folder
    from season_simulator.season_writer import SeasonSettings

    settings = SeasonSettings(**season.model_dump())
    return season_folder(args.outputs / "seasons", settings, worker_count(args.workers))


def find_run(args: Namespace, needs: str = "") -> Path:
    """The folder of a run.

    Raises InputError with the runs there are, that of the most alike name first, or with what it
    lacks.
    """
    folder = _run_folder(args)
    if not _is_run(folder):
        runs = _runs_beside(folder)
        config = Path("configs") / f"{folder.name}.yaml"
        option = f" CONFIG={config}" if config.is_file() else f" RUN={folder.name}"
        option = "" if folder.name in NO_RUNS else option
        held = f"{', '.join(runs)} (RUN={runs[0]} names the first)" if runs else "none yet"
        raise InputError(
            f"{folder} is no run: {folder.parent} holds {held}, and `make submission{option}` "
            f"makes {'a new one' if runs else 'one'}"
        )
    if needs and not (folder / needs).exists():
        raise InputError(
            f"{folder} has a bundle alone: this needs the whole folder of the run, with its "
            "out-of-fold predictions, from where it was trained"
            if needs == "config.yaml"
            else f"{folder} has no {needs}: finish the run first "
            f"(make {Path(needs).stem} CONFIG={folder / 'config.yaml'} "
            f"RUN={args.run or folder.name})"
        )
    return folder


def has_data(folder: Path) -> bool:
    """Whether there are tables in a folder. Raises InputError where they lie one deeper."""
    if found := any(folder.glob("*.csv")):
        return found
    if deeper := sorted(folder.glob("*/train_labels.csv")):
        raise InputError(f"{deeper[0]} lies too deep: move the files of its folder to {folder}")
    return False


def season_to_plot(args: Namespace) -> Path:
    """The input folder. Raises InputError with the simulated seasons where it holds no data."""
    if args.input == INPUT and not has_data(INPUT):
        seasons = sorted((args.outputs / "seasons").glob("[!.]*/train_labels.csv"))
        names = ", ".join(str(path.parent) for path in seasons) or "none yet: make season"
        raise InputError(
            f"{INPUT} holds no data. Name another folder with INPUT=; simulated seasons: {names}"
        )
    return args.input


def _run_folder(args: Namespace) -> Path:
    """--outputs/NAME for `--run NAME`; a name of several parts is the path of a run's folder."""
    path = Path(args.run or args.config.stem)
    return path if len(path.parts) > 1 else args.outputs / path


def _runs_beside(folder: Path) -> list[str]:
    """The names of the runs in the folder of this one, the most alike first."""
    names = sorted(path.name for path in folder.parent.glob("[!.]*") if _is_run(path))
    return difflib.get_close_matches(folder.name, names, n=max(1, len(names)), cutoff=0)


def _is_run(folder: Path) -> bool:
    return (folder / "config.yaml").is_file() or (folder / "bundle").is_dir()
