"""What other settings of the vision model score: it is trained again with each, on the run's own folds and crops."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.season import is_ground
from player_contact.config import Config, VisionConfig
from player_contact.evaluation.folds import game_of
from player_contact.evaluation.ladder import Rung, decide_out_of_fold, make_ladder
from player_contact.files import read_json, remove, write_json
from player_contact.stages.run import Run
from player_contact.stages.vision import vision_out_of_fold

AS_CONFIGURED = "as configured"
LENGTHS = (1, 8, 16)  # steps of a stretch
ABLATION = (
    "vision.boxes=none", "vision.views=[Sideline]", "vision.views=[Endzone]", "vision.tabular=[]",
    "vision.encoder_options.shortcut=none", "vision.encoder_options.shortcut=identity", "vision.encoder_options.shortcut=projection",
)  # fmt: skip


def classic_variants(vision: VisionConfig) -> list[str]:
    """The classic ablation: no drawn boxes, one view, no sensor values, other shortcuts; and shorter or longer stretches, as many more or fewer of
    them, so that training sees as many steps."""
    rows, batch = vision.stretches * vision.steps, vision.batch * vision.steps
    lengths = [
        f"vision.steps={length} vision.stretches={max(1, rows // length)} vision.batch={max(1, batch // length)}"
        for length in LENGTHS
        if length != vision.steps
    ]
    return [ABLATION[0], *lengths, *ABLATION[1:]]


def score_variants(run: Run, configs: dict[str, Config], folds: int = 0) -> list[Rung]:
    """The rungs of vision alone by each config, gains over the first one, over every row of the labels in the first `folds` folds (0: all).

    Rows are out of fold, and no row helps to choose its own thresholds: those come from the other folds, or, where not all are trained, from other
    games. The run must be past its crops, and stays as it is; a variant that an interrupted call has begun goes on.
    """
    rows = run.season.rows
    fold = run.fold_of(rows["game_play"])
    asked = sorted(np.unique(fold).tolist())[: folds or None]
    inside = np.isin(fold, asked)
    label, ground = rows["contact"].to_numpy(dtype=bool)[inside], is_ground(rows)[inside]
    game = pd.factorize(game_of(rows["game_play"])[inside])[0]
    part = fold[inside] if not folds else (game % 4).astype(np.int8)
    decisions, kept = {}, []
    for name, config in configs.items():
        kept.append(_work_folder(run, config))
        kept[-1].mkdir(exist_ok=True)
        oof = vision_out_of_fold(dataclasses.replace(run, config=config), kept[-1], asked)[0]
        probability = np.zeros(len(rows), dtype=np.float32)
        probability[oof["row"].to_numpy()] = oof["vision"].to_numpy()
        decisions[name] = decide_out_of_fold(label, probability[inside], ground, part)
    base, *others = configs
    rungs = make_ladder(label, ground, game, decisions, dict.fromkeys(others, base), run.config.seed)
    for folder in kept:
        remove(folder)
    return rungs


def compare_variants(run: Run, configs: dict[str, Config], folds: int = 0) -> str:
    """Scores the run's own config and the others, writes variants.json into the run's folder, and returns a table for a person."""
    rungs = score_variants(run, {AS_CONFIGURED: run.config} | configs, folds)
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
        line = f"{short[rung.name]:{wide}}{rung.mcc:7.3f}{rung.pairs:7.3f}{rung.ground:7.3f}"
        if rung.gain is not None and rung.gain_interval is not None:
            line += f"  {rung.gain:+.3f} ({rung.gain_interval[0]:+.3f}..{rung.gain_interval[1]:+.3f})"
        lines.append(line)
    return "\n".join(lines)


def _work_folder(run: Run, config: Config) -> Path:
    """Named by all that decides what a variant's models become, so that only the same training is gone on with."""
    crops = read_json(run.folder / "stages.json")["crops"]["fingerprint"]
    told = json.dumps([crops, config.seed, config.threads, config.vision.model_dump(mode="json")], sort_keys=True)
    return run.folder / f".variant-{hashlib.blake2b(told.encode(), digest_size=8).hexdigest()}.partial"
