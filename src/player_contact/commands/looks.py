"""Pictures to look at."""

from pathlib import Path
from typing import Annotated

import typer

from player_contact.commands.options import INPUT, RunWithCrops, find_run, has_data, refuse_no_season

app = typer.Typer()


@app.command("look-crops")
def look_crops(
    run: RunWithCrops = Path("outputs/demo"),
    output: Annotated[Path | None, typer.Option(help="the picture to write; crops.png in the run's folder if not given")] = None,
    seed: Annotated[int, typer.Option(help="which rows are drawn")] = 0,
) -> None:
    """Draw a contact sheet: what the model sees, contacts beside non-contacts.

    Example: player_contact look-crops --run outputs/demo
    """
    from player_contact.evaluation.look import write_contact_sheet

    find_run(run)
    output = output or run / "crops.png"
    write_contact_sheet(run, output, seed=seed)
    typer.echo(output)


@app.command("look-augmentations")
def look_augmentations(
    run: RunWithCrops = Path("outputs/demo"),
    output: Annotated[Path | None, typer.Option(help="the picture to write; augmentations.png in the run's folder if not given")] = None,
    seed: Annotated[int, typer.Option(help="which stretch is drawn, and what changes it")] = 0,
) -> None:
    """Draw what training does to a stretch: each change alone, then all that the run's config asks for.

    Example: player_contact look-augmentations --run outputs/demo
    """
    from player_contact.config import load_config
    from player_contact.evaluation.look_augmentations import write_augmentation_sheet

    find_run(run)
    output = output or run / "augmentations.png"
    write_augmentation_sheet(run, load_config(run / "config.yaml").vision, output, seed)
    typer.echo(output)


@app.command("look-frames")
def look_frames(
    input: Annotated[Path, typer.Option(help="a season's folder")] = INPUT,  # noqa: A002
    split: Annotated[str, typer.Option(help="train or test")] = "train",
    play: Annotated[str, typer.Option(help="a game_play; the first with videos if not given")] = "",
    output: Annotated[Path, typer.Option(help="the picture to write")] = Path("outputs/frames.png"),
) -> None:
    """Draw whole frames of a play: the snap, the first contact and the pile in both views, with helmet boxes and contacts.

    Example: player_contact look-frames --play 58168_003392
    """
    from player_contact.evaluation.frames import write_frame_sheet

    if input == INPUT and not has_data(input):
        refuse_no_season(input)
    write_frame_sheet(input, split, play, output)
    typer.echo(output)
