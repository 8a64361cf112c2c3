"""Checks many points of one metric and converts them to arrays that a line of the journal can hold.

NumPy is imported here and not for single points, because a caller who has an array has already imported it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def as_values(key: str, values: Any, number: Callable[[str, Any], float]) -> NDArray[np.float64]:
    """Return the values of a metric, from a list, an array, a tensor or a Series.

    `number` converts a value that is not a plain number, or raises InvalidParameter.
    """
    import numpy as np

    array = _one_dimension(values, f"The values of {key!r:.80}")
    if array.dtype.kind in "biuf":
        return array.astype(np.float64)
    return np.array([number(key, value) for value in array.tolist()], dtype=np.float64)


def as_steps(key: str, steps: Any) -> NDArray[np.int64]:
    """Return steps, which are 64-bit integers in any order, possibly repeated."""
    return _whole_numbers(steps, f"The steps of {key!r:.80}")


def as_timestamps(key: str, timestamps: Any) -> NDArray[np.int64]:
    """Return milliseconds since the epoch, from integers or from datetimes of NumPy or pandas (UTC if naive)."""
    import numpy as np

    what = f"The timestamps of {key!r:.80}"
    array = _one_dimension(timestamps, what)
    if array.dtype.kind == "O" and all(hasattr(time, "timestamp") for time in array):
        # NaT of pandas has a method `timestamp` too, which raises a ValueError. Only NaT is not equal to itself.
        missing = [time != time for time in array]
        if any(missing):
            raise InvalidParameter(f"{what} must not contain NaT, but it is at position {missing.index(True)}.")
        array = np.array([time.timestamp() * 1000 for time in array]).round()
    if array.dtype.kind == "M":
        if np.isnat(array).any():
            raise InvalidParameter(
                f"{what} must not contain NaT, but it is at position {int(np.isnat(array).argmax())}."
            )
        array = array.astype("datetime64[ms]").astype(np.int64)
    numbers = _whole_numbers(array, what)
    if (numbers < 0).any():
        raise InvalidParameter(f"{what} are milliseconds since 1970 and must not be negative.")
    return numbers


def _one_dimension(values: Any, what: str) -> NDArray[Any]:
    import numpy as np

    if hasattr(values, "detach"):
        # A tensor, perhaps on another device or of a type that NumPy does not have (bfloat16).
        values = values.detach().cpu()
        values = values.double() if values.is_floating_point() else values
    elif not hasattr(values, "__array__") and not isinstance(values, (list, tuple)):
        if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
            raise InvalidParameter(f"{what} must be a list or an array, not {type(values).__name__}.")
        values = list(values)
    try:
        array = np.asarray(values)
        plain = array.ndim == 1 and array.dtype.kind in "biufM"
    except (ValueError, TypeError, RuntimeError):
        plain = False
    if plain:
        return array
    if not isinstance(values, (list, tuple)) and array.ndim != 1:
        raise InvalidParameter(f"{what} must be a list of numbers or an array of the shape (n,).")
    # Each value is checked by itself, because NumPy would convert [0.5, '1'] to strings, and tensors unpredictably.
    objects = np.empty(len(values), dtype=object)
    for position, value in enumerate(values):
        objects[position] = value
    return objects


def _whole_numbers(values: Any, what: str) -> NDArray[np.int64]:
    import numpy as np

    array = _one_dimension(values, what)
    if np.can_cast(array.dtype, np.int64):
        return array.astype(np.int64)
    for position, value in enumerate(array.tolist()):
        if isinstance(value, (str, bytes)) or not _is_whole(value):
            raise InvalidParameter(
                f"{what} must be 64-bit integers, but the one at position {position} is {value!r:.80}."
            )
    return np.array([int(value) for value in array.tolist()], dtype=np.int64)


def _is_whole(value: Any) -> bool:
    try:
        return bool(value == int(value)) and -(2**63) < int(value) < 2**63
    except (TypeError, ValueError, OverflowError):
        return False


def is_finite(values: Any) -> bool:
    """Return whether no value of an array is NaN or infinite."""
    import numpy as np

    return bool(np.isfinite(values).all())
