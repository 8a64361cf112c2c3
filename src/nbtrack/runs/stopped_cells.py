"""Ends runs that were stopped in a notebook cell and that no `with` statement ends."""

from __future__ import annotations

import contextlib
from typing import Any

from ..capture.cell import shell
from ..entities import RunStatus
from ..errors import NbtrackError, RunStopped
from . import stack


def watch() -> None:
    """End the stopped runs after each cell that RunStopped has ended, from now on. Outside IPython, do nothing."""
    now = shell()
    if now is not None:
        # IPython registers a function only once.
        now.events.register("post_run_cell", _end_stopped)


def _end_stopped(result: Any) -> None:
    if not isinstance(getattr(result, "error_in_exec", None), RunStopped):
        return
    for run in stack.all_open_runs():
        if run.recorder.is_stopped:
            # A run that was deleted cannot be ended, which must not keep the others from being ended.
            with contextlib.suppress(NbtrackError):
                run.end(RunStatus.KILLED)
