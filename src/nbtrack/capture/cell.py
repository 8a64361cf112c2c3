"""The running notebook cell."""

from __future__ import annotations

import sys
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cell:
    """One execution of a notebook cell.

    `cell_id` is the ID of the cell in the notebook, or None if the front end sends none (a terminal, nbclient).
    """

    cell_id: str | None
    execution_count: int | None
    execution: Hashable = None
    """A value that differs between executions, even if the count does not."""


def shell() -> Any | None:
    """Return the running IPython shell, or None in plain Python. IPython is not imported for this."""
    ipython = sys.modules.get("IPython")
    get_ipython = getattr(ipython, "get_ipython", None)
    return get_ipython() if get_ipython is not None else None


def is_kernel(ip: Any) -> bool:
    """Return whether this is the shell of a Jupyter kernel, not of a terminal."""
    return getattr(ip, "kernel", None) is not None


def current_cell() -> Cell | None:
    """Return the running cell, between cells the last one, or None in plain Python."""
    try:
        ip = shell()
        if ip is None:
            return None
        message = ip.get_parent() if is_kernel(ip) else {}
        cell_id = message.get("metadata", {}).get("cellId")
        # From version 9.2 on, IPython increases its count before it runs a cell. The display hook has the right one.
        count = ip.displayhook.prompt_count
        return Cell(cell_id or None, count, message.get("header", {}).get("msg_id", count))
    except Exception:
        return None
