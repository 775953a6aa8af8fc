import re
import shutil
import zipfile

import pytest

from player_contact.inference.bundle import load_bundle
from player_contact.kaggle.kernel import (
    COMPETITION,
    PLACEHOLDER,
    build_wheel,
    code_of,
    kernel_metadata,
    to_notebook,
    upload_of,
    write_kernel,
)
from player_contact.utils.errors import BundleError, ConfigError, InputError
from player_contact.utils.files import read_json
from tests.conftest import ROOT
from tests.makers import split_files


@pytest.fixture(scope="module")
def upload(finished_run, tmp_path_factory):
    run = tmp_path_factory.mktemp("kernels") / "my best_Run"
    shutil.copytree(finished_run.folder / "bundle", run / "bundle")
    return write_kernel(run, "somebody", budget="7h30m")


@pytest.fixture(scope="module")
def kernel(upload) -> dict:
    return read_json(upload.kernel / "kernel-metadata.json")


def test_the_dataset_holds_the_bundle_and_the_projects_wheel(upload):
    assert load_bundle(upload.dataset / "bundle").open_threshold > 0
    (wheel,) = (upload.dataset / "wheels").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "player_contact/inference/predict.py" in names
    assert "player_contact/evaluation/templates/report.html" in names
    packages = {name.split("/")[0] for name in names}
    assert {name for name in packages if not name.endswith(".dist-info")} == {"player_contact"}


def test_the_metadata_are_what_kaggles_tool_checks(upload, kernel):
    """kaggle 2.2: one licence, a title of 6 to 50 characters and its slug, a code file."""
    dataset = read_json(upload.dataset / "dataset-metadata.json")
    assert dataset["id"] == kernel["id"] == "somebody/player-contact-my-best-run"
    assert re.sub(r"[^a-z0-9]+", "-", dataset["title"].lower()) == dataset["id"].split("/")[1]
    assert 6 <= len(dataset["title"]) <= 50
    assert len(dataset["licenses"]) == 1
    assert (upload.kernel / kernel["code_file"]).is_file()
    assert (kernel["language"], kernel["kernel_type"]) == ("python", "notebook")
    assert kernel["dataset_sources"] == [dataset["id"]]
    assert kernel["competition_sources"] == [COMPETITION]


def test_the_notebook_has_no_internet_and_is_private(kernel):
    assert kernel["enable_internet"] is False
    assert kernel["is_private"] is True


def test_the_notebook_asks_for_two_gpus_and_stays_with_its_image(kernel):
    """The keys that `kernels push` of Kaggle's tool (2.2.5) reads."""
    assert (kernel["enable_gpu"], kernel["machine_shape"]) == (True, "NvidiaTeslaT4")
    assert kernel["docker_image_pinning_type"] == "original"
    other = kernel_metadata("somebody/x", "x", gpu=False, pinning="latest")
    assert (other["enable_gpu"], other["machine_shape"]) == (False, "")
    assert other["docker_image_pinning_type"] == "latest"


def test_an_image_that_kaggle_does_not_know_is_refused(own_run):
    with pytest.raises(ConfigError, match="--pinning newest: expected original or latest"):
        write_kernel(own_run().folder, pinning="newest")


def test_the_notebook_is_short_python_with_the_budget(upload):
    code = code_of(next(upload.kernel.glob("*.ipynb")))
    for cell in code:
        compile(cell, "cell", "exec")
    assert sum(len(cell.splitlines()) for cell in code) < 60
    assert '"--budget", "7h30m"' in code[-1]
    assert "player_contact.kaggle.submit" in code[-1], "its second try would be missing"


@pytest.fixture
def find_inputs(upload, tmp_path, monkeypatch, capsys):
    """Runs the cell that looks for the inputs; returns what it prints."""
    monkeypatch.setenv("KAGGLE_ROOT", str(tmp_path))
    shutil.copytree(upload.dataset, tmp_path / "input" / "datasets" / "somebody" / "contact")

    def run() -> str:
        exec(code_of(next(upload.kernel.glob("*.ipynb")))[0], {})
        return capsys.readouterr().out

    return run


def attach_tables(folder, names=()):
    folder.mkdir(parents=True)
    for name in names or split_files("test"):
        (folder / name).touch()
    return folder


def test_the_competition_is_the_input_with_the_test_tables(find_inputs, tmp_path):
    """Other competitions have a sample_submission.csv too."""
    attach_tables(tmp_path / "input" / "competitions" / "another", ["sample_submission.csv"])
    tables = attach_tables(tmp_path / "input" / "competitions" / COMPETITION)
    assert f"competition {tables}\n" in find_inputs()


