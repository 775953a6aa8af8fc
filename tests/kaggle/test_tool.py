import json
import os
import sys
import zipfile

import pytest

from player_contact.errors import ConfigError, InputError
from player_contact.files import read_json, write_json
from player_contact.kaggle.kernel import NOBODY, Upload, kernel_metadata
from player_contact.kaggle.tool import download, push

# Stands for Kaggle's tool: answers as it was told to, and writes down what it was asked.
TOOL = """#!{python}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
with (here / "asked.txt").open("a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
for start, (code, said) in json.loads((here / "answers.json").read_text()).items():
    if " ".join(sys.argv[1:]).startswith(start):
        print(said)
        if said == "becomes known":
            answers = json.loads((here / "answers.json").read_text()) | {"datasets status": [0, "ready"]}
            (here / "answers.json").write_text(json.dumps(answers))
        if sys.argv[1:3] == ["competitions", "download"] and not code:
            (here / "data.zip").rename(pathlib.Path(sys.argv[sys.argv.index("--path") + 1]) / "data.zip")
        sys.exit(code)
"""
KNOWN = {"config view": (0, "Configuration values\n- username: somebody\n- auth_method: LEGACY_API_KEY")}


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """Puts the tool in the way of the real one; returns a function that sets its answers, which returns one that tells what it was asked."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "kaggle").write_text(TOOL.replace("{python}", sys.executable))
    (folder / "kaggle").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def answers(**more):
        write_json(KNOWN | {key.replace("_", " "): value for key, value in more.items()}, folder / "answers.json")
        return lambda: [json.loads(line) for line in (folder / "asked.txt").read_text().splitlines()]

    return answers


@pytest.fixture
def upload(tmp_path) -> Upload:
    upload = Upload(tmp_path / "dataset", tmp_path / "notebook")
    write_json(
        {"title": "player contact x", "id": f"{NOBODY}/player-contact-x", "licenses": [{"name": "other"}]}, upload.dataset / "dataset-metadata.json"
    )
    write_json(kernel_metadata(NOBODY, "player-contact-x", "player contact x", gpu=True), upload.kernel / "kernel-metadata.json")
    return upload


def test_without_the_tool_it_is_said_what_to_install(upload, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for call in (lambda: push(upload, "x"), lambda: download(tmp_path / "data")):
        with pytest.raises(
            ConfigError, match=r"^The command `kaggle`, Kaggle's official tool, is not here\. Install it: \.venv/bin/pip install kaggle$"
        ):
            call()


@pytest.mark.parametrize("answer", [(1, "Authentication required to call the Kaggle API."), (0, "- username: None")])
def test_without_credentials_it_is_said_how_to_get_them_and_nothing_is_uploaded(upload, tool, answer):
    asked = tool(config_view=answer)
    with pytest.raises(ConfigError, match=r"^The command `kaggle` has no credentials\. Run `kaggle auth login`"):
        push(upload, "x")
    assert asked() == [["config", "view"]]


def test_a_first_push_creates_the_dataset_and_signs_the_metadata(upload, tool):
    """The tool does not know the dataset before it was created."""
    asked = tool(
        datasets_status=(1, "404 - Not Found"), datasets_create=(0, "becomes known"), kernels_push=(0, "Kernel version 1 successfully pushed.")
    )
    assert push(upload, "run x") == "Kernel version 1 successfully pushed."
    assert ["datasets", "create", "--path", str(upload.dataset), "--dir-mode", "zip", "--quiet"] in asked()
    assert asked()[-1] == ["kernels", "push", "--path", str(upload.kernel)]
    kernel = read_json(upload.kernel / "kernel-metadata.json")
    assert kernel["id"] == "somebody/player-contact-x"
    assert kernel["dataset_sources"] == ["somebody/player-contact-x"]
    assert kernel["enable_internet"] is False


def test_a_later_push_makes_a_new_version_of_the_dataset(upload, tool):
    asked = tool(datasets_status=(0, "ready"), datasets_version=(0, ""), kernels_push=(0, "done"))
    push(upload, "run x")
    assert ["datasets", "version", "--message", "run x", "--path", str(upload.dataset), "--dir-mode", "zip", "--quiet"] in asked()


def test_what_the_tool_refuses_is_told_in_its_own_words_though_it_ends_well(upload, tool):
    tool(datasets_status=(0, "ready"), datasets_version=(0, ""), kernels_push=(0, "Kernel push error: Maximum batch GPU session count reached"))
    with pytest.raises(InputError, match=r"^kaggle kernels push failed: Kernel push error: Maximum batch GPU"):
        push(upload, "x")


def test_data_are_downloaded_and_unpacked_inside_their_folder(tool, tmp_path):
    asked = tool(competitions_download=(0, ""))
    with zipfile.ZipFile(tmp_path / "bin" / "data.zip", "w") as archive:
        archive.writestr("train_labels.csv", "contact_id")
        archive.writestr("../outside.txt", "no")
    download(tmp_path / "input" / "data")
    assert (tmp_path / "input" / "data" / "train_labels.csv").read_text() == "contact_id"
    assert not list(tmp_path.rglob("data.zip"))
    assert {path.parent for path in tmp_path.rglob("outside.txt")} == {tmp_path / "input" / "data"}
    assert asked()[-1][:4] == ["competitions", "download", "--competition", "nfl-player-contact-detection"]


def test_a_download_that_fails_leaves_nothing_and_one_that_is_there_stays(tool, tmp_path):
    tool(competitions_download=(1, "403 - Forbidden: you must accept this competition's rules"))
    with pytest.raises(InputError, match=r"competitions download failed: 403 - Forbidden"):
        download(tmp_path / "input" / "data")
    assert not list((tmp_path / "input").iterdir())
    (tmp_path / "input" / "data").mkdir()
    (tmp_path / "input" / "data" / "train_labels.csv").touch()
    with pytest.raises(InputError, match=r"holds data already\. Delete it to download again"):
        download(tmp_path / "input" / "data")
