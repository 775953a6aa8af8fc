import numpy as np

from player_contact.pipeline.comparison import score_probabilities
from player_contact.pipeline.result_stages import with_fallback
from player_contact.pipeline.run import Labels


def test_rows_that_no_view_shows_are_the_screen_s_and_not_held_against_vision():
    """Vision is right wherever it was asked, the screen everywhere: so are both together."""
    label = np.tile([True, False, True, False], 40)
    screen = np.where(label, 0.8, 0.2)
    vision = np.where(np.arange(160) % 3 > 0, screen, 0)
    together = with_fallback(vision, screen)
    np.testing.assert_array_equal(together, screen)
    rows = np.arange(160)
    labels = Labels(label, rows % 5 == 0, (rows % 4).astype(np.int8), rows // 20)
    models = {"screen": screen, "as no contact": vision, "vision": together}
    scores, _ = score_probabilities(labels, models, {}, seed=1)
    mcc = {score.name: score.mcc for score in scores}
    assert mcc["vision"] == mcc["screen"] == 1
    assert mcc["as no contact"] < 0.8


def test_what_vision_says_counts_where_it_says_something():
    vision, screen = np.array([0.0, 0.3, 0.9]), np.array([0.6, 0.6, 0.1])
    assert with_fallback(vision, screen).tolist() == [0.6, 0.3, 0.9]
