"""Simulated seasons, and what is measured on them."""

from pathlib import Path
from typing import Annotated

import typer

from player_contact.commands.options import ConfigOption, SeasonOption, SeasonsOption, SetOption, WorkersOption

app = typer.Typer()


@app.command()
def season(
    config: ConfigOption = Path("configs/demo.yaml"),
    output: SeasonsOption = Path("outputs/seasons"),
    set: SetOption = None,  # noqa: A002
    workers: WorkersOption = 0,
) -> None:
    """Make the simulated season of a config.

    Example: player_contact season --set season.plays=240 --set season.video=false
    """
    from player_contact.config import load_config
    from player_contact.parallel import worker_count
    from player_contact.simulate.folder import season_folder

    typer.echo(season_folder(output, load_config(config, set or []).season, worker_count(workers)))


@app.command("season-check")
def season_check(
    config: ConfigOption = Path("configs/demo.yaml"),
    input: SeasonOption = None,  # noqa: A002
    output: SeasonsOption = Path("outputs/seasons"),
    set: SetOption = None,  # noqa: A002
    workers: WorkersOption = 0,
) -> None:
    """Print a season's statistics beside those of real plays.

    Example: player_contact season-check --set season.plays=240 --set season.video=false
    """
    from player_contact.config import load_config
    from player_contact.evaluation.season_check import ceilings, check_season, check_text
    from player_contact.parallel import worker_count
    from player_contact.simulate.folder import season_folder

    folder = input or season_folder(output, load_config(config, set or []).season, worker_count(workers))
    typer.echo(check_text(check_season(folder), ceilings(folder)))


@app.command("boxes-check")
def boxes_check(
    config: ConfigOption = Path("configs/demo.yaml"),
    input: SeasonOption = None,  # noqa: A002
    output: SeasonsOption = Path("outputs/seasons"),
    set: SetOption = None,  # noqa: A002
    workers: WorkersOption = 0,
) -> None:
    """Hide helmet boxes and exchange names, and print what registration makes of them; in a simulated season beside its truth.

    Example: player_contact boxes-check --input input/nfl-player-contact-detection
    """
    from player_contact.config import load_config
    from player_contact.evaluation.boxes_check import boxes_text
    from player_contact.parallel import worker_count
    from player_contact.simulate.folder import season_folder
    from player_contact.stages.boxes import check_boxes

    folder = input or season_folder(output, load_config(config, set or []).season, worker_count(workers))
    typer.echo(boxes_text(check_boxes(folder, worker_count(workers))))


@app.command()
def bench(
    config: ConfigOption = Path("configs/cpu.yaml"),
    output: Annotated[Path, typer.Option(help="folder for bench.json")] = Path("outputs/bench"),
    seasons: SeasonsOption = Path("outputs/seasons"),
    vision: Annotated[bool, typer.Option(help="also time the vision model, beside one that scores a row a forward pass")] = True,
    set: SetOption = None,  # noqa: A002
    workers: WorkersOption = 0,
) -> None:
    """Time the stages before the models, on tables of a simulated season and videos of four plays, and the vision model on made-up pictures, beside
    limits and peers; write bench.json.

    Example: player_contact bench --set season.plays=240 --set season.video=false
    """
    from player_contact.bench.measure import bench_text
    from player_contact.bench.sensors import bench_sensors
    from player_contact.bench.video import FILMED_PLAYS, bench_video
    from player_contact.bench.vision import bench_vision
    from player_contact.config import load_config
    from player_contact.files import write_json
    from player_contact.parallel import worker_count
    from player_contact.simulate.folder import season_folder

    settings = load_config(config, set or [])
    count = worker_count(workers)
    tables_only = settings.season.model_copy(update={"video": False})
    lines = bench_sensors(season_folder(seasons, tables_only, count), settings.screen.max_distance, count)
    if settings.season.video:
        filmed = settings.season.model_copy(update={"plays": FILMED_PLAYS, "test_plays": 1})
        lines += bench_video(season_folder(seasons, filmed, count), settings)
    if vision:
        lines += bench_vision(settings)
    output.mkdir(parents=True, exist_ok=True)
    write_json({line.stage: line.as_dict() for line in lines}, output / "bench.json")
    typer.echo(bench_text(lines))
