"""Where a run is right and wrong: its out-of-fold rows shared out by distance, by what the cameras saw, by position, by length, by play."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.metric import Counts, Thresholds, count, matthews
from player_contact.competition.names import GROUND_TEXT, VIEWS
from player_contact.features.context import ROLE_ORDER
from player_contact.features.store import open_values, read_names, read_places

DISTANCES = (0, 0.5, 1, 1.5, 2, 3)  # yards
LENGTHS = (1, 4, 11, 31)  # steps: the shortest of each class
SEEN = ("detected by both cameras", "detected by one camera", "completed boxes only", "boxes in no camera", "no candidate")
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


def numbers(counts: Counts) -> dict[str, float]:
    """Rows, contacts and what was found, missed and called falsely, and the Matthews correlation (0 where it is undefined)."""
    found, false, contacts, rows = (int(np.sum(value)) for value in counts)
    return {
        "rows": rows,
        "contacts": contacts,
        "found": found,
        "missed": contacts - found,
        "false": false,
        "mcc": round(float(matthews(Counts(found, false, contacts, rows))), 3),
    }


def _decided(oof: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return oof["contact"].to_numpy(dtype=bool), oof["final"].to_numpy(dtype=bool)


def by_distance(oof: pd.DataFrame, ground: np.ndarray) -> pd.DataFrame:
    """Pair rows by their sensed distance: rows, contacts, and what the final decisions got right and wrong."""
    distance = 1 / oof["nearness"].to_numpy(dtype=np.float64).clip(1e-9) - 1
    label, final = _decided(oof)
    lines = []
    for low, high in zip(DISTANCES, (*DISTANCES[1:], np.inf), strict=True):
        inside = ~ground & (distance >= low) & (distance < high)
        name = f"{low:g} to {high:g}" if np.isfinite(high) else f"over {low:g}"
        lines.append({"yards": name, **numbers(count(label[inside], final[inside]))})
    return pd.DataFrame([*lines, {"yards": "ground", **numbers(count(label[ground], final[ground]))}])


def by_play(oof: pd.DataFrame) -> pd.DataFrame:
    """Every play with its fold, rows, contacts and score, the worst score first. Where there is nothing to find and nothing was called, that is 1."""
    lines = []
    for play, part in oof.groupby("game_play", sort=True):
        lines.append({"play": play, "fold": int(part["fold"].iloc[0]), **numbers(count(*_decided(part)))})
        if not lines[-1]["contacts"] + lines[-1]["false"]:
            lines[-1]["mcc"] = 1.0
    return pd.DataFrame(lines).sort_values("mcc", kind="stable")


def by_class(oof: pd.DataFrame, of_row: np.ndarray, names: Sequence[str], title: str) -> pd.DataFrame:
    """The rows shared out by [N] numbers of classes; classes without rows are left out."""
    label, final = _decided(oof)
    lines = [{title: name, **numbers(count(label[of_row == place], final[of_row == place]))} for place, name in enumerate(names)]
    return pd.DataFrame([line for line in lines if line["rows"]], columns=[title, *numbers(Counts(0, 0, 0, 0))])


def candidate_values(features: Path, plays: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """The named features of every candidate row of the plays, with its `row` in the season."""
    names = read_names(features)
    places = [names.index(name) for name in columns]
    rows = [read_places(features, play)["row"].to_numpy() for play in plays]
    values = [np.asarray(open_values(features, play))[:, places] for play in plays]
    return pd.DataFrame(np.concatenate(values), columns=list(columns)).assign(row=np.concatenate(rows))


def seen_columns() -> list[str]:
    """The features that `seen_class` looks at."""
    return [f"{view.lower()}_{name}" for view in VIEWS for name in ("box_age_high", "gap")]


def seen_class(candidates: pd.DataFrame, ground: np.ndarray, rows: int) -> np.ndarray:
    """[rows] places in SEEN of all rows; `ground` is of the candidates. A camera sees a row if it has the boxes of all its players at the step."""
    detected, boxed = np.zeros(len(candidates), dtype=np.int8), np.zeros(len(candidates), dtype=bool)
    for view in VIEWS:
        age = candidates[f"{view.lower()}_box_age_high"].to_numpy()
        here = np.where(ground, ~np.isnan(age), ~np.isnan(candidates[f"{view.lower()}_gap"].to_numpy()))
        detected += here & (age == 0)
        boxed |= here
    of_row = np.full(rows, len(SEEN) - 1)
    of_row[candidates["row"]] = np.select([detected == 2, detected == 1, boxed], [0, 1, 2], default=3)
    return of_row


def position_class(candidates: pd.DataFrame, ground: np.ndarray, rows: int) -> tuple[np.ndarray, list[str]]:
    """[rows] places in the returned names, -1 for a row that is no candidate. A pair bears the positions of both players, the ground that of one."""
    group_of_role = np.array(
        [next(place for place, roles in enumerate(POSITIONS.values()) if role in roles) for role in ROLE_ORDER] + [len(POSITIONS)]
    )
    words = [*POSITIONS, "unknown"]
    groups = []
    for end in ("role_low", "role_high"):
        role = candidates[end].to_numpy()
        groups.append(group_of_role[np.where(np.isnan(role), len(ROLE_ORDER), role).astype(int)])
    low, high = np.minimum(*groups), np.where(ground, len(words), np.maximum(*groups))
    number = low * (len(words) + 1) + high
    used = np.unique(number)
    names = [f"{words[one // (len(words) + 1)]} – {[*words, 'ground'][one % (len(words) + 1)]}" for one in used]
    of_row = np.full(rows, -1)
    of_row[candidates["row"]] = np.searchsorted(used, number)
    return of_row, names


def called_rows(oof: pd.DataFrame) -> pd.DataFrame:
    """The rows that are a contact or are called one, with `step`, `pair` (such as 43854_47879, or 43854_G) and `ground`, pair by pair along time."""
    rows = oof[(oof["contact"] == 1) | (oof["final"] == 1)]
    parts = rows["contact_id"].str.extract(r"^.{12}_(?P<step>\d+)_(?P<pair>.+)$")
    rows = rows.assign(step=parts["step"].astype(int), pair=parts["pair"], ground=parts["pair"].str.endswith(f"_{GROUND_TEXT}"))
    return rows.sort_values(["game_play", "pair", "step"], kind="stable").reset_index(drop=True)


def run_numbers(rows: pd.DataFrame, same: np.ndarray) -> np.ndarray:
    """[N] number of the run that each row belongs to: consecutive steps of one pair of one play with the same [N] value."""
    new = (rows["game_play"] != rows["game_play"].shift()) | (rows["pair"] != rows["pair"].shift()) | (rows["step"].diff() != 1)
    return np.cumsum(new.to_numpy() | (same != np.roll(same, 1))) - 1


def by_length(rows: pd.DataFrame) -> pd.DataFrame:
    """Contacts from their first to their last step, and calls from first to last, by their length in steps; `rows` as `called_rows` gives them."""
    lines = []
    label, final = _decided(rows)
    for kind in ("pairs", "ground"):
        of_kind = (rows["ground"] == (kind == "ground")).to_numpy()
        contacts, calls = _runs(rows[of_kind & label], "final"), _runs(rows[of_kind & final], "contact")
        for low, high in zip(LENGTHS, (*LENGTHS[1:], np.inf), strict=True):
            of, called = (table[(table["length"] >= low) & (table["length"] < high)] for table in (contacts, calls))
            lines.append(
                {
                    "length": f"{kind}, {low / 10:g} s and longer" if np.isinf(high) else f"{kind}, {low / 10:g} to {(high - 1) / 10:g} s",
                    "contacts": len(of),
                    "noticed": int((of["hits"] > 0).sum()),
                    "their steps found": f"{100 * of['hits'].sum() / of['length'].sum():.0f} %" if len(of) else "–",
                    "calls": len(called),
                    "without any contact": int((called["hits"] == 0).sum()),
                    "their steps false": f"{100 - 100 * called['hits'].sum() / called['length'].sum():.0f} %" if len(called) else "–",
                }
            )
    return pd.DataFrame(lines)


def _runs(rows: pd.DataFrame, hit: str) -> pd.DataFrame:
    """Length of each run, and how many of its steps have `hit`."""
    number = run_numbers(rows, np.zeros(len(rows)))
    return pd.DataFrame({"length": np.bincount(number, minlength=1), "hits": np.bincount(number, rows[hit], minlength=1)}).query("length > 0")


def worst_errors(rows: pd.DataFrame, thresholds: dict[int, Thresholds], most: int = 40) -> pd.DataFrame:
    """Stretches of wrong rows, the worst first: those whose probabilities are, added up, farthest on the wrong side of their fold's threshold."""
    wrong = rows[rows["contact"] != rows["final"]].reset_index(drop=True)
    limit = np.array(
        [thresholds[fold].ground if ground else thresholds[fold].pair for fold, ground in zip(wrong["fold"], wrong["ground"], strict=True)]
    )
    number = run_numbers(wrong, wrong["final"].to_numpy())
    wrong = wrong.assign(run=number, away=np.abs(wrong["blend"].to_numpy(dtype=np.float64) - limit))
    table = wrong.groupby("run").agg(
        game_play=("game_play", "first"),
        pair=("pair", "first"),
        called=("final", "first"),
        begin=("step", "first"),
        end=("step", "last"),
        probability=("blend", "mean"),
        away=("away", "sum"),
    )
    return table.sort_values("away", ascending=False, kind="stable").head(most).reset_index(drop=True)
