"""Imports registered models. Two versions are the same version if their creation times and their runs are equal.

A version keeps its number if that is free here. Otherwise it gets the next number that neither side has used, and the
report says so. Models and versions that were deleted here stay deleted. Each model is imported in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..capture import user
from ..entities import ModelEvent, ModelGate
from ..errors import InvalidParameter
from ..model_names import check_alias, check_model_name
from ..names import storable
from ..stages import ALL_STAGES
from ..store.sql.registry.events import EVENT_COLUMNS
from ..store.sql.registry.gates import describe_gate
from .cleaning import clean_model, skipping_errors, until_error
from .records import Source, SourceModel, SourceVersion
from .report import Report

if TYPE_CHECKING:
    from ..store.folder.store import FolderStore as Store
    from ..store.sql.base import Cursor


def import_models(store: Store, source: Source, report: Report) -> None:
    """Import every model of the source with its versions, stages, aliases, tags and history."""
    for model in until_error(report, source.models(), "registered models after a broken place", source.name):
        clean_model(model, report)
        try:
            check_model_name(model.name)
        except InvalidParameter:
            report.add_missing(
                "models whose name is empty, is '.' or '..', or contains '/' or ':'", repr(model.name[:60])
            )
            continue
        with (
            skipping_errors(report, "registered models that could not be imported", model.name),
            store.writing() as cursor,
        ):
            _ModelImport(cursor, model, source.is_store, report).run()


@dataclass
class _ModelImport:
    """The import of one model. `numbers` maps a version's number in the source to its number here."""

    cursor: Cursor
    model: SourceModel
    is_store: bool
    report: Report
    numbers: dict[int, int] = field(default_factory=dict)

    def run(self) -> None:
        model = self.model
        row = self._rows(
            "SELECT description, creation_time, last_update_time, next_version FROM registered_models WHERE name = $1"
        )
        self.events = [
            ModelEvent(*event)
            for event in self._rows(f"SELECT {EVENT_COLUMNS} FROM model_events WHERE name = $1 ORDER BY timestamp")
        ]
        self._made = {e.version: e.timestamp for e in self.events if e.kind == "version_created" and e.version}
        if (
            not row
            and self.events
            and self.events[-1].kind == "deleted"
            and (self.events[-1].timestamp >= model.last_update_time)
        ):
            self.report.count("registered models", 1)
            self.report.add_note("models that were deleted here and stay deleted", model.name)
            return
        self.report.count("registered models", 1, not row)
        if not row:
            # The numbers of an earlier model of this name are not used again.
            self.next = max(self._made, default=0) + 1
            self.wins, self.at_par = True, False
            self.cursor.execute(
                "INSERT INTO registered_models (name, description, creation_time, last_update_time, next_version) "
                "VALUES ($1, $2, $3, $4, $5)",
                [model.name, storable(model.description), model.creation_time, model.last_update_time, self.next],
            )
            self._record("created", model.creation_time)
        else:
            description, created, updated, self.next = row[0]
            self.wins = model.last_update_time > updated or (model.last_update_time == updated and not self.is_store)
            self.at_par = self.is_store and model.last_update_time == updated
            if self.wins or (self.at_par and model.description > description):
                description = storable(model.description)
            self.cursor.execute(
                "UPDATE registered_models SET description = $2, creation_time = $3, last_update_time = $4 "
                "WHERE name = $1",
                [model.name, description, min(created, model.creation_time), max(updated, model.last_update_time)],
            )
        self._tags("registered_model_tags", [], model.tags, self.wins, self.at_par)
        self._versions()
        self._aliases()
        if self.is_store:
            self._gates()
            self._history()
        self.next = max([self.next, model.next_version, *(number + 1 for number in self.numbers.values())])
        self.cursor.execute("UPDATE registered_models SET next_version = $2 WHERE name = $1", [model.name, self.next])

    # -- versions ------------------------------------------------------------------------------------------------

    def _versions(self) -> None:
        rows = self._rows(
            "SELECT version, creation_time, last_update_time, current_stage, description, user_id, source, run_id "
            "FROM model_versions WHERE name = $1 ORDER BY version"
        )
        here = self._identified([SourceVersion(*row) for row in rows])
        gone = self._deleted()
        self.taken = {version.version for version in here.values()}
        for identity, version in self._identified(self.model.versions).items():
            known = here.get(identity)
            is_gone = known is None and gone.get(version.creation_time, -1) >= version.last_update_time
            self.report.count("model versions", 1, known is None and not is_gone)
            if known is not None:
                self.numbers[version.version] = known.version
                self._unite(version, known)
            elif is_gone:
                self.report.add_note("model versions that were deleted here and stay deleted", self._called(version))
            else:
                self.numbers[version.version] = self._free_number(version.version, version.creation_time)
                self._insert(version)

    def _identified(self, versions: list[SourceVersion]) -> dict[tuple[Any, ...], SourceVersion]:
        """Return versions by their identity, which is equal on both sides, in the order of their numbers."""
        found: dict[tuple[Any, ...], SourceVersion] = {}
        for version in sorted(versions, key=lambda one: one.version):
            # Between nbtrack stores, equal versions have equal sources. Another tracker's source can become
            # accessible later, and then it changes.
            identity = (version.creation_time, version.run_id, version.source if self.is_store else "")
            twins = sum(known[:3] == identity for known in found)
            found[(*identity, twins)] = version
        return found

    def _deleted(self) -> dict[int, int]:
        """Return the creation times of the versions that were deleted here, each with its time of deletion."""
        deleted = {event.version: event.timestamp for event in self.events if event.kind == "version_deleted"}
        return {made: deleted[number] for number, made in self._made.items() if number in deleted}

    def _free_number(self, wanted: int, created: int) -> int:
        """Return a version's number here: its own, unless another version has or had it."""
        if wanted not in self.taken and self._made.get(wanted, created) == created:
            number = wanted
        else:
            number = max(self.next, self.model.next_version)
            self.report.add_note(
                "model versions with a new number, because theirs was taken", f"{self.model.name} {wanted} → {number}"
            )
        self.taken.add(number)
        self.next = max(self.next, number + 1)
        return number

    def _insert(self, version: SourceVersion) -> None:
        number = self.numbers[version.version]
        stage = version.stage if version.stage in ALL_STAGES else "None"
        self.cursor.execute(
            "INSERT INTO model_versions (name, version, creation_time, last_update_time, current_stage, description, "
            "user_id, source, run_id, run_link, status, status_message) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            [
                *(self.model.name, number, version.creation_time, version.last_update_time, stage),
                *(storable(version.description), storable(version.user_id), storable(version.source), version.run_id),
                *(storable(version.run_link), version.status, storable(version.status_message)),
            ],
        )
        self._tags("model_version_tags", [number], version.tags, True, False)
        self._record("version_created", version.creation_time, number, new=version.source)
        if stage != "None":
            self._record("stage", version.last_update_time, number, old="None", new=stage)

    def _unite(self, version: SourceVersion, here: SourceVersion) -> None:
        wins = version.last_update_time > here.last_update_time
        at_par = version.last_update_time == here.last_update_time
        theirs, ours = (version.stage, version.description), (here.stage, here.description)
        if theirs != ours and (wins or (at_par and (not self.is_store or theirs > ours))):
            self.cursor.execute(
                "UPDATE model_versions SET current_stage = $3, description = $4, last_update_time = $5 "
                "WHERE name = $1 AND version = $2",
                [self.model.name, here.version, version.stage, storable(version.description), version.last_update_time],
            )
            if version.stage != here.stage:
                self._record("stage", version.last_update_time, here.version, old=here.stage, new=version.stage)
        elif wins:
            self.cursor.execute(
                "UPDATE model_versions SET last_update_time = $3 WHERE name = $1 AND version = $2",
                [self.model.name, here.version, version.last_update_time],
            )
        self._tags("model_version_tags", [here.version], version.tags, wins or (at_par and not self.is_store), at_par)

    # -- aliases -------------------------------------------------------------------------------------------------

    def _aliases(self) -> None:
        """Set each alias to the version it was set to last, on either side, and delete those that were deleted last."""
        here = dict(self._rows("SELECT alias, version FROM registered_model_aliases WHERE name = $1"))
        made = self._made_here()
        for alias, theirs in self.model.aliases.items():
            number = self.numbers.get(theirs)
            brought = False
            if number is not None and here.get(alias) != number and self._is_alias(alias):
                since, ours = self._alias_time(alias), made.get(here.get(alias, 0), 0)
                time = self._their_alias_time(alias)
                if time > since or (time == since and (not self.is_store or made.get(number, 0) > ours)):
                    self._point(alias, number, time, here.get(alias))
                    brought = True
            self.report.count("aliases", 1, brought)
        for alias in here.keys() - self.model.aliases.keys():
            deleted = max(
                (e.timestamp for e in self.model.events if (e.kind, e.old) == ("alias_deleted", alias)), default=-1
            )
            if self.is_store and deleted > self._alias_time(alias):
                self.cursor.execute(
                    "DELETE FROM registered_model_aliases WHERE name = $1 AND alias = $2", [self.model.name, alias]
                )

    def _point(self, alias: str, number: int, time: int, old: int | None) -> None:
        self.cursor.execute(
            "DELETE FROM registered_model_aliases WHERE name = $1 AND alias = $2", [self.model.name, alias]
        )
        self.cursor.execute(
            "INSERT INTO registered_model_aliases (name, alias, version) VALUES ($1, $2, $3)",
            [self.model.name, alias, number],
        )
        self._record("alias_set", time, number, old=None if old is None else str(old), new=alias)

    def _is_alias(self, alias: str) -> bool:
        try:
            check_alias(alias)
        except InvalidParameter:
            self.report.add_missing("aliases whose name is not allowed", f"{self.model.name}@{alias}")
            return False
        return True

    def _alias_time(self, alias: str) -> int:
        """Return when the alias was set or deleted here, or -1 if it never was."""
        return _alias_time(self.events, alias)

    def _their_alias_time(self, alias: str) -> int:
        return _alias_time(self.model.events, alias) if self.is_store else self.model.last_update_time

    def _made_here(self) -> dict[int, int]:
        return dict(self._rows("SELECT version, creation_time FROM model_versions WHERE name = $1"))

    # -- gates ---------------------------------------------------------------------------------------------------

    def _gates(self) -> None:
        """Set each gate as it was set last, on either side, and delete those that were deleted after that."""
        columns = "name, stage, gate, filter, user_id, creation_time"
        here = [ModelGate(*row) for row in self._rows(f"SELECT {columns} FROM model_gates WHERE name = $1")]
        last: dict[tuple[str, str], ModelGate] = {}
        for gate in (*here, *self.model.gates):
            known = last.get((gate.stage, gate.gate))
            if known is None or _set_at(gate) > _set_at(known):
                last[gate.stage, gate.gate] = gate
        deleted = {(e.old, e.timestamp) for e in (*self.events, *self.model.events) if e.kind == "gate_deleted"}
        self._rows("DELETE FROM model_gates WHERE name = $1")
        for gate in last.values():
            if not any(old == describe_gate(gate) and time > gate.creation_timestamp for old, time in deleted):
                self.cursor.execute(
                    f"INSERT INTO model_gates ({columns}) VALUES ($1, $2, $3, $4, $5, $6)", [*dict(gate).values()]
                )

    # -- history -------------------------------------------------------------------------------------------------

    def _record(
        self, kind: str, timestamp: int, version: int | None = None, old: str | None = None, new: str | None = None
    ) -> None:
        """Record an event for a source without a history. An nbtrack store has a history of its own."""
        if not self.is_store:
            self._write(ModelEvent(self.model.name, version, timestamp, user(), kind, old, new))

    def _history(self) -> None:
        self._number_deleted()
        known = set(self.events)
        for event in self.model.events:
            number = None if event.version is None else self.numbers.get(event.version, event.version)
            old = event.old
            if event.kind in ("alias_set", "rolled_back") and old is not None and old.isdecimal():
                old = str(self.numbers.get(int(old), int(old)))
            moved = replace(event, version=number, old=old)
            if moved not in known:
                known.add(moved)
                self._write(moved)

    def _number_deleted(self) -> None:
        """Assign numbers to the versions that exist only in the source's history."""
        here = {(e.timestamp, e.new): e.version for e in self.events if e.kind == "version_created"}
        for event in self.model.events:
            if event.kind == "version_created" and event.version is not None and event.version not in self.numbers:
                known = here.get((event.timestamp, event.new))
                self.numbers[event.version] = (
                    self._free_number(event.version, event.timestamp) if known is None else known
                )

    def _write(self, event: ModelEvent) -> None:
        self.cursor.execute(
            f"INSERT INTO model_events ({EVENT_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            [*dict(event).values()],
        )

    # -- tables --------------------------------------------------------------------------------------------------

    def _tags(self, table: str, key: list[int], tags: dict[str, str], wins: bool, at_par: bool) -> None:
        of = "name = $1" + (" AND version = $2" if key else "")
        here = dict(
            self.cursor.execute(f"SELECT key, value FROM {table} WHERE {of}", [self.model.name, *key]).fetchall()
        )
        for name, text in tags.items():
            tag, value = storable(name), storable(text)
            if tag in here and (here[tag] == value or not (wins or (at_par and value > here[tag]))):
                continue
            last = len(key) + 2
            self.cursor.execute(f"DELETE FROM {table} WHERE {of} AND key = ${last}", [self.model.name, *key, tag])
            marks = ", ".join(f"${place}" for place in range(1, last + 2))
            self.cursor.execute(f"INSERT INTO {table} VALUES ({marks})", [self.model.name, *key, tag, value])

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.cursor.execute(sql, [self.model.name]).fetchall()

    def _called(self, version: SourceVersion) -> str:
        return f"{self.model.name} {version.version}"


def _set_at(gate: ModelGate) -> tuple[int, str]:
    return gate.creation_timestamp, gate.filter_string


def _alias_time(events: list[ModelEvent], alias: str) -> int:
    return max(
        (
            event.timestamp
            for event in events
            if (event.kind == "alias_set" and event.new == alias)
            or (event.kind == "alias_deleted" and event.old == alias)
        ),
        default=-1,
    )
