"""The cell magics between `%%track` and the code that it tracks, in either order."""

from __future__ import annotations

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


def is_below_a_magic(raw: str) -> bool:
    """Return whether a cell starts with another cell magic than `%%track`."""
    magics = magics_in(raw)
    return bool(magics) and magics[0].name != MAGIC


class PrintedErrors:
    """Notes the last exception whose traceback the shell prints. Magics such as `%%time` print it and return."""

    def __init__(self, shell: Any) -> None:
        self.last: BaseException | None = None
        self._shell = shell
        self._names = ("showtraceback", "showsyntaxerror")
        self._previous = {name: vars(shell).get(name) for name in self._names}
        for name in self._names:
            setattr(shell, name, self._noting(getattr(shell, name)))

    def _noting(self, show: Any) -> Any:
        def noting(*args: Any, **kwargs: Any) -> Any:
            self.last = sys.exc_info()[1] or self.last
            return show(*args, **kwargs)

        return noting

    def close(self) -> None:
        """Restore the shell's methods."""
        for name, previous in self._previous.items():
            if previous is None:
                vars(self._shell).pop(name, None)
            else:
                setattr(self._shell, name, previous)
