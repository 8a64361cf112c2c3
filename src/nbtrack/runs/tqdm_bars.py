"""The progress bars of tqdm that a program shows itself: plain, in notebooks, nested, and of libraries that use tqdm.

tqdm is never imported here. It has a set of all bars that are open, which is read about once a second. So a bar's steps
cost nothing more. Only the end of a bar is noticed at once, because a bar is usually deleted with it.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..observed import number


class TqdmBar:
    """One bar. It keeps its last state when the program has deleted it."""

    def __init__(self, bar: Any) -> None:
        self._bar = weakref.ref(bar)
        self.done = 0.0
        self.total: float | None = None
        self.label = ""
        self.started = float(bar.start_t)
        self.read()

    def read(self) -> bool:
        """Read the state of the bar. Return whether it is still open."""
        bar = self._bar()
        if bar is None or bar.disable:
            return False
        self.done = number(bar.n) or 0.0
        self.total = number(bar.total) or None
        self.label = str(bar.desc or "").strip().rstrip(":")
        return True

    def is_of(self, bar: Any) -> bool:
        """Return whether this is a bar."""
        return self._bar() is bar


class TqdmBars:
    """All bars of this process.

    Args:
        ended: Called with a bar that ends. Its last state has been read.
    """

    def __init__(self, ended: Callable[[TqdmBar], None]) -> None:
        self._ended = ended
        self._known: dict[int, TqdmBar] = {}
        self._class: Any = None
        self._close: Any = None

    def open_bars(self) -> list[TqdmBar]:
        """Return the bars that are open now, the oldest first."""
        tqdm = getattr(sys.modules.get("tqdm.std"), "tqdm", None)
        # Another thread may create a bar meanwhile, or be importing tqdm. The bars are read again in a second.
        with suppress(Exception):
            self._watch_ends(tqdm)
            for bar in list(getattr(tqdm, "_instances", ())):
                known = self._known.get(id(bar))
                if (known is None or not known.is_of(bar)) and not bar.disable:
                    self._known[id(bar)] = TqdmBar(bar)
        self._known = {key: bar for key, bar in self._known.items() if bar.read()}
        return sorted(self._known.values(), key=lambda bar: bar.started)

    def close(self) -> None:
        """Leave tqdm as it was."""
        if self._class is not None and vars(self._class).get("close") is self._close:
            self._class.close = self._close.__wrapped__
        self._class = None
        self._known.clear()

    def _watch_ends(self, tqdm: Any) -> None:
        if tqdm is None or self._class is tqdm:
            return
        close = tqdm.close

        @functools.wraps(close)
        def closing(bar: Any, *args: Any, **kwargs: Any) -> Any:
            with suppress(Exception):
                self._end(bar)
            return close(bar, *args, **kwargs)

        self._class, self._close = tqdm, closing
        tqdm.close = closing

    def _end(self, bar: Any) -> None:
        known = self._known.get(id(bar))
        if known is not None and known.is_of(bar) and known.read():
            self._known.pop(id(bar), None)
            self._ended(known)
