"""Numbers in the form in which JSON can carry them."""

from __future__ import annotations

import math

from .contract import Number


def number(value: float) -> Number:
    """Return a float in a form that JSON can carry."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
