"""Check a request against its type, field by field.

The types of `contract.py` are TypedDicts. A field may be a string, an integer, a number, a boolean, a Literal, a list,
a dict, a nested TypedDict, or one of these or None. `Annotated` adds a bound, `NotRequired` makes a field optional.

This is not msgspec, because msgspec accepts unknown keys of a TypedDict, NaN, and strings that no store can keep, and
its messages would have to be rewritten to name the field and what it may be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from ..errors import InvalidParameter
from ..names import check_text

_NOUNS: dict[Any, str] = {str: "a string", int: "an integer", float: "a finite number", bool: "true or false"}
_SHOWN = 80
_LARGEST_SHOWN = 10**30


@dataclass(frozen=True, slots=True)
class Between:
    """The range of an integer. Both ends are allowed."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class AtMost:
    """The longest length of a list or a dict."""

    length: int


def check_request(name: str, kind: type, payload: object) -> dict[str, Any]:
    """Return a copy of a request's payload if it is valid.

    Raises InvalidParameter if it is not, with a message that names the field, what it holds and what it may hold.
    """
    return _object(kind, payload, "", f"The request {name!r}")


def check_fields(kind: type, values: Mapping[str, object], title: str, path: str = "") -> dict[str, Any]:
    """Return a copy of some fields of an object if they are valid. Raises InvalidParameter if one is not.

    `path` is the prefix of their names in a message, and `title` is what it calls the object.
    """
    fields = _fields(kind)
    unknown = [key for key in values if key not in fields]
    if unknown:
        raise InvalidParameter(
            f"{title} does not have the field {shown(unknown[0])}. Its fields are {_listed(fields)}."
        )
    return {key: _value(fields[key], one, path + key) for key, one in values.items()}


def _object(kind: type, value: object, path: str, title: str) -> dict[str, Any]:
    """Check an object. `path` is the prefix of its fields' names, `title` is what a message calls the object."""
    if not isinstance(value, Mapping):
        raise InvalidParameter(f"{title} must be an object with named fields, not {shown(value)}.")
    fields = _fields(kind)
    checked = check_fields(kind, value, title, path)
    missing = [key for key, hint in fields.items() if key not in value and get_origin(hint) is not NotRequired]
    if missing:
        raise InvalidParameter(f"{title} must have the field{'s' * (len(missing) > 1)} {_listed(missing)}.")
    return checked


@cache
def _fields(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _value(hint: Any, value: object, path: str, or_none: str = "") -> Any:
    """Return the value of a field if its type allows it. `or_none` ends the list of what a message says is allowed."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is NotRequired:
        return _value(arguments[0], value, path, or_none)
    if origin is Annotated:
        checked = _value(arguments[0], value, path, or_none)
        return checked if checked is None else _bounded(checked, arguments[1], path)
    if origin in (Union, UnionType):
        (inner,) = [one for one in arguments if one is not NoneType]
        return None if value is None else _value(inner, value, path, " or null")
    if origin is Literal:
        if isinstance(value, str) and value in arguments:
            return value
        raise InvalidParameter(f"{path} must be one of {_listed(arguments)}{or_none}, not {shown(value)}.")
    if origin is list:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes | bytearray | memoryview):
            raise InvalidParameter(f"{path} must be a list{or_none}, not {shown(value)}.")
        return [_value(arguments[0], one, f"{path}[{index}]") for index, one in enumerate(value)]
    if origin is dict:
        if not isinstance(value, Mapping):
            raise InvalidParameter(f"{path} must be an object{or_none}, not {shown(value)}.")
        keys = [_scalar(str, key, f"A name in {path}", "") for key in value]
        return {key: _value(arguments[1], value[key], f"{path}[{key!r:.80}]") for key in keys}
    if is_typeddict(hint):
        return _object(hint, value, f"{path}.", path)
    return _scalar(hint, value, path, or_none)


def _scalar(kind: Any, value: object, path: str, or_none: str) -> str | int | float | bool:
    # A boolean is an integer to Python, and an integer is a number to JSON.
    if kind is bool and isinstance(value, bool):
        return value
    if kind is str and isinstance(value, str):
        return check_text(value, path)
    if isinstance(value, int) and not isinstance(value, bool):
        if kind is int:
            return value
        if kind is float and abs(value) < _LARGEST_SHOWN:
            return float(value)
    if kind is float and isinstance(value, float) and math.isfinite(value):
        return value
    raise InvalidParameter(f"{path} must be {_NOUNS[kind]}{or_none}, not {shown(value)}.")


def _bounded(value: Any, bound: Between | AtMost, path: str) -> Any:
    if isinstance(bound, Between):
        if not bound.low <= value <= bound.high:
            raise InvalidParameter(f"{path} must be between {bound.low:,} and {bound.high:,}, not {shown(value)}.")
    elif len(value) > bound.length:
        raise InvalidParameter(f"{path} must have at most {bound.length:,} items, not {len(value):,}.")
    return value


def _listed(names: Any) -> str:
    return ", ".join(map(str, names))


def shown(value: object) -> str:
    """Return a value as a message shows it: short, and without a call of its repr, which may fail for huge integers."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(value[:_SHOWN])
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < _LARGEST_SHOWN else "a number that large"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list | tuple) else type(value).__name__
