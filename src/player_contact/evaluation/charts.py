"""The report's pictures, as SVG in the page: matplotlib draws the same bytes for the same numbers, needs no script, and prints; a charting script
inlined would be larger than all of the rest."""

import base64
import io
from typing import Any

import numpy as np
import pandas as pd

from player_contact.competition.metric import Counts, Thresholds, matthews

# Okabe and Ito (2008): told apart by colour-blind eyes; the dashes do the same in grey.
LOOKS: dict[str, dict[str, Any]] = {
    "sensors": {"color": "#999999", "linestyle": (0, (1, 1.5))},
    "screen": {"color": "#0072b2", "linestyle": (0, (5, 2))},
    "vision": {"color": "#e69f00", "linestyle": (0, (3, 1.5, 1, 1.5))},
    "blend": {"color": "#000000", "linestyle": "-"},
}
CHOSEN = "#d55e00"
FOLD_COLOURS = ("#000000", "#0072b2", "#e69f00", "#009e73", "#cc79a7")
POINTS = 200  # of a curve


def ladder_chart(rungs: list[dict]) -> str:
    """The score of each model with its interval."""
    figure = _figure(7, 0.4 * len(rungs) + 0.8)
    ax = figure.subplots()
    for place, rung in enumerate(rungs):
        ax.plot(rung["interval"], [place, place], color="#0072b2", linewidth=2, solid_capstyle="butt")
        ax.plot(rung["mcc"], place, "o", color="#000000", markersize=6)
    ax.set(
        yticks=range(len(rungs)), yticklabels=[rung["name"] for rung in rungs], xlabel="Matthews correlation, all rows", ylim=(len(rungs) - 0.5, -0.5)
    )
    return _svg(figure)


def threshold_chart(oof: pd.DataFrame, ground: np.ndarray, thresholds: Thresholds) -> str:
    """MCC of pair rows and of ground rows against the threshold."""
    figure, axes = _two("threshold", "MCC")
    label = oof["contact"].to_numpy(dtype=bool)
    grid = np.linspace(0.005, 0.995, POINTS)
    for ax, (kind, inside, chosen) in zip(axes, _kinds(ground, thresholds), strict=True):
        for name, look in LOOKS.items():
            hits, called = _called(label[inside], oof[name].to_numpy()[inside], grid)
            whole = [np.full(POINTS, number) for number in (label[inside].sum(), inside.sum())]
            ax.plot(grid, matthews(Counts(hits, called - hits, *whole)), label=name, **look)
        ax.axvline(chosen, color=CHOSEN, linewidth=1, label="the submission's")
        ax.set(title=f"{kind} rows alone", ylim=(0, 1))
    axes[0].legend(fontsize=8, loc="lower center", ncols=2)
    return _svg(figure)


def precision_recall_chart(oof: pd.DataFrame, ground: np.ndarray, thresholds: Thresholds) -> str:
    """Precision against recall, over every contact of the labels; the point is the submission's threshold."""
    figure, axes = _two("recall", "precision")
    label = oof["contact"].to_numpy(dtype=bool)
    for ax, (kind, inside, chosen) in zip(axes, _kinds(ground, thresholds), strict=True):
        contacts = max(int(label[inside].sum()), 1)
        for name, look in LOOKS.items():
            probability = oof[name].to_numpy()[inside]
            kept = probability[probability > 0]
            grid = np.unique(np.quantile(kept, np.linspace(0, 1, POINTS) ** 0.25)) if len(kept) else np.empty(0)
            hits, called = _called(label[inside], probability, grid)
            ax.plot(hits / contacts, hits / np.maximum(called, 1), label=name, **look)
        hits, called = _called(label[inside], oof["blend"].to_numpy()[inside], np.array([chosen]))
        ax.plot(hits / contacts, hits / np.maximum(called, 1), "o", color=CHOSEN)
        ax.set(title=f"{kind} rows", xlim=(0, 1.01), ylim=(0, 1.01))
    axes[0].legend(fontsize=8, loc="lower left")
    return _svg(figure)


def calibration_chart(oof: pd.DataFrame, ground: np.ndarray) -> str:
    """How often rows of a predicted probability are contacts; larger dots stand for more rows. Rows that a model did not look at are left out."""
    figure, axes = _two("predicted probability", "share of contacts")
    label = oof["contact"].to_numpy(dtype=bool)
    for ax, (kind, inside, _) in zip(axes, _kinds(ground, Thresholds(0, 0)), strict=True):
        ax.plot([0, 1], [0, 1], color="#999999", linewidth=1)
        for name in ("screen", "vision", "blend"):
            probability = oof[name].to_numpy()[inside]
            looked = probability > 0
            place = np.minimum((probability[looked] * 10).astype(int), 9)
            rows = np.bincount(place, minlength=10)
            used = rows > 0
            mean, share = (np.bincount(place, values, minlength=10)[used] / rows[used] for values in (probability[looked], label[inside][looked]))
            ax.plot(mean, share, label=name, **LOOKS[name])
            ax.scatter(mean, share, s=4 + 6 * np.log10(rows[used]), color=LOOKS[name]["color"])
        ax.set(title=f"{kind} rows", xlim=(0, 1), ylim=(0, 1))
    axes[0].legend(fontsize=8, loc="upper left")
    return _svg(figure)


def learning_chart(log: pd.DataFrame) -> str:
    """Loss in training and of held-out rows (which chooses nothing), gradient norm and learning rate by epoch; a line for each fold (and each model
    of an ensemble). A dashed line parts the epochs of single pictures from those of stretches, where it is the same for all."""
    ends = set(log[log["phase"] == "pictures"].groupby(["fold", "member"])["epoch"].max())
    names = [name for name in ("loss", "held_out", "gradient_norm", "learning_rate") if name in log and log[name].notna().any()]
    keys = [name for name in ("fold", "member") if name in log and (name == "fold" or log[name].any())]
    figure = _figure(9, 2.5)
    for ax, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
        for key, part in log.groupby(keys):
            label = " ".join(f"{word} {number}" for word, number in zip(keys, key, strict=True))
            ax.plot(part["epoch"] + 1, part[name], label=label, marker=".", color=FOLD_COLOURS[int(key[0]) % len(FOLD_COLOURS)])
        if len(ends) == 1:
            ax.axvline(min(ends) + 1.5, color="grey", linestyle="--", linewidth=1)
        ax.set(xlabel="epoch", title=name.replace("_", " "), ylim=(0, None))
        ax.locator_params(axis="x", integer=True)
        ax.grid(alpha=0.3)
    figure.axes[0].legend(fontsize=8, ncols=2)
    return _svg(figure)


def _figure(width: float, height: float):
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _two(x: str, y: str):
    figure = _figure(9, 3.2)
    axes = figure.subplots(1, 2, sharey=True)
    for ax in axes:
        ax.set_xlabel(x)
        ax.grid(alpha=0.3)
    axes[0].set_ylabel(y)
    return figure, axes


def _kinds(ground: np.ndarray, thresholds: Thresholds) -> tuple[tuple[str, np.ndarray, float], ...]:
    return ("pair", ~ground, thresholds.pair), ("ground", ground, thresholds.ground)


def _called(label: np.ndarray, probability: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Contacts among the rows, and rows, whose probability is at least each value of the grid."""
    ordered, positive = np.sort(probability), np.sort(probability[label])
    return len(positive) - np.searchsorted(positive, grid), len(ordered) - np.searchsorted(ordered, grid)


def _svg(figure) -> str:
    """A data address of the figure, the same bytes for the same figure."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "player_contact"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
