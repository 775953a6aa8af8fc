"""Out-of-fold scores of the vision model with other settings, on a run's own folds and crops."""

import dataclasses
import re

import numpy as np
import pandas as pd

from player_contact.config import Config, VisionConfig
from player_contact.evaluation.scores import ModelScore
from player_contact.pipeline.comparison import score_probabilities, write_comparison
from player_contact.pipeline.result_stages import with_fallback
from player_contact.pipeline.run import Labels, Run
from player_contact.pipeline.vision_stage import train_configs
from player_contact.utils.errors import ConfigError
from player_contact.utils.files import read_json, remove

AS_CONFIGURED = "as configured"
CLIP_LENGTHS = (1, 8, 16)
SECTIONS = re.compile(r"\bvision\.|\bencoder_options\.")
SHORTCUTS = ("none", "identity", "projection")  # of our own encoders, beside the usual one


def default_variants(vision: VisionConfig) -> list[str]:
    """Settings: no boxes, one view, no tabular features, other clip lengths, other shortcuts.

    With other clip lengths an epoch has as many steps, in batches that `vision.devices` can share.
    """
    lengths, devices = [], vision.devices
    for length in CLIP_LENGTHS:
        settings = f"vision.clip_length={length}"
        for name in ("clips_per_epoch", "batch_size"):
            clips = getattr(vision, name) * vision.clip_length // length
            settings += f" vision.{name}={max(devices, clips // devices * devices)}"
        items = vision.image_batch_samples * vision.clip_length // length
        rows = length * max(devices, items // devices * devices)
        settings += f" vision.image_batch_size={rows}"
        if length != vision.clip_length:
            lengths.append(settings)
    inputs = ["vision.views=[Sideline]", "vision.views=[Endzone]", "vision.tabular=[]"]
    shortcuts = [f"vision.encoder_options.shortcut={shortcut}" for shortcut in SHORTCUTS]
    own_encoder = vision.encoder.startswith("contact_resnet")
    return ["vision.boxes=none", *lengths, *inputs, *(shortcuts if own_encoder else [])]


def score_variants(
    run: Run, configs: dict[str, Config], keys: dict[str, str], folds: int = 0
) -> list[ModelScore]:
    """Scores of vision by each config, over all rows of the first `folds` folds (0: all).

    Rows that no view shows, or that are closed, are the screen's in all of them.

    Gains are over the first config. Thresholds come from the other folds or, where not all are
    trained, from other games. The run must be past its crops, and stays as it is. `keys` hold for
    each config what decides its models: an interrupted variant with the same key is resumed,
    and what the run itself has trained is not trained again.
    Raises ConfigError where fewer than two games are left to score.
    """
    labels = run.labels
    scored_folds = np.unique(labels.fold).tolist()[: folds or None]
    scored = np.isin(labels.fold, scored_folds)
    games, game = np.unique(labels.game[scored], return_inverse=True)
    if len(games) < 2:
        raise ConfigError(
            "One fold of a single game is to be scored: thresholds can't be chosen on other games. "
            "Score more folds, such as FOLDS=2"
        )
    part = game % 4 if folds else labels.fold[scored]
    scored_labels = Labels(labels.label[scored], labels.is_ground[scored], part, game)
    oof = _trained_by_the_run(run, {*keys.values()})
    unique = {  # equal ones are trained once
        keys[name]: (config, run.folder / f".variant-{keys[name]}.partial")
        for name, config in configs.items()
        if keys[name] not in oof
    }
    for _, folder in unique.values():
        folder.mkdir(exist_ok=True)
    trained = train_configs(run, list(unique.values()), scored_folds) if unique else []
    oof |= {key: table for key, (table, _) in zip(unique, trained, strict=True)}
    screen = run.all_rows(run.oof("screen"), "screen")[scored]
    probabilities = {
        name: with_fallback(run.all_rows(oof[keys[name]], "vision")[scored], screen)
        for name in configs
    }
    base, *others = configs
    gain_over, seed = dict.fromkeys(others, base), run.config.seed
    scores, _ = score_probabilities(scored_labels, probabilities, gain_over, seed)
    for folder in run.folder.glob(".variant-*.partial"):
        remove(folder)
    return scores


def _trained_by_the_run(run: Run, keys: set[str]) -> dict[str, pd.DataFrame]:
    """The out-of-fold table of the run's vision stage by its key, if it is one of `keys`."""
    stage = read_json(run.folder / "stages.json").get("vision", {})
    is_there = (run.folder / "vision" / "oof.parquet").is_file()
    return {key: run.oof("vision") for key in keys & {stage.get("fingerprint")} if is_there}


def compare_variants(
    run: Run, configs: dict[str, Config], keys: dict[str, str], folds: int = 0
) -> str:
    """`score_variants` of configs, the base first; writes variants.json and returns its table."""
    scores = score_variants(run, configs, keys, folds)
    shown = [dataclasses.replace(score, name=SECTIONS.sub("", score.name)) for score in scores]
    scope = f"{folds} folds" if folds else "all folds"
    title = f"Vision, Matthews correlation over every row of {scope}, {run.data}"
    return write_comparison(run.folder / "variants.json", title, scores, shown, folds=folds)
