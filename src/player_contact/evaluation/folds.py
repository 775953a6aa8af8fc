"""Folds by game: plays of a game share teams, light and camera, so no game is in two folds."""

import numpy as np
import pandas as pd

from player_contact.utils.errors import InputError


def game_of(game_play: pd.Series) -> pd.Series:
    """The game_key of each game_play, as text."""
    return game_play.astype(str).str.slice(0, 5)


def make_folds(contacts: pd.Series, folds: int, seed: int) -> pd.DataFrame:
    """A table game_play, game, contacts, fold (0..folds-1) of `contacts` (by game_play), in order.

    Games are taken from the one with most contacts down, each into the fold with the fewest so
    far; equal ones in an order drawn from `seed`. Raises InputError with fewer games than folds.
    """
    table = pd.DataFrame({"game_play": contacts.index.astype(str), "contacts": contacts.to_numpy()})
    table.insert(1, "game", game_of(table["game_play"]))
    games = table.groupby("game")["contacts"].agg(["sum", "size"]).sort_index()
    if len(games) < folds:
        fewer = f"Set folds to {len(games)} or fewer, or add" if len(games) > 1 else "Add"
        raise InputError(
            f"{len(games)} games can't make {folds} folds. {fewer} plays of other games"
        )
    games = games.sample(frac=1, random_state=np.random.RandomState(seed))
    load = np.zeros((folds, 2))  # contacts and plays so far
    fold_of = {}
    for game, size in games.sort_values("sum", ascending=False, kind="stable").iterrows():
        fold = min(range(folds), key=lambda number: tuple(load[number]))
        load[fold] += size
        fold_of[game] = fold
    return table.assign(fold=table["game"].map(fold_of).astype("int8"))
