"""Many points of one metric, as lists that a line of the journal can hold: what whoever logs them gave is checked here.

NumPy is imported here and not for single points: whoever has an array has it loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def as_values(key: str, values: Any, number: Callable[[str, Any], float]) -> NDArray[np.float64]:
    """The values of a metric, from a list, an array, a tensor or a Series. `number` takes one that needs a look."""
    import numpy as np

    array = _one_dimension(values, f"The values of {key!r:.80}")
    if array.dtype.kind in "biuf":
        return array.astype(np.float64)
    return np.array([number(key, value) for value in array.tolist()], dtype=np.float64)


def as_steps(key: str, steps: Any) -> NDArray[np.int64]:
    """Steps, which are whole numbers of 64 bits; they may come in any order and more than once."""
    return _whole_numbers(steps, f"The steps of {key!r:.80}")


def as_timestamps(key: str, timestamps: Any) -> NDArray[np.int64]:
    """Epoch milliseconds, from those or from datetimes of NumPy or pandas; without a time zone they are in UTC."""
    import numpy as np

    what = f"The timestamps of {key!r:.80}"
    array = _one_dimension(timestamps, what)
    if array.dtype.kind == "O" and all(hasattr(time, "timestamp") for time in array):
        array = np.array([time.timestamp() * 1000 for time in array]).round()
    if array.dtype.kind == "M":
        if np.isnat(array).any():
            raise InvalidParameter(f"{what}: the one at position {int(np.isnat(array).argmax())} is no time (NaT).")
        array = array.astype("datetime64[ms]").astype(np.int64)
    numbers = _whole_numbers(array, what)
    if (numbers < 0).any():
        raise InvalidParameter(f"{what} count the milliseconds since 1970 and cannot be negative.")
    return numbers


def _one_dimension(values: Any, what: str) -> NDArray[Any]:
    import numpy as np

    if hasattr(values, "detach"):
        # A tensor, perhaps on another device, perhaps of a type that NumPy has not (bfloat16).
        values = values.detach().cpu()
        values = values.double() if values.is_floating_point() else values
    elif not hasattr(values, "__array__") and not isinstance(values, (list, tuple)):
        if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
            raise InvalidParameter(f"{what} are a list or an array, not {type(values).__name__}.")
        values = list(values)
    try:
        array = np.asarray(values)
        plain = array.ndim == 1 and array.dtype.kind in "biufM"
    except (ValueError, TypeError, RuntimeError):
        plain = False
    if plain:
        return array
    if not isinstance(values, (list, tuple)) and array.ndim != 1:
        raise InvalidParameter(f"{what} need one dimension: a list of numbers, or an array of the shape (n,).")
    # Each one is looked at: of [0.5, '1'] NumPy would make texts, and of tensors what it can.
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
                f"{what} must be whole numbers of at most 64 bits; the one at position {position} is {value!r:.80}."
            )
    return np.array([int(value) for value in array.tolist()], dtype=np.int64)


def _is_whole(value: Any) -> bool:
    try:
        return bool(value == int(value)) and -(2**63) < int(value) < 2**63
    except (TypeError, ValueError, OverflowError):
        return False
