"""Writes the submission again and again while it gets better: no kill can take it away."""

import logging
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.inference.cascade import PlayPrediction
from player_contact.utils.files import atomic_write

SECONDS_BETWEEN, WRITING_SHARE = 60.0, 0.03  # of two files; of the time that writing may take


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
