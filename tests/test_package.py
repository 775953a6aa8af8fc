import ast
import functools
import pkgutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import benchmarks
import player_contact
import run_checks
import season_simulator

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = (player_contact, season_simulator, run_checks, benchmarks)
FOLDERS = {package.__name__: Path(package.__file__).parent for package in PACKAGES}
SOURCES = sorted(path for folder in FOLDERS.values() for path in folder.rglob("*.py"))
SOLUTION = "player_contact"
# What may import what: each layer those before it, and what stands in its own.
LAYERS = (
    ("utils",),
    ("config",),
    ("competition",),
    ("play",),
    ("video",),
    ("features",),
    ("vision", "boosting"),
    ("detection",),
    ("evaluation",),
    ("inference",),
    ("kaggle",),
    ("pipeline",),
    ("season_simulator",),
    ("cli",),
    ("run_checks", "benchmarks"),
)
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}
SIMULATOR_KNOWS = {"competition", "utils"}
WITH_TORCH = f"{SOLUTION}.vision."
LIGHT_VISION = ("augment", "clips")  # the modules of vision/ that do without torch
HEAVY_DETECTION = {
    f"{SOLUTION}.detection.{name}"
    for name in ("detect", "detector_model", "tiles", "train_detector")
}
HEAVY = {
    "torch",
    "cv2",
    "timm",
    "lightning_fabric",
    "albumentations",
    "lightgbm",
    "matplotlib",
    "av",
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix().removeprefix("src/")


def part_of(module: str) -> str:
    """`video` of player_contact.video.crops, `run_checks` of run_checks.audit."""
    package, _, rest = module.partition(".")
    if rest == "__main__":
        return {SOLUTION: "cli", "season_simulator": "run_checks"}.get(package, package)
    return rest.split(".")[0] if package == SOLUTION else package


def module_of(path: Path) -> str:
    return name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@functools.cache
def imported(path: Path) -> set[str]:
    """The modules of ours that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.split(".")[0] in FOLDERS and "." in name}


def calls(path: Path) -> list[tuple[str, ast.Call]]:
    """Every call with the dotted name of what is called."""
    nodes = ast.walk(parsed(path))
    return [(ast.unparse(node.func), node) for node in nodes if isinstance(node, ast.Call)]


def loaded_after(code: str) -> set[str]:
    words = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def is_light(module: str) -> bool:
    of_vision = module.removeprefix(WITH_TORCH)
    is_torchless = of_vision == module or of_vision in LIGHT_VISION
    return is_torchless and module not in HEAVY_DETECTION


def test_importing_all_but_the_network_loads_nothing_heavy():
    names = [
        module.name
        for package in PACKAGES
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not module.name.endswith("__main__") and is_light(module.name)
    ]
    assert len(names) > 60
    assert not loaded_after("\n".join(f"import {name}" for name in names)) & HEAVY


def test_importing_the_package_loads_nothing_but_itself():
    assert not loaded_after(f"import {SOLUTION}") & {"numpy", "pandas", "torch"}


@pytest.mark.parametrize("package", FOLDERS)
def test_a_command_line_loads_nothing_heavy_before_it_works(package):
    assert not loaded_after(f"import {package}.__main__") & {"numpy", "pandas", "torch"}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_point_one_way(path):
    own = part_of(module_of(path))
    for module in imported(path):
        other = part_of(module)
        assert other == own or other not in LEVEL or LEVEL[other] < LEVEL[own], module
        assert own != "season_simulator" or other in {own, *SIMULATOR_KNOWS}, module


def test_only_the_command_line_knows_the_simulator():
    knows = {
        part_of(module_of(path)) for path in SOURCES if "season_simulator." in str(imported(path))
    }
    assert knows <= {"cli", "season_simulator", "run_checks", "benchmarks"}


def test_no_module_imports_itself_through_others():
    """Modules that import each other at their top level can't be read one after the other."""
    names = {module_of(path) for path in SOURCES}
    graph = {}
    for path in SOURCES:
        body = parsed(path).body
        nodes = [node for node in body if isinstance(node, ast.ImportFrom) and node.module]
        targets = {f"{node.module}.{alias.name}" for node in nodes for alias in node.names}
        targets |= {node.module for node in nodes}
        graph[module_of(path)] = targets & names - {module_of(path)}
    open_, done = [], set()

    def visit(name: str) -> None:
        assert name not in open_, " -> ".join([*open_, name])
        if name not in done:
            open_.append(name)
            for other in graph[name]:
                if other != name.rpartition(".")[0]:
                    visit(other)
            done.add(open_.pop())

    for name in graph:
        visit(name)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_pickle_is_ever_loaded(path):
    modules = {
        alias.name.split(".")[0]
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert not modules & {"pickle", "dill", "cloudpickle", "shelve"}
    for name, call in calls(path):
        assert name not in ("torch.load", "joblib.load", "pd.read_pickle", "pandas.read_pickle")
        if name in ("np.load", "numpy.load", "np.save", "numpy.save"):
            given = {word.arg: word.value for word in call.keywords}
            assert "allow_pickle" in given, f"line {call.lineno}"
            assert ast.literal_eval(given["allow_pickle"]) is False, f"line {call.lineno}"


def test_every_file_name_is_there_once():
    names = sorted(path.name for path in SOURCES if not path.name.startswith("__"))
    assert not [name for name, other in pairwise(names) if name == other]


def test_no_module_is_longer_than_one_reads_in_a_sitting():
    lines = {name_of(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert not {name: count for name, count in lines.items() if count > 300}


def test_nearly_everything_public_says_what_it_is():
    public = [
        node
        for path in SOURCES
        for node in parsed(path).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    described = [node for node in public if ast.get_docstring(node)]
    assert len(described) >= 0.97 * len(public)


def test_the_version_is_that_of_the_installed_package():
    from importlib.metadata import version

    assert version("player-contact") == player_contact.__version__
