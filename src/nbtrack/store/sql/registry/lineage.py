"""Which model versions came from a run or from a dataset."""

from __future__ import annotations

from ....entities import ModelVersion
from ..base import Cursor, Tables
from ..runs import with_nested
from . import rows as rows

_LISTED = "(SELECT UNNEST(CAST($1 AS VARCHAR[])))"


class ModelLineageTables(Tables):
    """From what was there first to the registry; the other way is in the rows themselves."""

    def versions_from_run(self, run_id: str) -> list[ModelVersion]:
        """The versions that this run, or one nested in it, logged; and their copies. By name and number."""
        with self.reading() as cur:
            return _of_runs(cur, with_nested(cur, [run_id]))

    def versions_from_dataset(self, digest: str) -> list[ModelVersion]:
        """The versions whose run was given a dataset with this digest. By name and number."""
        with self.reading() as cur:
            runs = cur.execute(
                "SELECT DISTINCT r.run_id FROM inputs AS i JOIN runs AS r ON r.run = i.run WHERE i.digest = $1",
                [digest],
            ).fetchall()
            return _of_runs(cur, [run_id for (run_id,) in runs])


def _of_runs(cur: Cursor, run_ids: list[str]) -> list[ModelVersion]:
    # A version that was made without its run's id still says it in its source.
    found = cur.execute(
        f"SELECT {rows.VERSION_COLUMNS} FROM model_versions r WHERE r.run_id IN {_LISTED} "
        f"OR (starts_with(r.source, 'runs:/') AND split_part(substr(r.source, 7), '/', 1) IN {_LISTED}) "
        'ORDER BY r.name COLLATE "C", r.version',
        [run_ids],
    ).fetchall()
    return rows.versions(cur, found)
