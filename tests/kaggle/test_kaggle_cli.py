import json
import os
import sys
import zipfile

import pytest

from player_contact.kaggle.kaggle_cli import download, push
from player_contact.kaggle.kernel import COMPETITION, PLACEHOLDER, Upload, kernel_metadata
from player_contact.utils.errors import ConfigError, InputError
from player_contact.utils.files import read_json, write_json

# Stands for Kaggle's tool: gives the answers it was given, and writes down its arguments.
TOOL = """#!{python}
import json, pathlib, sys
here, words = pathlib.Path(__file__).parent, sys.argv[1:]
with (here / "calls.txt").open("a") as file:
    file.write(json.dumps(words) + "\\n")
answers = json.loads((here / "answers.json").read_text())
for start, (code, text) in answers.items():
    if " ".join(words).startswith(start):
        print(text)
        if text == "becomes known":
            answers["datasets status"] = [0, "ready"]
            (here / "answers.json").write_text(json.dumps(answers))
        if words[:2] == ["competitions", "download"] and not code:
            (here / "data.zip").rename(pathlib.Path(words[words.index("--path") + 1]) / "data.zip")
        sys.exit(code)
"""
USER = (0, "Configuration values\n- username: somebody\n- auth_method: LEGACY_API_KEY")


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """Replaces the real tool; a function that takes answers and returns one that lists calls."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "kaggle").write_text(TOOL.replace("{python}", sys.executable))
    (folder / "kaggle").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def set_answers(**answers):
        answers = {name.replace("_", " "): answer for name, answer in answers.items()}
        write_json({"config view": USER} | answers, folder / "answers.json")
        return lambda: [*map(json.loads, (folder / "calls.txt").read_text().splitlines())]

    return set_answers


@pytest.fixture
def upload(tmp_path) -> Upload:
    upload = Upload(tmp_path / "dataset", tmp_path / "notebook")
    name, title = f"{PLACEHOLDER}/player-contact-x", "player contact x"
    metadata = {"title": title, "id": name, "licenses": [{"name": "other"}]}
    write_json(metadata, upload.dataset / "dataset-metadata.json")
    metadata = kernel_metadata(name, title, gpu=True)
    write_json(metadata, upload.kernel / "kernel-metadata.json")
    return upload


def test_a_missing_tool_is_told_with_how_to_install_it(upload, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    message = (
        r"^The command `kaggle`, Kaggle's official tool, is not here\. "
        r"Install it: \.venv/bin/pip install kaggle$"
    )
    for call in (lambda: push(upload, "x"), lambda: download(tmp_path / "data")):
        with pytest.raises(ConfigError, match=message):
            call()


@pytest.mark.parametrize(
    "answer", [(1, "Authentication required to call the Kaggle API."), (0, "- username: None")]
)
def test_without_credentials_nothing_is_uploaded(upload, tool, answer):
    calls = tool(config_view=answer)
    message = r"^The command `kaggle` has no credentials\. Run `kaggle auth login`"
    with pytest.raises(ConfigError, match=message):
        push(upload, "x")
    assert calls() == [["config", "view"]]


def test_a_first_push_creates_the_dataset_and_signs_the_metadata(upload, tool):
    """The tool does not know the dataset before it was created."""
    calls = tool(
        datasets_status=(1, "404 - Not Found"),
        datasets_create=(0, "becomes known"),
        kernels_push=(0, "Kernel version 1 successfully pushed."),
    )
    assert push(upload, "run x").splitlines() == [
        "Kernel version 1 successfully pushed.",
        f"Once it has run, with the same tool: kaggle competitions submit {COMPETITION} "
        "-f submission.csv -k somebody/player-contact-x -v 1 -m 'run x'",
    ]
    options = ["--path", str(upload.dataset), "--dir-mode", "zip", "--quiet"]
    assert ["datasets", "create", *options] in calls()
    assert calls()[-1] == ["kernels", "push", "--path", str(upload.kernel)]
    kernel = read_json(upload.kernel / "kernel-metadata.json")
    assert kernel["id"] == "somebody/player-contact-x"
    assert kernel["dataset_sources"] == ["somebody/player-contact-x"]
    assert kernel["enable_internet"] is False


def test_a_later_push_makes_a_new_version_of_the_dataset(upload, tool):
    calls = tool(datasets_status=(0, "ready"), datasets_version=(0, ""), kernels_push=(0, "done"))
    push(upload, "run x")
    options = ["--path", str(upload.dataset), "--dir-mode", "zip", "--quiet"]
    assert ["datasets", "version", "--message", "run x", *options] in calls()


def test_an_error_of_the_tool_is_quoted_even_if_it_exits_0(upload, tool):
    error = "Kernel push error: Maximum batch GPU session count reached"
    tool(datasets_status=(0, "ready"), datasets_version=(0, ""), kernels_push=(0, error))
    with pytest.raises(InputError, match=f"^kaggle kernels push failed: {error}$"):
        push(upload, "x")


def test_data_are_downloaded_and_unpacked_inside_their_folder(tool, tmp_path):
    calls, data = tool(competitions_download=(0, "")), tmp_path / "input" / "data"
    with zipfile.ZipFile(tmp_path / "bin" / "data.zip", "w") as archive:
        archive.writestr("train_labels.csv", "contact_id")
        archive.writestr("../outside.txt", "no")
    download(data)
    assert (data / "train_labels.csv").read_text() == "contact_id"
    assert not list(tmp_path.rglob("data.zip"))
    assert {path.parent for path in tmp_path.rglob("outside.txt")} == {data}
    assert calls()[-1][:4] == ["competitions", "download", "--competition", COMPETITION]


def test_a_download_that_fails_leaves_nothing(tool, tmp_path):
    tool(competitions_download=(1, "403 - Forbidden: you must accept this competition's rules"))
    with pytest.raises(InputError, match=r"competitions download failed: 403 - Forbidden"):
        download(tmp_path / "input" / "data")
    assert not list((tmp_path / "input").iterdir())


def test_data_that_are_there_are_not_downloaded_again(tmp_path):
    (tmp_path / "train_labels.csv").touch()
    with pytest.raises(InputError, match=r"holds data already\. Delete it to download again"):
        download(tmp_path)
