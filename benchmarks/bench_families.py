"""What scoring a step costs in both families of vision models, by the number of its open rows."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.bench_table import BenchResult
from benchmarks.bench_vision import Work, seconds_a_row, untrained
from benchmarks.gpu_check import random_rows
from player_contact.config import Config
from player_contact.play import Rows

if TYPE_CHECKING:
    from player_contact.vision.clips import OpenRows
    from player_contact.vision.token_rows import TokenRows

OPEN_ROWS = (10, 20, 40, 80, 160)  # a step; a real one has some 60 to 120
GROUND_SHARE = 0.25  # of them
PLAYERS, STEPS = 22, 16


def bench_families(config: Config) -> list[BenchResult]:
    """Scoring by tokens beside pairs, of made-up rows among PLAYERS whom both views show.

    Both have the config's encoder, image size and backend, and random weights.
    """
    import torch

    torch.set_num_threads(config.num_threads)
    torch.manual_seed(config.seed)
    pairs, tokens = (untrained(config, family=family) for family in ("pairs", "tokens"))
    most = random_rows(pairs, max(OPEN_ROWS), STEPS)[0]
    score_pairs, score_tokens = _scorer(pairs), _scorer(tokens)
    results = []
    for count in OPEN_ROWS:
        rows, players = most[np.arange(count * STEPS)], random_players(pairs, count, STEPS)
        works: dict[str, Work] = {
            "pairs": (partial(score_pairs, rows), len(rows)),
            "tokens": (partial(score_tokens, players), len(players)),
        }
        seconds = seconds_a_row(works)
        result = BenchResult(f"tokens, {count} open rows a step", len(rows), 1 / seconds["tokens"])
        result.peer, result.ratio_to_peer = "pairs", seconds["pairs"] / seconds["tokens"]
        for name, each in seconds.items():
            result.more[f"ms a step, {name}"] = 1000 * count * each
        results.append(result)
    return results


def _scorer(config: Config) -> "Callable[[OpenRows | TokenRows], np.ndarray]":
    """Scores rows as `predict` does, by a model of the config's family."""
    from player_contact.vision.families import FAMILIES
    from player_contact.vision.scoring import make_image_embedder, predict_logits

    vision, threads = config.vision, config.num_threads
    num_frames = len(config.crops.frame_offsets)
    model = FAMILIES[vision.family].model(vision, num_frames).eval()
    embed = make_image_embedder(model, vision, num_frames, threads)
    return lambda rows: predict_logits(model, rows, vision, threads, embed)


def random_players(config: Config, count: int, length: int) -> "TokenRows":
    """`count` open rows at each of `length` steps, and those of PLAYERS who are in them."""
    from player_contact.vision.clips import open_rows
    from player_contact.vision.token_rows import GEOMETRY, token_rows

    rng, num_tabular = np.random.default_rng(config.seed), len(config.vision.tabular)

    def rows_of(first: np.ndarray, second: np.ndarray, crops: list) -> "OpenRows":
        tracks = len(first)
        step, track = np.divmod(np.arange(tracks * length), tracks)
        rows = Rows(np.arange(len(step)), step, first[track], second[track])
        return open_rows(rows, rng.normal(size=(len(step), num_tabular)).astype(np.float32), crops)

    everybody, ground = np.arange(PLAYERS), np.full(PLAYERS, -1)
    images = random_rows(config, PLAYERS, length)[0].crops
    players = rows_of(everybody, ground, images)
    pairs = rng.permutation(np.stack(np.triu_indices(PLAYERS, 1), axis=1))
    alone = np.stack([rng.permutation(everybody), ground], axis=1)[: round(GROUND_SHARE * count)]
    chosen = np.concatenate([alone, pairs[: count - len(alone)]])
    geometry = rng.normal(size=(len(players), len(GEOMETRY))).astype(np.float32)
    return token_rows(rows_of(chosen[:, 0], chosen[:, 1], images), players, geometry)


def plot_growth(results: list[BenchResult], path: Path) -> None:
    """Draws milliseconds a step against open rows, a line a family, as SVG."""
    import matplotlib
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.2), layout="constrained")
    ax = figure.subplots()
    for name, style in {"pairs": "o-", "tokens": "s--"}.items():
        milliseconds = [result.more[f"ms a step, {name}"] for result in results]
        ax.plot([result.rows / STEPS for result in results], milliseconds, style, label=name)
    ax.set(xlabel="open rows a step", ylabel="ms a step", xlim=(0, None), ylim=(0, None))
    ax.grid(alpha=0.3)
    ax.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"svg.hashsalt": "player_contact"}):
        figure.savefig(path, metadata={"Date": None})
