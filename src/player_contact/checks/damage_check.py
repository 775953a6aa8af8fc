"""What predicting makes of damaged input: refused with a sentence, or accepted with a whole submission."""

import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from player_contact.checks.damages import DAMAGES, TABLES, Damage
from player_contact.competition.season import read_season
from player_contact.errors import InputError, PlayerContactError
from player_contact.kaggle.rehearsal import RehearsalError, check_submission
from player_contact.parallel import show_progress
from player_contact.predict import predict_folder

ACCEPTED, REFUSED, FAULTY, NOT_NEEDED = "accepted", "refused", "FAULT", "-"


@dataclass(frozen=True)
class Outcome:
    """What became of one damage, and with `--mend` where it was refused; `said` is the sentence of the refusal, or the first warning."""

    what: str
    plain: str
    mended: str
    said: str


def check_damages(bundle: Path, season: Path, damages: Sequence[Damage] = DAMAGES) -> list[Outcome]:
    """Damages copies of the season's first filmed test play in every way, and predicts each with the bundle.

    A fault is an exception that is not meant for the user, and a submission that is not whole. Raises InputError where the season has no such play.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        _first_filmed(season, folder / "whole")
        usual = {}
        for filmed in (False, True):
            kind, said = _predicted(bundle, _copy(folder, filmed), mend=False)
            usual[filmed] = set(said) if kind == ACCEPTED else set()
        done = show_progress((_outcome(bundle, folder, damage, usual[damage.filmed]) for damage in damages), len(damages), "damaged inputs")
        return list(done)


def outcomes_text(outcomes: Sequence[Outcome]) -> str:
    """A table for a person, and how many there are of each kind."""
    wide = max(len(outcome.what) for outcome in outcomes)
    lines = [f"{'what is damaged':{wide}}  predict   --mend    what is said"]
    lines += [f"{one.what:{wide}}  {one.plain:8}  {one.mended:8}  {one.said}".rstrip() for one in outcomes]
    plain, mended = ([getattr(one, kind) for one in outcomes] for kind in ("plain", "mended"))
    counts = [
        f"{len(outcomes)} damages: {plain.count(ACCEPTED)} accepted, each with a whole submission; {plain.count(REFUSED)} refused with a sentence"
    ]
    counts.append(
        f"of those, --mend accepts {mended.count(ACCEPTED)}, each with a whole submission; it refuses {mended.count(REFUSED)}. "
        f"Faults: {(plain + mended).count(FAULTY)}"
    )
    return "\n".join([*lines, *counts])


def is_faulty(outcome: Outcome) -> bool:
    """Whether predicting broke, or gave less than a whole submission."""
    return FAULTY in (outcome.plain, outcome.mended)


def _outcome(bundle: Path, folder: Path, damage: Damage, usual: set[str]) -> Outcome:
    def outcome(mend: bool) -> tuple[str, str]:
        copy = _copy(folder, damage.filmed)
        damage.harm(copy)
        kind, sentences = _predicted(bundle, copy, mend)
        new = [sentence for sentence in sentences if sentence not in usual and not sentence.startswith("vision: ")]
        return kind, (new or [""])[0].replace(f"{copy}", "input").replace(f"{copy.parent}", "outside")

    plain, said = outcome(mend=False)
    if plain != REFUSED:
        return Outcome(damage.what, plain, NOT_NEEDED, said)
    mended, words = outcome(mend=True)
    return Outcome(damage.what, plain, mended, words if mended == FAULTY else said)


def _predicted(bundle: Path, folder: Path, mend: bool) -> tuple[str, list[str]]:
    """What became of a folder, and the sentences that were said of it, the weightiest first."""
    asked = folder.parent / "asked.csv"
    asked.unlink(missing_ok=True)
    if (folder / "sample_submission.csv").is_file():
        asked.write_bytes((folder / "sample_submission.csv").read_bytes())
    submission = folder.parent / "submission.csv"
    submission.unlink(missing_ok=True)
    with _listening() as said:
        try:
            predict_folder(bundle, folder, submission, 1, mend=mend)
            check_submission(submission, asked)
        except RehearsalError as error:
            return FAULTY, [str(error), *said]
        except PlayerContactError as error:
            return REFUSED, [str(error), *said] if not submission.exists() else [f"refused, but wrote a submission: {error}"]
        except Exception as error:  # what a user would see as a traceback: just what is looked for
            return FAULTY, [f"{type(error).__name__}: {error}", *said]
    return ACCEPTED, said


@contextmanager
def _listening() -> Iterator[list[str]]:
    """What is logged meanwhile; warnings first."""
    said: list[tuple[int, str]] = []
    texts: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append((-record.levelno, record.getMessage()))

    package, ear = logging.getLogger("player_contact"), Ear()
    level, spread = package.level, package.propagate
    package.addHandler(ear)
    package.setLevel(logging.INFO)
    package.propagate = False
    try:
        yield texts
    finally:
        package.removeHandler(ear)
        package.setLevel(level)
        package.propagate = spread
        texts += [text for _, text in sorted(said, key=lambda one: one[0])]


def _first_filmed(season: Path, target: Path) -> None:
    """Writes the tables and videos of the first test play that has videos."""
    plays = read_season(season, "test")
    filmed = [play for play in plays.game_plays if list(plays.video_folder.glob(f"{play}_*.mp4"))]
    if not filmed:
        raise InputError(f"{season} has no test play with videos to damage")
    (target / "test").mkdir(parents=True)
    for file in TABLES:
        table = pd.read_csv(season / file, dtype=str, keep_default_na=False)
        name = "contact_id" if "contact_id" in table else "game_play"
        table[table[name].str.startswith(filmed[0])].to_csv(target / file, index=False)
    for video in plays.video_folder.glob(f"{filmed[0]}_*.mp4"):
        shutil.copyfile(video, target / "test" / video.name)


def _copy(folder: Path, filmed: bool) -> Path:
    """A fresh copy of the whole input below an empty folder, with its videos or without."""
    place = folder / "try"
    shutil.rmtree(place, ignore_errors=True)
    return Path(shutil.copytree(folder / "whole", place / "input", ignore=None if filmed else shutil.ignore_patterns("*.mp4")))
