"""One LightGBM classifier, trained the same way wherever it runs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from player_contact.config import BoosterConfig


def train_booster(table: pd.DataFrame, label: np.ndarray, config: BoosterConfig, seed: int, threads: int, rising: Sequence[str] = ()) -> str:
    """The text of a booster trained on [N, K] features and [N] bool labels.

    The probability never falls where one of the `rising` columns rises. The same table, config, seed and threads give the same text. No early
    stopping: the rounds are a setting.
    """
    import lightgbm as lgb

    parameters = {
        "objective": "binary",
        "learning_rate": config.learning_rate,
        "num_leaves": config.leaves,
        "min_data_in_leaf": config.min_rows_in_leaf,
        "feature_fraction": config.feature_share,
        "bagging_fraction": config.row_share,
        "bagging_freq": 1 if config.row_share < 1 else 0,
        "lambda_l2": config.l2,
        "monotone_constraints": [int(name in rising) for name in table.columns],
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "verbosity": -1,
    }
    data = lgb.Dataset(table, label=label.astype(np.float32), params={"verbosity": -1}, free_raw_data=True)
    return lgb.train(parameters, data, num_boost_round=config.rounds).model_to_string()


def booster_probability(text: str, table: pd.DataFrame, threads: int) -> np.ndarray:
    """[N] float32 probabilities of contact. The table must have the columns that the booster was trained on; it is put into their order.

    Raises KeyError where a column is missing.
    """
    import lightgbm as lgb

    booster = lgb.Booster(model_str=text)
    if not len(table):
        return np.empty(0, dtype=np.float32)
    return np.asarray(booster.predict(table[booster.feature_name()], num_threads=threads), dtype=np.float32)
