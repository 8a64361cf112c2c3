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
rolled_back       number    version that it is for  stage
gate_set          -         old gate: filter, or -  gate: filter
gate_deleted      -         gate: filter            -
gate_overridden   number    what its run has        gate: filter

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
"""The events of the model that has the name now, not those of a deleted one that had it before."""


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
    """Write one change, with why it was made; its time in milliseconds.

    A model's events never share a millisecond, so that their times alone give their order: where the clock says the
    last event's time or less, this one gets the next millisecond.
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
    """Reading the history."""

    def model_events(self, name: str, since: int | None = None) -> list[ModelEvent]:
        """What happened to a model, newest first; with `since` only what came after this moment, oldest first.

        A deleted model keeps its history. A model that later takes its name begins with an empty one. NotFound, which
        says the new name of a model that was renamed, where none has this one.
        """
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
                f"There is no registered model {name!r:.120}: it was renamed, "
                f"and its history is that of {now[0]!r:.120}."
            )
        if not rows:
            raise NotFound(f"There is no registered model {name!r:.120}, and there never was one.")
        return [ModelEvent(*row) for row in rows]


def _renamed_to(cur: Cursor, name: str) -> list[str]:
    """What the model that had this name last is called now; [] where none had it. Events go along with their model."""
    found = cur.execute(
        "SELECT name FROM model_events WHERE kind = 'renamed' AND old = $1 ORDER BY timestamp DESC LIMIT 1", [name]
    ).fetchall()
    return [row[0] for row in found]
