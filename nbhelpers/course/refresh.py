"""Write the outputs of a run back into the committed notebooks, without what would change at every run."""

from __future__ import annotations

from pathlib import Path

import nbformat

from nbhelpers import paths

WIDGET = "application/vnd.jupyter.widget-view+json"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def _noise(output) -> bool:
    """True for a progress bar, drawn as a widget or as lines on stderr that hold tqdm's bar."""
    if output.output_type == "stream":
        return output.name == "stderr" and ("\r" in output.text or "%|" in output.text)
    return WIDGET in output.get("data", {})


def number_cells(node) -> None:
    """Number the code cells, and what they result in, as a run from top to bottom does.

    Parameters
    ----------
    node : nbformat.NotebookNode
        Changed.
    """
    count = 0
    for cell in (cell for cell in node.cells if cell.cell_type == "code"):
        count += bool(cell.source.strip())
        cell.execution_count = count if cell.source.strip() else None
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count


def refresh(notebook: Path, executed: Path) -> None:
    """Replace the outputs of a notebook by those of its executed copy; cells, ids and tags stay.

    The injected parameters, papermill's record and times, progress bars and the interpreter's version are
    left out, so that two runs with the same results give the same file.

    Parameters
    ----------
    notebook : Path
        Written anew.
    executed : Path
        The copy.
    """
    node, copy = nbformat.read(notebook, as_version=4), nbformat.read(executed, as_version=4)
    outputs = {cell.id: cell.outputs for cell in copy.cells if cell.cell_type == "code"}
    for cell in node.cells:
        for key in ("papermill", "execution", "ExecuteTime"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in outputs[cell.id] if not _noise(output)]
    number_cells(node)
    node.metadata = nbformat.NotebookNode(kernelspec=KERNEL, language_info={"name": "python"})
    with paths.atomic(notebook) as part:
        nbformat.write(node, part)
