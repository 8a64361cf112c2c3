"""Progress bars for long operations, in the terminal and in the notebook."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Bar(Protocol):
    """A progress bar as the loop under it sees it."""

    def advance(self, amount: int = 1) -> None:
        """Move the bar by a number of steps."""


class _TqdmBar:
    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def advance(self, amount: int = 1) -> None:
        self._bar.update(amount)


class _NoBar:
    def advance(self, amount: int = 1) -> None:
        pass


@contextmanager
def progress(what: str, total: int | None = None, unit: str = "") -> Iterator[Bar]:
    """Show a progress bar during a `with` block.

    Nothing is shown if stderr is not a terminal and no notebook is running, or with NBTRACK_PROGRESS=off.

    Args:
        what: The label of the bar.
        total: The number of steps, if it is known.
        unit: The plural noun for the steps, such as "files".

    Yields:
        The bar.

    >>> with progress("Importing runs", total=3) as bar:
    ...     for _ in range(3):
    ...         bar.advance()
    """
    if not _is_visible():
        yield _NoBar()
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=what, unit=unit and f" {unit}", leave=False, file=sys.stderr) as bar:
        yield _TqdmBar(bar)


def _is_visible() -> bool:
    if os.environ.get("NBTRACK_PROGRESS", "").lower() in ("off", "0", "false", "no"):
        return False
    return sys.stderr.isatty() or "ipykernel" in sys.modules
