"""Another nbtrack store as a source. It is read in short sessions, so that both stores are never locked at once."""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ..artifact_store.local import path_of_uri
from ..artifact_store.opening import open_repository
from ..entities import ModelEvent, ModelGate
from ..errors import InvalidParameter, NotSupported
from ..names import new_id
from ..store.folder.outdated import updated_copy
from ..store.folder.store import FolderStore
from .records import (
    Logged,
    Points,
    SourceExperiment,
    SourceFolder,
    SourceInput,
    SourceModel,
    SourceParam,
    SourceRun,
    SourceVersion,
)
from .report import Report

KIND = "nbtrack"
DATABASE = "runs.duckdb"
OpenFolder = Callable[[Path], FolderStore]
_RUNS = 500
_POINTS = 100_000


def store_folder(path: Path) -> Path | None:
    """Return the store that a path names by its folder, its project's folder or its database file, or None."""
    for folder in (path, path / ".nbtrack", path.parent if path.name == DATABASE else path):
        if (folder / DATABASE).is_file():
            return folder
    return None


class NbtrackStore:
    """Reads another store. If its schema is older, a copy is read, so that its older nbtrack can still use it."""

    kind = KIND
    is_store = True

    def __init__(self, path: Path, report: Report, open_folder: OpenFolder) -> None:
        folder = store_folder(path)
        if folder is None:
            raise InvalidParameter(f"{path} is not an nbtrack store: it does not contain a file {DATABASE}.")
        self.folder = folder.absolute()
        self.name = str(folder)
        self._report = report
        original = open_folder(self.folder)
        self._copy = updated_copy(original, Path(tempfile.gettempdir(), f"nbtrack-import-{new_id()}"))
        self._store = self._copy or original

    def close(self) -> None:
        """Delete the copy, if there is one. The store itself stays open, like every store of this process."""
        if self._copy is not None:
            self._copy.close()
            shutil.rmtree(self._copy.folder, ignore_errors=True)

    def run_count(self) -> int:
        return int(self._rows("SELECT COUNT(*) FROM runs")[0][0])

    def experiments(self) -> Iterable[SourceExperiment]:
        with self._store.reading():
            return self._read_experiments()

    def _read_experiments(self) -> list[SourceExperiment]:
        tags: dict[int, dict[str, str]] = {}
        for experiment_id, key, value in self._rows("SELECT experiment_id, key, value FROM experiment_tags"):
            tags.setdefault(experiment_id, {})[key] = value
        return [
            SourceExperiment(str(number), name, stage, created, updated, tags.get(number, {}))
            for number, name, stage, created, updated in self._rows(
                "SELECT experiment_id, name, lifecycle_stage, creation_time, last_update_time FROM experiments "
                "ORDER BY experiment_id"
            )
        ]

    def runs(self) -> Iterator[SourceRun]:
        last = 0
        while numbers := [
            number
            for (number,) in self._rows(f"SELECT run FROM runs WHERE run > $1 ORDER BY run LIMIT {_RUNS}", [last])
        ]:
            last = numbers[-1]
            with self._store.reading():
                batch = self._batch(numbers[0], last)
            yield from batch

    def _batch(self, low: int, high: int) -> list[SourceRun]:
        between = "WHERE run BETWEEN $1 AND $2"
        runs: dict[int, SourceRun] = {}
        rows = self._rows(
            "SELECT run, run_id, CAST(experiment_id AS VARCHAR), name, user_id, status, start_time, end_time, "
            f"lifecycle_stage, deleted_time, artifact_uri FROM runs {between} ORDER BY run",
            [low, high],
        )
        for number, run_id, *fields, artifact_uri in rows:
            runs[number] = SourceRun(run_id, run_id, *fields)
            try:
                folder = path_of_uri(self._store.locate(artifact_uri))
            except NotSupported:
                self._report.add_missing("artifacts at a URI that cannot be read", run_id)
                continue
            if folder.is_dir():
                runs[number].folders.append(SourceFolder(folder))
        for number, path, size, timestamp in self._rows(
            f"SELECT run, path, size, timestamp FROM artifacts {between}", [low, high]
        ):
            for artifacts in runs[number].folders:
                artifacts.times[path] = Logged(size, timestamp)
        for table, to in (("params", "params"), ("param_history", "param_history")):
            for number, *param in self._rows(
                f"SELECT run, key, value, timestamp FROM {table} {between} ORDER BY run, timestamp, key", [low, high]
            ):
                getattr(runs[number], to).append(SourceParam(*param))
        for number, key, value in self._rows(f"SELECT run, key, value FROM tags {between}", [low, high]):
            runs[number].tags[key] = value
        for number, tags, *dataset in self._rows(
            "SELECT run, tags, name, digest, source_type, source, schema, profile, context, timestamp "
            f"FROM inputs {between} ORDER BY run, timestamp, name",
            [low, high],
        ):
            one = SourceInput(*dataset)
            one.tags = json.loads(tags) if tags else {}
            runs[number].inputs.append(one)
        return list(runs.values())

    def points(self, run: SourceRun) -> Iterator[Points]:
        series = self._rows(
            "SELECT l.series, l.key, l.points FROM latest_metrics AS l JOIN runs AS r ON r.run = l.run "
            "WHERE r.run_id = $1 ORDER BY l.key",
            [run.run_id],
        )
        part: list[tuple[int, str]] = []
        size = 0
        for number, key, count in series:
            if part and size + count > _POINTS:
                yield from self._series(part)
                part, size = [], 0
            part.append((number, key))
            size += count
        yield from self._series(part)

    def _series(self, wanted: list[tuple[int, str]]) -> Iterator[Points]:
        """Yield the points of several series, read at once."""
        if not wanted:
            return
        with self._store.reading() as cursor:
            cursor.execute(
                "SELECT series, step, timestamp, value FROM metrics "
                "WHERE series BETWEEN $2 AND $3 AND series = ANY($1) ORDER BY series, step, timestamp",
                [[number for number, _ in wanted], min(wanted)[0], max(wanted)[0]],
            )
            columns = cursor.fetchnumpy()
        import numpy as np

        keys = dict(wanted)
        series = columns["series"]
        bounds = [*np.flatnonzero(np.diff(series, prepend=-1)).tolist(), len(series)]
        for start, end in itertools.pairwise(bounds):
            steps, times, values = (columns[name][start:end].tolist() for name in ("step", "timestamp", "value"))
            yield Points(keys[int(series[start])], steps, times, values)

    def models(self) -> Iterable[SourceModel]:
        with self._store.reading():
            return self._read_models()

    def _read_models(self) -> list[SourceModel]:
        found: dict[str, SourceModel] = {}
        for name, description, created, updated, next_version in self._rows(
            "SELECT name, description, creation_time, last_update_time, next_version FROM registered_models"
        ):
            found[name] = SourceModel(name, description, created, updated, next_version=next_version)
        for name, key, value in self._rows("SELECT name, key, value FROM registered_model_tags"):
            found[name].tags[key] = value
        for name, alias, number in self._rows("SELECT name, alias, version FROM registered_model_aliases"):
            found[name].aliases[alias] = number
        tags: dict[tuple[str, int], dict[str, str]] = {}
        for name, number, key, value in self._rows("SELECT name, version, key, value FROM model_version_tags"):
            tags.setdefault((name, number), {})[key] = value
        for name, number, *fields in self._rows(
            "SELECT name, version, creation_time, last_update_time, current_stage, description, user_id, source, "
            "run_id, run_link, status, status_message FROM model_versions ORDER BY name, version"
        ):
            version = SourceVersion(number, *fields)
            version.tags = tags.get((name, number), {})
            version.source = self._resolved(version)
            found[name].versions.append(version)
        for row in self._rows(
            "SELECT name, version, timestamp, user_id, kind, old, new, reason FROM model_events ORDER BY timestamp"
        ):
            if row[0] in found:
                found[row[0]].events.append(ModelEvent(*row))
        for row in self._rows("SELECT name, stage, gate, filter, user_id, creation_time FROM model_gates"):
            found[row[0]].gates.append(ModelGate(*row))
        return list(found.values())

    def settings(self) -> list[tuple[str, str, str, int]]:
        """Return the kind, name, value and last change of each setting."""
        return self._rows("SELECT kind, name, value, last_update_time FROM settings ORDER BY kind, name")

    def _resolved(self, version: SourceVersion) -> str:
        """Return a version's source. If it is among the artifacts of the version's run, return it as a `runs:` URI."""
        if not version.run_id or version.source.startswith(("runs:/", "models:/")):
            return version.source
        row = self._rows("SELECT artifact_uri FROM runs WHERE run_id = $1", [version.run_id])
        try:
            inside = open_repository(self._store.locate(row[0][0])).path_of(version.source)
        except (IndexError, NotSupported):
            return version.source
        return version.source if inside is None else "/".join(filter(None, (f"runs:/{version.run_id}", inside)))

    def _rows(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query, run in the current session or in one of its own."""
        with self._store.reading() as cursor:
            return cursor.execute(sql, parameters or []).fetchall()
