"""Tells the screens that are in sight that their store has changed, so that they need not ask."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Hashable
from typing import Protocol

INTERVAL = 1.0
"""Seconds between two looks at the revision of a store, which reads no data."""
LONGEST = 120.0
"""The largest number of seconds for which a screen may ask at once."""


class Watched(Protocol):
    """A widget, as far as this module knows it."""

    def revision(self) -> Hashable:
        """Return a value that differs if the store may have changed."""
        ...

    def say_changed(self) -> None:
        """Tell the screen that the store has changed."""
        ...


_lock = threading.Lock()
_watched: weakref.WeakKeyDictionary[Watched, tuple[float, Hashable]] = weakref.WeakKeyDictionary()
"""Until when each widget is watched, and the revision that it knows."""
_thread: threading.Thread | None = None


def watch(widget: Watched, seconds: object) -> None:
    """Tell a widget about changes of its store for some seconds from now, or no longer if they are 0.

    The thread that watches ends when no widget is watched any more, for example because all pages are closed or hidden.
    """
    global _thread
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    length = min(float(seconds), LONGEST) if is_number else 0.0  # type: ignore[arg-type]
    with _lock:
        if not length > 0:
            _watched.pop(widget, None)
            return
        known = _watched[widget][1] if widget in _watched else widget.revision()
        _watched[widget] = (time.monotonic() + length, known)
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_look, name="nbtrack-changes", daemon=True)
            _thread.start()


def _look() -> None:
    global _thread
    while True:
        time.sleep(INTERVAL)
        with _lock:
            now = time.monotonic()
            for widget, (until, _) in list(_watched.items()):
                if until < now:
                    del _watched[widget]
            if not _watched:
                _thread = None
                return
            widgets = list(_watched.items())
        for widget, (_, known) in widgets:
            revision = widget.revision()
            if revision == known:
                continue
            with _lock:
                if widget in _watched:
                    _watched[widget] = (_watched[widget][0], revision)
            widget.say_changed()