def test_an_input_that_is_a_link_is_found(find_inputs, tmp_path):
    tables = attach_tables(tmp_path / "elsewhere")
    (tmp_path / "input" / COMPETITION).symlink_to(tables)
    assert f"competition {tmp_path / 'input' / COMPETITION}\n" in find_inputs()


def test_folders_that_arrived_zipped_are_unpacked(find_inputs, upload, tmp_path, monkeypatch):
    attach_tables(tmp_path / "input" / COMPETITION)
    dataset = tmp_path / "input" / "datasets" / "somebody" / "contact"
    for path in [dataset / "bundle", dataset / "wheels"]:
        shutil.make_archive(str(path), "zip", path)
        shutil.rmtree(path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert f"digest {upload.digest}\n" in find_inputs()


def test_the_notebook_tells_another_bundle_from_its_own(find_inputs, upload, tmp_path):
    attach_tables(tmp_path / "input" / COMPETITION)
    words = (
        f"The notebook was made for another bundle, {upload.digest}. Is an old version attached?"
    )
    printed = find_inputs()
    assert f"digest {upload.digest}\n" in printed
    assert words not in printed
    manifest = tmp_path / "input" / "datasets" / "somebody" / "contact" / "bundle" / "manifest.json"
    manifest.write_text(manifest.read_text() + "\n")
    printed = find_inputs()
    assert f"digest {upload.digest}\n" not in printed
    assert words in printed


def test_a_folder_that_links_lead_to_again_is_one_input(find_inputs, tmp_path):
    tables = attach_tables(tmp_path / "input" / COMPETITION)
    (tmp_path / "input" / "link").symlink_to(tables)
    (tmp_path / "input" / "loop").symlink_to(tmp_path / "input")
    (tmp_path / "input" / "datasets" / "up").symlink_to("..")
    printed = find_inputs()
    assert any(
        f"competition {tmp_path / 'input' / name}\n" in printed for name in (COMPETITION, "link")
    )


def test_without_the_competition_the_notebook_says_what_to_attach(find_inputs, tmp_path):
    other = attach_tables(tmp_path / "input" / "another", ["sample_submission.csv"])
    message = rf"No input holds the test tables; attached: .*{other}.* Attach the competition nfl-"
    with pytest.raises(AssertionError, match=message):
        find_inputs()


def test_of_two_inputs_the_notebook_asks_which(find_inputs, tmp_path):
    first, second = (attach_tables(tmp_path / "input" / name) for name in ("a", "b"))
    with pytest.raises(AssertionError, match="2 inputs hold the test tables: ") as error:
        find_inputs()
    assert all(str(folder) in str(error.value) for folder in (first, second))
    shutil.rmtree(second)
    shutil.copytree(tmp_path / "input" / "datasets", tmp_path / "input" / "old")
    with pytest.raises(
        AssertionError, match=r"2 inputs hold a bundle: .*`make kernel` wrote alone"
    ):
        find_inputs()


def test_cells_of_a_file_become_cells_of_a_notebook():
    text = "# %% [markdown]\n# # Title\n#\n# Text.\n\n# %%\nimport os\n\n# %%\n# stays\nprint(1)\n"
    cells = to_notebook(text)["cells"]
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in cells] == [
        ("markdown", "# Title\n\nText."),
        ("code", "import os"),
        ("code", "# stays\nprint(1)"),
    ]
    assert len({cell["id"] for cell in cells}) == 3


def test_without_a_user_the_metadata_wait_for_who_pushes(own_run):
    upload = write_kernel(own_run().folder)
    name = read_json(upload.kernel / "kernel-metadata.json")["id"]
    assert name.startswith(f"{PLACEHOLDER}/")


def test_a_kernel_that_can_not_be_made_leaves_the_old_one(own_run):
    run = own_run().folder
    write_kernel(run)
    message = "WHEELS names 'no-such-package', which is not installed here"
    with pytest.raises(InputError, match=message):
        write_kernel(run, wheels=["no-such-package"])
    assert upload_of(run).kernel.is_dir()
    (run / "bundle" / "manifest.json").unlink()
    with pytest.raises(BundleError, match="is no bundle"):
        write_kernel(run)
    assert upload_of(run).kernel.is_dir()


def test_a_run_without_kernel_is_told_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"has no kernel\. Make it first: make kernel RUN=mine"):
        upload_of(tmp_path / "mine")


@pytest.mark.slow
def test_building_the_wheel_leaves_nothing_in_the_checkout(tmp_path):
    def names() -> set[str]:
        return {path.name for path in (*ROOT.iterdir(), *(ROOT / "src").iterdir())}

    before = names()
    assert build_wheel(tmp_path).suffix == ".whl"
    assert names() - before <= {".hypothesis"}  # another test's
