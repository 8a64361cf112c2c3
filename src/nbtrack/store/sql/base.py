"""The base of the table modules: sessions on the database, and the operations that each backend implements.

The SQL of this package runs unchanged on DuckDB and PostgreSQL. A backend is a class that adds to `SqlTables`:

- sessions: `reading` and `writing`, whose cursors accept `$1`, `$2`, … and send strings as `text`
- IDs: `next_experiment_id` and `next_version`, and the numbers of runs and series, which loading events assigns
- uniqueness: `is_taken` if unique constraints guard names and numbers, and `lock_models` if sessions can run at the
  same time
- points: `read_series`, `read_grid` and `rewind_run`, because each backend stores the points of metrics in its own way
- places of artifacts: `locate`, `located` and `artifact_root`

The conformance tests (tests/store/conformance) have the smallest such class for PostgreSQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ...errors import NbtrackError
    from ...query import Vocabulary
    from ..protocol import Axis, Columns
    from .grid import WantedSeries


class Cursor(Protocol):
    """The part of a DB-API cursor that the SQL layer uses. Placeholders are `$1`, `$2`, …"""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor: ...
    def executemany(self, sql: str, parameters: Sequence[Sequence[Any]], /) -> Any: ...
    def fetchone(self) -> tuple[Any, ...] | None: ...
    def fetchall(self) -> list[tuple[Any, ...]]: ...
    def fetchnumpy(self) -> dict[str, Any]:
        """Return one array for each column: int64, float64, or object for strings. It is masked if any is NULL."""
        ...


URI_COLUMNS = ("r.artifact_uri", "r.artifact_location")
"""The columns in queries that hold an artifact URI, perhaps relative to the store."""


def located_names(tables: Tables, vocabulary: Vocabulary) -> Vocabulary:
    """Return a vocabulary whose artifact URIs are those that users see."""
    return vocabulary.with_sql({column: tables.located(column) for column in URI_COLUMNS})


@contextmanager
def transaction(cursor: Cursor) -> Iterator[None]:
    """Commit the changes of the block, or roll them back if it raises."""
    cursor.execute("BEGIN")
    try:
        yield
        cursor.execute("COMMIT")
    except BaseException:
        # A failed COMMIT has already ended the transaction, and its error matters more than that of the ROLLBACK.
        with suppress(Exception):
            cursor.execute("ROLLBACK")
        raise


def in_experiments(column: str, experiment_ids: Sequence[str] | None) -> str:
    """Return the condition that a column holds one of these experiment IDs. None stands for all experiments."""
    if experiment_ids is None:
        return "TRUE"
    numbers = [experiment_id for experiment_id in experiment_ids if re.fullmatch("[0-9]{1,18}", experiment_id)]
    return f"{column} IN ({', '.join(numbers)})" if numbers else "FALSE"


class Tables(Protocol):
    """Base class of the table modules. The backend implements the sessions and knows where artifacts are."""

    def locate(self, artifact_uri: str) -> str:
        """Return the absolute form of an artifact URI, which tables may hold relative to a store that can be moved."""
        ...

    def located(self, column: str) -> str:
        """Return the SQL of what `locate` returns for the artifact URI in a column."""
        ...

    def reading(self) -> AbstractContextManager[Cursor]:
        """Open a session that sees everything logged before it began, by this process and by others.

        Raises StoreLocked if another program holds the database.
        """
        ...

    def writing(self) -> AbstractContextManager[Cursor]:
        """Open a session that is one transaction, which is committed when the block ends and rolled back if it raises.

        Raises StoreLocked like `reading`, and StoreNotWritable if the store cannot be written.
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
        """Return the points of series from `x_min` to `x_max` on the axis, in any order.

        The columns are series, step, timestamp and value. With `max_points` there is also `total`, the number of points
        of the row's series in this range. A series with more points than that is divided into `max_points // 2`
        intervals of equal width, the last of which is the last point, so that a curve ends where its series ends. The
        lowest and the highest point of each interval are returned, and one NaN if there is any.
        """
        ...

    def read_grid(
        self,
        cursor: Cursor,
        series: Sequence[WantedSeries],
        axis: Axis,
        max_points: int,
        x_min: float | None = None,
        x_max: float | None = None,
    ) -> tuple[Columns, Columns, Columns, Columns]:
        """Return the extents of series, the buckets of long series, the points of short ones, and odd values.

        Rows are in any order.

        Positions are steps or milliseconds. Long series are those for which `grid.width_of` gives a width, and
        `grid.window_of` says which positions are read.

        - The columns of extents are series, total, first, last, nan, pos_inf and neg_inf. Those of short series may be
          missing.
        - The columns of buckets are series, place (where the bucket begins), count, mean, low and high. The last four
          are about finite values; the last three are masked, NULL or NaN if there is none.
        - The columns of points are series, place, across (the time of a step, or the step of a time) and mean.
        - The columns of odd values are series, place and kind. They have the first NaN (kind 0), infinity (1) and minus
          infinity (-1) of each bucket.
        """
        ...

    def is_taken(self, error: Exception) -> bool:
        """Return whether a statement failed because another session took the same name or number first.

        Always False for a backend whose writing sessions run one after another.
        """
        return False

    def lock_models(self, cursor: Cursor, names: Sequence[str]) -> None:
        """Make other sessions that change one of these models wait until this transaction ends.

        A backend whose writing sessions run one after another has nothing to do.
        """
        return


@contextmanager
def raising_if_taken(tables: Tables, error: NbtrackError) -> Iterator[None]:
    """Raise `error` if a statement in the block fails because another session took the same name or number first."""
    try:
        yield
    except Exception as failure:
        if tables.is_taken(failure):
            raise error from failure
        raise
