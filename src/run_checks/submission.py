"""What Kaggle accepts as a submission."""

from pathlib import Path

import pandas as pd

from player_contact.utils.errors import PlayerContactError


class SubmissionError(PlayerContactError):
    """Kaggle would refuse the submission."""


def check_submission(path: Path, ids_path: Path) -> pd.DataFrame:
    """The submission for the ids of a sample submission.

    Raises SubmissionError: no file, other columns, other ids, another order, or not 0 or 1.
    """
    if not path.is_file():
        raise SubmissionError(f"No {path.name} was written")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    ids = pd.read_csv(ids_path, dtype=str)["contact_id"]
    if list(table.columns) != ["contact_id", "contact"]:
        raise SubmissionError(
            f"{path.name} has the columns {', '.join(table.columns)}, expected contact_id, contact"
        )
    same_length = len(table) == len(ids)
    if not same_length or (wrong := (table["contact_id"] != ids).to_numpy()).any():
        where = f"line {int(wrong.argmax()) + 2}" if same_length else f"{len(table)} rows"
        raise SubmissionError(
            f"{path.name} does not hold the ids of {ids_path.name} in their order: {where}, "
            f"expected {len(ids)} rows"
        )
    if odd := sorted(set(table["contact"]) - {"0", "1"}):
        raise SubmissionError(f"{path.name} holds {odd[0]!r} where a contact is 0 or 1")
    return table.astype({"contact": "int8"})
