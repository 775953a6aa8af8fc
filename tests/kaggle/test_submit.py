import subprocess
import sys
from types import SimpleNamespace

import pytest

from player_contact.kaggle import submit as submit_module
from player_contact.kaggle.submit import (
    NEEDED,
    make_submission,
    missing_imports,
    missing_in_another_process,
)
from run_checks.submission import check_submission

DISTANCE, PARTLY, WHOLE = (f"contact_id,contact\na_1_2,1\na_1_G,{n}\n" for n in (0, 1, 1))
WHOLE += "b_1_G,1\n"


def test_what_is_not_there_or_lacks_something_is_named(tmp_path, monkeypatch):
    (tmp_path / "lacking.py").write_text("import no_such")
    monkeypatch.syspath_prepend(tmp_path)
    assert missing_imports(["json", "lacking", "nowhere"]) == [
        "lacking (No module named 'no_such')",
        "nowhere (No module named 'nowhere')",
    ]


def test_an_import_that_crashes_ends_only_the_process_that_tries_it(tmp_path, monkeypatch):
    (tmp_path / "crashing.py").write_text("import os; os._exit(1)")
    monkeypatch.syspath_prepend(tmp_path)
    (missing,) = missing_in_another_process(["crashing"])
    assert "terminated abruptly" in missing


def test_the_check_needs_none_of_what_it_looks_for():
    code = "import sys, player_contact.kaggle.submit; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(NEEDED.split()) & set(done.stdout.split())


@pytest.mark.parametrize(
    ("missing", "goes_on"), [("torch (no kernel)", True), ("pandera (No module)", False)]
)
def test_without_torch_it_goes_on_and_without_others_it_says_so(
    tmp_path, monkeypatch, capsys, missing, goes_on
):
    made = []
    words = ["submit", "--bundle", "b", "--input", "i", "--output", "o", "--budget", "8h"]
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setattr(submit_module, "missing_in_another_process", lambda names: [missing])
    monkeypatch.setattr(submit_module, "make_submission", lambda *args: made.append(args))
    if goes_on:
        submit_module.main()
        assert f"This image can't import {missing}" in capsys.readouterr().out
    else:
        with pytest.raises(SystemExit, match="can't import pandera"):
            submit_module.main()
    assert bool(made) == goes_on


@pytest.fixture
def submit(tmp_path, monkeypatch):
    """What is in submission.csv after two tries that wrote `first` and `second` and failed."""

    def run(first: str, second: str, failed: bool = True) -> str:
        tries = []

        def predict(command, check):
            path = command[command.index("--output") + 1]
            tries.append(command)
            assert ("--without-vision" in command) == (len(tries) == 2)
            if text := (first, second)[len(tries) - 1]:
                path.write_text(text)
            return SimpleNamespace(returncode=int(failed))

        monkeypatch.setattr("player_contact.kaggle.submit.subprocess.run", predict)
        make_submission(tmp_path / "bundle", tmp_path, tmp_path / "submission.csv", "8h")
        assert len(tries) == (2 if failed else 1)
        assert [path.name for path in tmp_path.glob("*.csv")] == ["submission.csv"]
        return (tmp_path / "submission.csv").read_text()

    return run


def test_a_prediction_that_works_is_not_tried_again(submit):
    assert submit(PARTLY, WHOLE, failed=False) == PARTLY


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (DISTANCE, WHOLE, WHOLE),
        (PARTLY, WHOLE, WHOLE),
        ("", DISTANCE, DISTANCE),
        (WHOLE, WHOLE, WHOLE),
        (WHOLE, DISTANCE, WHOLE),
        (WHOLE, "", WHOLE),
    ],
)
def test_of_two_failed_tries_the_one_that_went_further_is_kept(submit, first, second, kept):
    assert submit(first, second) == kept


def test_without_any_submission_the_notebook_fails(submit):
    with pytest.raises(SystemExit, match="There is no submission"):
        submit("", "")


def test_where_all_fails_at_once_it_goes_on_without_vision(bundle, season, tmp_path, capfd):
    """`predict` itself refuses this budget."""
    make_submission(bundle, season, tmp_path / "submission.csv", "a while")
    ids = season / "sample_submission.csv"
    assert check_submission(tmp_path / "submission.csv", ids)["contact"].sum() > 0
    printed = capfd.readouterr()
    assert "This failed. What was written stays; now without vision" in printed.out
    assert "'a while'" in printed.err
    assert "a play took" not in printed.err, "as is said wherever vision decided one"
