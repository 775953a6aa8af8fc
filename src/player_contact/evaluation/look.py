"""A contact sheet: crops as the model sees them, contacts beside non-contacts, both views, boxes drawn over, each with its name and label."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from player_contact.competition.names import GROUND, GROUND_TEXT, VIEWS
from player_contact.errors import InputError
from player_contact.features.store import read_places
from player_contact.files import replacing
from player_contact.video.crops import Crops
from player_contact.video.store import open_crops, read_contact_ids, read_crop_rows

KINDS = (("pair, contact", False, True), ("pair, no contact", False, False), ("ground, contact", True, True), ("ground, no contact", True, False))
PAIR, OTHERS = "#ffd400", "#56b4e9"  # told apart by colour-blind eyes, and from grey
TILE, HEAD, FOOT, DPI = 1.5, 0.45, 0.3, 100  # inches of a crop, of the words above it and of those below all
FOUND, ADDED = "-", (0, (2, 1.5))  # lines of detected boxes and of those that were completed


def write_contact_sheet(run: Path, output: Path, columns: int = 4, seed: int = 0) -> None:
    """Writes a PNG with `columns` random rows of each kind from a run's crops; each is shown in both views at its step.

    Solid boxes were found by the detector, dashed ones completed by registration or filled in between. Raises InputError where the run has no crops,
    or only blank ones.
    """
    from matplotlib.figure import Figure

    chosen = _choose(run, columns, seed)
    if not any(len(rows) for rows in chosen.values()):
        raise InputError(f"No open row of {run} was seen by both cameras: there is no crop to draw. Was its season filmed?")
    figure = Figure(figsize=(len(VIEWS) * columns * TILE, len(KINDS) * (TILE + HEAD) + FOOT), dpi=DPI)
    height = figure.get_figheight()
    grid = figure.add_gridspec(
        len(KINDS), columns, left=0.004, right=0.996, bottom=FOOT / height, top=1 - HEAD / height, wspace=0.05, hspace=HEAD / TILE
    )  # fmt: skip
    for line, (title, _, contact) in enumerate(KINDS):
        for column, (folder, place) in enumerate(chosen[title]):
            crops, name = open_crops(folder), str(read_contact_ids(folder)[place]).split("_")
            views = grid[line, column].subgridspec(1, len(VIEWS), wspace=0.03)
            for number, view in enumerate(VIEWS):
                ax = figure.add_subplot(views[number])
                _show(ax, crops, place, number)
                label = "contact" if contact else "no contact"
                head = f"{'_'.join(name[:2])}, step {name[2]}\n{name[3]} and {'the ground' if name[4] == GROUND_TEXT else name[4]}\n{view}: {label}"
                ax.set_title(head, fontsize=7.5, loc="left", pad=2, linespacing=1.05, fontweight="bold" if contact else "normal")
    _explain(figure)
    with replacing(output) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})


def _show(ax, crops: Crops, place: int, view: int) -> None:
    """One crop at its step with the boxes of everybody in it."""
    from matplotlib.patches import Rectangle

    picture = crops.pictures[place, view, crops.pictures.shape[2] // 2]
    size = len(picture)
    ax.imshow(picture, cmap="gray", vmin=0, vmax=255, extent=(0, size, size, 0), interpolation="bicubic")
    for number, (left, top, right, bottom) in reversed(list(enumerate(crops.boxes[place, view]))):
        if not np.isnan(left):
            style = FOUND if crops.detected[place, view, number] else ADDED
            colour = PAIR if number < 2 else OTHERS
            ax.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, linestyle=style, edgecolor=colour, linewidth=1.4))
    ax.set(xlim=(0, size), ylim=(size, 0), xticks=[], yticks=[])


def _explain(figure) -> None:
    """What colours and lines mean, below the crops."""
    from matplotlib.lines import Line2D

    meanings: tuple[tuple[str, str, Any], ...] = (
        ("players of the row", PAIR, FOUND),
        ("others", OTHERS, FOUND),
        ("found by the detector", "black", FOUND),
        ("completed", "black", ADDED),
    )
    lines = [Line2D([], [], color=colour, linestyle=style, linewidth=1.6, label=text) for text, colour, style in meanings]
    figure.legend(handles=lines, loc="lower left", ncols=len(lines), fontsize=8, frameon=False, handlelength=2.6)


def folders_of_crops(run: Path) -> list[Path]:
    """The folder of each play that has crops. Raises InputError where there is none."""
    folders = sorted(path for path in (run / "crops").glob("[!.]*") if path.is_dir())
    if not folders:
        raise InputError(f"{run} has no crops to look at. Run `make crops` first")
    return folders


def _choose(run: Path, columns: int, seed: int) -> dict[str, list[tuple[Path, int]]]:
    """For each kind, up to `columns` rows that both views saw: the play's folder of crops and the row's place in it."""
    folders, rows = folders_of_crops(run), []
    for number, folder in enumerate(folders):
        places = pd.DataFrame({"row": read_crop_rows(folder), "seen": open_crops(folder).seen.all(axis=1)})
        table = read_places(run / "features", folder.name)[["row", "second", "contact"]]
        rows.append(places.rename_axis("place").reset_index().merge(table, on="row").assign(folder=number))
    table = pd.concat(rows, ignore_index=True)
    table = table[table["seen"]]
    chosen = {}
    for title, ground, contact in KINDS:
        kind = table[((table["second"] == GROUND) == ground) & (table["contact"].astype(bool) == contact)]
        picked = kind.sample(min(columns, len(kind)), random_state=seed)
        chosen[title] = [(folders[number], place) for number, place in picked[["folder", "place"]].itertuples(index=False)]
    return chosen
