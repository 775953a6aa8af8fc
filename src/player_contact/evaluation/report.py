"""A page about a run: scores, errors, data, time and disk. It opens from disk and loads nothing."""

import inspect
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from player_contact.competition.constants import GROUND_TEXT, VIEWS
from player_contact.competition.metric import Counts, Thresholds
from player_contact.evaluation import breakdown, charts
from player_contact.evaluation.error_images import error_images
from player_contact.evaluation.scores import UNDEFINED, mcc_or_none, mcc_text, thresholds_by_fold
from player_contact.utils.files import read_json

if TYPE_CHECKING:
    import jinja2

TABLE = re.compile(r"(?:train_\w+|test_\w+|sample_submission)\.csv\b")
MAX_FEATURES = 20


@cache
def templates() -> "jinja2.Environment":
    """The pages' templates, which escape text from the data."""
    import jinja2

    loader = jinja2.PackageLoader("player_contact.evaluation")
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)


def write_report(run: Path, folder: Path, seconds: Mapping[str, float] | None = None) -> None:
    """Writes `index.html` into `folder` from the outputs of a run; it links to `folder/plays`.

    Sections whose outputs the run does not have are left out. `seconds` are those of what is no
    finished stage: "simulated season" and "report".
    """
    folder.mkdir(exist_ok=True)
    oof = pd.read_parquet(run / "oof.parquet")
    ground = oof["contact_id"].str.endswith(f"_{GROUND_TEXT}").to_numpy()
    scores, stages = read_json(run / "scores.json"), read_json(run / "stages.json")
    thresholds = Thresholds(**scores["thresholds"])
    label, blend, fold = oof["contact"].to_numpy(dtype=bool), oof["blend"].to_numpy(), oof["fold"]
    fold_thresholds = thresholds_by_fold(label, blend, ground, fold.to_numpy())
    positive = breakdown.positive_rows(oof)
    messages, log = stage_messages(stages), run / "vision" / "log.csv"
    errors = breakdown.worst_errors(positive, fold_thresholds)
    times, plays = stage_times(stages, seconds or {}), breakdown.by_play(oof)
    pages = {path.stem for path in (folder / "plays").glob("*.html")}
    page = templates().get_template("report.html")
    text = page.render(
        name=run.name,
        scores=scores,
        undefined=UNDEFINED,
        submission=read_json(run / "submission.json"),
        times=times,
        longest=max([*times][:-1], key=lambda name: times[name]["seconds"]),
        command_run=run.name if run.parent == Path("outputs") else run,
        peak_mb=max(entry.get("peak_mb", 0) for entry in times.values()),
        messages=messages,
        repaired=table_repairs(messages),
        sizes=folder_sizes(run),
        config=(run / "config.yaml").read_text(encoding="utf-8"),
        score_tables=[with_text(table) for table in score_tables(run, oof, ground)],
        durations=breakdown.by_duration(positive),
        plays=with_text(plays),
        pages=pages,
        worst_page=next((play for play in plays["game_play"] if play in pages), None),
        errors=errors.to_dict("records"),
        moments=error_images(run, errors),
        features=top_features(run / "screen" / "importance.csv"),
        families=family_docs(),
        blend_features=blend_features(run / "blend"),
        open_threshold=read_json(run / "screen" / "open_threshold.json"),
        facts=data_facts(run),
        scores_image=charts.scores_chart(scores["scores"]),
        threshold_image=charts.threshold_chart(oof, ground, thresholds),
        precision_image=charts.precision_recall_chart(oof, ground, thresholds),
        calibration_image=charts.calibration_chart(oof, ground),
        training_image=charts.training_chart(pd.read_csv(log)) if log.is_file() else None,
    )
    (folder / "index.html").write_text(text, encoding="utf-8")


def score_tables(run: Path, oof: pd.DataFrame, ground: np.ndarray) -> list[pd.DataFrame]:
    """The decisions by distance and, where the run has its features, by helmets and positions."""
    tables = [breakdown.by_distance(oof, ground)]
    if (run / "features" / "names.json").is_file():
        plays = oof["game_play"].unique().tolist()
        candidates = breakdown.candidate_features(run / "features", plays)
        is_ground = ground[candidates["row"]]
        codes = breakdown.helmet_codes(candidates, is_ground, len(oof))
        helmets = breakdown.by_class(oof, codes, breakdown.HELMETS, "helmets")
        tables.append(helmets[helmets["rows"] > 0])
        codes, names = breakdown.position_codes(candidates, is_ground, len(oof))
        table = breakdown.by_class(oof, codes, names, "positions")
        table = table.sort_values("contacts", ascending=False, kind="stable")
        tables.append(table[table["contacts"] + table["FP"] > 0])
    return tables


