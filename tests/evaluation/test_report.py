import html
import re
import shutil

import pandas as pd
import pytest

from player_contact.evaluation.breakdown import by_play
from player_contact.evaluation.error_images import COUNT, MOST_OF_A_PLAY
from player_contact.evaluation.report import (
    stage_messages,
    stage_times,
    table_repairs,
    with_text,
    write_report,
)
from player_contact.features.table import feature_families
from player_contact.pipeline.result_stages import SCORED_MODELS
from player_contact.pipeline.run import Run
from player_contact.pipeline.runner import run_pipeline
from player_contact.utils.files import read_json, write_json

SCRIPT = "<script>alert(1)</script>"
OUTPUTS = (
    "oof.parquet",
    "scores.json",
    "submission.json",
    "stages.json",
    "config.yaml",
    "screen/importance.csv",
    "screen/open_threshold.json",
)


@pytest.fixture(scope="module")
def page(finished_run) -> str:
    return (finished_run.folder / "report" / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def oof(finished_run) -> pd.DataFrame:
    return pd.read_parquet(finished_run.folder / "oof.parquet")


@pytest.fixture
def small_run(finished_run, tmp_path):
    """Those outputs of a run that a report needs, which the test may change."""
    run = tmp_path / "<b>mine"
    (run / "screen").mkdir(parents=True)
    for name in OUTPUTS:
        shutil.copyfile(finished_run.folder / name, run / name)
    return run


def report_of(run, folder) -> str:
    write_report(run, folder)
    return (folder / "index.html").read_text(encoding="utf-8")


def test_the_page_shows_every_model_with_its_mcc(page, finished_run):
    for score in read_json(finished_run.folder / "scores.json")["scores"]:
        assert f"<td>{score['name']}</td><td>{score['mcc']:.3f}</td>" in page


def test_the_page_shows_the_log_of_each_stage(page, finished_run):
    text = html.unescape(page[page.index('id="messages"') :])
    for stage, entry in read_json(finished_run.folder / "stages.json").items():
        assert stage == "report" or all(message in text for message in entry["messages"])


def test_the_first_screen_shows_worst_errors_of_several_plays(page, finished_run, oof):
    strip = page[page.index('class="strip"') : page.index('id="scores"')]
    links = re.findall(r'href="plays/(\w+)\.html#step=(\d+)&amp;pair=(\w+)"', strip)
    assert 2 <= len(links) == strip.count("data:image/jpeg") <= COUNT
    final = oof.set_index("contact_id")
    for play, step, pair in links:
        row = final.loc[f"{play}_{step}_{pair}"]
        assert row["contact"] != row["final"]
        assert row["vision"] > 0, "a view shows it"
    plays = [play for play, *_ in links]
    assert max(map(plays.count, plays)) <= MOST_OF_A_PLAY


def test_without_crops_no_moment_is_shown(small_run, tmp_path):
    assert 'class="strip"' not in report_of(small_run, tmp_path / "report")


def test_times_are_those_of_everything_with_their_sum():
    stages = {"folds": {"seconds": 1.5, "peak_mb": 300}, "report": {"seconds": 99}}  # of before
    times = stage_times(stages, {"simulated season": 20.0, "report": 2.25})
    assert {name: entry["seconds"] for name, entry in times.items()} == {
        "simulated season": 20.0,
        "folds": 1.5,
        "report": 2.25,
        "total": 23.8,
    }


def test_a_message_of_several_stages_is_under_the_first():
    logs = {"features": ["a", "b", "a"], "crops": ["b", "c"], "blend": ["c"], "report": ["d"]}
    stages = {stage: {"messages": texts} for stage, texts in logs.items()} | {"folds": {}}
    assert stage_messages(stages) == {"features": ["a", "b"], "crops": ["c"]}


def test_repairs_of_tables_are_listed(finished_run, tiny_season, tiny_config, tmp_path):
    helmets = tiny_season.table("train_baseline_helmets.csv")
    helmets.loc[helmets.index[helmets["view"] == "Endzone"][:3], "view"] = "Endzone2"
    tiny_season.write("train_baseline_helmets.csv", helmets)
    other = Run(tiny_config, tiny_season.folder, tmp_path / "other", 1, simulated=True)
    run_pipeline(other, "folds")
    run = tmp_path / "run"
    shutil.copytree(finished_run.folder, run, ignore=shutil.ignore_patterns("report"))
    stages = read_json(run / "stages.json")
    stages["folds"]["messages"] = read_json(other.folder / "stages.json")["folds"]["messages"]
    write_json(stages, run / "stages.json")
    message = "train_baseline_helmets.csv: 3 rows of view Endzone2 read as Endzone"
    assert f'<ul id="repaired"><li>{message}</li></ul>' in report_of(run, tmp_path / "report")


def test_only_messages_about_tables_are_repairs(page):
    message = "train_player_tracking.csv: 3 rows have no 'speed'; they count as not measured"
    messages = {"folds": [message, "4 plays of 2 games"], "crops": ["x.csv: no"]}
    assert table_repairs(messages) == [message]
    assert 'id="repaired"' not in page  # of a season without a fault


def test_the_page_says_that_a_season_is_simulated(page):
    assert "Simulated season" in page


def test_the_page_loads_nothing(page):
    addresses = re.findall(r"""(?:src|(?<!<a )href)\s*=\s*["']([^"']+)""", page)
    assert len(addresses) >= 2
    assert all(address.startswith("data:") for address in addresses)
    assert "<script" not in page


def test_every_link_has_a_target(page, finished_run):
    links = re.findall(r"""<a [^>]*href\s*=\s*["']([^"']+)""", page)
    assert len(links) > len(finished_run.folds)
    for link in links:
        path, _, fragment = html.unescape(link).partition("#")
        if path:
            assert (finished_run.folder / "report" / path).is_file()
            assert re.fullmatch(r"(step=\d+&pair=\d+_(\d+|G))?", fragment)
        else:
            assert f'id="{fragment}"' in page


def test_an_undefined_score_is_a_dash(oof):
    assert set(with_text(by_play(oof.assign(contact=0, final=0)))["MCC"]) == {"–"}
    perfect = with_text(by_play(oof.assign(final=oof["contact"])))
    assert set(perfect.query("contacts > 0")["MCC"]) == {"1.000"}


def test_the_page_shows_the_facts_of_the_data(page, finished_run):
    facts = read_json(finished_run.folder / "features" / "facts.json")
    assert facts["boxes added"] > 0
    assert facts["plays"] == len(finished_run.folds)
    for name, value in facts.items():
        text = value if isinstance(value, str) else f"{value:,}"
        assert f"<td>{name}</td><td>{text}</td>" in page


def test_the_page_counts_the_open_rows_of_each_view(page):
    assert re.search(r"<td>rows that the Sideline shows</td><td>[1-9]", page)


def test_every_model_and_family_is_explained(page):
    assert all(f"<dt>{name}</dt>" in page for name in (*SCORED_MODELS, *feature_families()))


def test_the_page_of_a_season_stays_small(page):
    assert len(page.encode()) < 2e6


def test_the_page_shows_the_config_and_every_play(page, finished_run):
    assert "image_size: 32" in page
    assert all(f"<td>{play}</td>" in page for play in finished_run.folds["game_play"])


def test_the_page_shows_features_and_lost_contacts(page, finished_run):
    importance = pd.read_csv(finished_run.folder / "screen" / "importance.csv")
    assert f"<td>{importance['feature'].iloc[0]}</td>" in page
    counts = read_json(finished_run.folder / "screen" / "open_threshold.json")
    lost = f"{counts['missed']:,} of {counts['contacts']:,} contacts"
    assert lost in " ".join(page.split())


def test_a_name_with_markup_is_text(small_run, tmp_path):
    page = report_of(small_run, tmp_path / "report")
    assert "&lt;b&gt;mine" in page
    assert "<b>mine" not in page


@pytest.mark.parametrize("part", ["play", "score", "stage", "config", "feature", "submission"])
def test_a_script_in_the_data_is_text(small_run, tmp_path, part):
    if part == "play":
        oof = pd.read_parquet(small_run / "oof.parquet")
        oof.assign(game_play=SCRIPT).to_parquet(small_run / "oof.parquet")
    elif part == "score":
        scores = read_json(small_run / "scores.json")
        scores["scores"][0]["name"] = scores["scores"][1]["gain_over"] = SCRIPT
        write_json(scores, small_run / "scores.json")
    elif part == "stage":
        stages = {SCRIPT: {"seconds": 1, "peak_mb": 300, "messages": [SCRIPT]}}
        write_json(stages, small_run / "stages.json")
    elif part == "config":
        (small_run / "config.yaml").write_text(f"weights: {SCRIPT}")
    elif part == "feature":
        path = small_run / "screen" / "importance.csv"
        pd.read_csv(path).assign(feature=SCRIPT).to_csv(path, index=False)
    else:
        write_json({SCRIPT: 1}, small_run / "submission.json")
    page = report_of(small_run, tmp_path / "report")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page


def test_without_vision_there_is_no_training_chart(small_run, page, tmp_path):
    assert "Vision: training" in page
    assert "Vision: training" not in report_of(small_run, tmp_path / "report")


def test_the_same_run_has_the_same_page(finished_run, page, tmp_path):
    plays = finished_run.folder / "report" / "plays"
    no_videos = shutil.ignore_patterns("*.mp4")
    shutil.copytree(plays, tmp_path / "report" / "plays", ignore=no_videos)
    pages = (report_of(finished_run.folder, tmp_path / "report"), page)
    cost = re.compile(r'<h2 id="cost">.*?</p>', re.DOTALL)
    again, first = (cost.sub("", text.partition('<h2 id="time">')[0]) for text in pages)
    assert again == first
