"""An MLflow file store, the folder `mlruns/`: a folder per experiment, in it a folder per run, a file per metric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..entities import LifecycleStage, RunStatus
from ..errors import InvalidParameter
from ..tags import DATASET_CONTEXT, RUN_NAME
from .mlflow_artifacts import LoggedModel, ModelFiles, Places, mlflow_tags
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
_LINES = 20_000
_STATUSES: dict[Any, str] = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}


def is_mlflow_folder(path: Path) -> bool:
    """Return whether a folder looks like `mlruns/`: it has the meta.yaml of an experiment or a registered model."""
    return any(
        next(path.glob(pattern), None) is not None
        for pattern in (f"[0-9]*/{_META}", f"{_TRASH}/*/{_META}", f"{_REGISTRY}/*/{_META}")
    )


class MlflowFolder:
    """Reads an MLflow file store.

    Broken files are skipped and reported. MLflow itself would refuse the whole experiment.
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
        self._folders = [
            folder
            for parent in (self._root, self._root / _TRASH)
            for folder in _folders(parent)
            if folder.name != _REGISTRY and (folder / _META).is_file()
        ]
        self._run_folders = {
            run.name: run
            for experiment in self._folders
            for run in _folders(experiment)
            if run.name not in ("models", "datasets", "tags", "traces") and (run / _META).is_file()
        }
        self._models = ModelFiles(list(self._logged_models()), self._places, report)

    def close(self) -> None:
        """Do nothing, because no file is kept open."""

    def run_count(self) -> int:
        return len(self._run_folders)

    def experiments(self) -> Iterable[SourceExperiment]:
        for folder in self._folders:
            meta = self._meta(folder)
            if meta is not None and meta.get("name") is not None:
                yield SourceExperiment(
                    folder.name,
                    str(meta["name"]),
                    meta.get("lifecycle_stage") or LifecycleStage.ACTIVE,
                    meta.get("creation_time"),
                    meta.get("last_update_time"),
                    dict(self._contents(folder / "tags")),
                )

    def runs(self) -> Iterator[SourceRun]:
        found = []
        for folder in self._run_folders.values():
            meta = self._meta(folder)
            if meta is not None:
                found.append((meta.get("start_time") or 0, folder.name, folder, meta))
        for start, key, folder, meta in sorted(found, key=lambda run: run[:2]):
            tags = mlflow_tags(self._contents(folder / "tags"))
            run = SourceRun(
                key,
                run_id_for("mlflow", key),
                folder.parent.name,
                meta.get("run_name") or tags.get(RUN_NAME) or meta.get("name") or key,
                meta.get("user_id") or "",
                _status(meta.get("status")),
                start,
                meta.get("end_time"),
                meta.get("lifecycle_stage") or LifecycleStage.ACTIVE,
                meta.get("deleted_time"),
                [SourceParam(param, value) for param, value in self._contents(folder / "params")],
                tags=tags,
                inputs=list(self._inputs(folder)),
            )
            artifacts = folder / "artifacts"
            if not artifacts.is_dir() and meta.get("artifact_uri"):
                artifacts = self._places.folder(str(meta["artifact_uri"]), key) or artifacts
            if artifacts.is_dir():
                run.folders.append(SourceFolder(artifacts))
            self._models.add_to(run)
            yield run

    def points(self, run: SourceRun) -> Iterator[Points]:
        for key, file in _files(self._run_folders[run.key] / "metrics"):
            points = Points(key, [], [], [])
            with file.open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    # "timestamp value step"; later versions add the dataset's name and digest.
                    fields = line.split(" ")
                    try:
                        point = (int(fields[0]), float(fields[1]), int(fields[2]) if len(fields) > 2 else 0)
                    except (ValueError, IndexError):
                        self._report.add_missing("lines of metric files that are not points", f"{run.key}/{key}")
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
        for folder in _folders(self._root / _REGISTRY):
            meta = self._meta(folder)
            if meta is None or meta.get("name") is None:
                continue
            name = str(meta["name"])
            model = SourceModel(
                name,
                meta.get("description") or "",
                meta.get("creation_timestamp") or 0,
                meta.get("last_updated_timestamp") or meta.get("creation_timestamp") or 0,
                dict(self._contents(folder / "tags")),
                {alias: int(number) for alias, number in self._contents(folder / "aliases") if number.isdecimal()},
            )
            for part in _folders(folder):
                number = part.name.removeprefix("version-")
                fields = self._meta(part) if number.isdecimal() else None
                if fields is None:
                    continue
                model.next_version = max(model.next_version, int(number) + 1)
                # MLflow keeps deleted versions without content.
                if fields.get("current_stage") != "Deleted_Internal":
                    model.versions.append(self._version(name, int(number), part, fields))
            model.versions.sort(key=lambda version: version.version)
            yield model

    def _version(self, name: str, number: int, folder: Path, meta: dict[str, Any]) -> SourceVersion:
        run = meta.get("run_id") or ""
        created = meta.get("creation_timestamp") or 0
        status = meta.get("status") or "READY"
        return SourceVersion(
            number,
            created,
            meta.get("last_updated_timestamp") or created,
            str(meta.get("current_stage") or "None"),
            meta.get("description") or "",
            meta.get("user_id") or "",
            self._models.resolve(str(meta.get("source") or ""), run, self._run_id, f"{name} {number}"),
            (run and self._run_id(run)) or "",
            meta.get("run_link") or "",
            str(status),
            meta.get("status_message") or "",
            dict(self._contents(folder / "tags")),
        )

    def _run_id(self, run: str) -> str | None:
        return run_id_for("mlflow", run) if run in self._run_folders else None

    def _inputs(self, run: Path) -> Iterator[SourceInput]:
        for folder in _folders(run / "inputs"):
            link = self._meta(folder)
            if link is None or link.get("source_type") != "DATASET":
                continue
            dataset = self._meta(run.parent / "datasets" / str(link.get("source_id")))
            if dataset is None:
                continue
            tags = {key: str(value) for key, value in (link.get("tags") or {}).items()}
            yield SourceInput(
                str(dataset.get("name")),
                str(dataset.get("digest")),
                str(dataset.get("source_type") or ""),
                str(dataset.get("source") or ""),
                dataset.get("schema"),
                dataset.get("profile"),
                tags.pop(DATASET_CONTEXT, None),
                tags=tags,
            )

    def _logged_models(self) -> Iterator[LoggedModel]:
        for experiment in self._folders:
            for folder in _folders(experiment / "models"):
                meta = self._meta(folder)
                if meta is None or meta.get("lifecycle_stage") == LifecycleStage.DELETED:
                    continue
                beside = folder / "artifacts"
                location = str(beside) if beside.is_dir() else str(meta.get("artifact_location") or "")
                run = str(meta.get("source_run_id") or "")
                created = meta.get("creation_timestamp") or 0
                yield LoggedModel(folder.name, str(meta.get("name") or "model"), run, location, created)

    def _meta(self, folder: Path) -> dict[str, Any] | None:
        import yaml

        try:
            loaded = yaml.load((folder / _META).read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (OSError, ValueError, yaml.YAMLError):
            loaded = None
        if not isinstance(loaded, dict):
            self._report.add_missing(f"folders whose {_META} cannot be read", str(folder.relative_to(self._root)))
            return None
        return loaded

    def _contents(self, folder: Path) -> Iterator[tuple[str, str]]:
        """Yield the path and the content of each file in a folder: MLflow's params, tags and aliases."""
        for key, file in _files(folder):
            yield key, file.read_bytes().decode("utf-8", "replace")


def _status(written: Any) -> str:
    """Return a run's status from the number or the name that MLflow writes."""
    return _STATUSES.get(written, str(written) if written in RunStatus.ALL else RunStatus.FINISHED)


def _folders(parent: Path) -> list[Path]:
    return sorted(entry for entry in parent.iterdir() if entry.is_dir()) if parent.is_dir() else []


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file below a folder with its path in it. Keys that contain a slash are in nested folders."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield file.relative_to(folder).as_posix(), file
