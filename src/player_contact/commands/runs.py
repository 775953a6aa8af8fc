"""Training and predicting."""

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from player_contact.commands.options import INPUT, ConfigOption, DataOption, NameOption, RunsOption, SetOption, WorkersOption, find_run, run_of

if TYPE_CHECKING:
    from player_contact.stages.run import Run

app = typer.Typer()
PLAYS_TO_PLAN_BY = 4  # simulated where there is no data: the fewest that a season has
SUMMARY = {  # what predicting counts -> the words for it
    "rows": "rows",
    "contacts": "  called a contact",
    "open": "  left open by sensors and boxes",
    "with vision": "    that vision looked at",
    "plays": "plays",
    "plays decided by vision": "  decided by vision",
    "plays decided by screen": "  decided by sensors and boxes",
    "plays decided by distance": "  decided by the distance of the players",
    "plays left at no contact": "  left at no contact",
    "plays without video": "  without video",
    "plays where vision failed": "  where vision failed",
    "plays without vision for lack of time": "  without vision for lack of time",
    "boxes added": "helmet boxes completed",
    "boxes given back": "helmet boxes given back to their players",
    "views not registered": "views that could not be registered",
}
ALWAYS = [SUMMARY[name] for name in ("rows", "contacts", "plays")]


@app.command()
def run(
    config: ConfigOption = Path("configs/demo.yaml"),
    input: DataOption = INPUT,  # noqa: A002
    output: RunsOption = Path("outputs"),
    name: NameOption = "",
    until: Annotated[
        str, typer.Option(help="last stage: folds, features, screen, crops, vision, blend, ladder, bundle, submission, report")
    ] = "report",
    set: SetOption = None,  # noqa: A002
    workers: WorkersOption = 0,
    cluster: Annotated[str, typer.Option(help="address of a Dask scheduler, whose workers then do the work. Changes no result")] = "",
) -> None:
    """Train, score out of fold, and write a submission. Stages that are up to date are not run again.

    Example: player_contact run --config configs/demo.yaml --set vision.epochs=2
    """
    from player_contact.config import load_config
    from player_contact.errors import ConfigError
    from player_contact.files import read_json
    from player_contact.parallel import worker_count
    from player_contact.pipeline import STAGE_NAMES, run_pipeline

    if until not in STAGE_NAMES:
        raise ConfigError(f"--until {until!r} is no stage. Stages: {', '.join(STAGE_NAMES)}")
    with contextlib.ExitStack() as stack:
        if cluster:
            from player_contact.cluster import connected

            there = stack.enter_context(connected(cluster, worker_count(workers, load_config(config, set or []).threads)))
        asked = run_of(config, input, output, name, set, workers)
        folder = asked.folder
        if cluster:
            asked = dataclasses.replace(asked, input=asked.input.resolve(), folder=folder.resolve(), workers=there)
            there.check_storage(output.resolve(), asked.input)
        ran = run_pipeline(asked, until)
    if not ran:
        typer.echo("Nothing has changed since the last run.")
    if (folder / "ladder.json").is_file():
        typer.echo("\n" + read_json(folder / "ladder.json")["text"] + "\n")
    for label, path in (("submission", "submission.csv"), ("out of fold", "oof.parquet"), ("bundle", "bundle"), ("report", "report/index.html")):
        if (folder / path).exists():
            typer.echo(f"{label:<12} {folder / path}")


@app.command()
def plan(
    config: ConfigOption = Path("configs/gpu.yaml"),
    input: DataOption = INPUT,  # noqa: A002
    output: RunsOption = Path("outputs"),
    name: NameOption = "",
    set: SetOption = None,  # noqa: A002
    workers: WorkersOption = 0,
) -> None:
    """Tell what a run will take on this machine, stage by stage, and what would not fit: measured on one play, in minutes.

    Example: player_contact plan --config configs/gpu.yaml
    """
    from player_contact.config import load_config
    from player_contact.planning.plan import Size, make_plan, plan_text, seconds_to_read, size_of

    season, small = load_config(config, set or []).season, (f"season.plays={PLAYS_TO_PLAN_BY}", "season.test_plays=1")
    asked = run_of(config, input, output, name, [*(set or []), *small], workers)
    test_plays = len(_test_plays(asked))  # read first: the first table takes longer
    reading = seconds_to_read(asked)
    size = size_of(asked.season, test_plays)
    if asked.simulated and input == INPUT:  # the season that the run would simulate, as its first plays are
        size = Size(season.plays, round(size.rows / size.plays * season.plays), season.plays * season.video, season.test_plays)
    typer.echo(plan_text(make_plan(asked, size, reading), size, asked))


def _test_plays(run: "Run") -> list[str]:
    from player_contact.competition.season import read_season

    return read_season(run.input, "test").game_plays


@app.command()
def ablation(
    config: ConfigOption = Path("configs/demo.yaml"),
    input: DataOption = INPUT,  # noqa: A002
    output: RunsOption = Path("outputs"),
    name: NameOption = "",
    set: SetOption = None,  # noqa: A002
    workers: WorkersOption = 0,
) -> None:
    """Train the screen without each family of features and print what the family buys.

    Example: player_contact ablation --config configs/demo.yaml
    """
    from player_contact.pipeline import run_pipeline
    from player_contact.stages.ablation import ablate

    if name:
        find_run(output / name)
    asked = run_of(config, input, output, name, set, workers)
    run_pipeline(asked, "screen")
    typer.echo(ablate(asked))


@app.command()
def predict(
    bundle: Annotated[Path, typer.Option(help="a run's bundle folder")],
    input: Annotated[Path, typer.Option(help="folder with sample_submission.csv, test_*.csv and, if there are, videos in test/")],  # noqa: A002
    output: Annotated[Path, typer.Option(help="the submission to write")] = Path("submission.csv"),
    workers: WorkersOption = 0,
    time_budget: Annotated[str, typer.Option(help="such as 8h: the most doubtful plays get vision first, the rest none once it would not fit")] = "",
    mend: Annotated[bool, typer.Option("--mend", help="leave out the faulty rows of tables, and tables that can't be read, and go on")] = False,
) -> None:
    """Predict plays with the models of a bundle: the only way in which this project predicts.

    Example: player_contact predict --bundle outputs/demo/bundle --input input/nfl-player-contact-detection --output submission.csv
    """
    from player_contact.bundle import load_bundle
    from player_contact.pace import seconds_of
    from player_contact.parallel import worker_count
    from player_contact.predict import predict_folder

    budget = seconds_of(time_budget) if time_budget else float("inf")
    counted = predict_folder(bundle, input, output, worker_count(workers, load_bundle(bundle).config.threads), budget, mend)
    typer.echo(summary_text(output, counted))


def summary_text(submission: Path, counted: Mapping[str, int]) -> str:
    """What `predict_folder` counted, for a person: a line each, without what did not happen."""
    told = {words: counted.get(name, 0) for name, words in SUMMARY.items()}
    return "\n".join([str(submission), *(f"{words:<44}{number:>11,}" for words, number in told.items() if number or words in ALWAYS)])
