"""The state of the module-level API in this process, and what happens to it when the process ends."""

from __future__ import annotations

import builtins
import functools
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn

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
    """Note from now on whether `sys.exit`, `exit` or `quit` ends the process, so that open runs then end as FAILED.

    A SystemExit that the program raises itself cannot be noted.
    """
    if sys.exit is not _exit or _interactive():
        return
    sys.exit = _noted(_exit)
    # Python run with -S does not have these.
    if (quitter := type(getattr(builtins, "exit", None))) is type(getattr(builtins, "quit", None)) is not type(None):
        quitter.__call__ = _noted(quitter.__call__)  # type: ignore[method-assign]


def _noted(leave: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    @functools.wraps(leave)
    def noted(*args: Any, **kwargs: Any) -> NoReturn:
        try:
            leave(*args, **kwargs)
        except SystemExit as error:
            vars(error)["_nbtrack_end"] = _End(error.code)
            raise

    return noted


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
