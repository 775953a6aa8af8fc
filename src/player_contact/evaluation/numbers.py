"""Numbers as people read them on the pages."""

import numpy as np

from player_contact.competition.metric import Counts, matthews

UNDEFINED = "–"


def mcc_text(counts: Counts) -> str:
    """Matthews correlation with three digits; a dash where it is undefined, since every row, or no row, is a contact or is called one."""
    found, false, contacts, rows = (int(np.sum(value)) for value in counts)
    if contacts in (0, rows) or found + false in (0, rows):
        return UNDEFINED
    return f"{float(matthews(Counts(found, false, contacts, rows))):.3f}"
