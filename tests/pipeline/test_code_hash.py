import re
import shutil
from pathlib import Path

import pytest

import player_contact
from player_contact.config import SHIPPED_DETECTOR, SHIPPED_WEIGHTS
from player_contact.pipeline.code_hash import IGNORED, WHOLE, CodeGraph
from player_contact.pipeline.stages import STAGES
from tests.stage_calls import recorded_calls

SOURCE = Path(player_contact.__file__).parent
REGISTERED = {"features", "crops", "submission", "report"}


def hashes(graph: CodeGraph) -> dict[str, str]:
    return {one.name: graph.hash_of(one.run.__module__, one.run.__qualname__) for one in STAGES}


@pytest.fixture(scope="module")
def before() -> tuple[CodeGraph, dict[str, str]]:
    graph = CodeGraph(SOURCE)
    return graph, hashes(graph)


@pytest.fixture
def changed(before, tmp_path):
    """Which stages' own code differs once a text in a module (no `__init__`) was replaced.

    The other modules, which are the same, are not read again.
    """
    package, edited = Path(shutil.copytree(SOURCE, tmp_path / "player_contact")), set[str]()
    read, digests = before

    def change(module: str, old: str, new: str) -> set[str]:
        path = package / module
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        edited.add(".".join(("player_contact", *Path(module).with_suffix("").parts)))
        graph = CodeGraph(package)
        graph._modules |= {name: one for name, one in read._modules.items() if name not in edited}
        graph._code |= {name: one for name, one in read._code.items() if name[0] not in edited}
        return {name for name, digest in hashes(graph).items() if digest != digests[name]}

    return change


@pytest.mark.slow
@pytest.mark.parametrize("module", ["vision/model.py", "vision/train.py", "features/table.py"])
def test_comments_docstrings_and_layout_rerun_nothing(changed, module):
    assert not changed(module, "\n\n\n", "\n\n\n\n# A comment.\n\n\n")
    assert not changed(module, '"""', '"""More words. ')


def test_a_changed_line_of_the_model_reruns_what_uses_it(changed):
    assert changed("vision/model.py", "clamp(-5, 5)", "clamp(-6, 5)") == {"vision", "submission"}


@pytest.mark.parametrize(
    ("module", "old", "new", "stages"),
    [
        ("boosting/blend_features.py", "20, 40", "20, 41", {"blend", "submission"}),
        ("video/clock_offset.py", "STRIDE = 6", "STRIDE = 5", REGISTERED),
        ("evaluation/folds.py", "import", "import os\nimport", set()),
    ],
)
def test_a_changed_constant_reruns_just_what_depends_on_it(changed, module, old, new, stages):
    assert changed(module, old, new) == stages


def test_a_changed_default_counts_as_a_setting_not_as_code(changed):
    assert not changed("config/vision_settings.py", "0.98, ge=0", "0.97, ge=0")


def test_a_table_of_networks_counts(changed):
    old, new = '"contact_resnet10": {"layers": (1, 1', '"contact_resnet10": {"layers": (1, 2'
    assert changed("vision/resnet.py", old, new) == {"vision", "submission"}


def test_a_module_imported_within_a_function_counts(changed):
    assert changed("vision/video_encoders.py", "[2] * 4", "[2] * 3") == {"vision", "submission"}


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"__init__": "from player_contact.sub.x import *", "x": "def g(): ..."}, "x import *`"),
        ({"__init__": "from .x import g", "x": "def g(): ..."}, "`from .x import g`"),
        (
            {"__init__": "try:\n    def g(): ...\nfinally:\n    pass"},
            "uses 'g' of player_contact.sub",
        ),
        ({"__init__": "if True:\n    g = print"}, "uses 'g' of player_contact.sub"),
        ({"__init__": ""}, "uses 'g' of player_contact.sub"),
    ],
)
@pytest.mark.parametrize(
    "use", ["from player_contact.sub import g", "from player_contact import sub"]
)
def test_an_import_that_can_not_be_followed_is_refused(tmp_path, files, fault, use):
    (tmp_path / "sub").mkdir()
    for name, text in files.items():
        (tmp_path / "sub" / f"{name}.py").write_text(text)
    call = "sub.g()" if use.endswith("sub") else "g()"
    (tmp_path / "main.py").write_text(f"{use}\ndef f(): {call}")
    with pytest.raises(ValueError, match=re.escape(fault)):
        CodeGraph(tmp_path).hash_of("player_contact.main", "f")


def test_a_module_of_a_package_is_not_reached_by_its_attribute(tmp_path):
    """It would be, by whoever imported it before: a stage would miss its code."""
    (tmp_path / "sub").mkdir()
    for name, text in {"sub/__init__": "", "sub/x": "def g(): ..."}.items():
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "main.py").write_text("from player_contact import sub\ndef f(): sub.x.g()")
    with pytest.raises(ValueError, match=r"main uses 'x' of player_contact\.sub, and no statement"):
        CodeGraph(tmp_path).hash_of("player_contact.main", "f")


def test_what_only_spreads_and_shows_work_reruns_nothing():
    graph = CodeGraph(SOURCE)
    for stage in STAGES:
        modules = {
            module for module, _ in graph.dependencies(stage.run.__module__, stage.run.__qualname__)
        }
        assert not modules & IGNORED


def test_every_file_that_is_not_code_belongs_to_a_stage():
    others = {
        path.parent
        for path in SOURCE.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    known = {SOURCE / folder for stage in STAGES for folder in stage.resources}
    # Of these the stages of vision and of the bundle hash what they take.
    assert others == known | {SHIPPED_WEIGHTS, SHIPPED_DETECTOR.parent}


def test_a_stage_calls_nothing_that_its_hash_does_not_know(finished_run):
    graph, calls = CodeGraph(SOURCE), recorded_calls(finished_run)
    for stage in STAGES:
        known = graph.dependencies(stage.run.__module__, stage.run.__qualname__)
        called = calls[stage.name]
        whole = {module for module, name in known if name == WHOLE}
        missing = {one for one in called - known if one[0] not in whole}
        missing = {one for one in missing if not one[1].startswith(("<", "__"))}
        assert not missing, stage.name
        assert len(called) > 5
