"""What each model adds: Matthews correlation over every row, with an interval over games."""

from dataclasses import dataclass

import numpy as np

from player_contact.competition.metric import Counts, Thresholds, best_thresholds, matthews

RESAMPLES = 2000
UNDEFINED = "–"
DECIDES = "blend"  # the model whose decisions are the submission's


@dataclass(frozen=True)
class ModelScore:
    """The MCC of a model. Intervals are the middle 95 % of a bootstrap over games.

    `gain` is over the model `gain_over`. `pairs` and `ground` are the MCC of either kind of row
    alone; None: undefined.
    """

    name: str
    mcc: float
    interval: tuple[float, float]
    pairs: float | None
    ground: float | None
    gain_over: str | None = None
    gain: float | None = None
    gain_interval: tuple[float, float] | None = None


def thresholds_by_fold(
    label: np.ndarray, probability: np.ndarray, is_ground: np.ndarray, fold: np.ndarray
) -> dict[int, Thresholds]:
    """Fold -> the thresholds that are best on the rows of all other folds."""
    return {
        int(number): best_thresholds(
            *(array[fold != number] for array in (label, probability, is_ground))
        )
        for number in np.unique(fold)
    }


def decide_out_of_fold(
    label: np.ndarray, probability: np.ndarray, is_ground: np.ndarray, fold: np.ndarray
) -> np.ndarray:
    """[N] bool decisions, each fold's by the thresholds of `thresholds_by_fold`."""
    decided = np.zeros(len(label), dtype=bool)
    for number, thresholds in thresholds_by_fold(label, probability, is_ground, fold).items():
        rows = fold == number
        decided[rows] = thresholds.decide(probability[rows], is_ground[rows])
    return decided


def counts_by_game(label: np.ndarray, decided: np.ndarray, game: np.ndarray) -> Counts:
    """Counts with one entry a game; `game` [N] holds numbers 0..G-1."""
    kinds = (label & decided, ~label & decided, label, slice(None))
    return Counts(*(np.bincount(game[rows], minlength=game.max() + 1) for rows in kinds))


def total(counts: Counts) -> Counts:
    """The counts of all games together."""
    return Counts(*(int(np.sum(value)) for value in counts))


def mcc_or_none(counts: Counts) -> float | None:
    """Matthews correlation of the counts together; None where labels or decisions are all equal."""
    tp, fp, positives, rows = total(counts)
    if positives in (0, rows) or tp + fp in (0, rows):
        return None
    return float(matthews(Counts(tp, fp, positives, rows)))


def mcc_text(mcc: float | None) -> str:
    """With three digits; a dash where it is undefined."""
    return UNDEFINED if mcc is None else f"{mcc:.3f}"


def draw_games(games: int, seed: int) -> np.ndarray:
    """[R, G] how often each game is drawn in each resample of a bootstrap."""
    shares = np.full(games, 1 / games)
    return np.random.default_rng(seed).multinomial(games, shares, size=RESAMPLES)


def bootstrap(counts: Counts, draws: np.ndarray) -> np.ndarray:
    """[R] Matthews correlations; `draws` [R, G] holds how often each game was drawn."""
    return np.asarray(matthews(Counts(*(draws @ np.asarray(value) for value in counts))))


def score_models(
    label: np.ndarray,
    is_ground: np.ndarray,
    game: np.ndarray,
    decisions: dict[str, np.ndarray],
    gain_over: dict[str, str],
    seed: int,
) -> list[ModelScore]:
    """The scores of `decisions` (name -> [N] bool), in their order.

    Gains are paired: both models are scored on the same resampled games.
    """
    draws = draw_games(int(game.max()) + 1, seed)
    samples: dict[str, np.ndarray] = {}
    scores: dict[str, ModelScore] = {}
    for name, decided in decisions.items():
        counts = counts_by_game(label, decided, game)
        samples[name], mcc = bootstrap(counts, draws), float(matthews(total(counts)))
        base = gain_over.get(name)
        pairs, ground = (
            mcc_or_none(counts_by_game(label[kind], decided[kind], game[kind]))
            for kind in (~is_ground, is_ground)
        )
        scores[name] = ModelScore(
            name=name,
            mcc=mcc,
            interval=interval(samples[name]),
            pairs=pairs,
            ground=ground,
            gain_over=base,
            gain=mcc - scores[base].mcc if base else None,
            gain_interval=interval(samples[name] - samples[base]) if base else None,
        )
    return list(scores.values())


def interval(samples: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of the samples."""
    low, high = np.quantile(samples, [0.025, 0.975])
    return float(low), float(high)


def scores_text(scores: list[ModelScore], simulated: bool) -> str:
    """The scores as a table of 100 columns; below it, which gains may be chance."""
    data = "simulated season" if simulated else "competition data"
    lines = [
        f"Matthews correlation over every row, out of fold, {data} (95 % interval over games)",
        f"{'':12}{'all':>7}  {'interval':<14}{'pairs':>7}{'ground':>8}  gain",
    ]
    notes = []
    for score in scores:
        interval = "{:.3f}..{:.3f}".format(*score.interval)
        kinds = f"{mcc_text(score.pairs):>7}{mcc_text(score.ground):>8}"
        lines.append(f"{score.name:<12}{score.mcc:7.3f}  {interval:<14}{kinds}")
        if score.gain_interval is None:
            continue
        low, high = score.gain_interval
        lines[-1] += f"  {score.gain:+.3f} ({low:+.3f}..{high:+.3f}) over {score.gain_over}"
        if low <= 0:
            verb = "does worse than" if high < 0 else "is not clearly better than"
            end = " It decides the submission all the same." if score.name == DECIDES else ""
            notes.append(f"At this size, {score.name} {verb} {score.gain_over}.{end}")
    return "\n".join(lines + notes)
