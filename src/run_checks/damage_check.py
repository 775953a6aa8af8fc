"""Damaged input is either predicted in full or refused with one sentence."""

import logging
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from player_contact.competition.season import read_season
from player_contact.inference.predict import predict_folder
from player_contact.utils.errors import InputError, PlayerContactError
from player_contact.utils.log_capture import captured
from player_contact.utils.progress import progress_bar
from run_checks.damages import IDS, TABLE_DAMAGES, TABLES, Damage
from run_checks.submission import SubmissionError, check_submission
from run_checks.video_damages import FOLDER_DAMAGES

ACCEPTED, REFUSED, FAULTY, NOT_NEEDED = "accepted", "refused", "FAULT", "-"
DAMAGES = TABLE_DAMAGES | FOLDER_DAMAGES


@dataclass(frozen=True)
class Outcome:
    """Of one damage: without `--mend`, and with it where it was refused.

    `message` is that of the error, or the first warning.
    """

    damage: str
    plain: str
    mended: str
    message: str

    @property
    def is_faulty(self) -> bool:
        """A traceback, or an incomplete submission."""
        return FAULTY in (self.plain, self.mended)


def check_damages(
    bundle: Path, season: Path, damages: Mapping[str, Damage] = DAMAGES
) -> list[Outcome]:
    """Does each damage to a copy of the season's first filmed test play, and predicts it.

    Raises InputError where the season has no such play.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        _write_first_filmed(season, folder / "intact")
        usual: dict[bool, set[str]] = {}  # logged for intact input, without and with videos
        for filmed in (False, True):
            kind, messages = _predict(bundle, _copy(folder, filmed), mend=False)
            usual[filmed] = set(messages) if kind == ACCEPTED else set()
        outcomes = (
            _outcome(bundle, folder, name, damage, usual[name in FOLDER_DAMAGES])
            for name, damage in damages.items()
        )
        return list(progress_bar(outcomes, len(damages), "damaged inputs"))


def outcomes_text(outcomes: Sequence[Outcome]) -> str:
    """The table, and how many outcomes there are of each kind."""
    width = max(len(outcome.damage) for outcome in outcomes)
    lines = [f"{'damage':{width}}  predict   --mend    message"]
    lines += [
        f"{row.damage:{width}}  {row.plain:8}  {row.mended:8}  {row.message}".rstrip()
        for row in outcomes
    ]
    plain = [outcome.plain for outcome in outcomes]
    mended = [outcome.mended for outcome in outcomes]
    lines += [
        f"{len(outcomes)} damages: {plain.count(ACCEPTED)} accepted, each with a complete "
        f"submission; {plain.count(REFUSED)} refused with a sentence",
        f"of those, --mend accepts {mended.count(ACCEPTED)}, each with a complete submission; "
        f"it refuses {mended.count(REFUSED)}. Faults: {(plain + mended).count(FAULTY)}",
    ]
    return "\n".join(lines)


def _outcome(bundle: Path, folder: Path, name: str, damage: Damage, usual: set[str]) -> Outcome:
    def outcome(mend: bool) -> tuple[str, str]:
        copy = _copy(folder, name in FOLDER_DAMAGES)
        damage(copy)
        kind, messages = _predict(bundle, copy, mend)
        first = next((m for m in messages if m not in usual and not m.startswith("vision: ")), "")
        return kind, first.replace(f"{copy}", "input").replace(f"{copy.parent}", "outside")

    plain, message = outcome(mend=False)
    if plain != REFUSED:
        return Outcome(name, plain, NOT_NEEDED, message)
    mended, mended_message = outcome(mend=True)
    return Outcome(name, plain, mended, mended_message if mended == FAULTY else message)


def _predict(bundle: Path, folder: Path, mend: bool) -> tuple[str, list[str]]:
    """The kind of outcome, and the error's and all logged messages, the most severe first."""
    ids, submission = folder.parent / "ids.csv", folder.parent / "submission.csv"
    for path in (ids, submission):
        path.unlink(missing_ok=True)
    if (folder / IDS).is_file():
        ids.write_bytes((folder / IDS).read_bytes())
    records: list[logging.LogRecord] = []
    kind, errors = ACCEPTED, []
    with captured(records.append, propagate=False):
        try:
            predict_folder(bundle, folder, submission, 0, mend=mend)
            check_submission(submission, ids)
        except SubmissionError as error:
            kind, errors = FAULTY, [str(error)]
        except PlayerContactError as error:
            wrote = "refused, but wrote a submission: " if submission.exists() else ""
            kind, errors = REFUSED, [f"{wrote}{error}"]
        except Exception as error:  # a user would see a traceback
            kind, errors = FAULTY, [f"{type(error).__name__}: {error}"]
    records.sort(key=lambda record: -record.levelno)
    return kind, [*errors, *(record.getMessage() for record in records)]


def _write_first_filmed(season: Path, target: Path) -> None:
    """Writes the tables and videos of the first test play that has videos."""
    test = read_season(season, "test")
    filmed = [play for play in test.game_plays if list(test.video_folder.glob(f"{play}_*.mp4"))]
    if not filmed:
        raise InputError(f"{season} has no test play with videos to damage")
    (target / "test").mkdir(parents=True)
    for file in TABLES:
        table = pd.read_csv(season / file, dtype=str, keep_default_na=False)
        key = "contact_id" if file == IDS else "game_play"
        table[table[key].str.startswith(filmed[0])].to_csv(target / file, index=False)
    for video in test.video_folder.glob(f"{filmed[0]}_*.mp4"):
        shutil.copyfile(video, target / "test" / video.name)


def _copy(folder: Path, filmed: bool) -> Path:
    """A new copy of the intact input in an otherwise empty folder, with or without videos."""
    shutil.rmtree(folder / "copy", ignore_errors=True)
    ignore = None if filmed else shutil.ignore_patterns("*.mp4")
    return Path(shutil.copytree(folder / "intact", folder / "copy" / "input", ignore=ignore))
