"""The words that several commands share, and the run that they name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    if input == INPUT and not any(input.glob("*.csv")):
        input = season_folder(output / "seasons", settings.season, count)  # noqa: A001
    simulated = (input / "truth").is_dir()  # what only a simulation knows
    return Run(settings, input, output / (name or config.stem), count, simulated)
