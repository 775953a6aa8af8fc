"""Writes the submission again and again while it gets better: no kill can take it away.

And, where asked for, what the models say of every row.
"""

import logging
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.contact_ids import is_ground
from player_contact.competition.metric import Thresholds
from player_contact.inference.cascade import SOURCES, PlayPrediction
from player_contact.utils.files import atomic_write

SECONDS_BETWEEN, WRITING_SHARE = 60.0, 0.03  # of two files; of the time that writing may take
MODELS = ("screen", "vision", "blend")

log = logging.getLogger(__name__)


class SubmissionWriter:
    """A submission of the ids [N] of sample_submission.csv, in their order."""

    def __init__(self, contact_id: pd.Series, output: Path) -> None:
        self.contact_id, self.output = contact_id, output
        self.began = self.ended = time.monotonic()

    def write(self, predictions: Iterable[PlayPrediction]) -> int:
        """Replaces the file by a complete one; rows of no prediction are no contact.

        Returns the number of contacts.
        """
        self.began = time.monotonic()
        contact = np.zeros(len(self.contact_id), dtype=np.int8)
        for prediction in predictions:
            contact[prediction.row] = prediction.contact
        with atomic_write(self.output) as temporary:
            table = pd.DataFrame({"contact_id": self.contact_id, "contact": contact})
            table.to_csv(temporary, index=False)
        self.ended = time.monotonic()
        return int(contact.sum())

    def write_or_warn(self, predictions: Iterable[PlayPrediction]) -> None:
        """The same, but where the file can't be written it says so: a later one may be."""
        try:
            self.write(predictions)
        except OSError as error:
            log.warning("%s could not be written (%s); going on", self.output, error)

    def write_if_due(self, predictions: Iterable[PlayPrediction]) -> None:
        """`write_or_warn` where the last file is old enough to be replaced."""
        pause = max(SECONDS_BETWEEN, (self.ended - self.began) / WRITING_SHARE)
        if time.monotonic() >= self.ended + pause:
            self.write_or_warn(predictions)


def write_probabilities(
    rows: pd.DataFrame, predictions: Iterable[PlayPrediction], thresholds: Thresholds, output: Path
) -> None:
    """Writes a parquet file with a line a row of the submission, in its order.

    Columns: contact_id; the probability by each of MODELS, NaN where it was not asked; `threshold`
    of the blend's; `decided_by`, one of SOURCES; contact.
    """
    values = {name: np.full(len(rows), np.nan, dtype=np.float32) for name in MODELS}
    decided_by = np.full(len(rows), SOURCES.index("nothing"), dtype=np.int8)
    contact = np.zeros(len(rows), dtype=np.int8)
    for one in predictions:
        for name, probability in one.probabilities.items():
            values[name][one.row] = probability
        every = SOURCES.index(one.source)
        decided_by[one.row] = every if one.decided_by is None else one.decided_by
        contact[one.row] = one.contact
    threshold = np.where(is_ground(rows), thresholds.ground, thresholds.pair)
    table = pd.DataFrame(
        {"contact_id": rows["contact_id"]}
        | values
        | {
            "threshold": threshold.astype(np.float32),
            "decided_by": pd.Categorical.from_codes(decided_by, [*SOURCES]),
            "contact": contact,
        }
    )
    with atomic_write(output) as temporary:
        table.to_parquet(temporary, index=False)
