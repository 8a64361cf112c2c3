"""How this process ends: the runs that are still open then end in the same way.

Python does not pass its `atexit` functions the exception that ends the process. `sys.last_value` has it, unless it is a
SystemExit. Python only reads the attribute `code` of that one, when no code of the program runs any more.
"""

from __future__ import annotations

import functools
import gc
import sys
import threading
from collections.abc import Callable
from types import MemberDescriptorType
from typing import Any, NoReturn

from ..capture.cell import shell
from ..entities import RunStatus
from .active_run import is_interrupt

_shell: Any = None
"""The IPython shell whose cells are watched."""
_earlier = 0
"""The ID of the exception that was shown last before the running cell started."""
_exits: list[str] = []
"""The run status that follows from the SystemExit that ends the process, if there is one."""
_is_watching = False


def watch() -> None:
    """Note from now on how the process ends, or in IPython, whether the last cell raised an exception."""
    global _shell, _is_watching
    now = shell()
    if now is not None and now is not _shell:
        _shell = now
        _note_cell()
        now.events.register("pre_run_cell", _note_cell)
    if now is None and not _is_watching:
        _is_watching = True
        _watch_exit_codes()
        if sys.version_info < (3, 12):
            sys.exit = _with_exception(sys.exit)


def find() -> tuple[str, BaseException | None]:
    """Return how the process ends. Called when it does.

    Returns:
        The status for open runs, and the exception that was not caught, if it is known.
    """
    error: BaseException | None = getattr(sys, "last_value", None)
    if _shell is not None:
        # In IPython, an exception does not end the process, and the runs stay open for the cells below. What counts is
        # the last cell: a notebook that is executed as a whole, and a script under %run, stop where they fail.
        if id(error) == _earlier:
            error = None
    elif hasattr(sys, "ps1"):
        return RunStatus.FINISHED, None
    if isinstance(error, SystemExit):
        return _status_of(error, error.code), None
    if error is not None:
        return RunStatus.FAILED, error
    return (_exits[0] if _exits else RunStatus.FINISHED), None


def _note_cell(*_: object) -> None:
    global _earlier
    _earlier = id(getattr(sys, "last_value", None))


def _status_of(error: SystemExit, code: object) -> str:
    # As in Python, an exit code that is not an integer is a message of an error.
    if code is None or (isinstance(code, int) and code == 0):
        return RunStatus.FINISHED
    return RunStatus.KILLED if is_interrupt(error) else RunStatus.FAILED


def _with_exception(leave: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    """Return `sys.exit` for Python 3.11, where it creates the exception, which has the code, only if it is caught."""

    @functools.wraps(leave)
    def caught(*args: Any) -> NoReturn:
        try:
            leave(*args)
        except SystemExit:
            raise

    return caught


def _watch_exit_codes() -> None:
    """Replace the attribute `code` of SystemExit by one that notes when Python itself reads it.

    A subclass or a patched `sys.exit` would miss what the program raises. The attributes of built-in classes are
    read-only, but the garbage collector gives access to the dict behind them. Where that is not possible, open runs end
    as FINISHED after a SystemExit.
    """
    attributes: Any = next(iter(gc.get_referents(vars(SystemExit))), None)
    code = attributes.get("code") if isinstance(attributes, dict) else None
    if not isinstance(code, MemberDescriptorType):
        return
    try:
        from ctypes import py_object, pythonapi

        forget_cached_attributes = pythonapi.PyType_Modified
    except (ImportError, AttributeError):
        return

    def read(error: SystemExit) -> object:
        value = code.__get__(error)
        try:
            sys._getframe(1)
        except ValueError:
            if threading.current_thread() is threading.main_thread():
                _exits[:] = [_status_of(error, value)]
        return value

    attributes["code"] = property(read, code.__set__, code.__delete__, code.__doc__)
    forget_cached_attributes(py_object(SystemExit))
