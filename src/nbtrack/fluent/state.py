"""What the module-level API remembers in this process, and what becomes of it when the process ends."""

from __future__ import annotations

import sys

from ..entities import RunStatus
from ..process_end import at_process_end
from ..runs import stack
from ..runs.active_run import ActiveRun

chosen_experiments: dict[str, str] = {}
"""The ID of the active experiment in each store that this process has used, by tracking URI."""

last_run: ActiveRun | None = None
"""The run that was ended last."""


@at_process_end
def _end_open_runs() -> None:
    failed = not _interactive() and getattr(sys, "last_value", None) is not None
    for run in stack.all_open_runs():
        if run.is_ours:
            run.end(RunStatus.FAILED if failed else RunStatus.FINISHED)


def _interactive() -> bool:
    """In a console or a notebook `sys.last_value` tells of an earlier cell, not of why the process ends."""
    return hasattr(sys, "ps1") or "IPython" in sys.modules
