"""Helmets in video: a detector is trained, and a table written with it."""

from argparse import Namespace
from pathlib import Path

from player_contact.cli import app
from player_contact.cli.options import INPUT
from player_contact.cli.runs import config_of, has_data, season_to_plot, simulated_season
from player_contact.utils.errors import InputError


@app.command(
    "input",
    "outputs",
    "set",
    "workers",
    config=Path("configs/helmets.yaml"),
    output=Path("outputs/helmets.safetensors"),
)
def detector(args: Namespace) -> None:
    """Train a detector of helmets on the training videos of a season.

    Example: python -m player_contact detector --config configs/helmets.yaml
    """
    from player_contact.competition.season import read_season
    from player_contact.detection.detect import HelmetDetector, save_detector
    from player_contact.detection.detector_model import make_detector
    from player_contact.detection.train_detector import train_detector
    from player_contact.detection.training_frames import read_frames
    from player_contact.utils.parallel import worker_count
    from player_contact.vision.device import limit_num_workers

    config = config_of(args)
    make_detector(config.detector)  # an encoder that does not fit is told now
    folder = args.input
    if folder == INPUT and not has_data(folder):
        folder = simulated_season(args, config.season)
    season, workers = read_season(folder, "train"), worker_count(args.workers)
    count = len(season.game_plays)
    frames = read_frames(season.plays(), count, folder / "truth", config.detector, workers)
    if not len(frames.images):
        raise InputError(f"{season.video_folder} holds no video with helmets to train on")
    loaders = limit_num_workers(workers - 1)  # tiles take a core to make
    model = train_detector(frames, config.detector, config.seed, config.num_threads, loaders)
    save_detector(HelmetDetector(model, config.detector), args.output)
    print(args.output)


@app.command(
    "input",
    "outputs",
    "split",
    "workers",
    "detector",
    "fill",
    output=Path("outputs/helmets.csv"),
)
def helmets(args: Namespace) -> None:
    """Find and name the helmets in a season's videos, and write them as its table of helmets.

    Example: python -m player_contact helmets --input folder --split test
    """
    from player_contact.competition.season import read_season
    from player_contact.config import detector_file
    from player_contact.detection.helmet_table import write_helmets
    from player_contact.detection.play_helmets import ADDED, FOUND, NAMED
    from player_contact.utils.parallel import worker_count

    season = read_season(season_to_plot(args), args.split)
    workers = worker_count(args.workers)
    if not any(season.video_folder.glob("*.mp4")):
        raise InputError(f"No video was found in {season.video_folder}: there is nothing to search")
    detector = detector_file(args.detector)
    counts = write_helmets(season, detector, args.fill, args.output, workers)
    share = counts[NAMED] / max(counts[FOUND], 1)
    text = "{} helmets found at the steps, {:.1%} of them named; {} boxes added"
    print(f"{args.output}\n{text.format(counts[FOUND], share, counts[ADDED])}")
