"""The kinds of events: the fields of each, one constructor that writes it, and the rules that a reader holds it to.

An event is a line of JSON. All kinds share the same few short field names (`COLUMNS`); `KINDS` says which of them a
kind has, which must be there, and what they hold. The constructors check what they are given against this table, and
`store/folder/loading_sql.py` turns it into the SQL condition that a line must meet, so the two cannot disagree.

The format is permanent: journals written by older versions must still load.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson

from ..entities import RunStatus
from ..errors import InvalidParameter
from .process import Process

FORMAT = 1
"""The version of the format, which each file's first line states."""

LARGEST = 2**63 - 1
"""The largest step and timestamp; the smallest step is its negative."""

POINTS_IN_A_LINE = 10_000
"""The most points in one `series` event. A line is written as a whole, so it must not grow without bounds."""


class Type(Enum):
    """What a field holds, in words for an error message."""

    STRING = "a string"
    WHOLE = "a whole number of 64 bits"
    NUMBER = "a number"
    OBJECT = "an object"
    WHOLES = "a list of whole numbers"
    NUMBERS = "a list of numbers"
    STATUS = f"one of {', '.join(RunStatus.ALL)}"
    ID = "a whole number of 64 bits, written as a string"
    OBJECT_STRING = "a JSON object, written as a string"
    ANY = "anything"


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
"""Those that hold lists. All lists of one event have the same length."""


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


@dataclass(frozen=True, slots=True)
class Field:
    type: Type
    required: bool = True


class Kind:
    """One kind of event.

    Args:
        name: What the field `e` says.
        required: Names of the fields that must be there, separated by spaces.
        optional: Names of the fields that may be missing or null.
        details: The members of the field `d`.
        narrowed: Types of fields that hold less than their column can.
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
        """Return the encoded event. Raises InvalidParameter if these fields do not make one."""
        self.check(fields)
        try:
            return encode(self.name, **fields)
        except TypeError as error:
            raise self._error(str(error)) from None

    def check(self, fields: Mapping[str, Any]) -> None:
        """Raise InvalidParameter if these fields do not make an event of this kind.

        The elements of lists are not looked at: there can be millions, and their arrays have been checked.
        """
        self._check(self._rules, fields)
        if self._detail_rules:
            self._check(self._detail_rules, fields.get("d") or {})
        if self._lists and len({len(fields[column]) for column in self._lists}) > 1:
            raise self._error("its lists have different lengths")

    def _check(self, rules: Iterable[tuple[str, Field, Callable[[Any], bool]]], fields: Mapping[str, Any]) -> None:
        for name, field, holds in rules:
            value = fields.get(name)
            if value is None:
                if field.required:
                    raise self._error(f"{name} is missing")
            elif not holds(value):
                raise self._error(f"{name} must be {field.type.value}, not {value!r:.80}")

    def _error(self, reason: str) -> InvalidParameter:
        return InvalidParameter(f"This cannot be written as an event of the kind {self.name!r}: {reason}.")


def _rules(fields: Mapping[str, Field]) -> tuple[tuple[str, Field, Callable[[Any], bool]], ...]:
    return tuple((name, field, _HOLDS[field.type]) for name, field in fields.items())


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        # Who writes the file; nothing is required, because a file that has lost its header is repaired, not rejected.
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


# -- the file ----------------------------------------------------------------------------------------------------


def opened(writer: str, process: Process, timestamp: int, store: str | None = None) -> bytes:
    """Return the header of a file: who writes it. That of a rescue file also names the store it belongs to."""
    details = {"format": FORMAT, **process.to_dict()}
    if store is not None:
        details["store"] = store
    return KINDS["open"].line(t=timestamp, x=writer, d=details)


def closed(timestamp: int) -> bytes:
    """Return the event that ends a file: its writer is done with it."""
    return KINDS["close"].line(t=timestamp)


# -- runs --------------------------------------------------------------------------------------------------------


def run(
    run_id: str,
    *,
    experiment_id: str,
    name: str,
    user_id: str,
    start_time: int,
    artifact_uri: str,
    writer: str | None,
    lifecycle_stage: str | None = None,
    deleted_time: int | None = None,
) -> bytes:
    """Return the event that creates a run.

    Args:
        run_id: The run's ID.
        experiment_id: The ID of an experiment that exists.
        name: The run's name.
        user_id: Who started it.
        start_time: Milliseconds since the epoch.
        artifact_uri: Where its artifacts are, in the form that the store's tables hold.
        writer: The journal of the process that runs it, whose death ends the run. None for a run from elsewhere.
        lifecycle_stage: One of LifecycleStage. Defaults to active.
        deleted_time: When the run was deleted, in milliseconds since the epoch.
    """
    details: dict[str, Any] = {
        "experiment_id": experiment_id,
        "name": name,
        "user_id": user_id,
        "start_time": start_time,
        "artifact_uri": artifact_uri,
    }
    if lifecycle_stage is not None:
        details["lifecycle_stage"] = lifecycle_stage
        details["deleted_time"] = deleted_time
    details["writer"] = writer
    return KINDS["run"].line(r=run_id, d=details)


def status(run_id: str, status: str, end_time: int | None = None, writer: str | None = None) -> bytes:
    """Return the event that sets a run's status. `writer` names the journal that the run belongs to from now on."""
    details = {"d": {"writer": writer}} if writer else {}
    return KINDS["status"].line(r=run_id, x=status, t=end_time, **details)


