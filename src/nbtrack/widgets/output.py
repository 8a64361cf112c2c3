"""The output of a widget in a notebook. It is replaced when what it should keep has changed."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

DELAY = 2.0
"""Seconds from the last change of a view until the notebook's copy of it follows."""

Bundle = tuple[dict[str, Any], dict[str, Any]]


class Output:
    """What a notebook keeps of a widget, by MIME type, and the place where it was displayed.

    Args:
        bundle: Function that returns the current data and metadata.
    """

    def __init__(self, bundle: Callable[[], Bundle | None]) -> None:
        self._bundle = bundle
        self._handle: Any = None
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def display(self) -> None:
        """Display the widget, with an ID by which its output can be replaced."""
        from IPython.display import display

        data, metadata = self._bundle() or ({}, {})
        self._handle = display(data, metadata=metadata, raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def update(self) -> None:
        """Replace what the notebook keeps. JupyterLab and Notebook go on showing the same live view."""
        if self._handle is not None:
            data, metadata = self._bundle() or ({}, {})
            self._handle.update(data, metadata=metadata, raw=True)

    def update_later(self) -> None:
        """Update two seconds after the last call, on another thread, in front ends that keep the live view then."""
        if self._handle is None or _draws_anew():
            return
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(DELAY, self._update_quietly)
            self._timer.name = "nbtrack-output"
            self._timer.daemon = True
            self._timer.start()

    def close(self) -> None:
        """Update no more."""
        self._handle = None
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()

    def _update_quietly(self) -> None:
        # The store may be locked for a while. The next change tries again, and the live view is not affected.
        try:
            self.update()
        except Exception:
            return


def _draws_anew() -> bool:
    """Return whether the front end would replace the live view by a new one, which loses scroll positions and focus."""
    return "google.colab" in sys.modules or "VSCODE_PID" in os.environ
