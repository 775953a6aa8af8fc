import html
import re
import shutil

import pandas as pd
import pytest

from player_contact.evaluation.breakdown import by_distance, by_play
from player_contact.evaluation.report import MODELS, said_of_tables, said_on_the_way, with_text, write_report
from player_contact.features.table import feature_families
from player_contact.files import read_json, write_json
from player_contact.pipeline import run_pipeline
from player_contact.stages.run import Run


@pytest.fixture(scope="module")
def page(finished_run) -> str:
    return (finished_run.folder / "report" / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def oof(finished_run) -> pd.DataFrame:
    return pd.read_parquet(finished_run.folder / "oof.parquet")


def test_the_page_shows_every_rung_with_its_score(page, finished_run):
    for rung in read_json(finished_run.folder / "ladder.json")["rungs"]:
        assert f"<td>{rung['name']}</td><td>{rung['mcc']:.3f}</td>" in page


def test_the_page_tells_what_each_stage_said(page, finished_run):
    said = html.unescape(page[page.index('id="said"') :])
    for stage, line in read_json(finished_run.folder / "stages.json").items():
        assert stage == "report" or all(text in said for text in line["said"])


def test_a_sentence_that_several_stages_said_stands_under_the_first():
    stages = {"features": {"said": ["a", "b", "a"]}, "crops": {"said": ["b", "c"]}, "blend": {"said": ["c"]}, "folds": {}, "report": {"said": ["d"]}}
    assert said_on_the_way(stages) == {"features": ["a", "b"], "crops": ["c"]}


def test_what_was_repaired_while_tables_were_read_stands_among_the_facts(finished_run, tiny_season, tiny_config, tmp_path):
    helmets = tiny_season.table("train_baseline_helmets.csv")
    stray = helmets.index[helmets["view"] == "Endzone"][:3]
    helmets.loc[stray, "view"] = "Endzone2"
    tiny_season.write("train_baseline_helmets.csv", helmets)
    run = Run(tiny_config, tiny_season.folder, tmp_path / "other", 1, simulated=True)
    run_pipeline(run, "folds")
    shown = tmp_path / "run"
    shutil.copytree(finished_run.folder, shown, ignore=shutil.ignore_patterns("report"))
    stages = read_json(shown / "stages.json")
    stages["folds"]["said"] = read_json(run.folder / "stages.json")["folds"]["said"]
    write_json(stages, shown / "stages.json")
    write_report(shown, tmp_path / "report")
    page = (tmp_path / "report" / "index.html").read_text()
    assert '<ul id="repaired"><li>train_baseline_helmets.csv: 3 rows of view Endzone2 read as Endzone</li></ul>' in page


def test_only_sentences_about_tables_are_repairs_of_tables(page):
    told = {"folds": ["train_player_tracking.csv: 3 rows have no 'speed'; they count as not measured", "4 plays of 2 games"], "crops": ["x.csv: no"]}
    assert said_of_tables(told) == told["folds"][:1]
    assert 'id="repaired"' not in page  # of a season without a fault


def test_the_page_says_that_a_season_is_simulated(page):
    assert "Simulated season" in page


def test_the_page_loads_nothing_from_anywhere(page):
    addresses = re.findall(r"""(?:src|(?<!<a )href)\s*=\s*["']([^"']+)""", page)
    assert len(addresses) >= 2
    assert all(address.startswith("data:") for address in addresses)
    assert "<script" not in page


def test_every_link_leads_to_a_place_on_the_page_or_to_a_viewer_page_that_is_there(page, finished_run):
    links = re.findall(r"""<a [^>]*href\s*=\s*["']([^"']+)""", page)
    assert len(links) > len(finished_run.folds)
    for link in links:
        path, _, fragment = html.unescape(link).partition("#")
        if path:
            assert (finished_run.folder / "report" / path).is_file()
            assert re.fullmatch(r"(step=\d+&pair=\d+_(\d+|G))?", fragment)
        else:
            assert f'id="{fragment}"' in page


def test_a_score_that_is_undefined_is_a_dash(oof):
    table = with_text(by_play(oof.assign(contact=0, final=0)))
    assert set(table["mcc"]) == {"–"}
    assert set(with_text(by_play(oof.assign(final=oof["contact"]))).query("contacts > 0")["mcc"]) == {"1.000"}


def test_the_page_tells_what_the_tables_hold_and_what_was_repaired(page, finished_run):
    facts = read_json(finished_run.folder / "features" / "facts.json")
    assert facts["boxes added"] > 0
    assert facts["plays"] == len(finished_run.folds)
    for words, value in facts.items():
        assert f"<td>{words}</td><td>{value if isinstance(value, str) else f'{value:,}'}</td>" in page


def test_every_model_and_family_is_explained(page):
    assert all(f"<dt>{word}</dt>" in page for word in (*MODELS, *feature_families()))


def test_the_page_of_a_season_stays_small(page):
    assert len(page.encode()) < 2e6


def test_the_page_shows_the_settings_and_every_play(page, finished_run):
    assert "image_size: 32" in page
    for play in finished_run.folds["game_play"]:
        assert f"<td>{play}</td>" in page


def test_the_page_names_the_features_that_decide_and_the_contacts_that_the_cut_loses(page, finished_run):
    importance = pd.read_csv(finished_run.folder / "screen" / "importance.csv")
    assert f"<td>{importance['feature'].iloc[0]}</td>" in page
    cut = read_json(finished_run.folder / "screen" / "cut.json")
    assert f"{cut['lost_positives']:,} of {cut['contacts']:,} contacts" in " ".join(page.split())


def test_a_name_with_markup_is_shown_as_text(finished_run, tmp_path):
    run = tmp_path / "<b>mine"
    (run / "screen").mkdir(parents=True)
    for name in ("oof.parquet", "ladder.json", "submission.json", "stages.json", "config.yaml", "screen/importance.csv", "screen/cut.json"):
        shutil.copyfile(finished_run.folder / name, run / name)
    write_report(run, tmp_path / "report")
    page = (tmp_path / "report" / "index.html").read_text()
    assert "&lt;b&gt;mine" in page
    assert "<b>mine" not in page


SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize("place", ["game_play", "rung", "stage", "setting", "feature", "count"])
def test_a_script_in_whatever_the_page_shows_is_text(finished_run, tmp_path, place):
    run = tmp_path / "run"
    (run / "screen").mkdir(parents=True)
    for name in ("oof.parquet", "ladder.json", "submission.json", "stages.json", "config.yaml", "screen/importance.csv", "screen/cut.json"):
        shutil.copyfile(finished_run.folder / name, run / name)
    if place == "game_play":
        oof = pd.read_parquet(run / "oof.parquet")
        oof.assign(game_play=SCRIPT).to_parquet(run / "oof.parquet")
    elif place == "rung":
        ladder = read_json(run / "ladder.json")
        ladder["rungs"][0]["name"] = ladder["rungs"][1]["gain_over"] = SCRIPT
        write_json(ladder, run / "ladder.json")
    elif place == "stage":
        write_json({SCRIPT: {"seconds": SCRIPT, "peak_mb": SCRIPT}}, run / "stages.json")
    elif place == "setting":
        (run / "config.yaml").write_text(f"weights: {SCRIPT}")
    elif place == "feature":
        importance = pd.read_csv(run / "screen" / "importance.csv")
        importance.assign(feature=SCRIPT).to_csv(run / "screen" / "importance.csv", index=False)
    else:
        write_json({SCRIPT: 1}, run / "submission.json")
    write_report(run, tmp_path / "report")
    page = (tmp_path / "report" / "index.html").read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page


def test_a_run_without_vision_has_a_page_without_a_learning_curve(finished_run, page, tmp_path):
    run = tmp_path / "run"
    (run / "screen").mkdir(parents=True)
    for name in ("oof.parquet", "ladder.json", "submission.json", "stages.json", "config.yaml", "screen/importance.csv", "screen/cut.json"):
        shutil.copyfile(finished_run.folder / name, run / name)
    write_report(run, tmp_path / "report")
    assert "Vision: training loss" in page
    assert "Vision: training loss" not in (tmp_path / "report" / "index.html").read_text()


def test_the_same_run_has_the_same_page(finished_run, page, tmp_path):
    shutil.copytree(finished_run.folder / "report" / "plays", tmp_path / "report" / "plays", ignore=shutil.ignore_patterns("*.mp4"))
    write_report(finished_run.folder, tmp_path / "report")
    assert (tmp_path / "report" / "index.html").read_text().split("<h2>Time, memory, disk</h2>")[0] == page.split("<h2>Time, memory, disk</h2>")[0]


def test_the_distances_share_out_all_rows(oof):
    ground = oof["contact_id"].str.endswith("_G").to_numpy()
    table = by_distance(oof, ground)
    assert table["rows"].sum() == len(oof)
    assert table["contacts"].sum() == oof["contact"].sum()
    assert table.set_index("yards").loc["ground", "rows"] == ground.sum()


def test_a_pair_is_counted_at_its_distance():
    rows = pd.DataFrame({"contact": [1, 0, 1], "final": [1, 0, 0], "nearness": [1 / (1 + yards) for yards in (0.75, 1.25, 2.5)]})
    table = by_distance(rows, rows["contact"].to_numpy() < 0).set_index("yards")
    assert table.loc["0.5 to 1", ["rows", "found"]].tolist() == [1, 1]
    assert table.loc["1 to 1.5", ["rows", "contacts"]].tolist() == [1, 0]
    assert table.loc["2 to 3", ["rows", "missed"]].tolist() == [1, 1]


def test_plays_are_listed_worst_first(oof):
    table = by_play(oof)
    assert table["mcc"].is_monotonic_increasing
    assert sorted(table["play"]) == sorted(oof["game_play"].unique())
    assert (table["found"] + table["missed"] == table["contacts"]).all()
