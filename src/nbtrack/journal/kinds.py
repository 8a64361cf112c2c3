"""The kinds of events: the fields of each, which of them are required, and the types of their values.

An event is a line of JSON. All kinds share the same few short field names, `COLUMNS`; `KINDS` has the rules. The
constructors in `events.py` check their arguments against the rules, and `store/folder/loading_sql.py` derives from
them the SQL condition that a line must meet, so no constructor writes a line that the loader rejects.

The format is permanent: journals written by older versions must still load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple

import orjson

from ..entities import RunStatus
from ..errors import InvalidParameter

LARGEST = 2**63 - 1
"""The largest step and timestamp; the smallest step is its negative."""


class Type(Enum):
    """The type of a field's value, in words for an error message."""

    STRING = "a string"
    WHOLE = "a 64-bit integer"
    NUMBER = "a number"
    OBJECT = "an object"
    WHOLES = "a list of integers"
    NUMBERS = "a list of numbers"
    STATUS = f"one of {', '.join(RunStatus.ALL)}"
    ID = "a 64-bit integer written as a string"
    OBJECT_STRING = "a JSON object written as a string"
    ANY = "any value"


COLUMNS: Mapping[str, Type] = {
    "e": Type.STRING,
    "r": Type.STRING,
    "k": Type.STRING,
    "s": Type.WHOLE,
    "t": Type.WHOLE,
    "v": Type.NUMBER,
    "x": Type.STRING,
    "d": Type.OBJECT,
    "ss": Type.WHOLES,
    "tt": Type.WHOLES,
    "vv": Type.NUMBERS,
}
"""Every field that a line can have."""

LISTS = tuple(column for column, type in COLUMNS.items() if type in (Type.WHOLES, Type.NUMBERS))
"""The fields that hold lists. All lists of one event have the same length."""


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and value.isdecimal() and value.isascii() and int(value) <= LARGEST


