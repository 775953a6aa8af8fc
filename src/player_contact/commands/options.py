"""The words that several commands share, and the run that they name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from player_contact.stages.run import Run

ConfigOption = Annotated[Path, typer.Option(help="settings, one YAML per experiment")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="one setting, such as vision.steps=8; may be given again")]
WorkersOption = Annotated[int, typer.Option(help="processes; 0: one a core. Changes no result")]
NameOption = Annotated[str, typer.Option(help="name of the run; the config's if not given")]
RunsOption = Annotated[Path, typer.Option(help="folder of runs")]
SeasonsOption = Annotated[Path, typer.Option(help="folder of seasons")]
DataOption = Annotated[Path, typer.Option(help="the competition's files; a simulated season is made where it holds none")]
SeasonOption = Annotated[Path | None, typer.Option(help="a season's folder; the config's simulated season if not given")]
FinishedRun = Annotated[Path, typer.Option(help="folder of a finished run")]
RunWithBundle = Annotated[Path, typer.Option(help="folder of a run that has a bundle")]
RunWithCrops = Annotated[Path, typer.Option(help="folder of a run that has crops")]
RunWithKernel = Annotated[Path, typer.Option(help="folder of a run whose kernel was made")]
INPUT = Path("input/nfl-player-contact-detection")


def run_of(config: Path, input: Path, output: Path, name: str, set: list[str] | None, workers: int) -> "Run":  # noqa: A002
    """What the words of a command line ask for; makes the simulated season where the input folder holds no data."""
    from player_contact.config import load_config
    from player_contact.errors import ConfigError
    from player_contact.parallel import worker_count
    from player_contact.simulate.folder import season_folder
    from player_contact.stages.run import Run

    if name and (Path(name).name != name or name in ("seasons", "..")):
        raise ConfigError(f"A run can't be called {name!r}: its name is that of a folder beside `seasons`")
    settings = load_config(config, set or [])
    count = worker_count(workers, settings.threads)
    if input == INPUT and not has_data(input):
        input = season_folder(output / "seasons", settings.season, count)  # noqa: A001
    simulated = (input / "truth").is_dir()  # what only a simulation knows
    return Run(settings, input, output / (name or config.stem), count, simulated)


def find_run(folder: Path, holding: str = "") -> Path:
    """The folder of a run that is there, and of what it must hold. Raises InputError with the runs there are where it is none."""
    from player_contact.errors import InputError

    if not _is_run(folder):
        runs = sorted(path.name for path in folder.parent.glob("[!.]*") if _is_run(path))
        config = Path("configs") / f"{folder.name}.yaml"
        way = f"`make submission {f'CONFIG={config}' if config.is_file() else f'RUN={folder.name}'}`"
        there = f"{', '.join(runs)} (RUN={runs[0]} names the first), and {way} makes a new one" if runs else f"none yet, and {way} makes one"
        raise InputError(f"{folder} is no run: {folder.parent} holds {there}")
    if holding == "config.yaml" and not (folder / holding).exists():
        raise InputError(
            f"{folder} has a bundle alone: this needs the whole folder of the run, with its out-of-fold predictions, from where it was trained"
        )
    if holding and not (folder / holding).exists():
        raise InputError(f"{folder} has no {holding}: finish the run first (make {holding})")
    return folder


def _is_run(folder: Path) -> bool:
    return (folder / "config.yaml").is_file() or (folder / "bundle").is_dir()


def has_data(folder: Path) -> bool:
    """Whether there are tables in a folder."""
    return any(folder.glob("*.csv"))


def refuse_no_season(folder: Path) -> NoReturn:
    """Raises InputError: a folder holds no data, and no other one was named. The sentence lists the simulated seasons."""
    from player_contact.doctor import simulated_seasons
    from player_contact.errors import InputError

    seasons = Path("outputs/seasons")
    names = simulated_seasons(seasons)
    if not names:
        raise InputError(f"{folder} holds no data. Name another folder with INPUT=, or make a simulated season: make season")
    raise InputError(f"{folder} holds no data. Name a simulated season, such as INPUT={seasons / names[0]} ({seasons} holds {', '.join(names)})")
