"""A page that shows a run: scores and where they come from, the errors, the data, and where time and disk went. Opens from disk, loads nothing."""

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from player_contact.competition.metric import Counts, Thresholds
from player_contact.competition.names import GROUND_TEXT, VIEWS
from player_contact.evaluation import breakdown, charts
from player_contact.evaluation.ladder import thresholds_by_fold
from player_contact.evaluation.numbers import UNDEFINED, mcc_or_none, mcc_text
from player_contact.files import read_json

MODELS = {
    "distance": "two players touch when their sensors are nearer than a threshold; nobody touches the ground",
    "sensors": "LightGBM on what the sensors say: motion, history, neighbours, roles",
    "screen": "LightGBM on sensors and helmet boxes; rows below its cut are decided, the others stay open for the video",
    "vision": "a network over the pictures of open rows, along the pair's track; rows that it did not look at count as no contact",
    "blend": "LightGBM over what the screen says and what vision says at neighbouring steps; it decides the submission",
}
TABLE = re.compile(r"(?:train_\w+|test_\w+|sample_submission)\.csv\b")
MOST_FEATURES = 20
MEGABYTE = 1e6


def write_report(run: Path, folder: Path) -> None:
    """Writes `index.html` into `folder` from the outputs of a run, with links to the viewer pages that lie in `folder/plays`.

    Parts whose outputs the run does not have are left out. Text from the data is escaped by the template.
    """
    import jinja2

    folder.mkdir(exist_ok=True)
    oof = pd.read_parquet(run / "oof.parquet")
    ground = oof["contact_id"].str.endswith(f"_{GROUND_TEXT}").to_numpy()
    ladder = read_json(run / "ladder.json")
    chosen = Thresholds(**ladder["thresholds"])
    called = breakdown.called_rows(oof)
    pages = {path.stem for path in (folder / "plays").glob("*.html")}
    environment = jinja2.Environment(loader=jinja2.PackageLoader("player_contact.evaluation"), autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.get_template("report.html").render(
        name=run.name,
        ladder=ladder,
        models=MODELS,
        undefined=UNDEFINED,
        submission=read_json(run / "submission.json"),
        stages=(stages := read_json(run / "stages.json")),
        said=(said := said_on_the_way(stages)),
        repaired=said_of_tables(said),
        sizes=folder_sizes(run),
        config=(run / "config.yaml").read_text(),
        score_tables=[with_text(table) for table in score_tables(run, oof, ground)],
        lengths=breakdown.by_length(called),
        plays=with_text(breakdown.by_play(oof)),
        pages=pages,
        errors=breakdown.worst_errors(called, _fold_thresholds(oof, ground)).to_dict("records"),
        features=top_features(run / "screen" / "importance.csv"),
        families=feature_families_text(),
        blend_features=blend_features(run / "blend"),
        cut=read_json(run / "screen" / "cut.json"),
        facts=data_facts(run),
        ladder_picture=charts.ladder_chart(ladder["rungs"]),
        threshold_picture=charts.threshold_chart(oof, ground, chosen),
        precision_picture=charts.precision_recall_chart(oof, ground, chosen),
        calibration_picture=charts.calibration_chart(oof, ground),
        learning_picture=charts.learning_chart(pd.read_csv(run / "vision" / "log.csv")) if (run / "vision" / "log.csv").is_file() else None,
    )
    (folder / "index.html").write_text(page, encoding="utf-8")


def score_tables(run: Path, oof: pd.DataFrame, ground: np.ndarray) -> list[pd.DataFrame]:
    """The final decisions by distance, and where the run has its features, by what the cameras saw and by the players' positions."""
    tables = [breakdown.by_distance(oof, ground)]
    if (run / "features" / "names.json").is_file():
        plays = oof["game_play"].unique().tolist()
        values = breakdown.candidate_values(run / "features", plays, [*breakdown.seen_columns(), "role_low", "role_high"])
        of_ground = ground[values["row"]]
        tables.append(breakdown.by_class(oof, breakdown.seen_class(values, of_ground, len(oof)), breakdown.SEEN, "helmets"))
        of_row, names = breakdown.position_class(values, of_ground, len(oof))
        positions = breakdown.by_class(oof, of_row, names, "positions").sort_values("contacts", ascending=False, kind="stable")
        tables.append(positions[positions["contacts"] + positions["false"] > 0])
    return tables


def with_text(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its scores as text: a dash where the score is undefined."""
    counts = zip(table["found"], table["false"], table["contacts"], table["rows"], strict=True)
    return table.assign(mcc=[mcc_text(mcc_or_none(Counts(*four))) for four in counts])


def top_features(path: Path) -> pd.DataFrame:
    """The features that the screen's boosters gain most from, with their family and their share of the whole gain in percent."""
    from player_contact.features.table import feature_families

    family = {name: family for family, names in feature_families().items() for name in names}
    table = pd.read_csv(path).head(MOST_FEATURES)
    return table.assign(family=table["feature"].map(family).fillna("?"), gain=(100 * table["gain"]).map("{:.1f} %".format))


def feature_families_text() -> dict[str, list[str]]:
    """Family -> what its features are, as the functions that make them say."""
    from player_contact.features.table import PAIR_FEATURES, PLAY_FEATURES, PLAYER_FEATURES

    texts: dict[str, list[str]] = {}
    for family, function in (*PLAY_FEATURES, *PLAYER_FEATURES, *PAIR_FEATURES):
        texts.setdefault(family, []).append(" ".join((inspect.getdoc(function) or "").split()))
    return texts


def blend_features(folder: Path) -> pd.DataFrame | None:
    """What the blend's boosters gain from; None where the run has none."""
    from player_contact.boosting.booster import importance

    texts = [path.read_text() for path in sorted(folder.glob("fold*.txt"))]
    if not texts:
        return None
    gain = importance(texts)
    return pd.DataFrame({"feature": gain.index, "gain": (100 * gain).map("{:.1f} %".format)})


def data_facts(run: Path) -> dict[str, Any]:
    """What the tables hold, what was done about the boxes, and how many open rows the cameras showed, where the run knows."""
    facts: dict[str, Any] = {}
    if (path := run / "features" / "facts.json").is_file():
        facts |= read_json(path)
    seen = [np.load(path, allow_pickle=False) for path in sorted(run.glob("crops/*/seen.npy"))]
    if seen:
        rows = np.sum([part.sum(axis=0) for part in seen], axis=0).astype(int).tolist()
        facts["open rows"] = sum(map(len, seen))
        facts |= {f"open rows that the {view} shows": number for view, number in zip(VIEWS, rows, strict=True)}
    return facts


def said_on_the_way(stages: dict[str, Any]) -> dict[str, list[str]]:
    """Stage -> what it said about the data and about itself, each sentence once, where it was said first; of all but the report, which is at work."""
    known: set[str] = set()
    said = {}
    for stage, line in ((name, line) for name, line in stages.items() if name != "report"):
        said[stage] = [text for text in dict.fromkeys(line.get("said", [])) if text not in known]
        known.update(said[stage])
    return {stage: texts for stage, texts in said.items() if texts}


def said_of_tables(said: dict[str, list[str]]) -> list[str]:
    """What was repaired, or is missing, in the tables as files: the sentences that begin with a table's name."""
    return [text for texts in said.values() for text in texts if TABLE.match(text)]


def folder_sizes(run: Path) -> dict[str, float]:
    """Name -> MB of each output of a run, the largest first; the viewer's videos, which are links, do not count."""
    sizes = {}
    for output in sorted(run.glob("[!.]*")):
        files = [path for path in (output.rglob("*") if output.is_dir() else [output]) if path.is_file() and path.suffix != ".mp4"]
        sizes[output.name] = sum(path.stat().st_size for path in files) / MEGABYTE
    return dict(sorted(sizes.items(), key=lambda one: -one[1]))


def _fold_thresholds(oof: pd.DataFrame, ground: np.ndarray) -> dict[int, Thresholds]:
    return thresholds_by_fold(oof["contact"].to_numpy(dtype=bool), oof["blend"].to_numpy(), ground, oof["fold"].to_numpy())
