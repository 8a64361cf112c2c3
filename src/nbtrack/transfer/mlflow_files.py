"""An MLflow file store, the folder `mlruns/`: a folder per experiment, in it a folder per run, a file per metric."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..entities import LifecycleStage, RunStatus
from ..errors import InvalidParameter
from ..tags import DATASET_CONTEXT, MLFLOW, RUN_NAME
from .cleaning import as_string, as_time, describe, skipping_errors
from .mlflow_artifacts import (
    MODEL_LINKS,
    MODEL_PARAMS,
    MODEL_POINTS,
    MODEL_TAGS,
    TRACES,
    LoggedModel,
    ModelFiles,
    Places,
    mlflow_tags,
)
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

KIND = "mlflow-files"
_META = "meta.yaml"
_TRASH = ".trash"
_REGISTRY = "models"
_VERSION = "version-"
_LINES = 20_000
_STATUSES = dict(zip("12345", RunStatus.ALL, strict=True))
"""MLflow writes the numbers of its protocol."""
_OTHER_FOLDERS = ("models", "datasets", "tags", "traces")
"""What an experiment's folder contains besides its runs."""
_PARTS = ("params", "metrics", "tags", "artifacts", "inputs")
_NOT_READ = "files that cannot be read"


def is_mlflow_folder(path: Path) -> bool:
    """Return whether a folder looks like `mlruns/`: it has the meta.yaml of an experiment, a run or a model."""
    run = "[0-9a-f]" * 32
    return any(
        next(path.glob(pattern), None) is not None
        for pattern in (f"[0-9]*/{_META}", f"{_TRASH}/*/{_META}", f"{_REGISTRY}/*/{_META}", f"[0-9]*/{run}/{_META}")
    )


