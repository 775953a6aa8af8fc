"""The notebooks run from end to end on a tiny run."""

import json

import pytest

from player_contact.utils.files import read_json
from tests.conftest import ROOT

pytestmark = pytest.mark.slow


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@every_notebook
def test_a_notebook_is_kept_without_outputs(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.filterwarnings("ignore::Warning")  # of the client, about its own event loop
@every_notebook
def test_a_notebook_runs_from_end_to_end(path, finished_run, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    import nbformat

    for name, value in {
        "RUN": finished_run.folder,
        "RUNS": finished_run.folder.parent,
        "INPUT": finished_run.input,
        "CONFIGS": ROOT / "configs",
        "DEPTH": "10_small",
        "EPOCHS": "1",
        "IPYTHONDIR": tmp_path / "ipython",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": ROOT,  # of the benchmarks, beside `notebooks`
    }.items():
        monkeypatch.setenv(name, str(value))
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(
        notebook, timeout=1800, kernel_name="python3", resources=resources
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    streams = [output for output in outputs if output.output_type == "stream"]
    assert not any("Traceback" in output.text for output in streams if output.name == "stderr")
    assert len(outputs) - len(streams) >= 3
    if path.stem == "errors":
        text = "".join(output.text for output in streams)
        assert read_json(finished_run.folder / "scores.json")["text"] in text