def _is_object_string(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("{")


_HOLDS: Mapping[Type, Callable[[Any], bool]] = {
    Type.STRING: lambda value: isinstance(value, str),
    Type.WHOLE: _is_whole,
    Type.NUMBER: lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    Type.OBJECT: lambda value: isinstance(value, Mapping),
    Type.WHOLES: lambda value: isinstance(value, list),
    Type.NUMBERS: lambda value: isinstance(value, list),
    Type.STATUS: lambda value: value in RunStatus.ALL,
    Type.ID: _is_id,
    Type.OBJECT_STRING: _is_object_string,
    Type.ANY: lambda value: True,
}


UNWRITABLE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
"""How the numbers that JSON lacks are written, by their `repr`."""


def _loads(type: Type, value: Any) -> bool:
    """Return whether the loader takes a value of a line for this type."""
    if type is Type.NUMBER:
        return _HOLDS[type](value) or value in UNWRITABLE.values()
    if type in (Type.WHOLES, Type.NUMBERS):
        one = Type.WHOLE if type is Type.WHOLES else Type.NUMBER
        return isinstance(value, list) and all(_loads(one, element) for element in value)
    return _HOLDS[type](value)


class Field(NamedTuple):
    """The type of a field, and whether it is required."""

    type: Type
    required: bool = True


class Kind:
    """One kind of event.

    Args:
        name: The value of the field `e`.
        required: Names of the required fields, separated by spaces.
        optional: Names of the fields that may be missing or null, separated by spaces.
        details: The members of the field `d`.
        narrowed: Types of fields that are narrower than the types of their columns.
    """

    def __init__(
        self,
        name: str,
        required: str,
        optional: str = "",
        *,
        details: Mapping[str, Field] | None = None,
        **narrowed: Type,
    ) -> None:
        self.name = name
        self.fields: dict[str, Field] = {
            **{column: Field(narrowed.get(column, COLUMNS[column])) for column in required.split()},
            **{column: Field(narrowed.get(column, COLUMNS[column]), False) for column in optional.split()},
        }
        self.details: dict[str, Field] = dict(details or {})
        self._rules = _rules(self.fields)
        self._detail_rules = _rules(self.details)
        self._lists = [column for column in LISTS if column in self.fields]

    def line(self, **fields: Any) -> bytes:
        """Return the encoded event. Raises InvalidParameter if the fields do not form one."""
        self.check(fields)
        try:
            return encode(self.name, **fields)
        except TypeError as error:
            raise self._error(str(error)) from None

    def check(self, fields: Mapping[str, Any]) -> None:
        """Raise InvalidParameter if the fields do not form an event of this kind.

        The elements of lists are not checked: there can be millions, and their arrays were checked before.
        """
        self._check(self._rules, fields)
        if self._detail_rules:
            self._check(self._detail_rules, fields.get("d") or {})
        if self._lists and len({len(fields[column]) for column in self._lists}) > 1:
            raise self._error("its lists have different lengths")

    def problem(self, fields: Mapping[str, Any]) -> str | None:
        """Return why a line with these fields is not an event of this kind, naming the field, or None if it is one.

        This is as lenient as the loader: numbers that JSON lacks are strings. It also checks the elements of lists.
        """
        details = fields.get("d")
        members = details if isinstance(details, Mapping) else {}
        found = [(name, field, fields.get(name)) for name, field in self.fields.items()]
        found += [(f"d.{name}", field, members.get(name)) for name, field in self.details.items()]
        for name, field, value in found:
            if field.required and value is None:
                return f"field {name!r} of the event {self.name!r} is missing"
            if value is not None and not _loads(field.type, value):
                return f"field {name!r} of the event {self.name!r} must be {field.type.value}"
        if len({len(fields[column]) for column in self._lists}) > 1:
            return f"the lists of the event {self.name!r} have different lengths"
        return None

    def _check(self, rules: Iterable[tuple[str, Field, Callable[[Any], bool]]], fields: Mapping[str, Any]) -> None:
        for name, field, holds in rules:
            value = fields.get(name)
            if value is None:
                if field.required:
                    raise self._error(f"{name} is missing")
            elif not holds(value):
                raise self._error(f"{name} must be {field.type.value}, not {value!r:.80}")

    def _error(self, reason: str) -> InvalidParameter:
        return InvalidParameter(f"These values do not form a valid {self.name!r} event: {reason}.")


def _rules(fields: Mapping[str, Field]) -> tuple[tuple[str, Field, Callable[[Any], bool]], ...]:
    return tuple((name, field, _HOLDS[field.type]) for name, field in fields.items())


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        # The writer of the file. Nothing is required, because a file without a header is repaired and not rejected.
        Kind("open", "", "t x d"),
        Kind("close", "", "t"),
        Kind(
            "run",
            "r d",
            details={
                "experiment_id": Field(Type.ID),
                "name": Field(Type.STRING),
                "user_id": Field(Type.STRING),
                "start_time": Field(Type.WHOLE),
                "artifact_uri": Field(Type.STRING),
                "lifecycle_stage": Field(Type.STRING, required=False),
                "deleted_time": Field(Type.WHOLE, required=False),
                "writer": Field(Type.STRING, required=False),
            },
        ),
        Kind("metric", "r k s t v"),
        Kind("series", "r k ss tt vv"),
        Kind("param", "r k x t"),
        Kind("tag", "r k x"),
        Kind("untag", "r k"),
        Kind("model", "r k x", x=Type.OBJECT_STRING),
        Kind("table", "r k"),
        Kind("status", "r x", "t d", x=Type.STATUS, details={"writer": Field(Type.STRING, required=False)}),
        Kind("artifact", "r k s t"),
        Kind(
            "input",
            "r k x t d",
            details={
                "source_type": Field(Type.STRING),
                "source": Field(Type.STRING),
                "schema": Field(Type.ANY, required=False),
                "profile": Field(Type.ANY, required=False),
                "context": Field(Type.STRING, required=False),
                "tags": Field(Type.OBJECT, required=False),
            },
        ),
    )
}
"""Every kind of event, by name."""


def encode(kind: str, **fields: Any) -> bytes:
    """Encode fields as a line, without checking them; the constructors in `events.py` do that."""
    return orjson.dumps({"e": kind, **fields}, option=orjson.OPT_APPEND_NEWLINE)
