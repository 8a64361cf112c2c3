"""An MLflow SQLite store, read with Python's own sqlite3 and never written to.

Tables and columns differ between MLflow's versions. A missing column is read as NULL, a missing table as no rows.
"""

from __future__ import annotations

import itertools
import operator
import os
import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from ..entities import LifecycleStage, RunStatus
from ..errors import InvalidParameter, InvalidState
from ..tags import DATASET_CONTEXT, RUN_NAME
from .cleaning import as_string, as_time, skipping_errors, until_error
from .mlflow_artifacts import LoggedModel, ModelFiles, Places, mlflow_tags
from .mlflow_sql_checks import check_database
from .records import (
    Points,
    SourceExperiment,
    SourceFolder,
    SourceInput,
    SourceModel,
    SourceParam,
    SourceRun,
    SourceVersion,
    run_id_for,
)
from .report import Report

KIND = "mlflow-sqlite"
_HIGHEST = 1.7976931348623157e308
"""The number that MLflow writes to a database for infinity."""
_FETCH = 20_000
_PATIENCE = 30.0
"""How many seconds to wait for a program that has locked the database."""
_DEFAULT_WORKSPACE = "default"


def is_mlflow_database(path: Path) -> bool:
    """Return whether a file is a SQLite database with MLflow's tables, or one whose tables cannot be read."""
    try:
        with path.open("rb") as file:
            if file.read(16) != b"SQLite format 3\0":
                return False
        with _open(path) as connection:
            found = connection.execute(
                "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name IN ('experiments', 'runs', 'metrics')"
            ).fetchone()
    except sqlite3.Error:
        return True
    except OSError:
        return False
    return bool(found[0] >= 2)


