"""The active runs: a stack in each context, and one of the process for contexts without their own.

A thread or a task that started a run uses its own stack. Others use that of the process, which has the open runs of the
main thread. So the log calls and nested runs of a worker thread find the run that it works for, and notebook cells,
each of which may run in its own context, continue the run that an earlier cell left open. Worker processes read a note
(see `ancestors.py`).
"""

from __future__ import annotations

import threading
from contextvars import ContextVar

from . import ancestors
from .active_run import ActiveRun

_own: ContextVar[tuple[ActiveRun, ...]] = ContextVar("nbtrack_active_runs", default=())
_process: tuple[ActiveRun, ...] = ()
_started: dict[ActiveRun, None] = {}
"""Every run of this process that may still be open, in the order of their start."""


def current() -> ActiveRun | None:
    """Return the innermost active run, or None."""
    own = _own.get()
    if own and own[-1].is_open:
        return own[-1]
    runs = open_runs()
    return runs[-1] if runs else None


def open_runs() -> tuple[ActiveRun, ...]:
    """Return the active runs, outermost first. In a thread that started some, these are its own."""
    return _open(_own.get()) or _open(_process)


def conflicting() -> ActiveRun | None:
    """Return the active run that prevents the start of a run that is not nested, or None.

    As in MLflow, the runs of other threads do not prevent it in a worker thread.
    """
    own = _open(_own.get())
    return own[-1] if own else current() if _in_main_thread() else None


def push(run: ActiveRun) -> None:
    """Make `run` the innermost active run of this context, and of the process if this is the main thread."""
    global _process
    if _in_main_thread():
        _process = (*open_runs(), run)
        _own.set(_process)
        _update_note()
    else:
        # The runs of the process are left out, because others may be active when this thread gets its next task.
        _own.set((*_open(_own.get()), run))
    for ended in [other for other in list(_started) if not other.is_open]:
        _started.pop(ended, None)
    _started[run] = None


def ended(run: ActiveRun) -> None:
    """Handle the end of a run."""
    if run in _process:
        _update_note()


def all_open_runs() -> list[ActiveRun]:
    """Return the open runs of all threads, the youngest first."""
    return list(reversed(_open(tuple(_started))))


def _update_note() -> None:
    runs = _open(_process)
    if not runs:
        ancestors.write_note(None)
    else:
        info = runs[-1].info
        ancestors.write_note(ancestors.Parent(info.run_id, runs[-1].store, info.experiment_id))


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _open(runs: tuple[ActiveRun, ...]) -> tuple[ActiveRun, ...]:
    if all(run.is_open for run in runs):
        return runs
    return tuple(run for run in runs if run.is_open)
