import re
import shlex

import pytest

from player_contact.competition import constants
from player_contact.config import VIEWS, Config, load_config, save_config
from player_contact.utils.errors import ConfigError
from tests.conftest import ROOT

SET_IN_COMMENT = re.compile(r"^#.* SET=(\".*\"|'.*')", re.MULTILINE)
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


@pytest.fixture
def write(tmp_path):
    """Writes a YAML file and returns its path."""

    def write_file(text: str, name: str = "mine.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write_file


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_of_the_repository_can_be_loaded(path):
    assert isinstance(load_config(path), Config)


def test_what_comments_of_configs_say_to_set_can_be_set():
    """In the shell's words, which make splits at blanks."""
    found = [(path, text) for path in CONFIGS for text in SET_IN_COMMENT.findall(path.read_text())]
    assert found
    for path, text in found:
        (words,) = shlex.split(text)
        assert load_config(path, words.split()) != load_config(path)


def test_an_empty_file_means_the_defaults(write):
    assert load_config(write("")) == Config()


def test_the_file_wins_over_the_defaults_and_leaves_the_rest(write):
    config = load_config(write("vision: {clip_length: 5}"))
    assert (config.vision.clip_length, config.vision.clip_epochs) == (
        5,
        Config().vision.clip_epochs,
    )


def test_a_file_wins_over_the_one_it_extends(write):
    write("seed: 3\nvision: {clip_length: 5, clip_epochs: 2}", "parent.yaml")
    config = load_config(write("extends: parent.yaml\nvision: {clip_epochs: 9}"))
    assert (config.seed, config.vision.clip_length, config.vision.clip_epochs) == (3, 5, 9)


def test_files_of_one_name_in_two_folders_extend_each_other(write, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    write("seed: 3\nfolds: 7", "a/cpu.yaml")
    own = write("extends: ../a/cpu.yaml\nseed: 5", "b/cpu.yaml")
    assert (load_config(own).seed, load_config(own).folds) == (5, 7)
    write("extends: ../a/cpu.yaml\nfolds: many", "b/cpu.yaml")
    with pytest.raises(ConfigError, match=r"^cpu\.yaml: 'folds' is 'many'"):
        load_config(own)


def test_set_wins_over_the_file_and_the_last_one_over_the_first(write):
    config = load_config(
        write("vision: {clip_length: 5}"),
        ["vision.clip_length=7", "vision.clip_length=6", "vision.clip_length=7"],
    )
    assert config.vision.clip_length == 7


@pytest.mark.parametrize(
    ("text", "section", "key", "value"),
    [
        ("crops.frame_offsets=[-3,0,3]", "crops", "frame_offsets", (-3, 0, 3)),
        ("vision.tabular=[distance,screen]", "vision", "tabular", ("distance", "screen")),
        ("season.video=false", "season", "video", False),
        ("vision.learning_rate=1e-4", "vision", "learning_rate", 1e-4),
        ("vision.boxes=painted", "vision", "boxes", "painted"),
    ],
)
def test_a_setting_of_any_kind_can_be_set(write, text, section, key, value):
    assert getattr(getattr(load_config(write(""), [text]), section), key) == value


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("vision.encodr=resnet18", "vision.encoder"),
        ("vision.image_epoch=3", "vision.image_epochs"),
        ("fold=3", "folds"),
        ("screen.booster.num_rounds=3", "screen.booster.num_boost_round"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(write, text, near):
    key = text.partition("=")[0]
    with pytest.raises(
        ConfigError,
        match=rf"^--set {re.escape(text)}: unknown key '{re.escape(key)}'\. "
        rf"Did you mean '{re.escape(near)}'\?",
    ):
        load_config(write(""), [text])


@pytest.mark.parametrize(
    ("parent", "own", "settings", "source"),
    [
        ("vision: {epoch: 1}", "seed: 2", ["seed=3"], "parent.yaml: unknown key 'vision.epoch'"),
        ("seed: 2", "vision: {epoch: 1}", ["seed=3"], "mine.yaml: unknown key 'vision.epoch'"),
        ("seed: -1", "seed: -2", [], "mine.yaml: 'seed' is -2"),
        ("seed: -1", "seed: -2", ["seed=-3", "folds=3"], "--set seed=-3: 'seed' is -3"),
        ("zoo: {a: 1}", "zoo: {b: 1}", [], "mine.yaml: unknown key 'zoo'"),
        ("", "", ["vision.epoch.x=1"], "--set vision.epoch.x=1: unknown key 'vision.epoch'"),
        ("crops: {frame_offsets: [a]}", "", [], "parent.yaml: 'crops.frame_offsets.0' is 'a'"),
        ("vision: {members: [{epoch: 1}]}", "", [], "parent.yaml: unknown key 'vision.epoch'"),
        (
            "vision: {clip_epochs: 3}",
            "vision: {members: [{clip_epochs: 0}]}",
            [],
            "mine.yaml: 'vision.clip_epochs'",
        ),
        (
            "vision: {batch_size: 8}",
            "vision: {devices: 3}",
            ["seed=2", "vision.clip_epochs=1"],
            "mine.yaml --set seed=2 --set vision.clip_epochs=1: vision.batch_size (8) can't be",
        ),
    ],
)
def test_a_wrong_key_is_told_with_where_it_is_stated(write, parent, own, settings, source):
    write(parent, "parent.yaml")
    with pytest.raises(ConfigError, match=rf"^{re.escape(source)}"):
        load_config(write(f"extends: parent.yaml\n{own}"), settings)


def test_a_key_like_no_other_is_refused_with_all_known_ones(write):
    with pytest.raises(
        ConfigError,
        match=r"unknown key 'zzzzzz'\. Known: seed, folds, .*blend\.booster\.num_boost_round",
    ):
        load_config(write("zzzzzz: 1"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("vision.clip_length=0", "'vision.clip_length' is 0: .*greater than or equal to 1"),
        ("vision.clip_length=many", "'vision.clip_length' is 'many': .*integer"),
        ("vision.dropout=1", "'vision.dropout' is 1: .*less than 1"),
        ("vision.boxes=round", "'vision.boxes' is 'round': .*'channel', 'painted' or 'none'"),
        ("crops.frame_offsets=[]", "'crops.frame_offsets' is .*: .*at least 1 item"),
        ("season.plays=2.5", "'season.plays' is 2.5: .*integer"),
        ("vision=5", "vision"),
        ("vision.image_size=31", "'vision.image_size' is 31: .*greater than or equal to 32"),
    ],
)
def test_a_wrong_type_or_range_is_named_with_what_is_allowed(write, text, words):
    with pytest.raises(ConfigError, match=words):
        load_config(write(""), [text])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "vision.members=[{seed: 1}, {seed: 1}]",
            r"^mine.yaml --set .*: two of vision\.members are the same model",
        ),
        (
            "vision.members=[{seed: 1, members: []}]",
            r"^mine.yaml --set .*: a member of vision\.members can't have members of its own",
        ),
        (
            "vision.members=[{encodr: resnet18}]",
            "unknown key 'vision.encodr'. Did you mean 'vision.encoder'",
        ),
        (
            "vision.devices=3",
            r"vision\.batch_size \(8\) can't be shared by 3 vision\.devices",
        ),
        (
            "vision.devices=8",
            r"image_batch_size \(32\) can't be shared by 8 vision\.devices: make it a .* 64",
        ),
        (
            "vision.views=[Sideline, Sideline]",
            r"^mine.yaml --set .*: vision\.views names a view twice",
        ),
        (
            "vision.members=[{}, {family: tokens, augment: {mixup_alpha: 0.2}}]",
            r"tokens has no mixup and no time jitter: .* of a member as \{family: tokens, augment",
        ),
        (
            "vision.tta.shift_pixels=5",
            r"^mine.yaml --set .*: vision\.tta\.shift_pixels \(5\) can't be more than the 4 pixels",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(write, text, words):
    with pytest.raises(ConfigError, match=words):
        load_config(write(""), [text])


def test_only_models_that_are_trained_need_settings_of_their_family(write):
    settings = ["vision.family=tokens", "vision.augment.mixup_alpha=0.2"]
    members = ["{family: pairs}", "{augment: {mixup_alpha: 0}}"]
    config = load_config(write(""), [*settings, f"vision.members=[{', '.join(members)}]"])
    assert [one.family for one in config.vision.ensemble] == ["pairs", "tokens"]
    assert config.vision.families == {"pairs", "tokens"}


def test_members_differ_from_the_whole_in_what_they_say_alone(write):
    vision = load_config(
        write(""),
        [
            "vision.members=[{seed: 1}, {clip_length: 4, augment: {mixup_alpha: 0.5}}]",
            "vision.embed_dim=20",
        ],
    ).vision
    one, other = vision.ensemble
    assert (one.seed, one.clip_length, one.embed_dim, one.members) == (1, 8, 20, ())
    assert (other.clip_length, other.augment.mixup_alpha, other.augment.flip_prob) == (
        4,
        0.5,
        vision.augment.flip_prob,
    )


def test_views_are_those_of_the_competition_in_its_order():
    assert VIEWS == constants.VIEWS


@pytest.mark.parametrize("text", ["vision.clip_length", "=3", "vision.clip_length 3", ""])
def test_a_set_without_key_and_value_is_shown_an_example(write, text):
    with pytest.raises(
        ConfigError,
        match=rf"^--set '{text}': expected section\.key=value, such as vision\.clip_length=8",
    ):
        load_config(write(""), [text])


@pytest.mark.parametrize(
    "text", ["crops.frame_offsets=[1,", "vision.encoder=${nowhere}", "vision..steps=3"]
)
def test_a_set_that_can_not_be_read_is_refused(write, text):
    with pytest.raises(ConfigError):
        load_config(write(""), [text])


def test_a_missing_config_is_named_with_those_that_are_there(write):
    path = write("")
    with pytest.raises(
        ConfigError,
        match=rf"^There is no config {path.parent}/yours\.yaml; that folder has mine\.yaml",
    ):
        load_config(path.with_name("yours.yaml"))


def test_a_missing_parent_is_named(write):
    with pytest.raises(ConfigError, match=r"There is no config .*nobody\.yaml"):
        load_config(write("extends: nobody.yaml"))


def test_configs_that_extend_each_other_are_refused(write):
    write("extends: mine.yaml", "other.yaml")
    with pytest.raises(
        ConfigError, match=r"^mine\.yaml extends itself through mine\.yaml, other\.yaml"
    ):
        load_config(write("extends: other.yaml"))


@pytest.mark.parametrize(
    ("text", "words"),
    [("vision: {steps: 3", "is not YAML"), ("- 1\n- 2", "must hold `key: value` lines")],
)
def test_a_file_that_is_no_config_is_named(write, text, words):
    with pytest.raises(ConfigError, match=rf"^mine\.yaml {words}"):
        load_config(write(text))


def test_bytes_that_are_no_text_are_no_config(tmp_path):
    (tmp_path / "mine.yaml").write_bytes(b"\xff\xfe\x00\xb3")
    with pytest.raises(ConfigError, match=r"^mine\.yaml is not YAML"):
        load_config(tmp_path / "mine.yaml")


def test_a_saved_config_is_the_same_config(tmp_path):
    config = load_config(
        ROOT / "configs" / "demo.yaml",
        ["crops.frame_offsets=[-2,0,2]", "vision.learning_rate=3e-5", "seed=7"],
    )
    save_config(config, tmp_path / "saved.yaml")
    assert load_config(tmp_path / "saved.yaml") == config


def test_a_config_can_not_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Config().vision.clip_length = 3


def test_a_config_error_is_a_value_error():
    assert issubclass(ConfigError, ValueError)


def test_a_missing_config_in_a_folder_without_any_names_one(tmp_path):
    with pytest.raises(ConfigError, match=r"nope\.yaml\. Name one such as configs/demo\.yaml$"):
        load_config(tmp_path / "nope.yaml")