class MlflowDatabase:
    """Reads an MLflow database. Each query is short, so that a server that writes to the file is not blocked."""

    kind = KIND
    is_store = False

    def __init__(self, path: Path, report: Report, artifacts: Path | None = None) -> None:
        if not is_mlflow_database(path):
            raise InvalidParameter(f"{path} is not an MLflow database: it is not a SQLite file with MLflow's tables.")
        self.name = path.name
        self._report = report
        if (there := path.stat().st_size) < (expected := _expected_size(path)):
            report.add_missing("databases whose end is missing", f"{path.name}: {there:,} of {expected:,} bytes")
        self._opened = ExitStack()
        self._columns: dict[str, set[str]] = {}
        self._places = Places(path.absolute().parent, artifacts, report)
        try:
            self._connection = self._opened.enter_context(_open(path))
            check_database(self._connection, path.name, report)
            self._models = ModelFiles(list(self._logged_models()), self._places, report)
            self._points = self._points_query()
        except sqlite3.Error as error:
            self._opened.close()
            if "locked" in str(error):
                raise InvalidState(
                    f"{path} is locked by another program. Import it when that program has finished writing."
                ) from error
            raise InvalidParameter(
                f"{path} cannot be read: {error}. Import a copy that is not damaged, or what "
                "`sqlite3 mlflow.db .recover` saves of it."
            ) from error

    def close(self) -> None:
        self._opened.close()

    def run_count(self) -> int:
        try:
            return int(self._connection.execute("SELECT COUNT(*) FROM runs").fetchone()[0])
        except sqlite3.Error:
            # The table is missing or damaged, which is reported.
            return 0

    def experiments(self) -> Iterable[SourceExperiment]:
        tags = self._grouped("experiment_tags", "experiment_id", ("key", "value"))
        columns = ("experiment_id", "name", "lifecycle_stage", "creation_time", "last_update_time", "workspace")
        for key, name, stage, created, updated, workspace in self._rows("experiments", columns, "ORDER BY 1"):
            yield SourceExperiment(
                str(key),
                as_string(name) if workspace in (None, _DEFAULT_WORKSPACE) else f"{workspace}/{as_string(name)}",
                stage or LifecycleStage.ACTIVE,
                created,
                updated,
                {tag: value or "" for tag, value in tags.get(key, [])},
            )

    def runs(self) -> Iterator[SourceRun]:
        columns = (
            *("run_uuid", "experiment_id", "name", "user_id", "status", "start_time", "end_time", "lifecycle_stage"),
            *("deleted_time", "artifact_uri"),
        )
        # In chronological order, so that the runs of one sweep are stored together here too.
        for row in self._rows("runs", columns, "ORDER BY start_time, run_uuid").fetchall():
            if row[0] is None:
                self._report.add_missing("runs without an ID", repr(row)[:80])
                continue
            with skipping_errors(self._report, "runs that cannot be read", as_string(row[0])):
                yield self._run(row)

    def _run(self, row: Sequence[Any]) -> SourceRun:
        key, experiment, name, user, status, start, end, stage, deleted, uri = row
        tags = mlflow_tags(self._of_run("tags", ("key", "value"), key))
        run = SourceRun(
            key,
            run_id_for("mlflow", key),
            str(experiment),
            name or tags.get(RUN_NAME) or key,
            user or "",
            status or RunStatus.FINISHED,
            start or 0,
            end,
            stage or LifecycleStage.ACTIVE,
            deleted,
            [SourceParam(param, value or "") for param, value in self._of_run("params", ("key", "value"), key)],
            tags=tags,
            inputs=list(self._inputs(key)),
        )
        if uri and (folder := self._places.folder(uri, key)) is not None:
            run.folders.append(SourceFolder(folder))
        self._models.add_to(run)
        return run

    def points(self, run: SourceRun) -> Iterator[Points]:
        cursor = self._connection.execute(self._points, [run.key])
        while rows := cursor.fetchmany(_FETCH):
            for key, group in itertools.groupby(rows, operator.itemgetter(0)):
                _, steps, timestamps, values, are_nan = zip(*group, strict=True)
                # SQLite keeps strings and NULL in columns of numbers too. The importer leaves these values out.
                if (
                    any(are_nan)
                    or not {*map(type, values)} <= {int, float}
                    or max(values) >= _HIGHEST
                    or min(values) <= -_HIGHEST
                ):
                    values = tuple(map(_number, values, are_nan))
                yield Points(as_string(key), list(steps), list(timestamps), list(values))

    def models(self) -> Iterable[SourceModel]:
        by_name = ("workspace", "name")
        tags = self._grouped("registered_model_tags", by_name, ("key", "value"))
        aliases = self._grouped("registered_model_aliases", by_name, ("alias", "version"))
        version_tags = self._grouped("model_version_tags", (*by_name, "version"), ("key", "value"))
        columns = (
            *("version", "creation_time", "last_updated_time", "current_stage", "description", "user_id", "source"),
            *("run_id", "run_link", "status", "status_message"),
        )
        versions = self._grouped("model_versions", by_name, columns)
        model_columns = ("workspace", "name", "description", "creation_time", "last_updated_time")
        for workspace, name, description, created, updated in self._rows("registered_models", model_columns, ""):
            key = (workspace, name)
            shown = name if workspace in (None, _DEFAULT_WORKSPACE) else f"{workspace}.{name}"
            model = SourceModel(
                shown,
                description or "",
                created or 0,
                updated or created or 0,
                {tag: value or "" for tag, value in tags.get(key, [])},
                dict(aliases.get(key, [])),
            )
            for number, made, changed, stage, text, user, source, run, link, status, message in versions.get(key, []):
                if isinstance(number, int):
                    model.next_version = max(model.next_version, number + 1)
                # MLflow keeps deleted versions as rows without content.
                if stage == "Deleted_Internal":
                    continue
                given = {tag: value or "" for tag, value in version_tags.get((*key, number), [])}
                model.versions.append(
                    SourceVersion(
                        number,
                        made or 0,
                        changed or made or 0,
                        stage or "None",
                        text or "",
                        user or "",
                        self._models.resolve_version(source or "", run or "", self._run_id, f"{shown} {number}", given),
                        (run and self._run_id(run)) or "",
                        link or "",
                        status or "READY",
                        message or "",
                        given,
                    )
                )
            yield model

    def _run_id(self, run: str) -> str | None:
        found = self._connection.execute("SELECT 1 FROM runs WHERE run_uuid = ?", [run]).fetchone()
        return run_id_for("mlflow", run) if found else None

    def _inputs(self, run: str) -> Iterator[SourceInput]:
        if not self._has("inputs") or not self._has("datasets"):
            return
        found = self._connection.execute(
            "SELECT i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, d.dataset_schema, "
            "d.dataset_profile FROM inputs AS i JOIN datasets AS d ON d.dataset_uuid = i.source_id "
            "WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = ? "
            "ORDER BY d.name, d.digest",
            [run],
        ).fetchall()
        for input_id, *fields in found:
            dataset = SourceInput(*fields)
            tags = dict(
                self._connection.execute("SELECT name, value FROM input_tags WHERE input_uuid = ?", [input_id])
                if self._has("input_tags")
                else ()
            )
            dataset.context = tags.pop(DATASET_CONTEXT, None)
            dataset.tags = tags
            yield dataset

    def _logged_models(self) -> Iterator[LoggedModel]:
        columns = ("model_id", "name", "source_run_id", "artifact_location", "creation_timestamp_ms", "lifecycle_stage")
        rows = until_error(
            self._report, self._rows("logged_models", columns, ""), "logged models after a broken place", self.name
        )
        for model_id, name, run, location, created, stage in rows:
            if stage == LifecycleStage.DELETED:
                self._report.add_note("logged models that are deleted in the source and are left out", as_string(name))
                continue
            yield LoggedModel(
                as_string(model_id),
                as_string(name) or "model",
                as_string(run),
                as_string(location),
                as_time(created) or 0,
            )

    def _points_query(self) -> str:
        columns = ", ".join(self._named("metrics", ("key", "step", "timestamp", "value", "is_nan")))
        if not {"run_uuid", "key"} <= self._of_table("metrics"):
            return "SELECT NULL, NULL, NULL, NULL, NULL WHERE ? IS NULL"
        indexes = [row[1] for row in self._connection.execute("PRAGMA index_list('metrics')")]
        first = {self._connection.execute(f"PRAGMA index_info('{index}')").fetchone()[2] for index in indexes}
        if "run_uuid" in first:
            return f"SELECT {columns} FROM metrics WHERE run_uuid = ? ORDER BY key, step"
        # Before MLflow 1.28, metrics had no index by run. This creates a temporary one, in a file of its own.
        self._connection.execute("CREATE TEMP TABLE points_of AS SELECT run_uuid, rowid AS point FROM metrics")
        self._connection.execute("CREATE INDEX temp.points_by_run ON points_of (run_uuid)")
        return (
            f"SELECT {columns} FROM temp.points_of AS p JOIN metrics ON metrics.rowid = p.point WHERE p.run_uuid = ? "
            "ORDER BY key, step"
        )

    def _has(self, table: str) -> bool:
        return bool(self._of_table(table))

    def _of_table(self, table: str) -> set[str]:
        if table not in self._columns:
            self._columns[table] = {row[1] for row in self._connection.execute(f"PRAGMA table_info('{table}')")}
        return self._columns[table]

    def _named(self, table: str, columns: Sequence[str]) -> list[str]:
        there = self._of_table(table)
        return [f'"{table}"."{column}"' if column in there else "NULL" for column in columns]

    def _rows(self, table: str, columns: Sequence[str], rest: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Query columns of a table. Missing columns are NULL, and a missing table has no rows."""
        if not self._has(table):
            return self._connection.execute("SELECT 1 WHERE 0")
        return self._connection.execute(
            f'SELECT {", ".join(self._named(table, columns))} FROM "{table}" {rest}', list(parameters)
        )

    def _of_run(self, table: str, columns: Sequence[str], run: str) -> list[tuple[Any, ...]]:
        return self._rows(table, columns, "WHERE run_uuid = ? ORDER BY key", [run]).fetchall()

    def _grouped(self, table: str, by: str | Sequence[str], columns: Sequence[str]) -> dict[Any, list[tuple[Any, ...]]]:
        keys = [by] if isinstance(by, str) else list(by)
        grouped: dict[Any, list[tuple[Any, ...]]] = {}
        for row in self._rows(table, (*keys, *columns), f"ORDER BY {len(keys) + 1}"):
            key = row[0] if isinstance(by, str) else row[: len(keys)]
            grouped.setdefault(key, []).append(row[len(keys) :])
        return grouped


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for reading. One that was cut is copied and filled with zeros, because SQLite refuses it."""
    with tempfile.TemporaryDirectory(prefix="nbtrack-") as folder:
        if (size := _expected_size(path)) > path.stat().st_size:
            copy = Path(folder, path.name)
            shutil.copyfile(path, copy)
            os.truncate(copy, size)
            path = copy
        with closing(_connect(path)) as connection:
            try:
                connection.execute("SELECT 1 FROM sqlite_master")
            except sqlite3.DatabaseError:
                # The definition of a table is damaged. This makes SQLite leave out what it cannot understand.
                connection.execute("PRAGMA writable_schema = ON")
            yield connection


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE)
    # One string that is not UTF-8 would otherwise make its whole table unreadable.
    connection.text_factory = lambda content: content.decode("utf-8", "replace")
    return connection


def _expected_size(path: Path) -> int:
    """Return the size of a database in bytes by its header, or 0 if the header does not say (sqlite.org/fileformat)."""
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100:
        return 0
    (page_size,) = struct.unpack_from(">H", header, 16)
    pages, counter, counter_of_pages = (struct.unpack_from(">I", header, at)[0] for at in (28, 24, 92))
    return (65536 if page_size == 1 else page_size) * pages if counter == counter_of_pages else 0


def _number(value: Any, is_nan: Any) -> Any:
    if is_nan:
        return float("nan")
    if value in (_HIGHEST, -_HIGHEST):
        return float("inf") if value > 0 else float("-inf")
    return value
