"""A page that shows a run: the ladder, scores by threshold and distance, the plays, and where the time went. Opens from disk, loads nothing."""

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.metric import Counts, count, matthews
from player_contact.competition.names import GROUND_TEXT
from player_contact.files import read_json

DISTANCES = (0, 0.5, 1, 1.5, 2, 3)  # yards


def write_report(run: Path, folder: Path) -> None:
    """Writes `index.html` into `folder` from the outputs of a run. Text from the data is escaped by the template."""
    import jinja2

    folder.mkdir(exist_ok=True)
    oof = pd.read_parquet(run / "oof.parquet")
    ground = oof["contact_id"].str.endswith(f"_{GROUND_TEXT}").to_numpy()
    ladder = read_json(run / "ladder.json")
    environment = jinja2.Environment(loader=jinja2.PackageLoader("player_contact.evaluation"), autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.get_template("report.html").render(
        name=run.name,
        ladder=ladder,
        submission=read_json(run / "submission.json"),
        stages=read_json(run / "stages.json"),
        config=(run / "config.yaml").read_text(),
        distances=by_distance(oof, ground),
        plays=by_play(oof),
        features=top_features(run / "screen" / "importance.csv"),
        cut=read_json(run / "screen" / "cut.json"),
        threshold_picture=_threshold_picture(oof, ground, ladder["thresholds"]),
        learning_picture=_learning_picture(run / "vision" / "log.csv"),
    )
    (folder / "index.html").write_text(page, encoding="utf-8")


def by_distance(oof: pd.DataFrame, ground: np.ndarray) -> pd.DataFrame:
    """Pair rows by their sensed distance: rows, contacts, and what the final decisions got right and wrong."""
    distance = 1 / oof["nearness"].to_numpy(dtype=np.float64).clip(1e-9) - 1
    label, final = oof["contact"].to_numpy(dtype=bool), oof["final"].to_numpy(dtype=bool)
    lines = []
    for low, high in zip(DISTANCES, (*DISTANCES[1:], np.inf), strict=True):
        inside = ~ground & (distance >= low) & (distance < high)
        counts = count(label[inside], final[inside])
        name = f"{low:g} to {high:g}" if np.isfinite(high) else f"over {low:g}"
        lines.append({"yards": name, **_numbers(counts)})
    return pd.DataFrame([*lines, {"yards": "ground", **_numbers(count(label[ground], final[ground]))}])


def by_play(oof: pd.DataFrame) -> pd.DataFrame:
    """Every play with its fold, rows, contacts and score, the worst score first."""
    lines = []
    for play, part in oof.groupby("game_play", sort=True):
        counts = count(part["contact"].to_numpy(dtype=bool), part["final"].to_numpy(dtype=bool))
        lines.append({"play": play, "fold": int(part["fold"].iloc[0]), **_numbers(counts)})
    return pd.DataFrame(lines).sort_values("mcc", kind="stable")


def top_features(path: Path, most: int = 20) -> pd.DataFrame:
    """The features that the screen's boosters gain most from, with their share of the whole gain in percent."""
    table = pd.read_csv(path).head(most)
    return table.assign(gain=(100 * table["gain"]).map("{:.1f} %".format))


def _numbers(counts: Counts) -> dict[str, float]:
    found, false, contacts, rows = (int(value) for value in counts)
    return {
        "rows": rows,
        "contacts": contacts,
        "found": found,
        "missed": contacts - found,
        "false": false,
        "mcc": round(float(matthews(counts)), 3),
    }


def _threshold_picture(oof: pd.DataFrame, ground: np.ndarray, thresholds: dict[str, float]) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    label = oof["contact"].to_numpy(dtype=bool)
    for ax, name, kind in zip(axes, ("pair", "ground"), (~ground, ground), strict=True):
        for column, colour in (("screen", "#888888"), ("blend", "#0072b2")):
            probability = oof[column].to_numpy()[kind]
            grid = np.linspace(0.01, 0.99, 99)
            ordered, positive = np.sort(probability), np.sort(probability[label[kind]])
            called = len(ordered) - np.searchsorted(ordered, grid)
            hits = len(positive) - np.searchsorted(positive, grid)
            ax.plot(grid, matthews(Counts(hits, called - hits, np.full(99, len(positive)), np.full(99, len(ordered)))), color=colour, label=column)
        ax.axvline(thresholds[name], color="#d55e00", linestyle="--", linewidth=1, label="chosen")
        ax.set(title=f"{name} rows alone", xlabel="threshold", ylim=(0, 1))
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("MCC")
    axes[0].legend(loc="lower center", fontsize=8)
    return _svg(figure)


def _learning_picture(path: Path) -> str | None:
    from matplotlib.figure import Figure

    if not path.is_file():
        return None
    lines = pd.read_csv(path)
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    ax = figure.subplots()
    for fold, part in lines.groupby("fold"):
        ax.plot(part["epoch"] + 1, part["loss"], label=f"fold {fold}")
    ax.set(xlabel="epoch", ylabel="training loss", ylim=(0, None))
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8, ncols=5)
    return _svg(figure)


def _svg(figure) -> str:
    """A data address of the figure, the same bytes for the same figure."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "player_contact"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
