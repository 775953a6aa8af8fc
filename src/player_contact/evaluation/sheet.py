"""Sheets of images: a grid of axes of equal size, boxes over images, a legend below, one file."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from player_contact.utils.errors import InputError
from player_contact.utils.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 100
GAP = 0.02  # inches between images
PAIR, OTHERS = "#ffd400", "#56b4e9"  # distinct from each other, to color-blind eyes too, and gray


def image_grid(
    rows: int,
    columns: int,
    size: tuple[float, float],
    margins: tuple[float, float, float],
    top: float = 0,
) -> "tuple[Figure, np.ndarray]":
    """A figure and its [rows, columns] axes of `size` (width, height) inches.

    `margins` are inches that stay free at the left, above each axes, and below all; `top` above
    all.
    """
    from matplotlib.figure import Figure

    left, head, foot = margins
    width, height = left + columns * size[0], top + rows * (size[1] + head) + foot
    figure = Figure(figsize=(width, height), dpi=DPI)
    axes = np.empty((rows, columns), dtype=object)
    for row, column in np.ndindex(rows, columns):
        bottom = height - top - (row + 1) * (size[1] + head)
        corner = (left + column * size[0]) / width, bottom / height
        shape = (size[0] - GAP) / width, (size[1] - GAP) / height
        ax = axes[row, column] = figure.add_axes((*corner, *shape))
        ax.set_axis_off()
    return figure, axes


def show_image(ax: "Axes", image: np.ndarray, **style: Any) -> None:
    """An image [H, W] or [H, W, 3] in its pixels; boxes beyond its edge are cut off."""
    height, width = image.shape[:2]
    ax.imshow(image, extent=(0, width, height, 0), aspect="auto", **style)
    ax.set(xlim=(0, width), ylim=(height, 0))


def draw_box(ax: "Axes", corner: np.ndarray, size: np.ndarray, **style: Any) -> None:
    """The outline of a box from its left top corner, in pixels of the image; nothing where NaN."""
    from matplotlib.patches import Rectangle

    if not np.isnan(corner[0]):
        ax.add_patch(
            Rectangle((corner[0], corner[1]), *size, **{"fill": False, "linewidth": 1.4} | style)
        )


def add_legend(figure: "Figure", entries: dict[str, dict[str, Any]]) -> None:
    """Text -> the style of the line beside it, at the bottom of the figure."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label=text, **style) for text, style in entries.items()]
    figure.legend(handles=handles, loc="lower left", ncols=len(handles), fontsize=8, frameon=False)


def write_sheet(figure: "Figure", output: Path) -> None:
    """Writes a .png or .jpg, the same bytes for the same figure. Other endings: InputError."""
    if output.suffix not in (".png", ".jpg"):
        raise InputError(f"{output} must end in .png or .jpg")
    with atomic_write(output) as temporary:
        metadata = {"Software": None} if output.suffix == ".png" else None
        figure.savefig(temporary, format=output.suffix[1:], metadata=metadata)
