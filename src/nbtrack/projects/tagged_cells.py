"""The parameters of a notebook that no MLproject file declares: those in the cell with papermill's tag `parameters`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..capture.code import Literal, literal_assignments

DEFAULTS_TAG = "parameters"
"""The tag of the cell that assigns the defaults."""
_MAX_SIZE = 200_000_000
"""The largest notebook that is read, in bytes. Outputs can be large."""


def defaults_of(notebook: Path) -> dict[str, Literal]:
    """Return the variables that the tagged cell of a notebook assigns, and their values, as far as these are literals.

    The result is empty if there is no such cell, or if the file is not a notebook: it is checked before it is executed.
    """
    try:
        if notebook.stat().st_size > _MAX_SIZE:
            return {}
        content = json.loads(notebook.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    cells = content.get("cells") if isinstance(content, dict) else None
    for cell in cells if isinstance(cells, list) else ():
        if isinstance(cell, dict) and cell.get("cell_type") == "code" and DEFAULTS_TAG in tags_of(cell):
            return literal_assignments(_source(cell))
    return {}


def tags_of(cell: Any) -> list[Any]:
    """Return the tags of a cell."""
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return tags if isinstance(tags, list) else []


def _source(cell: dict[str, Any]) -> str:
    """Return the source of a cell, which is a string or a list of lines."""
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))
