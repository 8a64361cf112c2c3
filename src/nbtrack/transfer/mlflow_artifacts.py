"""Finds the artifact files of an MLflow store, and maps the files of its models to artifacts of runs.

MLflow stores absolute paths, and stores are moved. So a run's folder is searched in the folder that the user names,
then at its URI, then beside the store. It is used only if the run's ID is a part of its path: otherwise a foreign
store could make the import copy any folder, such as a home folder, as the artifacts of a run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from ..tags import HISTORY_TAG, IS_PROMPT, PARENT
from .records import SourceFolder, SourceRun, run_id_for
from .report import Report

TRACES = "traces, which nbtrack does not have"
MODEL_PARAMS = "params of logged models that their run does not have"
MODEL_POINTS = "metric points of logged models that their run does not have"
MODEL_TAGS = "tags of logged models"
MODEL_LINKS = "links of runs to models that other runs have logged"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_PROXIED = "mlflow-artifacts"
_BESIDE = ("", "mlruns", "mlartifacts")
_MODELS = "models:/"
_RUNS = "runs:/"


def mlflow_tags(tags: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    """Return a run's tags, with the parent's ID replaced by the one that it has in nbtrack."""
    return {key: run_id_for("mlflow", value or "") if key == PARENT else value or "" for key, value in tags}


@dataclass(slots=True)
class LoggedModel:
    """A logged model of MLflow 3, which stores a model's files beside the runs, at a URI of their own."""

    model_id: str
    name: str
    run: str
    artifact_location: str
    creation_time: int


class Places:
    """Finds artifact folders.

    Args:
        base: The folder that contains the store.
        given: The folder that the user named, if any.
        report: Receives what cannot be found.
    """

    def __init__(self, base: Path, given: Path | None, report: Report) -> None:
        self._base = base
        self._given = given
        self._report = report

    def folder(self, uri: str, owner: str, what: str = "runs") -> Path | None:
        """Return the artifact folder at `uri` of the run or model `owner`, or None if it cannot be found."""
        path, scheme = self._path(uri)
        parts = path.parts
        if owner not in parts:
            self._report.add_missing(f"artifacts of {what} whose URI does not contain their ID", owner)
            return None
        at = parts.index(owner)
        # <experiment>/<run>/artifacts or <experiment>/models/<model>/artifacts, and shorter ends of these.
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
            self._report.add_missing(
                f"artifacts of {what} at {scheme}: URIs, which cannot be read (name a local copy with "
                "--artifacts FOLDER)",
                owner,
            )
        elif scheme or not Path(*parts[:at]).is_dir():
            self._report.add_note(
                f"{what} without an accessible artifact folder: no files were logged, or they are elsewhere "
                "(name their folder with --artifacts FOLDER)",
                owner,
            )
        return None

    def _path(self, uri: str) -> tuple[Path, str]:
        """Return the path in a URI, and its scheme if it does not name a local file."""
        if not _SCHEME.match(uri):
            return self._base / uri, ""
        parts = urlsplit(uri)
        if parts.scheme == "file":
            return self._base / unquote(parts.path), ""
        return Path("/" + unquote(parts.path).lstrip("/")), parts.scheme


class ModelFiles:
    """Maps logged models to folders among their run's artifacts, as in MLflow 2, and model versions to these."""

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
                # The first one gets the plain name, so that a model that is logged later does not move it.
                path = model.name if model.name not in taken else f"{model.name}-{model.model_id}"
                taken.add(path)
                self._paths[model.model_id] = path
        for model in self._of_run.get("", []):
            report.add_missing("files of logged models without a run", model.model_id)

    def add_to(self, run: SourceRun) -> None:
        """Add the folders of the run's logged models to its artifacts, and list the models in a tag.

        MLflow 2 wrote this tag, and code that shows a run's models reads it.
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

    def run_of(self, model_id: str) -> str:
        """Return the ID of the run that has logged a model, or "" if the model or its run is not known."""
        model = self._models.get(model_id)
        return "" if model is None else model.run

    def resolve_version(
        self, source: str, run: str, run_id_of: Callable[[str], str | None], version: str, tags: Mapping[str, Any]
    ) -> str:
        """Return what `resolve` returns, or the source of a prompt, which has no files, unchanged."""
        if IS_PROMPT in tags:
            self._report.add_note("versions of prompts, which are versions of registered models here", version)
            return source
        return self.resolve(source, run, run_id_of, version)

    def resolve(self, source: str, run: str, run_id_of: Callable[[str], str | None], version: str) -> str:
        """Return a version's source as a URI that resolves here. If impossible, report and return it unchanged."""
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
        self._report.add_missing("files of model versions that are not among the runs of this store", version)
        return source

    def _in_run(self, source: str, run_id_of: Callable[[str], str | None], version: str) -> str:
        run, _, path = source.removeprefix(_RUNS).partition("/")
        run_id = run_id_of(run)
        if run_id is None:
            self._report.add_missing("files of model versions whose run no longer exists", version)
            return source
        return "/".join(filter(None, (_RUNS + run_id, path)))

    def _of_model(
        self, model_id: str, source: str, run_id_of: Callable[[str], str | None], version: str, rest: str = ""
    ) -> str:
        model = self._models.get(model_id)
        run_id = run_id_of(model.run) if model is not None and model.run else None
        if run_id is None:
            self._report.add_missing("files of model versions whose logged model no longer exists", version)
            return source
        return "/".join(filter(None, (_RUNS + run_id, self._paths[model_id], rest)))


def _manifest(folder: Path) -> dict[str, Any] | None:
    """Return the content of a model's MLmodel file, or None if it cannot be read."""
    import yaml

    try:
        loaded = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return loaded if isinstance(loaded, dict) else None
