"""Kaggle: what is uploaded, and what is downloaded."""

from pathlib import Path
from typing import Annotated

import typer

from player_contact.commands.options import INPUT, DataOption, RunWithBundle, RunWithKernel, SeasonsOption, WorkersOption, find_run

app = typer.Typer()


@app.command()
def kernel(
    run: RunWithBundle = Path("outputs/demo"),
    user: Annotated[str, typer.Option(help="your name on Kaggle; pushing fills it in where it is not given")] = "",
    time_budget: Annotated[str, typer.Option(help="how long the notebook may take, such as 8h")] = "8h",
    gpu: Annotated[bool, typer.Option(help="ask Kaggle for a GPU")] = True,
    wheels: Annotated[str, typer.Option(help="packages that Kaggle's image lacks, such as 'omegaconf pandera': their wheels are put in")] = "",
) -> None:
    """Make everything that is uploaded to Kaggle: a dataset with bundle and wheels, and a notebook.

    Example: player_contact kernel --run outputs/demo
    """
    from player_contact.kaggle.kernel import write_kernel
    from player_contact.pace import seconds_of

    seconds_of(time_budget)
    upload = write_kernel(find_run(run, holding="bundle"), user, time_budget, gpu, wheels.split())
    typer.echo(f"dataset  {upload.dataset}\nnotebook {upload.kernel}\nupload   {upload.megabytes:.1f} MB")


@app.command("kernel-check")
def kernel_check(
    run: RunWithKernel = Path("outputs/demo"),
    output: SeasonsOption = Path("outputs/seasons"),
    plays: Annotated[int, typer.Option(min=1, help="hidden plays to simulate")] = 6,
    workers: WorkersOption = 0,
) -> None:
    """Run the notebook as Kaggle would, offline and without the source tree, on simulated plays of another season.

    Example: player_contact kernel-check --run outputs/demo
    """
    from player_contact.config import load_config
    from player_contact.kaggle.kernel import upload_of
    from player_contact.kaggle.rehearsal import rehearsal_text, rehearse_run
    from player_contact.parallel import worker_count
    from player_contact.simulate.folder import season_folder

    upload = upload_of(find_run(run))
    season = load_config(run / "bundle" / "config.yaml").season
    hidden = season.model_copy(update={"seed": season.seed + 1000, "plays": 4, "test_plays": plays, "video": True})
    typer.echo(rehearsal_text(rehearse_run(upload, season_folder(output, hidden, worker_count(workers)))))


@app.command()
def push(run: RunWithKernel = Path("outputs/demo")) -> None:
    """Upload a run's kernel with Kaggle's own tool and start its notebook.

    Example: player_contact push --run outputs/demo
    """
    from player_contact.kaggle.kernel import upload_of
    from player_contact.kaggle.tool import push as push_upload

    typer.echo(push_upload(upload_of(find_run(run)), message=f"run {run.name}"))


@app.command()
def data(input: DataOption = INPUT) -> None:  # noqa: A002
    """Download the competition's data with Kaggle's own tool.

    Example: player_contact data
    """
    from player_contact.kaggle.tool import download

    download(input)
    typer.echo(input)
