"""One LightGBM classifier, trained the same way wherever it runs."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from player_contact.config import BoosterConfig
from player_contact.utils.logits import sigmoid
from player_contact.utils.npy_array import NpyArray

Parts = Sequence[np.ndarray | NpyArray]  # [n, K] float32 each, in memory or on disk
BIN_SAMPLE = 20_000  # rows, held as float64; LightGBM's default of 200,000 takes gigabytes


def train_booster(
    parts: Parts,
    columns: dict[str, int],
    label: np.ndarray,
    config: BoosterConfig,
    seed: int,
    num_threads: int,
    increasing: Sequence[str] = (),
    after_round: Callable[[], None] | None = None,
    start: str | None = None,
) -> str:
    """The model text of a booster trained on the N rows of all `parts` and their [N] bool labels.

    `columns` maps the features to train on to their positions among the K. LightGBM reads a few
    thousand rows at a time and keeps a byte a value. The probability never falls where one of the
    `increasing` features rises. With `start`, a feature in log odds, the trees only correct it, and
    it must be added again where the model is used. Same rows, config, seed and num_threads: same
    text.
    """
    import lightgbm as lgb

    logger = logging.getLogger("lightgbm")
    logger.setLevel(logging.ERROR)  # it warns that BIN_SAMPLE is small: enough for dense features
    lgb.register_logger(logger)

    class PartSequence(lgb.Sequence):
        batch_size = 8192

        def __init__(self, values: np.ndarray | NpyArray) -> None:
            self.values, self.used = values, list(columns.values())

        def __getitem__(self, index: Any) -> np.ndarray:
            return np.asarray(self.values[index])[..., self.used].astype(np.float64)

        def __len__(self) -> int:
            return len(self.values)

    params = config.model_dump(exclude={"num_boost_round"}) | {
        "objective": "binary",
        "bagging_freq": int(config.bagging_fraction < 1),
        "bin_construct_sample_cnt": BIN_SAMPLE,
        "monotone_constraints": [int(name in increasing) for name in columns],
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": num_threads,
        "verbosity": -1,
    }
    sequences = [PartSequence(part) for part in parts if len(part)]
    odds = [np.asarray(part)[:, columns[start]] for part in parts if start and len(part)]
    data = lgb.Dataset(
        sequences,
        label.astype(np.float32),
        init_score=np.concatenate(odds).astype(np.float64) if odds else None,
        feature_name=[*columns],
        params=params,
    )
    callbacks = [lambda _: after_round()] if after_round is not None else []
    booster = lgb.train(params, data, config.num_boost_round, callbacks=callbacks)
    return booster.model_to_string()


def predict_booster(
    text: str, table: pd.DataFrame, num_threads: int, start: str | None = None
) -> np.ndarray:
    """[N] float32 probabilities of contact; the table's columns may stand in any order.

    `start` as in `train_booster`. Raises KeyError where a column that the booster was trained on is
    missing.
    """
    import lightgbm as lgb

    booster = lgb.Booster(model_str=text)
    if not len(table):
        return np.empty(0, dtype=np.float32)
    values = table[booster.feature_name()]
    if start is None:
        return np.asarray(booster.predict(values, num_threads=num_threads), dtype=np.float32)
    raw = np.asarray(booster.predict(values, raw_score=True, num_threads=num_threads))
    return sigmoid(raw + table[start].to_numpy())


def staged_probabilities(
    text: str,
    parts: Parts,
    columns: dict[str, int],
    rounds: Sequence[int],
    num_threads: int,
    start: str | None = None,
) -> np.ndarray:
    """[C, N] float32 probabilities after each of C ascending `rounds`, as in `train_booster`."""
    import lightgbm as lgb

    booster, used = lgb.Booster(model_str=text), list(columns.values())
    staged = np.zeros((len(rounds), sum(map(len, parts))), dtype=np.float32)
    offset = 0
    for part in (part for part in parts if len(part)):
        values, raw = np.ascontiguousarray(np.asarray(part)[:, used]), np.zeros(len(part))
        if start is not None:
            raw += np.asarray(part)[:, columns[start]]
        for number, (first, end) in enumerate(zip((0, *rounds[:-1]), rounds, strict=True)):
            raw += booster.predict(
                values, first, end - first, raw_score=True, num_threads=num_threads
            )
            staged[number, offset : offset + len(part)] = sigmoid(raw)
        offset += len(part)
    return staged


def importance(texts: Sequence[str]) -> pd.Series:
    """Feature -> share of the gain of all splits, mean over the boosters, the largest first."""
    import lightgbm as lgb

    shares = []
    for booster in (lgb.Booster(model_str=text) for text in texts):
        gain = booster.feature_importance("gain")
        shares.append(pd.Series(gain / max(gain.sum(), 1e-12), index=booster.feature_name()))
    return pd.concat(shares, axis=1).mean(axis=1).sort_values(ascending=False, kind="stable")
