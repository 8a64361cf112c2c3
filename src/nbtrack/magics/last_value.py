"""The value of a cell's last expression, whether or not it is displayed."""

from __future__ import annotations

import sys


class LastValue:
    """Listens to `sys.displayhook`, which gets the value also where a `;` or `%%capture` keeps it from being shown."""

    def __init__(self) -> None:
        self.value: object = None
        self._shown_by = sys.displayhook
        sys.displayhook = self

    def __call__(self, value: object) -> None:
        """Take the value and hand it on."""
        self.value = value
        self._shown_by(value)

    def close(self) -> None:
        """Stop listening. IPython has put its own hook back by then, as a rule."""
        if sys.displayhook is self:
            sys.displayhook = self._shown_by
