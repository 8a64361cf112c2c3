"""`%track run`: runs a project and shows its run and its output in the cell."""

from __future__ import annotations

import sys
import warnings

from IPython.core.getipython import get_ipython

from ..capture.cell import is_kernel
from ..client import Client
from ..entities import Run
from ..projects.launching import Display, launch
from ..projects.options import add_arguments, request_of
from ..projects.running import finish
from ..projects.submitted import SubmittedRun
from .arguments import parse_run
from .progress import Progress

SHOWN_BYTES = 1_000_000
"""How much output a cell shows. A browser becomes slow with more, and JupyterLab stops showing it."""


def run(arguments: str) -> SubmittedRun:
    """Run a project and wait for its end. An interrupt of the cell ends the command.

    Raises ExecutionException if the command fails.
    """
    request = request_of(parse_run(arguments, add_arguments))
    shell = get_ipython()
    shown: list[Progress] = []

    def created(client: Client, run: Run) -> None:
        shown.append(Progress(shell, client, run))
        shown[-1].begin()

    limit = SHOWN_BYTES if is_kernel(shell) else None
    with warnings.catch_warnings():
        # The line of code that a warning points to says nothing to users of a magic.
        warnings.showwarning = lambda message, *_, **__: _print(str(message))
        submitted = launch(request, Display(sys.stdout, limit, progress=_print, created=created))
    try:
        finish(submitted)
    finally:
        for progress in shown:
            progress.finish()
    return submitted


def _print(message: str) -> None:
    print(f"nbtrack: {message}", flush=True)
