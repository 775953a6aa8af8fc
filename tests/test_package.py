import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import player_contact

PACKAGE = Path(player_contact.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
MODULES = [module.name for module in pkgutil.walk_packages([str(PACKAGE)], "player_contact.") if not module.name.endswith("__main__")]
WITH_TORCH = {  # of player_contact.vision
    "along", "checkpoint", "classic", "curriculum", "dataset", "device", "encoders", "mixup", "model", "openvino", "resnet", "score", "train",
    "transfer", "weights",
}  # fmt: skip
LIGHT = [name for name in MODULES if not (name.startswith("player_contact.vision.") and name.rpartition(".")[2] in WITH_TORCH)]
MAY_IMPORT = {
    "competition": {"errors"},
    "play.py": {"competition"},
    "helmets.py": {"competition", "play"},
    "stored.py": {"errors"},
    "features": {"competition", "files", "play", "helmets", "stored"},
    "video": {"competition", "config", "errors", "files", "helmets", "play", "stored"},
    "vision": {"config", "errors", "files", "odds", "video"},
    "boosting": {"competition", "config", "features", "odds", "parallel", "play", "stored"},
    "evaluation": {"competition", "config", "errors", "features", "files", "helmets", "play", "video", "vision", "boosting"},
    "cluster.py": {"errors"},
    "measuring.py": set(),
    "planning": {
        "boosting",
        "competition",
        "config",
        "errors",
        "evaluation",
        "features",
        "measuring",
        "parallel",
        "play",
        "stages",
        "video",
        "vision",
    },
    "kaggle": {"bundle", "competition", "errors", "files", "pace"},
}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imports(path: Path) -> set[str]:
    """The parts of this package that a module imports anywhere in it."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom | ast.Import)]
    modules = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    modules |= {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    return {module.split(".")[1] for module in modules if module.startswith("player_contact.")}


def calls(path: Path) -> list[tuple[str, ast.Call]]:
    """Every call with the dotted name of what is called."""
    return [(ast.unparse(node.func), node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


def loaded_after(code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_all_but_the_network_loads_neither_torch_nor_opencv():
    assert len(LIGHT) > 30
    loaded = loaded_after("\n".join(f"import {name}" for name in LIGHT))
    assert not loaded & {"torch", "cv2", "timm", "lightning_fabric", "albumentations", "lightgbm", "matplotlib", "av"}


def test_importing_the_package_loads_nothing_but_itself():
    assert not loaded_after("import player_contact") & {"numpy", "pandas", "torch"}


def test_the_command_line_loads_nothing_heavy_before_it_knows_what_to_do():
    assert not loaded_after("import player_contact.__main__") & {"numpy", "pandas", "torch"}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_pickle_is_ever_loaded(path):
    assert not {"pickle", "dill", "cloudpickle", "shelve"} & {
        name.name.split(".")[0] for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import) for name in node.names
    }
    for name, call in calls(path):
        assert name not in ("torch.load", "joblib.load", "pd.read_pickle", "pandas.read_pickle"), f"line {call.lineno}"
        if name in ("np.load", "numpy.load", "np.save", "numpy.save"):
            given = {word.arg: word.value for word in call.keywords}
            assert "allow_pickle" in given, f"line {call.lineno}"
            assert ast.literal_eval(given["allow_pickle"]) is False, f"line {call.lineno}"


@pytest.mark.parametrize("path", [path for path in SOURCES if name_of(path).split("/")[0] in MAY_IMPORT], ids=name_of)
def test_imports_point_one_way(path):
    part = name_of(path).split("/")[0]
    assert imports(path) <= MAY_IMPORT[part] | {part.removesuffix(".py")}


def test_what_is_simulated_is_not_known_to_what_learns():
    learning = [path for path in SOURCES if name_of(path).split("/")[0] not in ("simulate", "commands")]
    assert not [name_of(path) for path in learning if "simulate" in imports(path)]


def test_the_version_is_that_of_the_installed_package():
    from importlib.metadata import version

    assert version("player-contact") == player_contact.__version__
