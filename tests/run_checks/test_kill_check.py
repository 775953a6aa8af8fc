import pytest

from run_checks.kill_check import _next_stages

STAGES = ["season", "folds", "features", "screen"]


@pytest.mark.parametrize(
    ("season", "stages"),
    [
        (".seed1-4plays-1test-24steps-every3-abcdef.1.partial", STAGES),  # it was killed
        ("seed1-4plays-1test-24steps-every3-abcdef", STAGES[1:]),
    ],
)
def test_a_season_that_is_whole_is_not_simulated_again(tmp_path, season, stages):
    folder = tmp_path / "outputs" / "seasons" / season
    folder.mkdir(parents=True)
    (folder / "train_labels.csv").touch()
    assert _next_stages(list(STAGES), None, tmp_path) == stages


def test_the_next_kill_comes_in_the_last_one_s_stage_or_later(tmp_path):
    assert _next_stages(list(STAGES), "features", tmp_path) == STAGES[2:]
