"""What other settings of the vision model score: it is trained again with each, on the run's own folds and crops."""

import dataclasses

import numpy as np
import pandas as pd

from player_contact.competition.season import is_ground
from player_contact.config import Config, VisionConfig
from player_contact.errors import ConfigError
from player_contact.evaluation.folds import game_of
from player_contact.evaluation.ladder import Rung, decide_out_of_fold, make_ladder
from player_contact.evaluation.numbers import mcc_text
from player_contact.files import remove, write_json
from player_contact.stages.run import Run
from player_contact.stages.vision import vision_by_configs

AS_CONFIGURED = "as configured"
LENGTHS = (1, 8, 16)  # steps of a stretch
ABLATION = (
    "vision.boxes=none", "vision.views=[Sideline]", "vision.views=[Endzone]", "vision.tabular=[]",
)  # fmt: skip
SHORTCUTS = ("none", "identity", "projection")  # of our own encoders, beside the usual one


def classic_variants(vision: VisionConfig) -> list[str]:
    """The classic ablation: no drawn boxes, one view, no sensor values, other shortcuts; and shorter or longer stretches, as many more or fewer of
    them, so that training sees as many steps, in batches that `vision.devices` can share."""
    share = vision.devices
    items = {name: getattr(vision, name) * vision.steps for name in ("stretches", "batch", "picture_batch")}
    lengths = [
        f"vision.steps={length} " + " ".join(f"vision.{name}={max(share, rows // length // share * share)}" for name, rows in items.items())
        for length in LENGTHS
        if length != vision.steps
    ]
    shortcuts = [f"vision.encoder_options.shortcut={one}" for one in SHORTCUTS if vision.encoder.startswith("contact_resnet")]
    return [ABLATION[0], *lengths, *ABLATION[1:], *shortcuts]


def score_variants(run: Run, configs: dict[str, Config], keys: dict[str, str], folds: int = 0) -> list[Rung]:
    """The rungs of vision alone by each config, gains over the first one, over every row of the labels in the first `folds` folds (0: all).

    Rows are out of fold, and no row helps to choose its own thresholds: those come from the other folds, or, where not all are trained, from other
    games. The run must be past its crops, and stays as it is. `keys` tell for each config all that decides what its models become: where an earlier
    call was interrupted, a variant with the same key goes on. Raises ConfigError where less than two games are left to score.
    """
    rows = run.season.rows
    fold = run.fold_of(rows["game_play"])
    asked = sorted(np.unique(fold).tolist())[: folds or None]
    inside = np.isin(fold, asked)
    label, ground = rows["contact"].to_numpy(dtype=bool)[inside], is_ground(rows)[inside]
    game = pd.factorize(game_of(rows["game_play"])[inside])[0]
    part = fold[inside] if not folds else (game % 4).astype(np.int8)
    if game.max(initial=0) < 1:
        raise ConfigError(f"{len(asked)} folds hold less than two games: thresholds can't be chosen on other games. Score more folds")
    wanted = {keys[name]: (config, run.folder / f".variant-{keys[name]}.partial") for name, config in configs.items()}  # one twice is trained once
    for _, folder in wanted.values():
        folder.mkdir(exist_ok=True)
    trained = dict(zip(wanted, vision_by_configs(run, list(wanted.values()), asked), strict=True))
    decisions = {}
    for name in configs:
        oof, _ = trained[keys[name]]
        probability = np.zeros(len(rows), dtype=np.float32)
        probability[oof["row"].to_numpy()] = oof["vision"].to_numpy()
        decisions[name] = decide_out_of_fold(label, probability[inside], ground, part)
    base, *others = configs
    rungs = make_ladder(label, ground, game, decisions, dict.fromkeys(others, base), run.config.seed)
    for folder in run.folder.glob(".variant-*.partial"):
        remove(folder)
    return rungs


def compare_variants(run: Run, configs: dict[str, Config], keys: dict[str, str], folds: int = 0) -> str:
    """Scores the configs, AS_CONFIGURED first, as `score_variants`; writes variants.json into the run's folder, and returns a table for a person."""
    rungs = score_variants(run, configs, keys, folds)
    text = variants_text(rungs, run.simulated, folds)
    write_json({"folds": folds, "rungs": [dataclasses.asdict(rung) for rung in rungs], "text": text}, run.folder / "variants.json")
    return text


def variants_text(rungs: list[Rung], simulated: bool, folds: int) -> str:
    """A table that fits 100 columns: the score of each variant, and what changing to it gains."""
    of = f"{folds} folds" if folds else "all folds"
    short = {rung.name: rung.name.replace("vision.", "").replace("encoder_options.", "") for rung in rungs}
    wide = max(map(len, short.values())) + 1
    lines = [
        f"Vision alone, Matthews correlation over every row of {of}, {'simulated season' if simulated else 'competition data'}",
        f"{'':{wide}}{'all':>7}{'pairs':>7}{'ground':>7}  gain (95 % interval over games)",
    ]
    for rung in rungs:
        line = f"{short[rung.name]:{wide}}{rung.mcc:7.3f}{mcc_text(rung.pairs):>7}{mcc_text(rung.ground):>7}"
        if rung.gain is not None and rung.gain_interval is not None:
            line += f"  {rung.gain:+.3f} ({rung.gain_interval[0]:+.3f}..{rung.gain_interval[1]:+.3f})"
        lines.append(line)
    return "\n".join(lines)
