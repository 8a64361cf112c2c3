"""The state of the module-level API in this process, and the end of its open runs when the process ends."""

from __future__ import annotations

import contextlib

from ..errors import NbtrackError
from ..process_end import at_process_end
from ..runs import process_outcome, stack
from ..runs.active_run import ActiveRun

chosen_experiments: dict[str, str] = {}
"""The ID of the active experiment in each store that this process has used, by tracking URI."""

last_run: ActiveRun | None = None
"""The run that ended last."""


@at_process_end
def _end_open_runs() -> None:
    status, error = process_outcome.find()
    for run in stack.all_open_runs():
        # A run that was deleted cannot be ended, which must not keep the others from being ended.
        with contextlib.suppress(NbtrackError):
            if run.is_ours:
                run.end(run.fail(error) if error is not None else status)
