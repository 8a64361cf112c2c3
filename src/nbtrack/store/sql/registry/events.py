"""The registry's history: one row for each change, written in the transaction of the change.

kind              version   old                     new
created           -         -                       -
renamed           -         old name                new name
description       or -      old description         new description
deleted           -         -                       -
version_created   number    -                       source
stage             number    old stage               new stage
alias_set         number    its old version, or -   alias
alias_deleted     number    alias                   -
tag_set           or -      old key=value, or -     key=value
tag_deleted       or -      key=value               -
version_deleted   number    its stage               -
source_moved      number    old source              new place of the same files
rolled_back       number    replaced version, or -  stage
gate_set          -         old gate: filter, or -  gate: filter
gate_deleted      -         gate: filter            -
gate_overridden   number    its run's values        gate: filter

`rolled_back` comes just before the changes of stages that it consists of. Any event can have a reason.
"""

from __future__ import annotations

import time

from ....entities import ModelEvent
from ....errors import NotFound
from ....model_names import check_model_name, check_reason
from ..base import Cursor, Tables

EVENT_COLUMNS = "name, version, timestamp, user_id, kind, old, new, reason"
OF_THE_MODEL = (
    "name = $1 AND timestamp >= coalesce((SELECT m.creation_time FROM registered_models m WHERE m.name = $1), 0)"
)
"""The condition for events of the model that has the name now, without those of a deleted model of the same name."""


def record_event(
    cur: Cursor,
    name: str,
    kind: str,
    user_id: str,
    reason: str | None = None,
    *,
    version: int | None = None,
    old: str | None = None,
    new: str | None = None,
) -> int:
    """Write one change with its reason, and return its time in milliseconds since the epoch.

    No two events of a model have the same time, so that the times alone give their order. If the clock returns the time
    of the last event or an earlier one, this event gets the next millisecond.
    """
    row = cur.execute("SELECT max(timestamp) FROM model_events WHERE name = $1", [name]).fetchone()
    now = time.time_ns() // 1_000_000
    timestamp = max(now, row[0] + 1) if row and row[0] is not None else now
    cur.execute(
        "INSERT INTO model_events (name, version, timestamp, user_id, kind, old, new, reason) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        [name, version, timestamp, user_id, kind, old, new, check_reason(reason)],
    )
    return timestamp


class ModelEventTables(Tables):
    """Reading the history of models."""

    def model_events(self, name: str | None, since: int | None = None) -> list[ModelEvent]:
        """Return the events of a model, or of all models, newest first, or those after `since`, oldest first."""
        if name is None:
            return self._events_of_all(since)
        check_model_name(name)
        with self.reading() as cur:
            if since is not None:
                later = cur.execute(
                    f"SELECT {EVENT_COLUMNS} FROM model_events WHERE {OF_THE_MODEL} AND timestamp > $2 "
                    "ORDER BY timestamp",
                    [name, since],
                ).fetchall()
                return [ModelEvent(*row) for row in later]
            rows = cur.execute(
                f"SELECT {EVENT_COLUMNS} FROM model_events WHERE {OF_THE_MODEL} ORDER BY timestamp DESC", [name]
            ).fetchall()
            now = [] if rows else _renamed_to(cur, name)
        if now:
            raise NotFound(
                f"Registered model {name!r:.120} does not exist. It was renamed to {now[0]!r:.120}, which has its "
                "history."
            )
        if not rows:
            raise NotFound(f"Registered model {name!r:.120} does not exist and never existed.")
        return [ModelEvent(*row) for row in rows]

    def _events_of_all(self, since: int | None) -> list[ModelEvent]:
        order = "timestamp DESC" if since is None else "timestamp"
        with self.reading() as cur:
            rows = cur.execute(
                f'SELECT {EVENT_COLUMNS} FROM model_events WHERE timestamp > $1 ORDER BY {order}, name COLLATE "C"',
                [-1 if since is None else since],
            ).fetchall()
        return [ModelEvent(*row) for row in rows]


def _renamed_to(cur: Cursor, name: str) -> list[str]:
    """Return the present name of the model that had this name last; [] if there is none.

    A renamed model takes its events along.
    """
    found = cur.execute(
        "SELECT name FROM model_events WHERE kind = 'renamed' AND old = $1 ORDER BY timestamp DESC LIMIT 1", [name]
    ).fetchall()
    return [row[0] for row in found]
