"""Epoch milliseconds as times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LAST_TIME = 253_402_300_799_999
"""The last millisecond of the year 9999. Calendars of Python and SQL end here."""


def as_times(milliseconds: NDArray[Any]) -> NDArray[np.datetime64]:
    """Epoch milliseconds, some of which may be masked, as times; NaT for those and for what no calendar has."""
    import numpy as np

    present = ~np.ma.getmaskarray(milliseconds)
    data = np.where(present, np.ma.getdata(milliseconds), 0).astype(np.int64)
    present &= data <= LAST_TIME
    return np.where(present, np.minimum(data, LAST_TIME) * 1000, np.iinfo(np.int64).min).astype("datetime64[us]")
