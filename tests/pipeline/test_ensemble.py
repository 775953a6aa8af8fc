import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.pipeline.ensemble import (
    ENSEMBLE,
    score_ensemble,
    weighted_mean,
    write_ensemble,
)
from player_contact.utils.errors import InputError
from player_contact.utils.files import read_json

IDS = ["58168_003392_0_1_2", "58168_003392_0_1_3", "58168_003392_0_1_G", "58168_003392_0_2_3"]
SURE, UNSURE, UNASKED = 0.9, 0.4, np.nan


def predictions(path, blend, threshold=0.5, contact=None, ids=IDS):
    """A file as `predict --probabilities` writes it."""
    blend = np.array(blend, dtype=np.float32)
    contact = (blend >= threshold).astype(np.int8) if contact is None else contact
    table = pd.DataFrame({"contact_id": ids, "blend": blend, "contact": contact})
    table.assign(threshold=np.float32(threshold), screen=blend).to_parquet(path, index=False)
    return path


def contacts_of(files, weights, folder) -> list[int]:
    count = write_ensemble(files, weights, folder / "submission.csv")
    table = pd.read_csv(folder / "submission.csv")
    assert table["contact_id"].tolist() == IDS
    assert table["contact"].sum() == count
    return table["contact"].tolist()


def test_the_surer_one_decides_and_a_weight_makes_it_count_more(tmp_path):
    first = predictions(tmp_path / "a.parquet", [SURE, UNSURE, 0.2, UNASKED])
    second = predictions(tmp_path / "b.parquet", [UNSURE, 0.1, SURE, UNASKED])
    assert contacts_of([first, second], [1, 1], tmp_path) == [1, 0, 1, 0]
    assert contacts_of([first, second], [9, 1], tmp_path) == [1, 0, 0, 0]
    assert contacts_of([first, second], [0, 1], tmp_path) == [0, 0, 1, 0]


def test_each_counts_from_its_own_threshold(tmp_path):
    low = predictions(tmp_path / "low.parquet", [0.3, 0.1, 0.3, 0.1], threshold=0.2)
    high = predictions(tmp_path / "high.parquet", [0.69, 0.9, 0.6, 0.1], threshold=0.7)
    assert contacts_of([low, high], [1, 1], tmp_path) == [1, 1, 1, 0]


def test_what_no_model_was_asked_about_is_what_most_say(tmp_path):
    nothing = [UNASKED] * 4
    said = ([1, 1, 0, 0], [1, 0, 0, 1], [1, 1, 0, 0])
    files = [
        predictions(tmp_path / f"{number}.parquet", nothing, contact=contact)
        for number, contact in enumerate(said)
    ]
    assert contacts_of(files, [1, 1, 1], tmp_path) == [1, 1, 0, 0]


def test_a_run_with_itself_is_the_run(finished_run):
    path = finished_run.folder / "oof.parquet"
    one, other, mean = score_ensemble({"one": path, "other": path}, [1, 2])
    blend = read_json(finished_run.folder / "scores.json")["scores"][-1]
    assert one.mcc == other.mcc == mean.mcc == pytest.approx(blend["mcc"])
    assert (mean.name, mean.gain, mean.gain_interval) == (ENSEMBLE, 0, (0, 0))


def test_a_run_that_errs_elsewhere_adds_something(tmp_path):
    rng = np.random.default_rng(1)
    label = rng.random(4_000) < 0.2
    games = np.repeat([f"{58_000 + game}_000001" for game in range(20)], 200)
    pairs = ["1_2", "1_3", "1_G"]
    ids = [f"{play}_{n}_{pairs[n % 3]}" for n, play in enumerate(games)]
    table = pd.DataFrame({"contact_id": ids})
    table = table.assign(game_play=games, contact=label.astype(int), fold=np.arange(4_000) // 2_000)
    for name in "ab":
        noisy = 1 / (1 + np.exp(-(3.0 * label - 1.5 + rng.normal(0, 1.5, len(label)))))
        table.assign(blend=noisy.astype(np.float32)).to_parquet(tmp_path / f"{name}.parquet")
    scores = score_ensemble({name: tmp_path / f"{name}.parquet" for name in "ab"}, [1, 1])
    assert scores[-1].gain_interval[0] > 0
    assert scores[-1].gain_over == max(scores[:2], key=lambda score: score.mcc).name


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        (IDS[:3], r"b\.parquet has 3 rows, the first file 4"),
        (
            [*IDS[:2], IDS[3], IDS[2]],
            r"contact_id 58168_003392_0_2_3 in row 3, the first file 58168_003392_0_1_G",
        ),
    ],
)
def test_other_rows_are_refused(tmp_path, ids, sentence):
    first = predictions(tmp_path / "a.parquet", [SURE] * 4)
    second = predictions(tmp_path / "b.parquet", [SURE] * len(ids), ids=ids)
    with pytest.raises(InputError, match=sentence):
        write_ensemble([first, second], [1, 1], tmp_path / "submission.csv")
    assert not (tmp_path / "submission.csv").exists()


def test_other_labels_are_refused_and_a_run_called_as_the_mean(finished_run, tmp_path):
    path, other = finished_run.folder / "oof.parquet", tmp_path / "oof.parquet"
    oof = pd.read_parquet(path)
    oof.loc[7, "contact"] = 1 - oof.loc[7, "contact"]
    oof.to_parquet(other)
    with pytest.raises(InputError, match=r"has contact [01] in row 8, the first file [01]: all"):
        score_ensemble({"a": path, "b": other}, [1, 1])
    with pytest.raises(InputError, match="A run called ensemble"):
        score_ensemble({"a": path, ENSEMBLE: path}, [1, 1])


def test_a_run_that_never_calls_a_kind_has_no_say_in_it(tmp_path):
    never = predictions(tmp_path / "a.parquet", [1.0, SURE, 0.1, 0.1], threshold=np.inf)
    other = predictions(tmp_path / "b.parquet", [UNSURE, SURE, SURE, UNASKED])
    assert contacts_of([never, other], [1, 1], tmp_path) == [0, 1, 1, 0]
    assert contacts_of([never, never], [1, 1], tmp_path) == [0, 0, 0, 0]


@pytest.mark.parametrize("content", ["a table without the columns", "text", "nothing"])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    path = tmp_path / "a.parquet"
    if content == "text":
        path.write_text("contact_id,contact")
    elif content != "nothing":
        pd.DataFrame({"contact_id": IDS}).to_parquet(path)
    with pytest.raises(InputError, match=r"a\.parquet can't be read with contact_id, blend"):
        write_ensemble([path], [1], tmp_path / "submission.csv")


values = st.lists(st.floats(-9, 9) | st.just(np.nan), min_size=3, max_size=3)


@given(first=values, second=values, share=st.floats(0.1, 9))
def test_a_mean_lies_between_what_is_known(first, second, share):
    arrays = np.array([first, second])
    mean = weighted_mean(arrays, [1, share])
    known = ~np.isnan(arrays)
    np.testing.assert_array_equal(np.isnan(mean), ~known.any(axis=0))
    some = known.any(axis=0)
    assert (mean[some] >= np.nanmin(arrays[:, some], axis=0) - 1e-9).all()
    assert (mean[some] <= np.nanmax(arrays[:, some], axis=0) + 1e-9).all()
