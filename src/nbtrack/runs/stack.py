"""Which runs are active: a stack in each context, and one that contexts with none of their own look at.

A thread or a task that started a run sees its own stack. One that did not sees the process's: the runs that the main
thread has open. So a worker's log call, or its nested run, finds the run that it works for. Notebook cells, each of
which may run in a context of its own, go on with the run that an earlier cell left open. Other processes are told by a
note (see `ancestors.py`).
"""

from __future__ import annotations

import threading
from contextvars import ContextVar

from . import ancestors
from .active_run import ActiveRun

_own: ContextVar[tuple[ActiveRun, ...]] = ContextVar("nbtrack_active_runs", default=())
_process: tuple[ActiveRun, ...] = ()
_started: dict[ActiveRun, None] = {}
"""Every run of this process that may be open still, in the order of their start."""


def current() -> ActiveRun | None:
    """The innermost active run."""
    own = _own.get()
    if own and own[-1].is_open:
        return own[-1]
    runs = open_runs()
    return runs[-1] if runs else None


def open_runs() -> tuple[ActiveRun, ...]:
    """The active runs, outermost first; in a thread that started some: its own."""
    return _open(_own.get()) or _open(_process)


def conflicting() -> ActiveRun | None:
    """The run that a new one has to be nested in. A worker thread may start one that is not: as in MLflow, only its
    own runs are in its way."""
    own = _open(_own.get())
    return own[-1] if own else current() if _in_main_thread() else None


def push(run: ActiveRun) -> None:
    """Make `run` the innermost active run of this context, and of the process where the main thread calls."""
    global _process
    if _in_main_thread():
        _process = (*open_runs(), run)
        _own.set(_process)
        _tell()
    else:
        # Not the process's, which may be others by the next time that this thread is given work.
        _own.set((*_open(_own.get()), run))
    for ended in [other for other in list(_started) if not other.is_open]:
        _started.pop(ended, None)
    _started[run] = None


def ended(run: ActiveRun) -> None:
    """A run is open no more."""
    if run in _process:
        _tell()


def all_open_runs() -> list[ActiveRun]:
    """The open runs of all threads, the youngest first."""
    return list(reversed(_open(tuple(_started))))


def _tell() -> None:
    runs = _open(_process)
    if not runs:
        ancestors.note(None)
    else:
        info = runs[-1].info
        ancestors.note(ancestors.Parent(info.run_id, runs[-1].store, info.experiment_id))


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _open(runs: tuple[ActiveRun, ...]) -> tuple[ActiveRun, ...]:
    if all(run.is_open for run in runs):
        return runs
    return tuple(run for run in runs if run.is_open)
