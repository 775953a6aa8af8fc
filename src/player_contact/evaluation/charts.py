"""The report's charts, as SVG in the page: no script, and the same bytes for the same numbers."""

import base64
import io
from typing import Any

import numpy as np
import pandas as pd

from player_contact.competition.metric import Counts, Thresholds, matthews

# Okabe and Ito (2008): distinct to color-blind eyes; the dashes do the same in gray.
STYLES: dict[str, dict[str, Any]] = {
    "sensors": {"color": "#999999", "linestyle": (0, (1, 1.5))},
    "screen": {"color": "#0072b2", "linestyle": (0, (5, 2))},
    "vision": {"color": "#e69f00", "linestyle": (0, (3, 1.5, 1, 1.5))},
    "blend": {"color": "#000000", "linestyle": "-"},
}
THRESHOLD_COLOR = "#d55e00"
FOLD_COLORS = ("#000000", "#0072b2", "#e69f00", "#009e73", "#cc79a7")
POINTS = 200  # of a curve
NEAR: dict[str, Any] = {"textcoords": "offset points", "fontsize": 9}  # of a text beside a point


def scores_chart(scores: list[dict]) -> str:
    """The MCC of each model with its interval."""
    figure = _figure(6, 0.36 * len(scores) + 0.7)
    ax, y = figure.subplots(), range(len(scores))
    low, high = zip(*(score["interval"] for score in scores), strict=True)
    ax.hlines(y, low, high, color="#0072b2", linewidth=2)
    ax.plot([score["mcc"] for score in scores], y, "o", color="#000000")
    for position, score in zip(y, scores, strict=True):
        ax.annotate(f"{score['mcc']:.3f}", (score["interval"][1], position), (6, -4), **NEAR)
    ax.set(xlabel="Matthews correlation, all rows", ylim=(len(scores) - 0.5, -0.5))
    ax.margins(x=0.12)
    ax.set_yticks(y, [score["name"] for score in scores])
    return _svg(figure)


def threshold_chart(oof: pd.DataFrame, ground: np.ndarray, thresholds: Thresholds) -> str:
    """MCC of pair rows and of ground rows against the threshold."""
    figure, kinds = _pair_and_ground("threshold", "MCC", oof, ground, thresholds)
    grid = np.linspace(0.005, 0.995, POINTS)
    for ax, rows, threshold in kinds:
        for name, style in STYLES.items():
            tp, positive = _positives(rows, name, grid)
            mcc = matthews(Counts(tp, positive - tp, rows["contact"].sum(), len(rows)))
            ax.plot(grid, mcc, label=name, **style)
        ax.axvline(threshold, color=THRESHOLD_COLOR, linewidth=1, label="the submission's")
        ax.set(ylim=(0, 1))
    figure.axes[0].legend(fontsize=8, loc="lower center", ncols=2)
    return _svg(figure)


def precision_recall_chart(oof: pd.DataFrame, ground: np.ndarray, thresholds: Thresholds) -> str:
    """Precision against recall over every labelled contact; a dot at the submission's threshold."""
    figure, kinds = _pair_and_ground("recall", "precision", oof, ground, thresholds)
    quantiles = np.linspace(0, 1, POINTS) ** 0.25
    for ax, rows, threshold in kinds:
        for name, style in STYLES.items():
            grid = rows.loc[rows[name] > 0, name].quantile(quantiles).dropna().unique()
            ax.plot(*_recall_precision(rows, name, grid), label=name, **style)
        point = _recall_precision(rows, "blend", np.array([threshold]))
        ax.plot(*point, "o", color=THRESHOLD_COLOR)
        ax.set(xlim=(0, 1.01), ylim=(0, 1.01))
    figure.axes[0].legend(fontsize=8, loc="lower left")
    return _svg(figure)


