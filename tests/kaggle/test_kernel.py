import json
import re
import zipfile

import pytest

from player_contact.bundle import load_bundle
from player_contact.errors import BundleError, InputError
from player_contact.kaggle.kernel import NOBODY, build_wheel, code_of, notebook_of, upload_of, write_kernel


@pytest.fixture(scope="module")
def upload(finished_run, tmp_path_factory):
    import shutil

    run = tmp_path_factory.mktemp("kernels") / "my best_Run"
    shutil.copytree(finished_run.folder / "bundle", run / "bundle")
    return write_kernel(run, "somebody", budget="7h30m")


def read(path):
    return json.loads(path.read_text())


def test_the_dataset_holds_the_bundle_and_the_wheel_of_this_project(upload):
    assert load_bundle(upload.dataset / "bundle").cut > 0
    (wheel,) = (upload.dataset / "wheels").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "player_contact/predict.py" in names
    assert "player_contact/evaluation/templates/report.html" in names
    assert not [name for name in names if name.startswith(("tests", "notebooks"))]


def test_the_metadata_are_what_the_tool_of_kaggle_checks(upload):
    """Its checks (kaggle 2.2): one licence, names of 6 to 50 characters, an address that is the title's, a code file that is there."""
    dataset, kernel = read(upload.dataset / "dataset-metadata.json"), read(upload.kernel / "kernel-metadata.json")
    assert dataset["id"] == kernel["id"] == "somebody/player-contact-my-best-run"
    assert re.sub(r"[^a-z0-9]+", "-", dataset["title"].lower()) == dataset["id"].split("/")[1]
    assert 6 <= len(dataset["title"]) <= 50
    assert len(dataset["licenses"]) == 1
    assert (upload.kernel / kernel["code_file"]).is_file()
    assert (kernel["language"], kernel["kernel_type"]) == ("python", "notebook")
    assert kernel["dataset_sources"] == [dataset["id"]]
    assert kernel["competition_sources"] == ["nfl-player-contact-detection"]


def test_the_notebook_has_no_internet_and_is_private(upload):
    kernel = read(upload.kernel / "kernel-metadata.json")
    assert kernel["enable_internet"] is False
    assert kernel["is_private"] is True


def test_the_notebook_is_short_python_with_the_budget_that_was_asked_for(upload):
    code = code_of(next(upload.kernel.glob("*.ipynb")))
    for cell in code:
        compile(cell, "cell", "exec")
    assert sum(len(cell.splitlines()) for cell in code) < 40
    assert '"--time-budget", "7h30m"' in code[-1]


def test_cells_of_a_file_become_cells_of_a_notebook():
    cells = notebook_of("# %% [markdown]\n# # Title\n#\n# Text.\n\n# %%\nimport os\n\n# %%\n# a comment stays\nprint(1)\n")["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "code", "code"]
    assert ["".join(cell["source"]) for cell in cells] == ["# Title\n\nText.", "import os", "# a comment stays\nprint(1)"]
    assert len({cell["id"] for cell in cells}) == 3


def test_without_a_name_the_metadata_wait_for_the_one_who_pushes(finished_run, own_run):
    upload = write_kernel(own_run().folder)
    assert read(upload.kernel / "kernel-metadata.json")["id"].startswith(f"{NOBODY}/")


def test_a_kernel_that_can_not_be_made_leaves_the_old_one(own_run):
    run = own_run().folder
    write_kernel(run)
    with pytest.raises(InputError, match="WHEELS names 'no-such-package', which is not installed here"):
        write_kernel(run, wheels=["no-such-package"])
    assert upload_of(run).kernel.is_dir()
    (run / "bundle" / "manifest.json").unlink()
    with pytest.raises(BundleError, match="is no bundle"):
        write_kernel(run)
    assert upload_of(run).kernel.is_dir()


def test_a_run_without_kernel_is_told_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"has no kernel\. Make it first: make kernel RUN=mine"):
        upload_of(tmp_path / "mine")


def test_building_the_wheel_leaves_nothing_in_the_checkout(tmp_path):
    from tests.conftest import ROOT

    def there():
        return sorted(path.name for path in (*ROOT.iterdir(), *(ROOT / "src").iterdir()) if path.name != ".hypothesis")  # another test's

    before = there()
    assert build_wheel(tmp_path).suffix == ".whl"
    assert there() == before
