"""The ladder: what each model adds, in Matthews correlation over every row, with an interval over games."""

from dataclasses import dataclass

import numpy as np

from player_contact.competition.metric import Counts, Thresholds, best_thresholds, matthews
from player_contact.evaluation.numbers import mcc_or_none, mcc_text

RESAMPLES = 2000


@dataclass(frozen=True)
class Rung:
    """One row of the ladder. Intervals are the middle 95 % of a bootstrap over games; `gain` is against the rung that `gain_over` names.

    `pairs` and `ground` are the scores of either kind of row alone; None where that is undefined: nothing is called a contact.
    """

    name: str
    mcc: float
    interval: tuple[float, float]
    pairs: float | None
    ground: float | None
    gain_over: str | None = None
    gain: float | None = None
    gain_interval: tuple[float, float] | None = None


def decide_out_of_fold(label: np.ndarray, probability: np.ndarray, is_ground: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """[N] bool decisions: each fold's rows by thresholds that were chosen on the other folds' rows, so no row helped to choose its own."""
    decided = np.zeros(len(label), dtype=bool)
    for one, thresholds in thresholds_by_fold(label, probability, is_ground, fold).items():
        inside = fold == one
        decided[inside] = thresholds.decide(probability[inside], is_ground[inside])
    return decided


def thresholds_by_fold(label: np.ndarray, probability: np.ndarray, is_ground: np.ndarray, fold: np.ndarray) -> dict[int, Thresholds]:
    """Fold -> the thresholds that are best on the rows of all other folds."""
    others = {int(one): fold != one for one in np.unique(fold)}
    return {one: best_thresholds(label[rows], probability[rows], is_ground[rows]) for one, rows in others.items()}


def counts_by_game(label: np.ndarray, decided: np.ndarray, game: np.ndarray) -> Counts:
    """Counts with one entry a game; `game` [N] holds numbers 0..G-1."""
    games = int(game.max()) + 1
    return Counts(*(np.bincount(game[rows], minlength=games) for rows in (label & decided, ~label & decided, label, slice(None))))


def total(counts: Counts) -> Counts:
    """The counts of all games together."""
    return Counts(*(int(np.sum(value)) for value in counts))


def bootstrap(counts: Counts, draws: np.ndarray) -> np.ndarray:
    """[R] Matthews correlations of resampled games; `draws` [R, G] holds how often each game was drawn."""
    return np.asarray(matthews(Counts(*(draws @ np.asarray(value) for value in counts))))


def make_ladder(
    label: np.ndarray, is_ground: np.ndarray, game: np.ndarray, decisions: dict[str, np.ndarray], gain_over: dict[str, str], seed: int
) -> list[Rung]:
    """The rungs of `decisions` (name -> [N] bool), in their order. Gains are paired: both rungs are scored on the same resampled games."""
    games = int(game.max()) + 1
    random = np.random.default_rng(seed)
    draws = random.multinomial(games, np.full(games, 1 / games), size=RESAMPLES)
    samples: dict[str, np.ndarray] = {}
    scores: dict[str, float] = {}
    rungs = []
    for name, decided in decisions.items():
        counts = counts_by_game(label, decided, game)
        samples[name], scores[name] = bootstrap(counts, draws), float(matthews(total(counts)))
        base = gain_over.get(name)
        pairs, ground = (mcc_or_none(counts_by_game(label[kind], decided[kind], game[kind])) for kind in (~is_ground, is_ground))
        rungs.append(
            Rung(
                name=name,
                mcc=scores[name],
                interval=_middle(samples[name]),
                pairs=pairs,
                ground=ground,
                gain_over=base,
                gain=scores[name] - scores[base] if base else None,
                gain_interval=_middle(samples[name] - samples[base]) if base else None,
            )
        )
    return rungs


def _middle(samples: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(samples, [0.025, 0.975])
    return float(low), float(high)


def ladder_text(rungs: list[Rung], simulated: bool) -> str:
    """The ladder as a table that fits 100 columns; a rung whose gain may be chance says so."""
    kind = "simulated season" if simulated else "competition data"
    lines = [
        f"Matthews correlation over every row, out of fold, {kind} (95 % interval over games)",
        f"{'':12}{'all':>7}  {'interval':<14}{'pairs':>7}{'ground':>8}  gain",
    ]
    for rung in rungs:
        interval = f"{rung.interval[0]:.3f}..{rung.interval[1]:.3f}"
        line = f"{rung.name:<12}{rung.mcc:7.3f}  {interval:<14}{mcc_text(rung.pairs):>7}{mcc_text(rung.ground):>8}"
        if rung.gain is not None and rung.gain_interval is not None:
            low, high = rung.gain_interval
            line += f"  {rung.gain:+.3f} ({low:+.3f}..{high:+.3f}) over {rung.gain_over}"
        lines.append(line)
    for rung in rungs:
        if rung.gain_interval is not None and rung.gain_interval[0] <= 0:
            word = "does worse than" if rung.gain_interval[1] < 0 else "is not clearly better than"
            so = " It decides the submission all the same." if rung is rungs[-1] else ""
            lines.append(f"At this size, {rung.name} {word} {rung.gain_over}.{so}")
    return "\n".join(lines)
