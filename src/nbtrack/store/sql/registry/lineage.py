"""Lineage: which model versions came from a run or from a dataset, and where their files are in the run.

If files are moved within their run, the sources of the versions are updated, so that a version never refers to another
model's files.
"""

from __future__ import annotations

from contextlib import suppress

from ....artifact_store.opening import open_repository
from ....entities import ModelVersion
from ....errors import NbtrackError
from ..base import Cursor
from ..runs import check_runs, with_nested
from . import rows as rows
from .changes import ChangeTables
from .events import record_event

_LISTED = "(SELECT UNNEST(CAST($1 AS VARCHAR[])))"


class ModelLineageTables(ChangeTables):
    """Lookups from runs and datasets to model versions. The rows of the versions have the opposite direction."""

    def versions_from(
        self, *, run_id: str | None = None, path: str | None = None, dataset: str | None = None
    ) -> list[ModelVersion]:
        """Return the versions that came from a run, from files of a run, or from a dataset."""
        if run_id is not None and path is not None:
            return self._versions_at(run_id, path)
        with self.reading() as cur:
            if run_id is not None:
                check_runs(cur, [run_id])
                return _of_runs(cur, with_nested(cur, [run_id]))
            found = cur.execute(
                "SELECT DISTINCT r.run_id FROM inputs AS i JOIN runs AS r ON r.run = i.run WHERE i.digest = $1",
                [dataset],
            ).fetchall()
            return _of_runs(cur, [one for (one,) in found])

    def move_sources(self, run_id: str, path: str, new_path: str, *, user_id: str) -> list[ModelVersion]:
        """Update the sources of the versions at `path` of a run's artifacts to `new_path`, with an event for each."""
        moved = []
        with self.writing() as cur, self.changing(*(version.name for version, _ in self._at(cur, run_id, path))):
            # Read them again, because another process may have changed them before they were locked.
            for version, inside in self._at(cur, run_id, path):
                new = "/".join(part for part in (f"runs:/{run_id}/{new_path}", inside[len(path) + 1 :]) if part)
                cur.execute(
                    "UPDATE model_versions SET source = $3 WHERE name = $1 AND version = $2",
                    [version.name, version.version, new],
                )
                record_event(
                    cur, version.name, "source_moved", user_id, version=version.version, old=version.source, new=new
                )
                moved.append(rows.version(cur, version.name, version.version))
        return moved

    def _versions_at(self, run_id: str, path: str) -> list[ModelVersion]:
        with self.reading() as cur:
            return [version for version, _ in self._at(cur, run_id, path)]

    def _at(self, cur: Cursor, run_id: str, path: str) -> list[tuple[ModelVersion, str]]:
        """Return the versions whose files are at or below `path` of a run's artifacts, with the paths of the files."""
        found = cur.execute(
            f"SELECT {rows.VERSION_COLUMNS} FROM model_versions r WHERE r.run_id = $1 OR strpos(r.source, $1) > 0 "
            'ORDER BY r.name COLLATE "C", r.version',
            [run_id],
        ).fetchall()
        run = cur.execute("SELECT artifact_uri FROM runs WHERE run_id = $1", [run_id]).fetchone()
        root = self.locate(run[0]) if run else ""
        inside = [self._inside(row[rows.SOURCE], run_id, root) for row in found]
        there = [(row, at) for row, at in zip(found, inside, strict=True) if at is not None]
        there = [(row, at) for row, at in there if f"{at}/".startswith(f"{path}/")]
        versions = rows.versions(cur, [row for row, _ in there])
        return list(zip(versions, [at for _, at in there], strict=True))

    def _inside(self, source: str, run_id: str, root: str) -> str | None:
        """Return the path of a version's source among the run's artifacts; None if it is not among them."""
        prefix = f"runs:/{run_id}/"
        if source.startswith(prefix):
            return source.removeprefix(prefix).strip("/")
        if not root:
            return None
        with suppress(NbtrackError):
            return open_repository(root).path_of(self.locate(source))
        return None


def _of_runs(cur: Cursor, run_ids: list[str]) -> list[ModelVersion]:
    # A version that was created without a run ID may still have it in its source.
    found = cur.execute(
        f"SELECT {rows.VERSION_COLUMNS} FROM model_versions r WHERE r.run_id IN {_LISTED} "
        f"OR (starts_with(r.source, 'runs:/') AND split_part(substr(r.source, 7), '/', 1) IN {_LISTED}) "
        'ORDER BY r.name COLLATE "C", r.version',
        [run_ids],
    ).fetchall()
    return rows.versions(cur, found)