def with_text(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its scores as text: a dash where the score is undefined."""
    counts = table[["TP", "FP", "contacts", "rows"]].itertuples(index=False)
    return table.assign(MCC=[mcc_text(mcc_or_none(Counts(*row))) for row in counts])


def top_features(path: Path) -> pd.DataFrame:
    """The features with the most gain in the screen, their family and share of the gain."""
    from player_contact.features.table import feature_families

    family = {name: family for family, names in feature_families().items() for name in names}
    table = pd.read_csv(path).head(MAX_FEATURES)
    return table.assign(
        family=table["feature"].map(family).fillna("?"),
        gain=(100 * table["gain"]).map("{:.1f} %".format),
    )


def family_docs() -> dict[str, list[str]]:
    """Family -> the docstrings of the functions that compute its features."""
    from player_contact.features.table import PAIR_FEATURES, PLAY_FEATURES, PLAYER_FEATURES

    docs: dict[str, list[str]] = {}
    for family, function in (*PLAY_FEATURES, *PLAYER_FEATURES, *PAIR_FEATURES):
        docs.setdefault(family, []).append(" ".join((inspect.getdoc(function) or "").split()))
    return docs


def blend_features(folder: Path) -> pd.DataFrame | None:
    """The features of the blend and their gain; None where the run has no blend."""
    from player_contact.boosting.booster import importance

    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("fold*.txt"))]
    if not texts:
        return None
    gain = importance(texts)
    return pd.DataFrame({"feature": gain.index, "gain": (100 * gain).map("{:.1f} %".format)})


def data_facts(run: Path) -> dict[str, Any]:
    """What the tables hold, what was done to the boxes, and how many rows with crops (open ones
    or, for tokens, those of players) the views show."""
    path = run / "features" / "facts.json"
    facts = read_json(path) if path.is_file() else {}
    paths = sorted(run.glob("crops/*/visible.npy"))
    if paths:
        visible = np.concatenate([np.load(path, allow_pickle=False) for path in paths])
        facts["rows with crops"] = len(visible)
        for view, rows in zip(VIEWS, visible.sum(axis=0).tolist(), strict=True):
            facts[f"rows that the {view} shows"] = rows
    return facts


def stage_times(
    stages: dict[str, dict[str, Any]], seconds: Mapping[str, float]
) -> dict[str, dict[str, Any]]:
    """Name -> `seconds` and, where it is known, `peak_mb`: the season, stages, report and total."""
    others = {name: {"seconds": value} for name, value in seconds.items()}
    report = {"report": others.pop("report")} if "report" in others else {}
    done = {name: entry for name, entry in stages.items() if name != "report"}
    times = others | done | report
    return times | {"total": {"seconds": round(sum(e["seconds"] for e in times.values()), 1)}}


def stage_messages(stages: dict[str, Any]) -> dict[str, list[str]]:
    """Stage -> what it logged, each message once; of all but the report, which still runs."""
    known: set[str] = set()
    messages = {}
    for stage, entry in stages.items():
        texts = [text for text in dict.fromkeys(entry.get("messages", ())) if text not in known]
        if texts and stage != "report":
            messages[stage] = texts
            known.update(texts)
    return messages


def table_repairs(messages: dict[str, list[str]]) -> list[str]:
    """What was repaired or is missing in the tables: messages that begin with a table's name."""
    return [text for texts in messages.values() for text in texts if TABLE.match(text)]


def folder_sizes(run: Path) -> dict[str, float]:
    """Name -> MB of each output of a run, the largest first, without the viewer's linked videos."""
    sizes = {}
    for output in sorted(run.glob("[!.]*")):
        paths = output.rglob("*") if output.is_dir() else [output]
        files = (path for path in paths if path.is_file() and path.suffix != ".mp4")
        sizes[output.name] = sum(path.stat().st_size for path in files) / 1e6
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))
