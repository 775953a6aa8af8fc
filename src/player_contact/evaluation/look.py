"""A contact sheet: crops as the model sees them, contacts beside non-contacts, both views, boxes drawn."""

from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.names import GROUND, VIEWS
from player_contact.errors import InputError
from player_contact.features.store import read_places
from player_contact.files import replacing
from player_contact.video.draw import paint_boxes
from player_contact.video.store import open_crops, read_crop_rows

TILE, MARGIN, TITLE = 144, 6, 22  # pixels
KINDS = (("pair, contact", False, True), ("pair, no contact", False, False), ("ground, contact", True, True), ("ground, no contact", True, False))


def write_contact_sheet(run: Path, output: Path, columns: int = 4, seed: int = 0) -> None:
    """Writes a PNG with `columns` random rows of each kind from a run's crops; each is shown in both views at its step.

    Raises InputError where the run has no crops.
    """
    import cv2

    chosen = _choose(run, columns, seed)
    width = MARGIN + columns * (2 * TILE + 2 * MARGIN)
    sheet = np.full((len(KINDS) * (TILE + TITLE + MARGIN) + MARGIN, width), 255, dtype=np.uint8)
    for line, (title, _, _) in enumerate(KINDS):
        top = MARGIN + line * (TILE + TITLE + MARGIN)
        cv2.putText(sheet, f"{title}   ({' | '.join(VIEWS)})", (MARGIN, top + 15), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 0, 1, cv2.LINE_AA)
        for column, (folder, place) in enumerate(chosen[title]):
            crops = open_crops(folder)
            middle = crops.pictures.shape[2] // 2
            for view in range(len(VIEWS)):
                picture = paint_boxes(crops.pictures[place, view, middle : middle + 1], crops.boxes[place, view])[0]
                left = MARGIN + column * (2 * TILE + 2 * MARGIN) + view * TILE
                tile = cv2.resize(picture, (TILE, TILE), interpolation=cv2.INTER_CUBIC)
                sheet[top + TITLE : top + TITLE + TILE, left : left + TILE] = tile
    with replacing(output) as temporary:
        temporary.write_bytes(cv2.imencode(".png", sheet)[1].tobytes())


def _choose(run: Path, columns: int, seed: int) -> dict[str, list[tuple[Path, int]]]:
    """For each kind, up to `columns` rows that both views saw: the play's folder of crops and the row's place in it."""
    folders = sorted(path for path in (run / "crops").glob("[!.]*") if path.is_dir())
    if not folders:
        raise InputError(f"{run} has no crops to look at. Run `make crops` first")
    rows = []
    for number, folder in enumerate(folders):
        places = pd.DataFrame({"row": read_crop_rows(folder), "seen": np.asarray(open_crops(folder).seen).all(axis=1)})
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
