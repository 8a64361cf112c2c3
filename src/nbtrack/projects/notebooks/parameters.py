"""The values of parameters in a notebook, by papermill's convention of tagged cells."""

from __future__ import annotations

import keyword
import math
from collections.abc import Mapping
from typing import Any

from ...errors import InvalidParameter
from ..tagged_cells import DEFAULTS_TAG, tags_of

Value = str | int | float | bool | list[Any] | dict[str, Any] | None

INJECTED_TAG = "injected-parameters"
"""The tag of the cell that assigns the values of a run."""


def inject(notebook: Any, arguments: Mapping[str, Value]) -> None:
    """Add a cell that assigns the arguments: after the cell with the defaults, or else before all others.

    It replaces such a cell of an earlier execution. Nothing is added if there are no arguments.

    Args:
        notebook: A notebook of nbformat 4, which is changed.
        arguments: The values by the names of variables.

    Raises:
        InvalidParameter: If a name cannot be the name of a variable.
    """
    import nbformat

    notebook.cells = [cell for cell in notebook.cells if INJECTED_TAG not in tags_of(cell)]
    if not arguments:
        return
    for name in arguments:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise InvalidParameter(f"Parameter {name!r:.80} cannot be a variable of a notebook.")
    lines = ["# Parameters", *(f"{name} = {_literal(value)}" for name, value in arguments.items())]
    # The IDs of cells came with nbformat 4.5. Older notebooks are not valid with them.
    cell = nbformat.v4.new_code_cell("\n".join(lines), metadata={"tags": [INJECTED_TAG]})  # type: ignore[no-untyped-call]
    if (notebook.nbformat, notebook.nbformat_minor) < (4, 5):
        del cell["id"]
    defaults = [index for index, each in enumerate(notebook.cells) if DEFAULTS_TAG in tags_of(each)]
    notebook.cells.insert(defaults[0] + 1 if defaults else 0, cell)


def _literal(value: Value) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)
