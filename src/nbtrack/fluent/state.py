"""The state of the module-level API in this process, and what happens to it when the process ends."""

from __future__ import annotations

import sys
import threading
from typing import NoReturn

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
    failed = not _interactive() and (
        getattr(sys, "last_value", None) is not None or _exit_codes[:1] not in ([], [None], [0])
    )
    for run in stack.all_open_runs():
        if run.is_ours:
            run.end(RunStatus.FAILED if failed else RunStatus.FINISHED)


def _interactive() -> bool:
    """Return whether this is a console or notebook, where `sys.last_value` comes from an earlier statement or cell."""
    return hasattr(sys, "ps1") or "IPython" in sys.modules


_exit_codes: list[object] = []
"""What `sys.exit` was called with, if that is what ends the process. Python does not tell its `atexit` functions."""
_exit = sys.exit


def watch_exit() -> None:
    """Note from now on whether `sys.exit` ends the process, so that open runs then end as FAILED."""
    if sys.exit is _exit and not _interactive():
        sys.exit = _noted_exit


def _noted_exit(status: object = None, /) -> NoReturn:
    """Raise SystemExit, as `sys.exit` does."""
    # Without a variable, which would keep the exception alive in its own traceback.
    raise _marked(status)


def _marked(status: object) -> SystemExit:
    error = SystemExit(*status) if isinstance(status, tuple) else SystemExit() if status is None else SystemExit(status)
    vars(error)["_nbtrack_end"] = _End(error.code)
    return error


class _End:
    """Belongs to a SystemExit, and is deleted with it.

    If that happens outside of all code, nobody has caught the exception, and it ends the process.
    """

    def __init__(self, code: object) -> None:
        self.code = code

    def __del__(self) -> None:
        try:
            sys._getframe(1)
        except ValueError:
            if threading.current_thread() is threading.main_thread():
                # The exceptions that it was raised from are deleted after it.
                _exit_codes.append(self.code)
