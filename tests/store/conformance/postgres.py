"""The smallest PostgreSQL backend: `SqlTables` on psycopg, with its own sequences and unique constraints."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.types.string import StrDumper

from nbtrack.store.sql.grid import width_of, window_of
from nbtrack.store.sql.schema import TABLES
from nbtrack.store.sql.tables import SqlTables

if TYPE_CHECKING:
    from nbtrack.store.protocol import Axis, Columns
    from nbtrack.store.sql.grid import WantedSeries

_CONSTRAINTS = """
CREATE SEQUENCE experiment_ids;
CREATE UNIQUE INDEX ON experiments (experiment_id);
CREATE UNIQUE INDEX ON experiments (name) WHERE lifecycle_stage = 'active';
CREATE UNIQUE INDEX ON experiment_tags (experiment_id, key);
CREATE UNIQUE INDEX ON runs (run);
CREATE UNIQUE INDEX ON runs (run_id);
CREATE UNIQUE INDEX ON latest_metrics (series);
CREATE UNIQUE INDEX ON latest_metrics (run, key);
CREATE UNIQUE INDEX ON registered_models (name);
CREATE UNIQUE INDEX ON registered_model_tags (name, key);
CREATE UNIQUE INDEX ON registered_model_aliases (name, alias);
CREATE UNIQUE INDEX ON model_versions (name, version);
CREATE UNIQUE INDEX ON model_version_tags (name, version, key);
CREATE UNIQUE INDEX ON model_gates (name, stage, gate);
CREATE UNIQUE INDEX ON settings (kind, name);
"""
_TYPES = {"int8": np.int64, "int4": np.int64, "float8": np.float64}


class Cursor(psycopg.RawCursor[Any]):
    """A cursor that accepts `$1`, …, sends every string as `text`, and returns columns."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # With `unknown`, the default, one parameter that is used twice can have two types.
        self.adapters.register_dumper(str, StrDumper)

    def fetchnumpy(self) -> dict[str, NDArray[Any]]:
        assert self.description is not None
        rows = self.fetchall()
        columns: dict[str, NDArray[Any]] = {}
        for place, column in enumerate(self.description):
            values = [row[place] for row in rows]
            dtype = _TYPES.get(column.type_display, object)
            missing = np.array([value is None for value in values], dtype=bool)
            if dtype is not object:
                values = [0 if value is None else value for value in values]
            array = np.array(values, dtype=dtype)
            columns[column.name] = np.ma.masked_array(array, mask=missing) if missing.any() else array
        return columns


