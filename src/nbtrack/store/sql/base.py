"""What the table modules stand on: a session on the database, for reading or as one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Protocol


class Cursor(Protocol):
    """The part of a DB-API cursor that the SQL layer uses. Placeholders are `$1`, `$2`, …"""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor: ...
    def executemany(self, sql: str, parameters: Sequence[Sequence[Any]], /) -> Any: ...
    def fetchone(self) -> tuple[Any, ...] | None: ...
    def fetchall(self) -> list[tuple[Any, ...]]: ...
    def fetchnumpy(self) -> dict[str, Any]: ...


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