class MlflowFolder:
    """Reads an MLflow file store.

    Broken files are skipped and reported. MLflow itself would refuse the whole experiment. An experiment whose own
    meta.yaml is missing or broken is named after its folder.
    """

    kind = KIND
    is_store = False

    def __init__(self, path: Path, report: Report, artifacts: Path | None = None) -> None:
        if not is_mlflow_folder(path):
            raise InvalidParameter(f"{path} is not an MLflow folder: it contains no experiment with a {_META}.")
        self.name = path.name
        self._root = path.absolute()
        self._report = report
        self._places = Places(self._root, artifacts, report)
        self._folders: list[Path] = []
        self._run_folders: dict[str, Path] = {}
        for parent in (self._root, self._root / _TRASH):
            for folder in self._subfolders(parent):
                if folder.name not in (_REGISTRY, _TRASH):
                    self._find_runs(folder)
        self._models = ModelFiles(list(self._logged_models()), self._places, report)

    def close(self) -> None:
        """Do nothing, because no file is kept open."""

    def run_count(self) -> int:
        return len(self._run_folders)

    def _find_runs(self, experiment: Path) -> None:
        """Add an experiment and its runs, if the folder is one."""
        runs = [folder for folder in self._subfolders(experiment) if folder.name not in _OTHER_FOLDERS]
        found = [folder for folder in runs if (folder / _META).is_file()]
        if not found and not (experiment / _META).is_file():
            return
        self._folders.append(experiment)
        for trace in self._subfolders(experiment / "traces"):
            self._report.add_missing(TRACES, self._shown(trace))
        for folder in runs:
            if folder in found and folder.name in self._run_folders:
                self._report.add_missing("runs that are in a second folder too", self._shown(folder))
            elif folder in found:
                self._run_folders[folder.name] = folder
            elif any((folder / part).is_dir() for part in _PARTS):
                self._report.add_missing(f"runs without {_META}", self._shown(folder))

    def experiments(self) -> Iterable[SourceExperiment]:
        for folder in self._folders:
            meta = self._meta(folder) or {}
            if meta and not meta.get("name"):
                self._report.add_missing(f"experiments without a name in their {_META}", self._shown(folder))
            is_deleted = folder.parent.name == _TRASH
            yield SourceExperiment(
                folder.name,
                meta.get("name") or "",
                meta.get("lifecycle_stage") or (LifecycleStage.DELETED if is_deleted else LifecycleStage.ACTIVE),
                meta.get("creation_time"),
                meta.get("last_update_time"),
                dict(self._contents(folder / "tags")),
            )

    def runs(self) -> Iterator[SourceRun]:
        found = []
        for folder in self._run_folders.values():
            meta = self._meta(folder)
            if meta is not None:
                found.append((as_time(meta.get("start_time")) or 0, folder.name, folder, meta))
        for _, _, folder, meta in sorted(found, key=lambda run: run[:2]):
            with skipping_errors(self._report, "runs that cannot be read", self._shown(folder)):
                yield self._run(folder, meta)

    def _run(self, folder: Path, meta: dict[str, Any]) -> SourceRun:
        key = folder.name
        tags = mlflow_tags(self._contents(folder / "tags"))
        status = meta.get("status") or RunStatus.FINISHED
        run = SourceRun(
            key,
            run_id_for("mlflow", key),
            folder.parent.name,
            meta.get("run_name") or tags.get(RUN_NAME) or meta.get("name") or key,
            meta.get("user_id") or "",
            _STATUSES.get(status, status),
            meta.get("start_time"),  # type: ignore[arg-type]  # The importer cleans it.
            meta.get("end_time"),
            meta.get("lifecycle_stage") or LifecycleStage.ACTIVE,
            meta.get("deleted_time"),
            [SourceParam(param, value) for param, value in self._contents(folder / "params")],
            tags=tags,
            inputs=list(self._inputs(folder)),
        )
        for output in self._subfolders(folder / "outputs"):
            if (link := self._meta(output)) is not None:
                self._report_link(folder, link)
        artifacts = folder / "artifacts"
        if not artifacts.is_dir() and meta.get("artifact_uri"):
            artifacts = self._places.folder(str(meta["artifact_uri"]), key) or artifacts
        if artifacts.is_dir():
            run.folders.append(SourceFolder(artifacts))
        self._models.add_to(run)
        return run

    def points(self, run: SourceRun) -> Iterator[Points]:
        for key, file in self._files(self._run_folders[run.key] / "metrics"):
            with skipping_errors(self._report, _NOT_READ, self._shown(file)):
                yield from self._points(key, file)

    def _points(self, key: str, file: Path) -> Iterator[Points]:
        points = Points(key, [], [], [])
        if not file.stat().st_size:
            self._report.add_missing("metric files without points", self._shown(file))
        with file.open(encoding="utf-8", errors="replace", newline="\n") as lines:
            for line in lines:
                if not line.endswith("\n"):
                    # MLflow ends every line. This one can be a part of a number.
                    self._report.add_missing("incomplete last lines of metric files", self._shown(file))
                    break
                # "timestamp value step"; later versions add the dataset's name and digest.
                fields = line.split()
                try:
                    point = (int(fields[0]), float(fields[1]), int(fields[2]) if len(fields) > 2 else 0)
                except (ValueError, IndexError):
                    self._report.add_missing("lines of metric files that are not points", self._shown(file))
                    continue
                points.timestamps.append(point[0])
                points.values.append(point[1])
                points.steps.append(point[2])
                if len(points.steps) >= _LINES:
                    yield points
                    points = Points(key, [], [], [])
        if points.steps:
            yield points

    def models(self) -> Iterable[SourceModel]:
        for folder in self._subfolders(self._root / _REGISTRY):
            with skipping_errors(self._report, "registered models that cannot be read", self._shown(folder)):
                model = self._model(folder)
                if model is not None:
                    yield model

    def _model(self, folder: Path) -> SourceModel | None:
        """Return a registered model. If its own meta.yaml cannot be read, its folder's name is its name."""
        parts = [part for part in self._subfolders(folder) if part.name.startswith(_VERSION)]
        if not parts and not (folder / _META).is_file():
            return None
        meta = self._meta(folder) or {}
        name = as_string(meta.get("name")) or folder.name
        model = SourceModel(
            name,
            meta.get("description") or "",
            as_time(meta.get("creation_timestamp")) or 0,
            as_time(meta.get("last_updated_timestamp")) or as_time(meta.get("creation_timestamp")) or 0,
            dict(self._contents(folder / "tags")),
            {alias: _number(number) for alias, number in self._contents(folder / "aliases")},  # type: ignore[misc]
        )
        for part in parts:
            number = _number(part.name.removeprefix(_VERSION))
            if number is None:
                self._report.add_missing("model versions whose number is not valid", self._shown(part))
                continue
            model.next_version = max(model.next_version, number + 1)
            fields = self._meta(part)
            # MLflow keeps deleted versions without content.
            if fields is not None and fields.get("current_stage") != "Deleted_Internal":
                model.versions.append(self._version(name, number, part, fields))
        model.versions.sort(key=lambda version: version.version)
        return model

    def _version(self, name: str, number: int, folder: Path, meta: dict[str, Any]) -> SourceVersion:
        run = as_string(meta.get("run_id"))
        created = as_time(meta.get("creation_timestamp")) or 0
        tags = dict(self._contents(folder / "tags"))
        return SourceVersion(
            number,
            created,
            as_time(meta.get("last_updated_timestamp")) or created,
            str(meta.get("current_stage") or "None"),
            meta.get("description") or "",
            meta.get("user_id") or "",
            self._models.resolve_version(str(meta.get("source") or ""), run, self._run_id, f"{name} {number}", tags),
            (run and self._run_id(run)) or "",
            meta.get("run_link") or "",
            meta.get("status") or "READY",
            meta.get("status_message") or "",
            tags,
        )

    def _run_id(self, run: str) -> str | None:
        return run_id_for("mlflow", run) if run in self._run_folders else None

    def _inputs(self, run: Path) -> Iterator[SourceInput]:
        for folder in self._subfolders(run / "inputs"):
            link = self._meta(folder)
            if link is None:
                continue
            if link.get("source_type") != "DATASET":
                self._report_link(run, link)
                continue
            dataset = self._meta(run.parent / "datasets" / str(link.get("source_id")))
            if dataset is None:
                continue
            given = link.get("tags") or {}
            if not isinstance(given, dict):
                self._report.add_missing("tags of datasets that are not a mapping", self._shown(folder))
                given = {}
            tags = {as_string(key): as_string(value) for key, value in given.items()}
            yield SourceInput(
                as_string(dataset.get("name")),
                as_string(dataset.get("digest")),
                as_string(dataset.get("source_type")),
                as_string(dataset.get("source")),
                dataset.get("schema"),
                dataset.get("profile"),
                tags.pop(DATASET_CONTEXT, None),
                tags=tags,
            )

    def _report_link(self, run: Path, link: dict[str, Any]) -> None:
        """Report a model that a run has as an input or output, unless the run has logged it."""
        model_id = as_string(link.get("destination_id"))
        if self._models.run_of(model_id) != run.name:
            self._report.add_missing(MODEL_LINKS, f"{self._shown(run)}: {model_id}")

    def _report_data_of_model(self, folder: Path, run: str) -> None:
        """Report the params, points and tags of a logged model that its run does not have."""
        of_run = self._run_folders.get(run)
        params = {} if of_run is None else dict(self._contents(of_run / "params"))
        for key, value in self._contents(folder / "params"):
            if params.get(key) != value:
                self._report.add_missing(MODEL_PARAMS, folder.name)
        for key, content in self._contents(folder / "metrics"):
            for line in content.splitlines():
                *point, run = line.split(" ")[:4] if line.count(" ") >= 3 else [line, ""]
                place = self._run_folders.get(run)
                file = None if place is None else place / "metrics" / key
                if file is None or not file.is_file() or " ".join(point) not in file.read_text("utf-8", "replace"):
                    self._report.add_missing(MODEL_POINTS, folder.name)
        for key, _ in self._contents(folder / "tags"):
            if not key.startswith(MLFLOW):
                self._report.add_missing(MODEL_TAGS, folder.name)

    def _logged_models(self) -> Iterator[LoggedModel]:
        for experiment in self._folders:
            for folder in self._subfolders(experiment / "models"):
                meta = self._meta(folder)
                if meta is None or meta.get("lifecycle_stage") == LifecycleStage.DELETED:
                    continue
                beside = folder / "artifacts"
                location = str(beside) if beside.is_dir() else as_string(meta.get("artifact_location"))
                run = as_string(meta.get("source_run_id"))
                self._report_data_of_model(folder, run)
                created = as_time(meta.get("creation_timestamp")) or 0
                yield LoggedModel(folder.name, as_string(meta.get("name")) or "model", run, location, created)

    def _meta(self, folder: Path) -> dict[str, Any] | None:
        """Return the content of a folder's meta.yaml, with scalars as strings or None. Report it if it is broken."""
        import yaml

        file = folder / _META
        try:
            loaded = yaml.load(file.read_text("utf-8"), _yaml_loader())
            problem = "" if isinstance(loaded, dict) else "it is empty" if loaded is None else "it is not a mapping"
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            loaded, problem = None, describe(error)
        if problem:
            self._report.add_missing(f"folders whose {_META} cannot be read", f"{self._shown(file)}: {problem}")
            return None
        return {as_string(key): value for key, value in loaded.items()}

    def _contents(self, folder: Path) -> Iterator[tuple[str, str]]:
        """Yield the path and the content of each file in a folder: MLflow's params, tags and aliases."""
        for key, file in self._files(folder):
            with skipping_errors(self._report, _NOT_READ, self._shown(file)):
                content = file.read_bytes()
                text = content.decode("utf-8", "replace")
                if text.encode() != content:
                    self._report.add_note(
                        "values that are not UTF-8 (their other bytes are replaced)", self._shown(file)
                    )
                yield key, text

    def _files(self, folder: Path) -> Iterator[tuple[str, Path]]:
        """Yield each file below a folder with its path in it. Keys that contain a slash are in nested folders."""
        if not folder.is_dir():
            if folder.is_symlink() or folder.exists():
                self._report.add_missing("entries that are not folders", self._shown(folder))
            return
        found = []
        for above, _, names in os.walk(folder, onerror=self._report_unread):
            found += [Path(above, name) for name in names]
        for file in sorted(found):
            if file.is_file():
                yield file.relative_to(folder).as_posix(), file
            else:
                self._report.add_missing(
                    _NOT_READ, f"{self._shown(file)}: it is a link without a target, or not a file"
                )

    def _subfolders(self, parent: Path) -> list[Path]:
        try:
            return sorted(entry for entry in parent.iterdir() if entry.is_dir()) if parent.is_dir() else []
        except OSError as error:
            self._report_unread(error)
            return []

    def _report_unread(self, error: OSError) -> None:
        self._report.add_missing("folders that cannot be read", f"{error.filename}: {error.strerror}")

    def _shown(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


@functools.cache
def _yaml_loader() -> Any:
    """Return a YAML loader that leaves scalars as they are written, except null.

    Otherwise a run named 20260131 or 1.10 would be a number, and a user named `no` would be False.
    """
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    null = "tag:yaml.org,2002:null"
    resolvers = {
        first: [one for one in known if one[0] == null] for first, known in base.yaml_implicit_resolvers.items()
    }
    return type("ScalarsAsStrings", (base,), {"yaml_implicit_resolvers": resolvers})


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
