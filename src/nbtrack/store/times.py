"""Conversion of epoch milliseconds to times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LAST_TIME = 253_402_300_799_999
"""The last millisecond of the year 9999, where the calendars of Python and SQL end."""


def as_times(milliseconds: NDArray[Any]) -> NDArray[np.datetime64]:
    """Convert epoch milliseconds to times. Masked values and values beyond `LAST_TIME` become NaT."""
    import numpy as np

    present = ~np.ma.getmaskarray(milliseconds)
    data = np.where(present, np.ma.getdata(milliseconds), 0).astype(np.int64)
    present &= data <= LAST_TIME
    return np.where(present, np.minimum(data, LAST_TIME) * 1000, np.iinfo(np.int64).min).astype("datetime64[us]")
