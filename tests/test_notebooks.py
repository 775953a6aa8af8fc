"""The notebooks run from end to end on a tiny run, as their readers would run them."""

import json

import pytest

from player_contact.files import read_json
from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def name_of(path) -> str:
    return path.stem


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_is_kept_without_outputs(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells if cell["cell_type"] == "code")


@pytest.mark.filterwarnings("ignore::Warning")  # of the client, about its own event loop
@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_runs_from_end_to_end(path, finished_run, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    import nbformat

    for name, value in {
        "RUN": finished_run.folder,
        "RUNS": finished_run.folder.parent,
        "INPUT": finished_run.input,
        "CONFIGS": ROOT / "configs",
        "DEPTH": "10",
        "EPOCHS": "1",
        "IPYTHONDIR": tmp_path / "ipython",
        "OMP_NUM_THREADS": "1",
    }.items():
        monkeypatch.setenv(name, str(value))
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in shown if output.output_type == "stream" and output.name == "stderr" and "Traceback" in output.text]
    assert sum(output.output_type in ("display_data", "execute_result") for output in shown) >= 3
    if path.stem == "errors":
        text = "".join(output.text for output in shown if output.output_type == "stream")
        assert read_json(finished_run.folder / "ladder.json")["text"] in text
