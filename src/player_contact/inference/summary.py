"""What predicting counted, as a table: what decided the rows and the plays."""

from collections.abc import Mapping

DISTANCE, SCREEN = "rows by distance", "rows by screen"  # what follows from the counts
UNTRACKED, NO_CONTACT = "rows without tracking", "rows left at no contact"
ROWS = {  # count -> its label, of all rows
    "rows": "rows",
    DISTANCE: "  decided by the distance of the players",
    SCREEN: "  decided by sensors and boxes",
    "with vision": "  decided with vision",
    UNTRACKED: "  without tracking, decided by boxes",
    NO_CONTACT: "  left at no contact",
    "contacts": "  called a contact",
}
PLAYS = {
    "plays": "plays",
    "plays decided by vision": "  decided with vision",
    "plays with fewer vision models for lack of time": "    by fewer models for lack of time",
    "plays decided by screen": "  decided by sensors and boxes",
    "plays decided by boxes": "  decided by helmet boxes alone",
    "plays decided by distance": "  decided by the distance of the players",
    "plays left at no contact": "  left at no contact",
    "plays without video": "  without video",
    "plays where vision failed": "  where vision failed",
    "plays without vision for lack of time": "  without vision for lack of time",
}
HELMETS = {
    "helmets found": "helmets found in videos",
    "helmets named": "  named by the tracking",
}
OTHERS = {
    "pairs without tracking and boxes": "pairs without tracking and boxes: no contact",
    "plays whose helmets could not be searched": "plays whose helmets could not be searched",
    "boxes added from the video": "helmet boxes added from videos",
    "boxes whose name the tracking doubts": "helmet boxes whose name the tracking doubts",
    "views whose helmets can't be named": "views whose helmets could not be named",
    "boxes added": "helmet boxes completed",
    "boxes swapped back": "helmet boxes given back to their players",
    "views not registered": "views that could not be registered",
}
ALWAYS = ("rows", "contacts", "plays")


def summary_text(counts: Mapping[str, int], short: bool = False) -> str:
    """What `predict_folder` counted, a line each with its share, without what did not happen.

    The `short` one is of rows alone where every play was decided with vision.
    """
    candidates = counts.get("candidates", 0)
    counts = {
        **counts,
        DISTANCE: counts["rows"]
        - sum(counts.get(name, 0) for name in ("candidates", UNTRACKED, NO_CONTACT)),
        SCREEN: candidates - counts.get("with vision", 0),
    }
    lines, all_well = [], counts.get("plays decided by vision") == counts["plays"]
    for labels in (ROWS,) if short and all_well else (ROWS, PLAYS, HELMETS, OTHERS):
        for name, label in labels.items():
            number, whole = counts.get(name, 0), counts.get(next(iter(labels)), 0)
            if number or name in ALWAYS:
                share = f"{number / whole:9.1%}" if label.startswith(" ") and whole else ""
                lines.append(f"{label:<44}{number:>11,}{share}")
    return "\n".join(lines)
