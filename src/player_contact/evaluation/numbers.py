"""Numbers as people read them on the pages."""

import numpy as np

from player_contact.competition.metric import Counts, matthews

UNDEFINED = "–"


def mcc_or_none(counts: Counts) -> float | None:
    """Matthews correlation of the counts together; None where it is undefined, since every row, or no row, is a contact or is called one."""
    found, false, contacts, rows = (int(np.sum(value)) for value in counts)
    if contacts in (0, rows) or found + false in (0, rows):
        return None
    return float(matthews(Counts(found, false, contacts, rows)))


def mcc_text(mcc: float | None) -> str:
    """With three digits; a dash where it is undefined."""
    return UNDEFINED if mcc is None else f"{mcc:.3f}"
