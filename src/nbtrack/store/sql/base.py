"""What the table modules stand on: a session on the database, and what each backend does in its own way.

The SQL of this package runs unchanged on DuckDB and PostgreSQL. A backend is a class that adds to `SqlTables`:

- sessions: `reading` and `writing`, whose cursors take `$1`, `$2`, … and send strings as `text`
- ids: `next_experiment_id` and `next_version`, and the numbers of runs and series, which the loading of events gives
- what is unique: `is_taken` where unique constraints guard names and numbers, and `lock_models` where sessions can run
  side by side
- points: `read_series` and `rewind_run`, for how a backend stores the points of a metric is its own affair
- where artifacts are: `locate` and `artifact_root`

The conformance tests (tests/store/conformance) have the smallest such class for PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ...errors import NbtrackError
    from ..protocol import Axis, Columns


class Cursor(Protocol):
    """The part of a DB-API cursor that the SQL layer uses. Placeholders are `$1`, `$2`, …"""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor: ...
    def executemany(self, sql: str, parameters: Sequence[Sequence[Any]], /) -> Any: ...
    def fetchone(self) -> tuple[Any, ...] | None: ...
    def fetchall(self) -> list[tuple[Any, ...]]: ...
    def fetchnumpy(self) -> dict[str, Any]:
        """The rows as one array a column: int64, float64, or object for strings; a masked array if any is NULL."""
        ...


@contextmanager
def transaction(cursor: Cursor) -> Iterator[None]:
    """Commit what the block does, or undo it where it raises."""
    cursor.execute("BEGIN")
    try:
        yield
        cursor.execute("COMMIT")
    except BaseException:
        # A COMMIT that failed has ended the transaction already; what counts is why.
        with suppress(Exception):
            cursor.execute("ROLLBACK")
        raise


class Tables(Protocol):
    """Base of the table modules; the backend supplies the sessions and says where artifacts are."""

    def locate(self, artifact_uri: str) -> str:
        """The full form of an artifact URI, which a table may hold relative to the store, so that it can move."""
        ...

    def reading(self) -> AbstractContextManager[Cursor]:
        """A session that sees everything logged before it began, this process's events and the others'.

        Raises StoreLocked where another program holds the database.
        """
        ...

    def writing(self) -> AbstractContextManager[Cursor]:
        """A session that is one transaction: committed where the block ends well, undone where it raises.

        Raises StoreLocked as `reading` does, and StoreNotWritable where the folder cannot be written.
        """
        ...

    def read_series(
        self,
        cursor: Cursor,
        series: Sequence[int],
        axis: Axis,
        max_points: int | None = None,
        x_min: float | None = None,
        x_max: float | None = None,
    ) -> Columns:
        """The points of these series from `x_min` to `x_max` on the axis: series, step, timestamp, value, in no order.

        With `max_points` there is also `total`, how many points the row's series has there. One that has more than that
        is cut into stretches of equal width, `max_points // 2` with the last point, which is one of its own so that a
        curve ends where its series does; of each are kept the lowest and the highest point, and one NaN where there is
        any.
        """
        ...

    def is_taken(self, error: Exception) -> bool:
        """Whether a statement failed because another session took the same name or number first.

        Always False for a backend whose writing sessions run one after another.
        """
        return False

    def lock_models(self, cursor: Cursor, names: Sequence[str]) -> None:
        """Make other sessions that change one of these models wait for the end of this transaction.

        There is nothing to do for a backend whose writing sessions run one after another.
        """
        return


@contextmanager
def refused_if_taken(tables: Tables, error: NbtrackError) -> Iterator[None]:
    """Raise `error` if a statement in the block fails because another session took the same name or number first."""
    try:
        yield
    except Exception as failure:
        if tables.is_taken(failure):
            raise error from failure
        raise
