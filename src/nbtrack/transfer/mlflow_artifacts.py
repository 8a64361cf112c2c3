"""Where an MLflow store's files are by now, and where its models' files go.

MLflow writes absolute places down, and stores are moved. So a run's folder is looked for at its address, then beside
the store, then in the folder that the user names. It counts only where the run's id is a part of its path: nobody's
home folder comes along because a foreign store says that it is a run's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from ..tags import HISTORY_TAG, PARENT
from .records import SourceFolder, SourceRun, run_id_for
from .report import Report

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_PROXIED = "mlflow-artifacts"
_BESIDE = ("", "mlruns", "mlartifacts")
_MODELS = "models:/"
_RUNS = "runs:/"


def mlflow_tags(tags: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    """A run's tags, with the id that its parent has here."""
    return {key: run_id_for("mlflow", value or "") if key == PARENT else value or "" for key, value in tags}


@dataclass(slots=True)
class LoggedModel:
    """MLflow 3 keeps a model's files beside the runs, at an address of their own."""

    model_id: str
    name: str
    run: str
    artifact_location: str
    creation_time: int


class Places:
    """`base` is the folder that the store lies in, `given` the one that the user named."""

    def __init__(self, base: Path, given: Path | None, report: Report) -> None:
        self._base = base
        self._given = given
        self._report = report

    def folder(self, uri: str, owner: str, what: str = "runs") -> Path | None:
        """The artifact folder at `uri` of the run or model `owner`; None where there is none, or none within reach."""
        path, scheme = self._path(uri)
        parts = path.parts
        if owner not in parts:
            self._report.miss(f"artifacts of {what} whose address is not a folder of their own", owner)
            return None
        at = parts.index(owner)
        # <experiment>/<run>/artifacts, <experiment>/models/<model>/artifacts, and less of it.
        tails = [Path(*parts[start:]) for start in range(max(at - 2, 1), at + 1)]
        candidates = [] if scheme else [path]
        if self._given is not None:
            candidates = [self._given / tail for tail in tails] + candidates
        if not scheme or scheme == _PROXIED:
            candidates += [self._base / beside / tail for beside in _BESIDE for tail in tails]
        for candidate in candidates:
            if candidate.is_dir():
                return candidate
        if scheme and scheme != _PROXIED:
            self._report.miss(
                f"artifacts of {what} at {scheme}: addresses, which are not read (name a local copy with "
                "--artifacts FOLDER)",
                owner,
            )
        elif scheme or not Path(*parts[:at]).is_dir():
            self._report.note(
                f"{what} without an artifact folder within reach: nothing was logged, or the files are elsewhere "
                "(then name their folder with --artifacts FOLDER)",
                owner,
            )
        return None

    def _path(self, uri: str) -> tuple[Path, str]:
        """The path in an address, and the scheme where it names no local file."""
        if not _SCHEME.match(uri):
            return self._base / uri, ""
        parts = urlsplit(uri)
        if parts.scheme == "file":
            return self._base / unquote(parts.path), ""
        return Path("/" + unquote(parts.path).lstrip("/")), parts.scheme


class ModelFiles:
    """Logged models as folders among their run's artifacts, as MLflow 2 kept them, and versions that point there."""

    def __init__(self, models: list[LoggedModel], places: Places, report: Report) -> None:
        self._models = {model.model_id: model for model in models}
        self._places = places
        self._report = report
        self._paths: dict[str, str] = {}
        self._of_run: dict[str, list[LoggedModel]] = {}
        for model in sorted(models, key=lambda model: (model.creation_time, model.model_id)):
            self._of_run.setdefault(model.run, []).append(model)
        for run, owned in self._of_run.items():
            if not run:
                continue
            taken: set[str] = set()
            for model in owned:
                # The first one has the plain name, so that a model that is logged later moves none.
                path = model.name if model.name not in taken else f"{model.name}-{model.model_id}"
                taken.add(path)
                self._paths[model.model_id] = path
        for model in self._of_run.get("", []):
            report.miss("files of logged models that belong to no run", model.model_id)

    def add_to(self, run: SourceRun) -> None:
        """Add the folders of the models that the run logged to its artifacts, and say in its tags that they are models.

        MLflow 2 wrote that tag, and what shows a run's models reads it.
        """
        entries = []
        for model in self._of_run.get(run.key, []):
            folder = self._places.folder(model.artifact_location, model.model_id, "logged models")
            if folder is not None:
                run.folders.append(SourceFolder(folder, self._paths[model.model_id]))
                manifest = _manifest(folder)
                if manifest is not None:
                    fields = {name: manifest.get(name) for name in ("utc_time_created", "model_uuid", "flavors")}
                    fields["utc_time_created"] = str(fields["utc_time_created"] or "")
                    entries.append({"run_id": run.run_id, "artifact_path": self._paths[model.model_id], **fields})
        if entries and HISTORY_TAG not in run.tags:
            run.tags[HISTORY_TAG] = json.dumps(entries, default=str)

    def resolve(self, source: str, run: str, run_id_of: Callable[[str], str | None], version: str) -> str:
        """A version's source as a URI that resolves here; as it is, and reported, where that cannot be."""
        if source.startswith(_RUNS):
            return self._in_run(source, run_id_of, version)
        if source.startswith(_MODELS):
            model_id = source.removeprefix(_MODELS)
            if "/" in model_id or "@" in model_id:
                return source
            return self._of_model(model_id, source, run_id_of, version)
        parts = PurePosixPath(unquote(urlsplit(source).path) if _SCHEME.match(source) else source).parts
        for at, part in enumerate(parts[:-1]):
            if parts[at + 1] == "artifacts":
                rest = "/".join(parts[at + 2 :])
                if part in self._models:
                    return self._of_model(part, source, run_id_of, version, rest)
                if run_id := run_id_of(part):
                    return "/".join(filter(None, (_RUNS + run_id, rest)))
        self._report.miss("files of model versions that lie outside the runs of this store", version)
        return source

    def _in_run(self, source: str, run_id_of: Callable[[str], str | None], version: str) -> str:
        run, _, path = source.removeprefix(_RUNS).partition("/")
        run_id = run_id_of(run)
        if run_id is None:
            self._report.miss("files of model versions whose run is gone", version)
            return source
        return "/".join(filter(None, (_RUNS + run_id, path)))

    def _of_model(
        self, model_id: str, source: str, run_id_of: Callable[[str], str | None], version: str, rest: str = ""
    ) -> str:
        model = self._models.get(model_id)
        run_id = run_id_of(model.run) if model is not None and model.run else None
        if run_id is None:
            self._report.miss("files of model versions whose logged model is gone", version)
            return source
        return "/".join(filter(None, (_RUNS + run_id, self._paths[model_id], rest)))


def _manifest(folder: Path) -> dict[str, Any] | None:
    """What a model's file MLmodel says; None where there is none that can be read."""
    import yaml

    try:
        loaded = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return loaded if isinstance(loaded, dict) else None
