"""A sheet of crops as the model gets them: contacts beside non-contacts, both views, with boxes."""

from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.constants import GROUND, GROUND_TEXT, VIEWS
from player_contact.evaluation import sheet
from player_contact.features.feature_store import read_candidates
from player_contact.utils.errors import InputError
from player_contact.video.crop_store import open_crops, read_contact_ids, read_crop_rows

KINDS = ((False, 1), (False, 0), (True, 1), (True, 0))  # is the ground, contact: a line each
COLUMNS = 4
SIZE, MARGINS = 1.5, (0, 0.32, 0.3)  # inches of a crop; of nothing, its title, the legend
DETECTED, COMPLETED = "-", (0, (2, 1.5))  # line styles of boxes
LEGEND: dict[str, dict] = {
    f"players of the row ({' left, '.join(VIEWS)} right)": {"color": sheet.PAIR},
    "others": {"color": sheet.OTHERS},
    "detected": {"color": "black", "linestyle": DETECTED},
    "completed": {"color": "black", "linestyle": COMPLETED},
}


def write_crop_sheet(run: Path, output: Path, seed: int = 0) -> None:
    """Writes random rows of each kind from a run's crops; each is shown in both views at its step.

    Raises InputError where the run has no crops, or no row that both views show.
    """
    samples = sample_rows(run, seed)
    if samples.empty:
        raise InputError(
            f"No open row of {run} was visible in both views: there is no crop to draw. "
            "Was its season filmed?"
        )
    figure, axes = sheet.image_grid(len(KINDS), COLUMNS * 2, (SIZE, SIZE), MARGINS)
    for sample in samples.itertuples():
        _draw_crops(axes[sample.line, 2 * sample.column :][:2], run, sample)
    sheet.add_legend(figure, LEGEND)
    sheet.write_sheet(figure, output)


def _draw_crops(axes: np.ndarray, run: Path, sample) -> None:
    """A row's crops at its step, an axes for each view, with the boxes of everybody in them."""
    folder, index = run / "crops" / sample.game_play, sample.crop_index
    crops = open_crops(folder)
    for view, ax in enumerate(axes):
        image = crops.images[index, view][crops.images.shape[2] // 2]
        sheet.show_image(ax, image, cmap="gray", vmin=0, vmax=255, interpolation="bicubic")
        boxes = zip(crops.boxes[index, view], crops.detected[index, view], strict=True)
        for number, (box, detected) in reversed(list(enumerate(boxes))):
            style = DETECTED if detected else COMPLETED
            color = sheet.PAIR if number < 2 else sheet.OTHERS
            sheet.draw_box(ax, box[:2], box[2:] - box[:2], edgecolor=color, linestyle=style)
    game, play, step, first, second = str(read_contact_ids(folder)[index]).split("_")
    second = "the ground" if second == GROUND_TEXT else second
    label, weight = ("contact", "bold") if sample.contact else ("no contact", "normal")
    title = f"{game}_{play}, step {step}: {label}\n{first} and {second}"
    axes[0].set_title(title, fontsize=7.5, loc="left", pad=2, fontweight=weight)


def crop_folders(run: Path) -> list[Path]:
    """The folder of each play that has crops. Raises InputError where there is none."""
    folders = sorted(path for path in (run / "crops").glob("[!.]*") if path.is_dir())
    if not folders:
        raise InputError(f"{run} has no crops to plot. Run `make crops` first")
    return folders


def sample_rows(run: Path, seed: int) -> pd.DataFrame:
    """Up to COLUMNS rows of each kind that both views show.

    Columns: game_play, crop_index (in its crops), contact, line and column of the sheet.
    """
    tables = []
    for folder in crop_folders(run):
        visible = open_crops(folder).visible
        crops = pd.DataFrame({"row": read_crop_rows(folder), "crop_index": np.arange(len(visible))})
        rows = read_candidates(run / "features", folder.name)[["row", "second", "contact"]]
        tables.append(
            crops[visible.all(axis=1)].merge(rows, on="row").assign(game_play=folder.name)
        )
    table = pd.concat(tables, ignore_index=True)
    samples = []
    for line, (ground, contact) in enumerate(KINDS):
        kind = table[((table["second"] == GROUND) == ground) & (table["contact"] == contact)]
        chosen = kind.sample(min(COLUMNS, len(kind)), random_state=seed)
        samples.append(chosen.assign(line=line, column=np.arange(len(chosen))))
    return pd.concat(samples, ignore_index=True)
