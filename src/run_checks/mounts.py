"""The ways in which Kaggle has mounted a notebook's inputs."""

import os
import shutil
from pathlib import Path

from player_contact.competition.season import read_season
from player_contact.kaggle.kernel import COMPETITION, Upload
from player_contact.utils.files import read_json
from run_checks.damages import TABLES

AS_LINKS, ZIPPED = "one beside the other as links", "the dataset's folders zipped"


def mount_inputs(upload: Upload, season: Path, folder: Path) -> Path:
    """Writes `folder`/input as Kaggle mounts it in 2026; returns the competition's folder."""
    inputs, name = folder / "input", read_json(upload.dataset / "dataset-metadata.json")["id"]
    metadata = shutil.ignore_patterns("dataset-metadata.json")
    shutil.copytree(upload.dataset, inputs / "datasets" / name, ignore=metadata)
    write_hidden_plays(season, inputs / "competitions" / COMPETITION)
    return inputs / "competitions" / COMPETITION


def other_mounts(mounted: Path, folder: Path) -> dict[str, Path]:
    """The same inputs as they were mounted before, and as folders that nobody unpacked.

    By what is different: the root of each, whose links lead into the root `mounted`.
    """
    (dataset,) = (mounted / "input" / "datasets").glob("*/*")
    roots = {AS_LINKS: folder / "links", ZIPPED: folder / "zipped"}
    for root in roots.values():
        (root / "input").mkdir(parents=True)
        competition = mounted / "input" / "competitions" / COMPETITION
        (root / "input" / COMPETITION).symlink_to(competition)
    (roots[AS_LINKS] / "input" / dataset.name).symlink_to(dataset)
    target = roots[ZIPPED] / "input" / "datasets" / dataset.parent.name / dataset.name
    for path in dataset.iterdir():
        shutil.make_archive(str(target / path.name), "zip", path)
    return roots


def write_hidden_plays(season: Path, target: Path) -> None:
    """The test tables and videos; of every three plays one lacks videos, one has a broken one."""
    (target / "test").mkdir(parents=True)
    for table in TABLES:
        shutil.copyfile(season / table, target / table)
    test = read_season(season, "test")
    for number, play in enumerate(test.game_plays):
        for video in sorted(test.video_folder.glob(f"{play}_*.mp4")) if number % 3 != 2 else ():
            shutil.copyfile(video, target / "test" / video.name)
            if number % 3 == 1 and video.stem.endswith("Sideline"):
                os.truncate(target / "test" / video.name, video.stat().st_size * 2 // 3)
