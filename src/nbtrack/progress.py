"""A progress bar for what takes long, in the terminal and in the notebook."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Bar(Protocol):
    """What the loop under a progress bar calls."""

    def advance(self, amount: int = 1) -> None: ...


class _Shown:
    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def advance(self, amount: int = 1) -> None:
        self._bar.update(amount)


class _Silent:
    def advance(self, amount: int = 1) -> None:
        pass


@contextmanager
def progress(what: str, total: int | None = None, unit: str = "") -> Iterator[Bar]:
    """A bar that is there for the block; `total` steps, or as many as come.

    Nothing is shown where nobody looks (stderr is no terminal and no notebook runs), or with NBTRACK_PROGRESS=off.

    >>> with progress("Importing runs", total=3) as bar:
    ...     for _ in range(3):
    ...         bar.advance()
    """
    if not _is_watched():
        yield _Silent()
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=what, unit=unit and f" {unit}", leave=False, file=sys.stderr) as bar:
        yield _Shown(bar)


def _is_watched() -> bool:
    if os.environ.get("NBTRACK_PROGRESS", "").lower() in ("off", "0", "false", "no"):
        return False
    return sys.stderr.isatty() or "ipykernel" in sys.modules
