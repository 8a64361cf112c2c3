"""The file of the running code."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cell import is_kernel, shell

NOTEBOOK = "NOTEBOOK"
LOCAL = "LOCAL"


@dataclass(frozen=True, slots=True)
class Source:
    """MLflow's source of a run. `type` is NOTEBOOK or LOCAL, `name` is the path, or None for a notebook without one."""

    name: str | None
    type: str
    folder: str
    """The folder of the file, or else the working directory. The repository is searched from here."""


def source() -> Source:
    """Return the source of the running code."""
    ip = shell()
    if ip is not None and is_kernel(ip):
        name = _notebook(ip)
        return Source(name, NOTEBOOK, _folder(name))
    name = sys.argv[0] if sys.argv and sys.argv[0] else "<console>"
    return Source(name, LOCAL, _folder(getattr(sys.modules.get("__main__"), "__file__", None) if ip is None else None))


def _notebook(ip: Any) -> str | None:
    # jupyter_server passes the path of the notebook to its kernel in JPY_SESSION_NAME. VS Code sets a variable.
    name = ip.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return str(name) if name else None


def _folder(name: str | None) -> str:
    try:
        if name and (parent := Path(name).absolute().parent).is_dir():
            return str(parent)
        return os.getcwd()
    except OSError:
        # The working directory was deleted.
        return "."
