"""Exports runs as Parquet or CSV: the documented SQL views, one folder or one file per table."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..entities import ViewType
from ..errors import InvalidParameter, NotFound, StoreError
from ..names import check_path
from ..progress import progress
from ..store.sql.runs import matching

if TYPE_CHECKING:
    from ..store.folder.store import FolderStore

Format = Literal["parquet", "csv"]

_MOST = 50_000
"""The most experiments in one page of a search."""
_OF_RUNS = ("runs", "params", "metrics", "latest_metrics", "tags", "artifacts", "datasets")
_OF_MODELS = ("registered_models", "model_versions")


def write_tables(
    store: FolderStore,
    folder: str | os.PathLike[str],
    format: Format,
    filter_string: str,
    experiment_names: Sequence[str] | str | None,
    run_view_type: ViewType,
) -> dict[str, int]:
    """Write runs and their data into a new folder, and return the rows of each table; see `nbtrack.export`."""
    if format not in ("parquet", "csv"):
        raise InvalidParameter(f"format must be 'parquet' or 'csv', not {format!r:.80}.")
    target = Path(check_path(folder, "folder")).expanduser().absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InvalidParameter(f"{target} already exists and is not empty. Choose a new or an empty folder.")
    partial = target.with_name(f".{target.name}-{uuid.uuid4().hex}")
    try:
        partial.mkdir(parents=True)
        rows = _Export(store, partial, format).write(filter_string, _names(experiment_names), run_view_type)
        if target.exists():
            target.rmdir()
        os.replace(partial, target)
    except OSError as error:
        raise StoreError(
            f"{target} cannot be written: {error.strerror or error}. No partial export was kept."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return rows


def _names(experiment_names: Sequence[str] | str | None) -> list[str] | None:
    if experiment_names is None:
        return None
    return [experiment_names] if isinstance(experiment_names, str) else list(experiment_names)


class _Export:
    def __init__(self, store: FolderStore, folder: Path, format: Format) -> None:
        self._store = store
        self._folder = folder
        self._format = format
        self._store.check_exists()

    def write(self, filter_string: str, names: list[str] | None, view: ViewType) -> dict[str, int]:
        rows: dict[str, int] = {}
        with (
            progress("Exporting", total=len(_OF_RUNS) + len(_OF_MODELS) + 1, unit="tables") as bar,
            self._store.reading() as cursor,
        ):
            experiments = None if names is None else [self._experiment_id(name) for name in names]
            found, joins, _, parameters = matching(self._store, experiments, filter_string, view, ())
            is_part = bool(filter_string) or names is not None
            cursor.execute("CREATE OR REPLACE TEMP TABLE exported (run_id VARCHAR)")
            cursor.execute(f"INSERT INTO exported SELECT r.run_id FROM runs AS r {joins} WHERE {found}", parameters)
            for name, query, is_of_runs in _queries(is_part):
                rows[name] = self._copy(cursor, name, query, is_of_runs)
                bar.advance()
            cursor.execute("DROP TABLE exported")
        return rows

    def _experiment_id(self, name: str) -> str:
        experiment = self._store.get_experiment(name=name)
        if experiment is None:
            every = self._store.search_experiments(ViewType.ALL, _MOST, "", (), None)
            there = ", ".join(sorted(one.name for one in every))
            raise NotFound(f"Experiment {name!r:.120} does not exist. The experiments are {there:.500}.")
        return experiment.experiment_id

    def _copy(self, cursor: Any, name: str, query: str, is_of_runs: bool) -> int:
        if self._format == "csv":
            goal, options = self._folder / f"{name}.csv", "FORMAT csv, HEADER"
        elif is_of_runs:
            goal, options = self._folder / name, "FORMAT parquet, COMPRESSION zstd, PARTITION_BY (experiment_id)"
        else:
            (self._folder / name).mkdir()
            goal, options = self._folder / name / "data_0.parquet", "FORMAT parquet, COMPRESSION zstd"
        path = str(goal).replace("'", "''")
        row = cursor.execute(f"COPY ({query}) TO '{path}' ({options})").fetchone()
        rows = int(row[0]) if row else 0
        if not rows and goal.is_dir():
            # Without rows there are no partitions. A file with only the columns makes the folder readable.
            cursor.execute(f"COPY ({query}) TO '{path}/data_0.parquet' (FORMAT parquet)")
        return rows


def _queries(is_part: bool) -> list[tuple[str, str, bool]]:
    """Return the name of each table, its query, and whether it has rows per run."""
    of_runs = "JOIN exported USING (run_id)"
    found = [("runs", f"SELECT * FROM nbtrack.runs {of_runs} ORDER BY start_time, run_id", True)]
    for name in _OF_RUNS[1:]:
        query = (
            f"SELECT experiment, t.*, experiment_id FROM nbtrack.{name} AS t "
            f"JOIN (SELECT run_id, experiment, experiment_id FROM nbtrack.runs) AS r USING (run_id) {of_runs}"
        )
        found.append((name, query, True))
    versions = "WHERE run_id IN (SELECT run_id FROM exported)" if is_part else ""
    models = f"WHERE name IN (SELECT name FROM nbtrack.model_versions {versions})" if is_part else ""
    experiments = (
        "WHERE experiment_id IN (SELECT r.experiment_id FROM nbtrack.runs AS r JOIN exported USING (run_id))"
        if is_part
        else ""
    )
    found.append(("experiments", f"SELECT * FROM nbtrack.experiments {experiments}", False))
    found.append(("registered_models", f"SELECT * FROM nbtrack.registered_models {models}", False))
    found.append(("model_versions", f"SELECT * FROM nbtrack.model_versions {versions}", False))
    return found
