"""The registry's history: one row a change, written in the change's own transaction.

kind              version   old                     new
created           -         -                       -
renamed           -         old name                new name
description       or -      old text                new text
deleted           -         -                       -
version_created   number    -                       source
stage             number    old stage               new stage
alias_set         number    version it was on, or - alias
alias_deleted     number    alias                   -
tag_set           or -      old key=value, or -     key=value
tag_deleted       or -      key=value               -
version_deleted   number    its stage               -
source_moved      number    old source              where the same files are now
"""

from __future__ import annotations

import time

from ..entities import ModelEvent
from ..errors import NotFound
from .base import Cursor, Tables
from .registry_names import check_model_name


def record_event(
    cur: Cursor,
    name: str,
    kind: str,
    user_id: str,
    *,
    version: int | None = None,
    old: str | None = None,
    new: str | None = None,
) -> int:
    """Write one change; its time in milliseconds.

    A model's events never share a millisecond, so that their times alone give their order: where the clock says the
    last event's time or less, this one gets the next millisecond.
    """
    row = cur.execute("SELECT max(timestamp) FROM model_events WHERE name = $1", [name]).fetchone()
    now = time.time_ns() // 1_000_000
    timestamp = max(now, row[0] + 1) if row and row[0] is not None else now
    cur.execute(
        "INSERT INTO model_events (name, version, timestamp, user_id, kind, old, new) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [name, version, timestamp, user_id, kind, old, new],
    )
    return timestamp


class ModelEventTables(Tables):
    """Reading the history."""

    def model_events(self, name: str) -> list[ModelEvent]:
        """What happened to a model, newest first.

        A deleted model keeps its history. A model that later takes its name begins with an empty one. NotFound where
        no model ever had the name.
        """
        check_model_name(name)
        with self.reading() as cur:
            rows = cur.execute(
                "SELECT name, version, timestamp, user_id, kind, old, new FROM model_events e WHERE name = $1 "
                "AND timestamp >= coalesce((SELECT m.creation_time FROM registered_models m WHERE m.name = $1), 0) "
                "ORDER BY timestamp DESC",
                [name],
            ).fetchall()
        if not rows:
            raise NotFound(f"There is no registered model {name!r}, and there never was one.")
        return [ModelEvent(*row) for row in rows]