class PostgresTables(SqlTables):
    """A database that has the tables. Each thread has its own connection, so that sessions can run at the same time."""

    def __init__(self, dsn: str, artifacts: str = "/artifacts") -> None:
        self._dsn = dsn
        self._artifacts = artifacts
        self._local = threading.local()
        self._connections: list[psycopg.Connection[Any]] = []

    def create_tables(self) -> None:
        """Create the tables with their constraints, and the default experiment."""
        with self.writing() as cursor:
            cursor.execute(TABLES)
            cursor.execute(_CONSTRAINTS)
            self._create_default_experiment(cursor)

    def empty_tables(self) -> None:
        """Reset the database to its initial state."""
        with self.writing() as cursor:
            names = cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            cursor.execute(f"TRUNCATE {', '.join(name for (name,) in names)}")
            cursor.execute("ALTER SEQUENCE experiment_ids RESTART")
            self._create_default_experiment(cursor)

    def copy_tables(self, source: Any) -> None:
        """Copy the rows of another store, because loading events into PostgreSQL is not implemented yet."""
        with self.writing() as cursor, source.reading() as other:
            names = cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (name,) in names:
                cursor.execute(f"DELETE FROM {name}")
                rows = other.execute(f"SELECT * FROM {name}").fetchall()
                if rows:
                    columns = ", ".join(f'"{column[0]}"' for column in other.description)
                    with cursor.copy(f"COPY {name} ({columns}) FROM STDIN") as copy:
                        for row in rows:
                            copy.write_row(row)
            cursor.execute("SELECT setval('experiment_ids', GREATEST(MAX(experiment_id), 1)) FROM experiments")

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    # -- the backend's operations ---------------------------------------------------------------------------------

    def locate(self, artifact_uri: str) -> str:
        return artifact_uri.replace("artifacts:", f"{self._artifacts}/", 1)

    def located(self, column: str) -> str:
        return f"REPLACE({column}, 'artifacts:', '{self._artifacts}/')"

    def artifact_root(self, experiment_id: str) -> str:
        return f"artifacts:{experiment_id}"

    @contextmanager
    def reading(self) -> Iterator[Cursor]:
        with self._session("REPEATABLE READ") as cursor:
            yield cursor

    @contextmanager
    def writing(self) -> Iterator[Cursor]:
        with self._session("READ COMMITTED") as cursor:
            yield cursor

    @contextmanager
    def _session(self, isolation: str) -> Iterator[Cursor]:
        """Open one transaction. Nested sessions share it."""
        cursor = getattr(self._local, "cursor", None)
        if cursor is not None:
            yield cursor
            return
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = psycopg.connect(self._dsn, cursor_factory=Cursor)
            self._connections.append(connection)
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
            self._local.cursor = cursor
            try:
                yield cursor
            finally:
                self._local.cursor = None

    def next_experiment_id(self, cursor: Any) -> int:
        return int(cursor.execute("SELECT nextval('experiment_ids')").fetchone()[0])

    def is_taken(self, error: Exception) -> bool:
        return isinstance(error, psycopg.errors.UniqueViolation)

    def lock_models(self, cursor: Any, names: Sequence[str]) -> None:
        # Lock names instead of rows: a model that does not exist yet has no row, and a session that sees it a moment
        # later would lock in another order.
        keys = cursor.execute("SELECT DISTINCT hashtextextended(UNNEST($1), 0) ORDER BY 1", [list(names)]).fetchall()
        for (key,) in keys:
            cursor.execute("SELECT pg_advisory_xact_lock($1)", [key])

    def read_series(
        self,
        cursor: Any,
        series: Sequence[int],
        axis: Axis,
        max_points: int | None = None,
        x_min: float | None = None,
        x_max: float | None = None,
    ) -> Columns:
        along = {"step": "m.step", "time": "m.timestamp", "relative": "(m.timestamp - r.start_time) / 1000.0"}[axis]
        low, high = -np.inf if x_min is None else x_min, np.inf if x_max is None else x_max
        found: Columns = cursor.execute(
            "SELECT m.series, m.step, m.timestamp, m.value FROM metrics AS m JOIN latest_metrics AS l "
            "ON l.series = m.series JOIN runs AS r ON r.run = l.run WHERE m.series = ANY($1) "
            f"AND CAST({along} AS DOUBLE PRECISION) BETWEEN $2 AND $3",
            [list(series), float(low), float(high)],
        ).fetchnumpy()
        if max_points is None:
            return found
        place = found["step" if axis == "step" else "timestamp"]
        other = found["timestamp" if axis == "step" else "step"]
        kept: list[NDArray[Any]] = []
        totals: list[int] = []
        for one in np.unique(found["series"]):
            rows = np.flatnonzero(found["series"] == one)
            left = _thinned(place[rows], other[rows], found["value"][rows], max_points)
            kept.append(rows[left])
            totals += [len(rows)] * len(left)
        chosen = np.concatenate(kept) if kept else np.zeros(0, dtype=np.int64)
        return {**{name: column[chosen] for name, column in found.items()}, "total": np.array(totals, dtype=np.int64)}

    def read_grid(
        self,
        cursor: Any,
        series: Sequence[WantedSeries],
        axis: Axis,
        max_points: int,
        x_min: float | None = None,
        x_max: float | None = None,
    ) -> tuple[Columns, Columns, Columns, Columns]:
        found: Columns = cursor.execute(
            "SELECT series, step, timestamp, value FROM metrics WHERE series = ANY($1)",
            [[one.series for one in series]],
        ).fetchnumpy()
        extents: list[tuple[Any, ...]] = []
        buckets: list[tuple[Any, ...]] = []
        exact: list[tuple[Any, ...]] = []
        gaps: list[tuple[Any, ...]] = []
        for one in series:
            rows = found["series"] == one.series
            places, values = found["step" if axis == "step" else "timestamp"][rows], found["value"][rows]
            across = found["timestamp" if axis == "step" else "step"][rows]
            places = places - one.start_time if axis == "relative" else places
            low, high = window_of(axis, max_points, x_min, x_max)
            inside = (places >= low) & (places <= high)
            if not inside.any():
                continue
            kept = values[inside]
            odd = (np.isnan(kept).sum(), np.isposinf(kept).sum(), np.isneginf(kept).sum())
            extents.append((one.series, inside.sum(), places[inside].min(), places[inside].max(), *odd))
            width = width_of(*(int(each) for each in extents[-1][1:4]), max_points)
            if not width:
                low, high = window_of(axis, None, x_min, x_max)
                inside = (places >= low) & (places <= high)
                rows_of = zip(places[inside], across[inside], values[inside], strict=True)
                exact += [(one.series, *each) for each in rows_of]
                continue
            for begin in np.unique(places[inside] // width * width):
                bucket = inside & (places // width * width == begin)
                for kind, odd_here in ((0, np.isnan), (1, np.isposinf), (-1, np.isneginf)):
                    if (bucket & odd_here(values)).any():
                        gaps.append((one.series, places[bucket & odd_here(values)].min(), kind))
                here = values[bucket]
                here = here[np.isfinite(here)]
                summary = (here.mean(), here.min(), here.max()) if len(here) else (np.nan,) * 3
                buckets.append((one.series, begin, len(here), *summary))
        return (
            _columns("series total first last nan pos_inf neg_inf", extents),
            _columns("series place count mean low high", buckets),
            _columns("series place across mean", exact),
            _columns("series place kind", gaps),
        )


def _columns(names: str, rows: list[tuple[Any, ...]]) -> Columns:
    """Return rows as columns of the types that DuckDB gives."""
    floats = ("mean", "low", "high")
    return {
        name: np.array([row[i] for row in rows], dtype=np.float64 if name in floats else np.int64)
        for i, name in enumerate(names.split())
    }


def _thinned(along: NDArray[Any], across: NDArray[Any], values: NDArray[Any], max_points: int) -> list[int]:
    """Return the points of one series that `read_series` keeps."""
    if len(along) <= max_points:
        return list(range(len(along)))
    low, width = float(along.min()), float(along.max() - along.min())
    buckets: dict[float, list[int]] = {}
    for row, at in enumerate(along.tolist()):
        bucket = np.floor((at - low) / width * max(max_points // 2 - 1, 1)) if width else 0.0
        buckets.setdefault(float(bucket), []).append(row)
    kept = []
    for rows in buckets.values():
        points = sorted((values[row], along[row], across[row], row) for row in rows if not np.isnan(values[row]))
        gaps = sorted((along[row], across[row], row) for row in rows if np.isnan(values[row]))
        kept += {points[0][-1], points[-1][-1]} if points else set()
        kept += [gaps[0][-1]] if gaps else []
    return kept
