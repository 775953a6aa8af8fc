"""Images of the data, and of what the vision model gets."""

from argparse import Namespace
from pathlib import Path

from player_contact.cli import app
from player_contact.cli.runs import find_run, season_to_plot


@app.command("outputs", "output", "seed", run="demo")
def plot_crops(args: Namespace) -> None:
    """Draw crops of a run, contacts beside non-contacts, into crops.png of its folder.

    Example: python -m player_contact plot-crops --run demo
    """
    from player_contact.evaluation.crop_sheet import write_crop_sheet

    run = find_run(args)
    output = args.output or run / "crops.png"
    write_crop_sheet(run, output, seed=args.seed)
    print(output)


@app.command("outputs", "output", "seed", run="demo")
def plot_augmentations(args: Namespace) -> None:
    """Draw each augmentation of a clip alone, then all of them, into augmentations.png of a run.

    Example: python -m player_contact plot-augmentations --run demo
    """
    from player_contact.config import load_config
    from player_contact.evaluation.augmentation_sheet import write_augmentation_sheet

    run = find_run(args)
    output = args.output or run / "augmentations.png"
    write_augmentation_sheet(run, load_config(run / "config.yaml").vision, output, args.seed)
    print(output)


@app.command("input", "outputs", "split", "play", output=Path("outputs/frames.png"))
def plot_frames(args: Namespace) -> None:
    """Draw frames of plays in both views: snap, first contact and pile, with boxes and contacts.

    Example: python -m player_contact plot-frames --play 58168_003392
    """
    from player_contact.evaluation.frame_sheet import write_frame_sheet

    write_frame_sheet(season_to_plot(args), args.split, args.play, args.output)
    print(args.output)
