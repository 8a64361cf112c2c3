"""The value of a cell's last expression, whether or not it is displayed."""

from __future__ import annotations

import sys


class LastValue:
    """A `sys.displayhook` that records each value. It also gets values that a `;` or `%%capture` hides."""

    def __init__(self) -> None:
        self.value: object = None
        self._previous_hook = sys.displayhook
        sys.displayhook = self

    def __call__(self, value: object) -> None:
        """Record the value and pass it to the previous hook."""
        self.value = value
        self._previous_hook(value)

    def close(self) -> None:
        """Restore the previous hook, unless IPython has already installed its own again."""
        if sys.displayhook is self:
            sys.displayhook = self._previous_hook
