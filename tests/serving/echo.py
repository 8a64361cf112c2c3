"""A model that answers what it received. It is a module of its own, because the server's process imports it."""

from __future__ import annotations

import datetime
import json
from typing import Any


def echo(rows: Any) -> list[str]:
    """Return each row as JSON in which values of different types differ."""
    columns = [[told(value) for value in rows.iloc[:, place]] for place in range(len(rows.columns))]
    names = [str(name) for name in rows.columns]
    return [json.dumps(dict(zip(names, row, strict=True)), sort_keys=True) for row in zip(*columns, strict=True)]


def told(value: Any) -> Any:
    """Return a value with its kind and all of its digits."""
    if value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value):
        return None
    if hasattr(value, "tolist") and not isinstance(value, datetime.date):
        return told(value.tolist())
    if isinstance(value, list | tuple):
        return [told(item) for item in value]
    if isinstance(value, dict):
        # Parquet stores a missing key as null.
        return {name: told(item) for name, item in value.items() if told(item) is not None}
    if isinstance(value, datetime.datetime):
        zoned = value.tzinfo is not None
        return ["time", (value.astimezone(datetime.UTC) if zoned else value).isoformat(), zoned]
    if isinstance(value, datetime.date):
        return told(datetime.datetime(value.year, value.month, value.day))
    if isinstance(value, bytes):
        return ["bytes", value.hex()]
    return [type(value).__name__, repr(value)]