# -- what is logged to a run -------------------------------------------------------------------------------------


def metric(run_id: str, key: str, step: int, timestamp: int, value: float) -> bytes:
    """Return the event that logs one point of a metric."""
    KINDS["metric"].check({"r": run_id, "k": key, "s": step, "t": timestamp, "v": value})
    return point(metric_head(run_id, key), step, timestamp, float(value)).encode()


def metric_head(run_id: str, key: str) -> str:
    """Return what all events of one metric begin with. A recorder makes it once and then calls only `point`."""
    return f'{{"e":"metric","r":"{run_id}","k":{orjson.dumps(key).decode()},"s":'


def point(head: str, step: int, timestamp: int, value: float) -> str:
    """Return the event of one point. Nothing is checked: this is the path that every training step takes."""
    text = repr(value) if math.isfinite(value) else _QUOTED[repr(value)]
    return f'{head}{step},"t":{timestamp},"v":{text}}}\n'


def series(
    run_id: str, key: str, steps: Sequence[int], timestamps: Sequence[int], values: Sequence[float]
) -> Iterator[bytes]:
    """Yield the events that log many points of one metric, at most POINTS_IN_A_LINE in each."""
    for start in range(0, len(steps), POINTS_IN_A_LINE):
        part = slice(start, start + POINTS_IN_A_LINE)
        numbers = [value if math.isfinite(value) else _NAMES[repr(float(value))] for value in values[part]]
        yield KINDS["series"].line(r=run_id, k=key, ss=list(steps[part]), tt=list(timestamps[part]), vv=numbers)


def param(run_id: str, key: str, value: str, timestamp: int) -> bytes:
    """Return the event that logs a param."""
    return KINDS["param"].line(r=run_id, k=key, x=value, t=timestamp)


def tag(run_id: str, key: str, value: str) -> bytes:
    """Return the event that sets a tag."""
    return KINDS["tag"].line(r=run_id, k=key, x=value)


def untag(run_id: str, key: str) -> bytes:
    """Return the event that deletes a tag."""
    return KINDS["untag"].line(r=run_id, k=key)


def model(run_id: str, artifact_path: str, entry: Mapping[str, Any]) -> bytes:
    """Return the event that adds a model to the run's list of models."""
    # Not orjson: the names in an entry can hold what UTF-8 cannot, which json escapes.
    return KINDS["model"].line(r=run_id, k=artifact_path, x=json.dumps(entry))


def artifact(run_id: str, path: str, size: int, timestamp: int) -> bytes:
    """Return the event that an artifact was written. `size` is in bytes."""
    return KINDS["artifact"].line(r=run_id, k=path, s=size, t=timestamp)


def dataset(
    run_id: str,
    name: str,
    digest: str,
    timestamp: int,
    *,
    source_type: str,
    source: str,
    schema: Any = None,
    profile: Any = None,
    context: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> bytes:
    """Return the event (its kind is `input`) that a run was given a dataset.

    `schema` and `profile` are strings of JSON, or what such strings would hold.
    """
    details = {
        "source_type": source_type,
        "source": source,
        "schema": schema,
        "profile": profile,
        "context": context,
        "tags": dict(tags) if tags else None,
    }
    present = {name: value for name, value in details.items() if value is not None}
    return KINDS["input"].line(r=run_id, t=timestamp, k=name, x=digest, d=present)


# -- reading -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Header:
    """What the first line of a file says."""

    writer: str
    process: Process
    store: str
    """The store's folder; empty unless the file is a rescue file."""


def header(line: bytes) -> Header | None:
    """Return what a file's first line says, or None if it is not a header."""
    fields = fields_of(line)
    try:
        if fields is None or fields["e"] != "open" or not fields["x"]:
            return None
        details = fields["d"]
        return Header(str(fields["x"]), Process.from_dict(details), str(details.get("store", "")))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def is_closed(line: bytes) -> bool:
    """Whether this line ends its file."""
    return line.startswith(b'{"e":"close"')


def has_lists(lines: bytes) -> bool:
    """Whether any of these lines can have lists."""
    return b'"e":"series"' in lines


def fields_of(line: bytes) -> dict[str, Any] | None:
    """Return the fields of a line that states a kind, known or not, or None if this is not such a line."""
    try:
        fields = orjson.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) and isinstance(fields.get("e"), str) else None


def run_of(line: bytes) -> tuple[str | None, bool]:
    """Return the run that a line is about, None if there is none, and whether the line creates it."""
    fields = fields_of(line) or {}
    run_id = fields.get("r")
    return (run_id if isinstance(run_id, str) else None), fields.get("e") == "run"


# -- encoding ----------------------------------------------------------------------------------------------------


def encode(kind: str, **fields: Any) -> bytes:
    """Encode fields as a line. Unlike the constructors above, this checks nothing."""
    return orjson.dumps({"e": kind, **fields}, option=orjson.OPT_APPEND_NEWLINE)


_NAMES = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
"""What stands for the numbers that JSON lacks."""
_QUOTED = {number: f'"{name}"' for number, name in _NAMES.items()}
