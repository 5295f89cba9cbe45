"""The notebook runs as it stands, prints what it shows, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "docs/notebooks/first-look.ipynb"
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _read() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def _outputs(notebook: Any) -> list[list[str]]:
    """What each cell of code shows, as text."""
    return [
        [output.get("text") or output["data"]["text/plain"] for output in cell["outputs"]]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def test_the_notebook_shows_what_it_prints(tmp_path: Path) -> None:
    shown, again = _read(), _read()
    NotebookClient(
        again, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    assert not [
        output
        for cell in again.cells
        if cell.cell_type == "code"
        for output in cell["outputs"]
        if output.get("name") == "stderr"
    ]
    for before, after in zip(_outputs(shown), _outputs(again), strict=True):
        # Kernels of other processors round a few values differently.
        assert [NUMBER.sub("#", text) for text in before] == [
            NUMBER.sub("#", text) for text in after
        ]
        pairs = zip(before, after, strict=True)
        numbers = [(NUMBER.findall(one), NUMBER.findall(other)) for one, other in pairs]
        for one, other in numbers:
            assert all(abs(float(x) - float(y)) <= 3 for x, y in zip(one, other, strict=True)), (
                one,
                other,
            )
