"""The cell magics between `%%track` and the code that it tracks, in either order."""

from __future__ import annotations

import ast
import cProfile
import re
import sys
from dataclasses import dataclass
from typing import Any

from .transform import MAGIC

_FIRST_LINE = re.compile(r"\s*%%(\w+)[^\n]*(?:\n|$)")
_PYTHON = ("capture", "time", "timeit", "prun")
"""IPython's cell magics that run the cell as Python in this process."""


@dataclass(frozen=True, slots=True)
class CellMagic:
    """A cell magic, and the lines below it."""

    name: str
    body: str


def magics_in(code: str) -> list[CellMagic]:
    """Return the cell magics that a cell starts with, the uppermost first."""
    found = []
    while match := _FIRST_LINE.match(code):
        code = code[match.end() :]
        found.append(CellMagic(match[1], code))
    return found


def python_code(code: str) -> str | None:
    """Return what is below the cell magics of a cell, or None if one of them may run another language."""
    magics = magics_in(code)
    if any(magic.name not in _PYTHON for magic in magics):
        return None
    return magics[-1].body if magics else code


def is_refused(shell: Any, code: str) -> bool:
    """Return whether IPython refuses what is below the cell magics: an empty body, or a syntax error."""
    magics = magics_in(code)
    if not magics or not magics[-1].body.strip():
        return bool(magics)
    python = python_code(code)
    try:
        ast.parse("" if python is None else shell.transform_cell(python))
    except (SyntaxError, ValueError):
        return True
    return False


def is_below_a_magic(raw: str) -> bool:
    """Return whether `%%track` is below another cell magic in a cell."""
    names = [magic.name for magic in magics_in(raw)]
    return MAGIC in names[1:] and names[0] != MAGIC


class HandledErrors:
    """Notes the last exception that a cell magic handles: `%%time` and others print its traceback and return.

    It does not note errors of cells that the code itself runs (`get_ipython().run_cell("1 / 0")`), which are between
    `begin_other` and `end_other`.
    """

    def __init__(self, shell: Any) -> None:
        self.last: BaseException | None = None
        self._others: list[str] = []
        self._previous: list[tuple[Any, str, Any]] = []
        for name in ("showtraceback", "showsyntaxerror"):
            self._replace(shell, name, self._noting_shown(getattr(shell, name)))
        self._replace(cProfile.Profile, "runctx", self._noting_exit(cProfile.Profile.runctx))

    def begin_other(self, code: str) -> None:
        """Handle the start of a cell that the code of the tracked cell runs."""
        self._others.append(code)

    def end_other(self, code: str | None) -> None:
        """Handle the end of a cell that the code of the tracked cell runs."""
        if self._others and self._others[-1] == code:
            self._others.pop()

    def close(self) -> None:
        """Restore what was replaced."""
        for owner, name, previous in self._previous:
            if previous is None:
                delattr(owner, name)
            else:
                setattr(owner, name, previous)

    def _replace(self, owner: Any, name: str, new: Any) -> None:
        self._previous.append((owner, name, vars(owner).get(name)))
        setattr(owner, name, new)

    def _note(self, error: BaseException | None) -> None:
        if error is not None and not self._others:
            self.last = error

    def _noting_shown(self, show: Any) -> Any:
        def showing(*args: Any, **kwargs: Any) -> Any:
            self._note(sys.exc_info()[1])
            return show(*args, **kwargs)

        return showing

    def _noting_exit(self, runctx: Any) -> Any:
        # `%%prun` catches a SystemExit and prints one line about it.
        def run(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            try:
                return runctx(*args, **kwargs)
            except SystemExit as error:
                self._note(error)
                raise

        return run
