"""Where a run is right and wrong: out-of-fold rows by distance, helmets, positions, play, event."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.constants import GROUND_TEXT, VIEWS
from player_contact.competition.metric import Counts, Thresholds, matthews
from player_contact.features.context import ROLE_ORDER
from player_contact.features.feature_store import open_features, read_candidates, read_feature_names

DISTANCES = (0, 0.5, 1, 1.5, 2, 3)  # yards
DURATIONS = (1, 4, 11, 31)  # steps: the shortest of each class
HELMETS = (
    "detected in both views",
    "detected in one view",
    "completed boxes only",
    "boxes in no view",
    "no candidate",
)
POSITIONS = {
    "offensive line": ("C", "G", "T"),
    "ends and backs": ("TE", "FB", "RB"),
    "quarterback": ("QB",),
    "receiver": ("WR",),
    "defensive line": ("NT", "DT", "DE"),
    "linebacker": ("OLB", "ILB", "MLB", "LB"),
    "secondary": ("SS", "FS", "DB", "CB"),
    "kicking": ("K", "P", "LS"),
}
HELMET_FEATURES = [f"{view.lower()}_{name}" for view in VIEWS for name in ("box_age_high", "gap")]
ROLE_FEATURES = ["role_low", "role_high"]
COLUMNS = ("contact", "final")  # of oof.parquet: label and decision
MAX_ERRORS = 40


def confusion(oof: pd.DataFrame, groups: pd.Series | np.ndarray | pd.Categorical) -> pd.DataFrame:
    """Of each group of rows: rows, contacts, TP, FN, FP and MCC (0 where it is undefined)."""
    label, final = (oof[name].to_numpy(dtype=bool) for name in COLUMNS)
    flags = {"contacts": label, "TP": label & final, "FN": label & ~final, "FP": ~label & final}
    table = pd.DataFrame({"rows": np.ones(len(oof), dtype=bool), **flags})
    table = table.groupby(groups, observed=False).sum()
    counts = Counts(*(table[name].to_numpy() for name in ("TP", "FP", "contacts", "rows")))
    return table.assign(MCC=np.round(matthews(counts), 3))


def by_class(
    oof: pd.DataFrame, codes: np.ndarray, names: Sequence[str], title: str
) -> pd.DataFrame:
    """`confusion` of classes that [N] `codes` index; rows of code -1 are in none."""
    table = confusion(oof, pd.Categorical.from_codes(codes, list(names)))
    return table.rename_axis(title).reset_index()


def by_distance(oof: pd.DataFrame, ground: np.ndarray) -> pd.DataFrame:
    """`confusion` of pair rows by their tracked distance, and of the [N] ground rows."""
    distance = 1 / oof["proximity"].to_numpy(dtype=np.float64).clip(1e-9) - 1
    codes = np.digitize(distance, DISTANCES[1:])
    names = [f"{low:g} to {high:g}" for low, high in pairwise(DISTANCES)]
    names += [f"over {DISTANCES[-1]:g}", "ground"]
    return by_class(oof, np.where(ground, len(names) - 1, codes), names, "yards")


def by_play(oof: pd.DataFrame) -> pd.DataFrame:
    """`confusion` of every play, with its fold, the worst MCC first, plays without contacts last.

    A play without contacts is 1 where none is predicted.
    """
    plays = oof["game_play"].to_numpy()
    table = confusion(oof, plays).rename_axis("game_play").reset_index()
    table.insert(1, "fold", oof.groupby(plays)["fold"].first().to_numpy())
    table["MCC"] = table["MCC"].mask(table["contacts"] + table["FP"] == 0, 1.0)
    return table.iloc[np.lexsort([table["MCC"], table["contacts"] == 0])]


def candidate_features(features: Path, plays: Sequence[str]) -> pd.DataFrame:
    """HELMET_FEATURES and ROLE_FEATURES of the plays' candidate rows, with `row` in the season."""
    columns = [*HELMET_FEATURES, *ROLE_FEATURES]
    index = [read_feature_names(features).index(name) for name in columns]
    rows = [read_candidates(features, play)["row"].to_numpy() for play in plays]
    values = [np.asarray(open_features(features, play))[:, index] for play in plays]
    return pd.DataFrame(np.concatenate(values), columns=columns).assign(row=np.concatenate(rows))


def helmet_codes(candidates: pd.DataFrame, ground: np.ndarray, rows: int) -> np.ndarray:
    """[rows] codes of HELMETS; `ground` is of the candidates.

    A view counts if it has the boxes of all players of the row at the step.
    """
    detected, boxed = np.zeros(len(candidates), dtype=int), np.zeros(len(candidates), dtype=bool)
    for view in VIEWS:
        age, gap = (candidates[f"{view.lower()}_{name}"] for name in ("box_age_high", "gap"))
        complete = np.where(ground, age, gap)
        detected += ~np.isnan(complete) & (age == 0)
        boxed |= ~np.isnan(complete)
    codes = np.full(rows, len(HELMETS) - 1)
    conditions = [detected == 2, detected == 1, boxed]
    codes[candidates["row"]] = np.select(conditions, [0, 1, 2], default=3)
    return codes


