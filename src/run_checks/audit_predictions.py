"""Rows of a finished run are predicted again by the models of each fold."""

import numpy as np
import pandas as pd

from player_contact.boosting.blend_features import START
from player_contact.boosting.booster import predict_booster
from player_contact.features.feature_store import candidate_rows, open_features, read_candidates
from player_contact.pipeline.blend_stage import play_blend_table
from player_contact.utils.logits import sigmoid
from player_contact.video.crop_store import open_crops, read_crop_rows, read_geometry
from run_checks.finished_run import AuditError, FinishedRun, sample_plays

BOOSTER_TOLERANCE = 1e-4  # of probabilities whose sums were taken in another order
VISION_TOLERANCE = 0.02  # of bfloat16 probabilities in other batches


def check_predictions(finished: FinishedRun) -> str:
    """Rows of some plays of every fold, predicted again by the models of each fold: only those of
    their own fold give the probabilities of the table."""
    run, folder, rows, vision_gap = finished.run, finished.run.folder, 0, 0.0
    vision_oof = pd.read_parquet(folder / "vision" / "oof.parquet").set_index("row")["vision"]
    plays = sample_plays(run)
    for tables in run.season.plays(plays):
        play = tables.game_play
        candidates = read_candidates(folder / "features", play)
        oof = finished.oof.iloc[candidates["row"]]
        screen, vision = oof["screen"].to_numpy(), vision_oof.reindex(candidates["row"])
        visible = vision.notna().to_numpy()
        vision = vision.to_numpy(dtype=np.float32)
        features = pd.DataFrame(
            np.asarray(open_features(folder / "features", play)), columns=run.feature_names
        )
        blend_item = (tables, candidates, screen, vision)
        blend = play_blend_table(blend_item, run.config.blend.max_lag)
        fold = int(run.folds.set_index("game_play")["fold"][play])
        for stage, table in (("screen", features), ("sensors", features), ("blend", blend)):
            by_fold = {
                model_fold: predict_booster(
                    (finished.bundle.folder / name).read_text(encoding="utf-8"),
                    table,
                    run.config.num_threads,
                    START if stage == "blend" else None,
                )
                for name, model_fold in finished.models(stage).items()
            }
            _compare(play, fold, oof[stage].to_numpy(), by_fold, BOOSTER_TOLERANCE)
        if visible.any() and finished.models("vision"):
            by_fold = predict_vision(finished, play, candidates.assign(screen=screen), features)
            gap = _compare(play, fold, vision[visible], by_fold, VISION_TOLERANCE)
            vision_gap = max(vision_gap, gap)
        rows += len(candidates)
    return (
        f"{rows:,} rows of {len(plays)} plays predicted again; the models of the row's own fold "
        f"give what the table holds, vision's probabilities to within {vision_gap:.1g}"
    )


def _compare(
    play: str, fold: int, expected: np.ndarray, by_fold: dict[int, np.ndarray], tolerance: float
) -> float:
    """The largest difference. Raises AuditError where it is above the tolerance."""
    if fold not in by_fold:
        raise AuditError(f"fold {fold} has no model of its own for {play}")
    gaps = {
        other: float(np.abs(expected - values).max(initial=0)) for other, values in by_fold.items()
    }
    if not gaps[fold] <= tolerance:
        nearest = min(gaps, key=lambda other: gaps[other])
        raise AuditError(
            f"{play} is in fold {fold}, but its models differ from the table by up to "
            f"{gaps[fold]:.3f}: "
            + (
                f"those of fold {nearest}, which was trained on them, give them"
                if gaps[nearest] <= tolerance
                else "no model of the bundle gives them"
            )
        )
    return gaps[fold]


def predict_vision(
    finished: FinishedRun, play: str, candidates: pd.DataFrame, features: pd.DataFrame
) -> dict[int, np.ndarray]:
    """Fold -> probabilities of a play's open rows that a camera saw, by that fold's vision models.

    In the order of `candidates`, whose `screen` is the screen's probability.
    """
    from player_contact.vision.clips import NO_CROP
    from player_contact.vision.play_rows import PlayRows
    from player_contact.vision.scoring import predict_logits

    bundle, run = finished.bundle, finished.run
    folder = run.folder / "crops" / play
    crop_index = pd.Index(read_crop_rows(folder)).get_indexer(candidates["row"])
    assert NO_CROP == -1, "as get_indexer has it"
    is_open = candidates["row"].isin(run.open_rows()["row"]).to_numpy()
    rows, screen = candidate_rows(candidates), candidates["screen"].to_numpy()
    geometry = read_geometry(folder) if "tokens" in run.config.vision.families else None
    crops = open_crops(folder)
    play_rows = PlayRows(rows, features, screen, is_open, crop_index, crops, geometry)
    logits: dict[int, list[np.ndarray]] = {}
    for name, fold in finished.models("vision").items():
        vision, model = bundle.vision_models[name]
        embed, threads = bundle.image_embedders[name], run.config.num_threads
        one = play_rows.of(vision)
        logits.setdefault(fold, []).append(predict_logits(model, one, vision, threads, embed))
    return {fold: sigmoid(np.mean(members, axis=0)) for fold, members in logits.items()}
