"""A finished run, whose audit may fail."""

import re
from dataclasses import dataclass

import pandas as pd

from player_contact.competition.season import fingerprint
from player_contact.inference.bundle import Bundle, load_bundle
from player_contact.pipeline.run import Run
from player_contact.utils.errors import InputError, PlayerContactError

SAMPLED_PLAYS = 2  # of each fold, for what takes long


class AuditError(PlayerContactError):
    """A check of the audit failed."""


@dataclass(frozen=True)
class FinishedRun:
    """A run, its bundle and its out-of-fold table."""

    run: Run
    bundle: Bundle
    oof: pd.DataFrame

    def models(self, stage: str) -> dict[str, int]:
        """The bundle's model files of a stage -> the fold each belongs to."""
        names = sorted(self.bundle.manifest["files"])
        matches = {name: re.fullmatch(rf"{stage}/fold(\d+)\b.*", name) for name in names}
        return {name: int(match[1]) for name, match in matches.items() if match}


def load_finished_run(run: Run) -> FinishedRun:
    """Reads what the checks need. Raises InputError: unfinished, or other data or settings."""
    for name in ("oof.parquet", "bundle", "folds.csv", "screen/open_threshold.json"):
        if not (run.folder / name).exists():
            raise InputError(
                f"{run.folder} has no {name}: finish the run first (make bundle "
                f"RUN={run.folder.name})"
            )
    bundle = load_bundle(run.folder / "bundle")
    if fingerprint(run.input, "train") != bundle.manifest["data"]:
        raise InputError(
            f"{run.folder} was trained on other data than {run.input} holds. Name its input folder "
            "(INPUT=)"
        )
    configs = [config.model_dump(exclude={"report"}) for config in (bundle.config, run.config)]
    if configs[0] != configs[1]:
        raise InputError(
            f"{run.folder} was begun again with other settings than its bundle was made with. "
            f"Finish the run first (make bundle RUN={run.folder.name})"
        )
    return FinishedRun(run, bundle, pd.read_parquet(run.folder / "oof.parquet"))


def sample_plays(run: Run) -> list[str]:
    """SAMPLED_PLAYS plays of each fold, drawn from the run's seed."""
    shuffled = run.folds.sample(frac=1, random_state=run.config.seed)
    return shuffled.groupby("fold", sort=True).head(SAMPLED_PLAYS)["game_play"].tolist()