def position_codes(
    candidates: pd.DataFrame, ground: np.ndarray, rows: int
) -> tuple[np.ndarray, list[str]]:
    """[rows] codes of the returned names, -1 for a row that is no candidate.

    A pair has the positions of both players, in the order of POSITIONS.
    """
    group_of = {role: group for group, roles in enumerate(POSITIONS.values()) for role in roles}
    groups = np.array([*(group_of[role] for role in ROLE_ORDER), len(POSITIONS)])
    names = np.array([*POSITIONS, "unknown", "ground"])
    roles = candidates[ROLE_FEATURES].fillna(len(ROLE_ORDER)).to_numpy(dtype=int)
    low, high = np.sort(groups[roles], axis=1).T
    pairs = np.column_stack([low, np.where(ground, len(names) - 1, high)])
    unique, code = np.unique(pairs, axis=0, return_inverse=True)
    codes = np.full(rows, -1)
    codes[candidates["row"]] = code.ravel()
    return codes, [f"{names[first]} – {names[second]}" for first, second in unique]


def positive_rows(oof: pd.DataFrame) -> pd.DataFrame:
    """The rows that are a contact or predicted as one, sorted by play, pair and step.

    With `step`, `pair` (such as 43854_47879, or 43854_G) and `ground`.
    """
    rows = oof[(oof["contact"] == 1) | (oof["final"] == 1)]
    parts = rows["contact_id"].str.extract(r"^.{12}_(?P<step>\d+)_(?P<pair>.+)$")
    ground = parts["pair"].str.endswith(f"_{GROUND_TEXT}")
    rows = rows.assign(step=parts["step"].astype(int), pair=parts["pair"], ground=ground)
    return rows.sort_values(["game_play", "pair", "step"], kind="stable").reset_index(drop=True)


def event_ids(rows: pd.DataFrame, *columns: str) -> np.ndarray:
    """[N] a number for consecutive steps of a pair with equal `columns`, of `positive_rows`."""
    keys = rows[["game_play", "pair", *columns]]
    new = (keys != keys.shift()).any(axis=1) | (rows["step"].diff() != 1)
    return new.cumsum().to_numpy() - 1


def by_duration(rows: pd.DataFrame) -> pd.DataFrame:
    """Labelled and predicted contact events by their duration; `rows` as `positive_rows`."""
    contacts, predicted = (_event_table(rows, *pair) for pair in (COLUMNS, COLUMNS[::-1]))
    return pd.DataFrame(
        {
            "duration": [f"{kind}, {duration}" for kind, duration in contacts.index],
            "contacts": contacts["events"].to_numpy(),
            "detected": contacts["hit"].to_numpy(),
            "recall of their steps": contacts["share"].to_numpy(),
            "predictions": predicted["events"].to_numpy(),
            "without any contact": (predicted["events"] - predicted["hit"]).to_numpy(),
            "precision of their steps": predicted["share"].to_numpy(),
        }
    )


def _event_table(rows: pd.DataFrame, column: str, other: str) -> pd.DataFrame:
    """Events of rows with `column`: how many, how many of them with `other`, and of their steps."""
    names = [f"{a / 10:g} to {(b - 1) / 10:g} s" for a, b in pairwise(DURATIONS)]
    names.append(f"{DURATIONS[-1] / 10:g} s and longer")
    rows = rows[rows[column] == 1].astype({other: int})
    table = rows.groupby(event_ids(rows)).agg(
        kind=("ground", "first"), steps=("step", "size"), hits=(other, "sum")
    )
    table = table.assign(
        events=1,
        hit=table["hits"] > 0,
        kind=pd.Categorical(np.where(table["kind"], "ground", "pairs"), ["pairs", "ground"]),
        duration=pd.cut(table["steps"], [*DURATIONS, np.inf], right=False, labels=names),
    )
    table = table.groupby(["kind", "duration"], observed=False).sum()
    share = (100 * table["hits"] / table["steps"]).map("{:.0f} %".format)
    return table.assign(share=share.where(table["steps"] > 0, "–"))


def worst_errors(rows: pd.DataFrame, thresholds: dict[int, Thresholds]) -> pd.DataFrame:
    """Consecutive wrong steps of a pair, the worst first; `rows` as `positive_rows`.

    `excess` sums how far the probabilities are on the wrong side of their fold's threshold.
    """
    wrong = rows[rows["contact"] != rows["final"]].reset_index(drop=True)
    threshold = [
        thresholds[fold].ground if ground else thresholds[fold].pair
        for fold, ground in zip(wrong["fold"], wrong["ground"], strict=True)
    ]
    excess = np.abs(wrong["blend"].to_numpy(dtype=np.float64) - threshold)
    table = wrong.assign(excess=excess).groupby(event_ids(wrong, "final"))
    table = table.agg(
        game_play=("game_play", "first"),
        pair=("pair", "first"),
        predicted=("final", "first"),
        first_step=("step", "first"),
        last_step=("step", "last"),
        probability=("blend", "mean"),
        excess=("excess", "sum"),
    )
    table = table.sort_values("excess", ascending=False, kind="stable").head(MAX_ERRORS)
    return table.reset_index(drop=True)
