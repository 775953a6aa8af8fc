"""One LightGBM classifier, trained the same way wherever it runs."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from player_contact.config import BoosterConfig
from player_contact.stored import StoredArray

SAMPLED_ROWS = 20_000  # kept as float64 meanwhile; the default of 200,000 takes gigabytes


def train_booster(
    parts: Sequence[np.ndarray | StoredArray],
    columns: dict[str, int],
    label: np.ndarray,
    config: BoosterConfig,
    seed: int,
    threads: int,
    rising: Sequence[str] = (),
    after_round: Callable[[], None] | None = None,
) -> str:
    """The text of a booster trained on the rows of `parts`, [n, K] float32 arrays one after the other, and [N] bool labels of all.

    `columns` names the features to train on and their places among the K. Parts may lie on disk: LightGBM draws SAMPLED_ROWS rows to choose its
    bins, reads the others a few thousand at a time, and keeps a byte a value. The probability never falls where one of the `rising` columns rises.
    The same rows, config, seed and threads give the same text. No early stopping: the rounds are a setting.
    """
    import lightgbm as lgb

    quiet = logging.getLogger("lightgbm")
    quiet.setLevel(logging.ERROR)  # it warns that a fifth of the rows is a small sample to choose bins by: for dense features it is plenty
    lgb.register_logger(quiet)

    class Part(lgb.Sequence):
        batch_size = 8192

        def __init__(self, values: np.ndarray | StoredArray) -> None:
            self.values, self.used = values, list(columns.values())

        def __getitem__(self, index: Any) -> np.ndarray:
            return np.asarray(self.values[index])[..., self.used].astype(np.float64)

        def __len__(self) -> int:
            return len(self.values)

    parameters = {
        "objective": "binary",
        "learning_rate": config.learning_rate,
        "num_leaves": config.leaves,
        "min_data_in_leaf": config.min_rows_in_leaf,
        "feature_fraction": config.feature_share,
        "bagging_fraction": config.row_share,
        "bagging_freq": 1 if config.row_share < 1 else 0,
        "lambda_l2": config.l2,
        "max_bin": config.bins,
        "bin_construct_sample_cnt": SAMPLED_ROWS,
        "monotone_constraints": [int(name in rising) for name in columns],
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "verbosity": -1,
    }
    filled = [Part(part) for part in parts if len(part)]
    data = lgb.Dataset(filled, label=label.astype(np.float32), feature_name=list(columns), params=parameters)
    callbacks = [lambda _: after_round()] if after_round is not None else []
    return lgb.train(parameters, data, num_boost_round=config.rounds, callbacks=callbacks).model_to_string()


def booster_probability(text: str, table: pd.DataFrame, threads: int) -> np.ndarray:
    """[N] float32 probabilities of contact. The table must have the columns that the booster was trained on; it is put into their order.

    Raises KeyError where a column is missing.
    """
    import lightgbm as lgb

    booster = lgb.Booster(model_str=text)
    if not len(table):
        return np.empty(0, dtype=np.float32)
    return np.asarray(booster.predict(table[booster.feature_name()], num_threads=threads), dtype=np.float32)


def staged_probability(
    text: str, parts: Sequence[np.ndarray | StoredArray], columns: dict[str, int], rounds: Sequence[int], threads: int
) -> np.ndarray:
    """[C, N] float32 probabilities of the rows of `parts` after each of C ascending numbers of rounds; letters as in `train_booster`."""
    import lightgbm as lgb

    booster, used = lgb.Booster(model_str=text), list(columns.values())
    staged = np.zeros((len(rounds), sum(map(len, parts))), dtype=np.float32)
    place = 0
    for part in (part for part in parts if len(part)):
        values, raw = np.ascontiguousarray(np.asarray(part)[:, used]), np.zeros(len(part))
        for number, (start, stop) in enumerate(zip((0, *rounds[:-1]), rounds, strict=True)):
            raw += booster.predict(values, start_iteration=start, num_iteration=stop - start, raw_score=True, num_threads=threads)
            staged[number, place : place + len(part)] = 1 / (1 + np.exp(-raw))
        place += len(part)
    return staged


def importance(texts: Sequence[str]) -> pd.Series:
    """Feature -> share of the gain of all splits, a mean over boosters with the same features, the largest first."""
    import lightgbm as lgb

    shares = []
    for booster in (lgb.Booster(model_str=text) for text in texts):
        gain = booster.feature_importance("gain")
        shares.append(pd.Series(gain / max(gain.sum(), 1e-12), index=booster.feature_name()))
    return pd.concat(shares, axis=1).mean(axis=1).sort_values(ascending=False, kind="stable")
