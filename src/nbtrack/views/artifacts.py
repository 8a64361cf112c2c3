"""The artifacts of a run: a folder in pages, and a preview or the content of a file.

Paths and links that lead out of the run's folder are refused by the repository, as everywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from ..artifact_store.base import ArtifactRepository
from ..artifact_store.opening import open_repository
from ..artifact_store.writers import IMAGE_FOLDER
from ..entities import FileInfo
from ..errors import InvalidParameter
from .contract import (
    MOST_FILES,
    MOST_STEPS,
    ArtifactEntry,
    ArtifactReply,
    ArtifactRequest,
    ArtifactsReply,
    ArtifactsRequest,
    ImageSeries,
    ImageStep,
)
from .previews import Preview, data_url, preview_of, read_whole, valid
from .source import Source
from .view import view

_STEP = re.compile(r"(?P<key>.+?)([+%])step\2(?P<step>-?\d{1,18})\2timestamp\2(?P<time>\d{1,18})\2[^+%]+\.\w+")
"""The name of an image of a series, as `log_image(key=…)` of nbtrack and of MLflow gives it. MLflow also writes a
smaller copy of each, whose name goes on with "compressed" after another separator."""


@view("artifacts")
def artifacts(source: Source, request: ArtifactsRequest) -> ArtifactsReply:
    """Return a page of what is directly in a folder of a run's artifacts."""
    found = _repository(source, request["run_id"]).list(request["path"])
    entries = list(_entries(found))
    start = request.get("offset", 0)
    return {"entries": entries[start : start + request.get("limit", MOST_FILES)], "count": len(entries)}


@view("artifact")
def artifact(source: Source, request: ArtifactRequest) -> ArtifactReply:
    """Return what is shown of an artifact, or its content."""
    run_id, path = request["run_id"], request["path"]
    repository = _repository(source, run_id)
    stat = repository.stat(path)
    if request.get("whole"):
        if stat.is_dir:
            raise InvalidParameter(f"Artifact {path!r:.200} is a folder, not a file.")
        content = read_whole(repository, stat)
        found = Preview("binary", data=None if content is None else data_url(content))
    else:
        found = preview_of(repository, stat, f"runs:/{run_id}/{stat.path}")
    return {
        "path": stat.path,
        "kind": found.kind,
        "size": stat.size,
        "modified": stat.modified,
        "text": found.text,
        "is_cut": found.is_cut,
        "data": found.data,
        "table": found.table,
        "model": found.model,
        "series": _series_of(repository, stat.path) if found.kind == "image" else None,
        "code": f"nbtrack.artifacts.download_artifacts(run_id={run_id!r}, artifact_path={stat.path!r})",
    }


def _repository(source: Source, run_id: str) -> ArtifactRepository:
    return open_repository(source.get_run(run_id).info.artifact_uri)


def _entries(found: Iterable[FileInfo]) -> Iterable[ArtifactEntry]:
    """Yield the entries of a folder. All images of a series are one, whose path is that of the last image."""
    series: dict[str, list[ImageStep]] = {}
    for info in found:
        image = None if info.is_dir else _step(info.path)
        if image is not None:
            key, step = image
            series.setdefault(key, []).append(step)
        elif info.is_dir or not _is_small_copy(info.path):
            name = PurePosixPath(info.path).name
            yield {"path": valid(info.path), "name": valid(name), "is_dir": info.is_dir, "size": info.file_size}
    for key, steps in series.items():
        last = max(steps, key=_order)
        yield {"path": last["path"], "name": key, "is_dir": False, "size": None, "steps": len(steps)}


def _series_of(repository: ArtifactRepository, path: str) -> ImageSeries | None:
    """Return the images of the series that an image is in."""
    of_image = _step(path)
    if of_image is None:
        return None
    every = (_step(info.path) for info in repository.list(IMAGE_FOLDER) if not info.is_dir)
    images = sorted((one[1] for one in every if one is not None and one[0] == of_image[0]), key=_order)
    return {"key": of_image[0], "images": images[-MOST_STEPS:], "count": len(images)}


def _step(path: str) -> tuple[str, ImageStep] | None:
    """Return the key of the series that a file belongs to and its place in it, or None for any other file."""
    folder, _, name = path.rpartition("/")
    match = _STEP.fullmatch(name) if folder == IMAGE_FOLDER else None
    if match is None:
        return None
    # A key with slashes is written with another character, because it is a file name.
    step: ImageStep = {"path": valid(path), "step": int(match["step"]), "time": int(match["time"])}
    return valid(match["key"].replace("~", "/").replace("#", "/")), step


def _is_small_copy(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return folder == IMAGE_FOLDER and re.search(r"[+%]compressed\.\w+$", name) is not None


def _order(image: ImageStep) -> tuple[int, int]:
    return image["step"], image["time"]
