"""The state of the module-level API in this process, and what happens to it when the process ends."""

from __future__ import annotations

import sys

from ..entities import RunStatus
from ..process_end import at_process_end
from ..runs import stack
from ..runs.active_run import ActiveRun

chosen_experiments: dict[str, str] = {}
"""The ID of the active experiment in each store that this process has used, by tracking URI."""

last_run: ActiveRun | None = None
"""The run that ended last."""


@at_process_end
def _end_open_runs() -> None:
    failed = not _interactive() and getattr(sys, "last_value", None) is not None
    for run in stack.all_open_runs():
        if run.is_ours:
            run.end(RunStatus.FAILED if failed else RunStatus.FINISHED)


def _interactive() -> bool:
    """Return whether this is a console or notebook, where `sys.last_value` comes from an earlier statement or cell."""
    return hasattr(sys, "ps1") or "IPython" in sys.modules
