"""The steps of nbtrack at the end of the process, in the reverse order of their registration.

Python calls the functions that were registered last first. This module registers its own when nbtrack is imported,
before the heavy parts. So the program's own functions are called earlier, and can still log to its run.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import weakref
from contextlib import ExitStack
from typing import Protocol

_steps = ExitStack()
atexit.register(_steps.close)

at_process_end = _steps.callback
"""Register a step, as `atexit.register` does. An exception in one step does not prevent the others."""


@at_process_end
def _end_by_interrupt() -> None:
    """Have Python end an interrupted process by SIGINT, as it does without nbtrack, and not with the exit code 1.

    Shells stop a loop of commands only in the first case. Python notes that a KeyboardInterrupt ended the program, but
    forgets it when a string is executed later in any thread, as each import of a module with a namedtuple does. Our
    threads may import DuckDB at that time. The next KeyboardInterrupt of an executed string makes Python note it again.
    """
    error = getattr(sys, "last_value", None)
    if not isinstance(error, KeyboardInterrupt) or hasattr(sys, "ps1") or error.__traceback__ is None:
        return
    # Consoles and event loops report an exception in the same way, and go on. Then its traceback begins in their code.
    if error.__traceback__.tb_frame.f_code.co_name in ("<module>", "_run_module_as_main"):
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")


# -- threads that may use DuckDB ---------------------------------------------------------------------------------


class Stoppable(Protocol):
    """A thread, or what owns one."""

    def stop(self) -> None:
        """End the thread and wait for it."""
        ...


_threads: weakref.WeakSet[Stoppable] = weakref.WeakSet()


def stop_before_duckdb(thread: Stoppable) -> None:
    """Stop a thread when the process ends, before DuckDB's own exit function, which would interrupt it."""
    _threads.add(thread)


def duckdb_is_imported() -> None:
    """Make sure that the threads end before DuckDB's own exit function.

    Python calls exit functions in the reverse order of their registration, and DuckDB registers its own when it is
    imported, long after this module. Only the threads end this early. Exit functions of the program can still log, and
    the store is closed after them.
    """
    atexit.unregister(_stop_threads)
    atexit.register(_stop_threads)


def _stop_threads() -> None:
    for thread in list(_threads):
        thread.stop()


if hasattr(os, "register_at_fork"):
    # The parent's threads do not exist in the child, and their locks may have been held.
    os.register_at_fork(after_in_child=_threads.clear)
