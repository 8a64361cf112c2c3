"""One constructor for each kind of event, and functions that read a line without a database.

A constructor returns the line as bytes, with its newline. It raises InvalidParameter if a field is missing or of the
wrong type: `kinds.py` has the rules. Names, keys and values from users are checked earlier, where an error can name
them. `point`, `params` and `tags` do not check again what a recorder has checked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from .kinds import KINDS, UNWRITABLE, encode
from .process import Process

FORMAT = 1
"""The version of the format, which each file's first line states."""

POINTS_IN_A_LINE = 10_000
"""The most points in one `series` event. A line is written as a whole, so it must not grow without bounds."""

_QUOTED = {number: f'"{name}"' for number, name in UNWRITABLE.items()}


# -- the file ----------------------------------------------------------------------------------------------------


def opened(writer: str, process: Process, timestamp: int, store: str | None = None) -> bytes:
    """Return the header of a file, which names its writer. That of a rescue file also names the store."""
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
    """Return the beginning of all events of one metric. A recorder creates it once and then calls only `point`."""
    return f'{{"e":"metric","r":"{run_id}","k":{orjson.dumps(key).decode()},"s":'


def point(head: str, step: int, timestamp: int, value: float) -> str:
    """Return the event of one point. Nothing is checked, because every training step takes this path."""
    if math.isfinite(value):
        return finite_point(head, step, timestamp, value)
    return f'{head}{step},"t":{timestamp},"v":{_QUOTED[repr(value)]}}}\n'


def finite_point(head: str, step: int, timestamp: int, value: float) -> str:
    """Return the event of one point whose value is a finite number."""
    return f'{head}{step},"t":{timestamp},"v":{value!r}}}\n'


def series(
    run_id: str, key: str, steps: Sequence[int], timestamps: Sequence[int], values: Sequence[float]
) -> Iterator[bytes]:
    """Yield the events that log many points of one metric, at most POINTS_IN_A_LINE in each."""
    for start in range(0, len(steps), POINTS_IN_A_LINE):
        part = slice(start, start + POINTS_IN_A_LINE)
        numbers = [value if math.isfinite(value) else UNWRITABLE[repr(float(value))] for value in values[part]]
        yield KINDS["series"].line(r=run_id, k=key, ss=list(steps[part]), tt=list(timestamps[part]), vv=numbers)


def param(run_id: str, key: str, value: str, timestamp: int) -> bytes:
    """Return the event that logs a param."""
    return KINDS["param"].line(r=run_id, k=key, x=value, t=timestamp)


def tag(run_id: str, key: str, value: str) -> bytes:
    """Return the event that sets a tag."""
    return KINDS["tag"].line(r=run_id, k=key, x=value)


def params(run_id: str, values: Mapping[str, str], timestamp: int) -> bytes:
    """Return the events that log these params. Nothing is checked: the recorder has checked the keys and values."""
    return b"".join([encode("param", r=run_id, k=key, x=value, t=timestamp) for key, value in values.items()])


def tags(run_id: str, values: Mapping[str, str]) -> bytes:
    """Return the events that set these tags. Nothing is checked, as in `params`."""
    return b"".join([encode("tag", r=run_id, k=key, x=value) for key, value in values.items()])


def untag(run_id: str, key: str) -> bytes:
    """Return the event that deletes a tag."""
    return KINDS["untag"].line(r=run_id, k=key)


def model(run_id: str, artifact_path: str, entry: Mapping[str, Any]) -> bytes:
    """Return the event that adds a model to the run's list of models."""
    # Not orjson: the names in an entry can hold what UTF-8 cannot, which json escapes.
    return KINDS["model"].line(r=run_id, k=artifact_path, x=json.dumps(entry))


def table(run_id: str, path: str) -> bytes:
    """Return the event that adds a table to the run's list of tables."""
    return KINDS["table"].line(r=run_id, k=path)


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
    """Return the event, of the kind `input`, that a run used a dataset.

    `schema` and `profile` are JSON strings, or the values that such strings would hold.
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


class Header(NamedTuple):
    """The content of the first line of a file."""

    writer: str
    process: Process
    store: str
    """The store's folder; empty unless the file is a rescue file."""


def header(line: bytes) -> Header | None:
    """Return the content of a file's first line, or None if it is not a header."""
    fields = fields_of(line)
    try:
        if fields is None or fields["e"] != "open" or not fields["x"]:
            return None
        details = fields["d"]
        return Header(str(fields["x"]), Process.from_dict(details), str(details.get("store", "")))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def is_closed(line: bytes) -> bool:
    """Return whether this line ends its file."""
    return line.startswith(b'{"e":"close"')


def has_lists(lines: bytes) -> bool:
    """Return whether any of these lines can have lists."""
    return b'"e":"series"' in lines


def fields_of(line: bytes) -> dict[str, Any] | None:
    """Return the fields of a line that has a kind, known or not, or None if the line is not an event."""
    try:
        fields = orjson.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) and isinstance(fields.get("e"), str) else None


def problem(line: bytes) -> str:
    """Return why a line cannot be loaded. Its run is not considered."""
    fields = fields_of(line)
    if fields is None:
        return "not a line of nbtrack's journal"
    kind = KINDS.get(fields["e"])
    if kind is None:
        return f"unknown kind of event {fields['e']!r:.80}"
    return kind.problem(fields) or f"a field of the event {kind.name!r} is missing or has the wrong type"


def run_of(line: bytes) -> tuple[str | None, bool]:
    """Return the run that a line is about, None if there is none, and whether the line creates it."""
    fields = fields_of(line) or {}
    run_id = fields.get("r")
    return (run_id if isinstance(run_id, str) else None), fields.get("e") == "run"
