"""Scores of models beside each other, with what each gains."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from player_contact.evaluation.scores import ModelScore, decide_out_of_fold, mcc_text, score_models
from player_contact.pipeline.run import Labels
from player_contact.utils.files import write_json


def score_probabilities(
    labels: Labels, probabilities: dict[str, np.ndarray], gain_over: dict[str, str], seed: int
) -> tuple[list[ModelScore], dict[str, np.ndarray]]:
    """Scores and [N] bool decisions of models, out of fold, from their [N] probabilities."""
    decisions = {
        name: decide_out_of_fold(labels.label, probability, labels.is_ground, labels.fold)
        for name, probability in probabilities.items()
    }
    arrays = labels.label, labels.is_ground, labels.game
    return score_models(*arrays, decisions, gain_over, seed), decisions


def write_comparison(
    path: Path,
    title: str,
    scores: list[ModelScore],
    shown: list[ModelScore],
    gain: str = "gain",
    **facts: Any,
) -> str:
    """Writes the scores and `facts` as JSON, and returns a table of those `shown` below the title.

    `gain` heads the column of what is shown as a score's gain.
    """
    width = max(len(score.name) for score in shown) + 1
    head = f"{'':{width}}{'all':>7}{'pairs':>7}{'ground':>7}  {gain} (95 % interval over games)"
    lines = [title, head]
    for score in shown:
        kinds = f"{mcc_text(score.pairs):>7}{mcc_text(score.ground):>7}"
        lines.append(f"{score.name:{width}}{score.mcc:7.3f}{kinds}")
        if score.gain is not None and score.gain_interval is not None:
            low, high = score.gain_interval
            lines[-1] += f"  {score.gain:+.3f} ({low:+.3f}..{high:+.3f})"
    text = "\n".join(lines)
    rows = [dataclasses.asdict(score) for score in scores]
    write_json({"scores": rows, **facts, "text": text}, path)
    return text
