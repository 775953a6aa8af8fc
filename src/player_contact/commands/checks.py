"""Checks of a finished run."""

from pathlib import Path
from typing import Annotated

import typer

from player_contact.commands.options import INPUT, FinishedRun, SeasonsOption, WorkersOption, find_run, run_of

app = typer.Typer()
TrainedOn = Annotated[
    Path,
    typer.Option(
        help="the folder whose data the run was trained on, as INPUT= named it then; if not given the competition's files, or where there are none "
        "the simulated season of the run's settings"
    ),
]


@app.command()
def audit(
    run: FinishedRun = Path("outputs/demo"),
    input: TrainedOn = INPUT,  # noqa: A002
    workers: WorkersOption = 0,
) -> None:
    """Check that nothing a run predicted was known to what predicted it: folds, models, thresholds, features, permuted labels.

    Example: player_contact audit --run outputs/demo
    """
    from player_contact.checks.audit import audit as audit_run
    from player_contact.checks.audit import audit_text

    findings = audit_run(run_of(find_run(run, holding="config.yaml") / "config.yaml", input, run.parent, run.name, None, workers))
    typer.echo(audit_text(findings))
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)


@app.command("damage-check")
def damage_check(
    run: FinishedRun = Path("outputs/demo"),
    output: SeasonsOption = Path("outputs/seasons"),
    workers: WorkersOption = 0,
) -> None:
    """Damage a play's tables and videos in every way that was thought of, predict each with the run's bundle, and print what was said.

    Example: player_contact damage-check --run outputs/demo
    """
    from player_contact.checks.damage_check import check_damages, is_faulty, outcomes_text
    from player_contact.config import load_config
    from player_contact.parallel import worker_count
    from player_contact.simulate.folder import season_folder

    season = load_config(find_run(run, holding="bundle") / "bundle" / "config.yaml").season
    short = season.model_copy(update={"seed": season.seed + 2000, "plays": 4, "test_plays": 1, "median_steps": 24, "video": True})
    outcomes = check_damages(run / "bundle", season_folder(output, short, worker_count(workers)))
    typer.echo(outcomes_text(outcomes))
    if any(map(is_faulty, outcomes)):
        raise typer.Exit(1)


@app.command("budget-check")
def budget_check(
    run: FinishedRun = Path("outputs/demo"),
    output: SeasonsOption = Path("outputs/seasons"),
    plays: Annotated[int, typer.Option(min=1, help="plays to simulate and predict")] = 6,
    workers: WorkersOption = 0,
) -> None:
    """Predict simulated plays of another season with all the time they need, without videos, and with a third of the time.

    Example: player_contact budget-check --run outputs/demo
    """
    from player_contact.checks.budget import budget_text, check_budget
    from player_contact.config import load_config
    from player_contact.parallel import worker_count
    from player_contact.simulate.folder import season_folder

    config = load_config(find_run(run, holding="bundle") / "bundle" / "config.yaml")
    hidden = config.season.model_copy(update={"seed": config.season.seed + 1000, "plays": 4, "test_plays": plays, "video": True})
    folder = season_folder(output, hidden, worker_count(workers))
    check = check_budget(run / "bundle", folder, worker_count(workers, config.threads))
    typer.echo(budget_text(check))
    if not check.in_time:
        raise typer.Exit(1)
