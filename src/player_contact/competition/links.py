"""Links in an input folder: those that stay inside are files like others, those that lead out of it are not followed."""

from pathlib import Path


def leads_out(path: Path, folder: Path) -> bool:
    """Whether a file of the input `folder` lies elsewhere, by a link of its own or of a folder between. The input folder itself may be a link."""
    return not path.resolve().is_relative_to(folder.resolve())


def link_sentence(path: Path, folder: Path) -> str:
    """What is wrong with such a file, and what to do."""
    where = f"{path.name} lies outside of {folder}: a link leads to {path.resolve()}, and links are not followed"
    return f"{where}. Put the file itself there, or make the whole folder a link"