def calibration_chart(oof: pd.DataFrame, ground: np.ndarray) -> str:
    """The share of contacts by predicted probability; larger dots stand for more rows.

    Rows without a prediction of a model are left out of its line.
    """
    figure, kinds = _pair_and_ground(
        "predicted probability", "share of contacts", oof, ground, Thresholds(0, 0)
    )
    for ax, rows, _ in kinds:
        ax.plot([0, 1], [0, 1], color="#999999", linewidth=1)
        for name in ("screen", "vision", "blend"):
            known = rows[rows[name] > 0]
            bins = known.groupby((known[name] * 10).astype(int).clip(upper=9))
            table = bins.agg(mean=(name, "mean"), share=("contact", "mean"), rows=(name, "size"))
            ax.plot(table["mean"], table["share"], label=name, **STYLES[name])
            size = 4 + 6 * np.log10(table["rows"])
            ax.scatter(table["mean"], table["share"], s=size, color=STYLES[name]["color"])
        ax.set(xlim=(0, 1), ylim=(0, 1))
    figure.axes[0].legend(fontsize=8, loc="upper left")
    return _svg(figure)


def training_chart(log: pd.DataFrame) -> str:
    """The columns of the training log by epoch; a line for each fold and model of an ensemble.

    A dashed line parts the image epochs from those of clips, where it is the same for all.
    """
    columns = ["train_loss", "val_loss", "grad_norm", "learning_rate"]
    columns = [name for name in columns if log[name].notna().any()]
    keys = ["fold", "member"] if log["member"].any() else ["fold"]
    image_epochs = set(log[log["phase"] == "images"].groupby(keys)["epoch"].max() + 1)
    figure = _figure(9, 2.5)
    for ax, name in zip(figure.subplots(1, len(columns), squeeze=False)[0], columns, strict=True):
        for key, part in log.groupby(keys):
            label = " ".join(f"{word} {number}" for word, number in zip(keys, key, strict=True))
            color = FOLD_COLORS[int(key[0]) % len(FOLD_COLORS)]
            ax.plot(part["epoch"] + 1, part[name], ".-", label=label, color=color)
        if len(image_epochs) == 1:
            ax.axvline(min(image_epochs) + 0.5, color="gray", linestyle="--", linewidth=1)
        ax.set(xlabel="epoch", title=name.replace("_", " "), ylim=(0, None))
        ax.locator_params(axis="x", integer=True)
        ax.grid(alpha=0.3)
    figure.axes[0].legend(fontsize=8, ncols=2)
    return _svg(figure)


def _figure(width: float, height: float):
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _pair_and_ground(x: str, y: str, oof: pd.DataFrame, ground: np.ndarray, thresholds: Thresholds):
    """A figure, and the axes, rows and threshold of pairs and of the ground."""
    figure = _figure(9, 3.2)
    axes = figure.subplots(1, 2, sharey=True)
    axes[0].set_ylabel(y)
    for ax, title in zip(axes, ("pair rows", "ground rows"), strict=True):
        ax.set(xlabel=x, title=title)
        ax.grid(alpha=0.3)
    limits = thresholds.pair, thresholds.ground
    return figure, list(zip(axes, (oof[~ground], oof[ground]), limits, strict=True))


def _positives(rows: pd.DataFrame, name: str, grid: np.ndarray) -> tuple[np.ndarray, ...]:
    """Contacts among the rows, and rows, of a probability of at least each value of the grid."""
    every, contacts = np.sort(rows[name]), np.sort(rows.loc[rows["contact"] == 1, name])
    return tuple(len(values) - np.searchsorted(values, grid) for values in (contacts, every))


def _recall_precision(rows: pd.DataFrame, name: str, grid: np.ndarray) -> tuple[np.ndarray, ...]:
    tp, positive = _positives(rows, name, grid)
    return tp / max(rows["contact"].sum(), 1), tp / np.maximum(positive, 1)


def _svg(figure) -> str:
    """A data URL of the figure."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "player_contact"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
