"""The notebook runs from its first cell to its last, in a kernel of its own."""

import nbclient
import nbformat
import pytest
from blocks import ROOT

NOTEBOOK = ROOT / "docs" / "notebooks" / "first_ticket.ipynb"


@pytest.mark.slow
def test_the_notebook_finds_a_ticket(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=":")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=600, resources=resources).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    text = "".join(output.get("text", "") for output in outputs)
    assert "FID" in text and "round 2, random_mask" in text
    assert "prunable weights are left" in text
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert (tmp_path / "runs" / "notebook" / "report.html").is_file()
