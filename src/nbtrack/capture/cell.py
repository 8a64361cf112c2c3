"""The notebook cell that runs now."""

from __future__ import annotations

import sys
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell and which execution of it this is.

    `cell_id` is the notebook's own id of the cell, None where the front end sends none (a terminal, nbclient).
    """

    cell_id: str | None
    execution_count: int | None
    execution: Hashable = None
    """Differs from one execution to the next, also where the count does not move."""


def shell() -> Any | None:
    """The running IPython shell; None in plain Python. Never imports IPython."""
    ipython = sys.modules.get("IPython")
    get_ipython = getattr(ipython, "get_ipython", None)
    return get_ipython() if get_ipython is not None else None


def is_kernel(ip: Any) -> bool:
    """Whether this shell is a Jupyter kernel's, rather than a terminal's."""
    return getattr(ip, "kernel", None) is not None


def current_cell() -> Cell | None:
    """The cell that runs now (between cells: the last one); None in plain Python."""
    try:
        ip = shell()
        if ip is None:
            return None
        message = ip.get_parent() if is_kernel(ip) else {}
        cell_id = message.get("metadata", {}).get("cellId")
        # IPython counts up before it runs a cell, from version 9.2 on; the display hook knows what Out[…] will say.
        count = ip.displayhook.prompt_count
        return Cell(cell_id or None, count, message.get("header", {}).get("msg_id", count))
    except Exception:
        return None
