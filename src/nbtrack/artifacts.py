"""Artifacts by URI: `runs:/<run id>/<path>`, `models:/<name>/<version>`, `file://…` or a path."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from .client import Client
from .entities import FileInfo
from .errors import InvalidParameter
from .models.where import Location, locate

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["download_artifacts", "list_artifacts", "load_dict", "load_image", "load_text"]


def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> list[FileInfo]:
    """What is in a folder of artifacts, by path; [] where there is none. Paths are relative to the run's artifacts.

    Name the folder by its URI, or by a run and a path in it.
    """
    location = _location(artifact_uri, run_id, artifact_path, tracking_uri)
    return location.repository.list(location.path)


def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | os.PathLike[str] | None = None,
    tracking_uri: str | None = None,
) -> str:
    """A local path with the file or the folder: the stored one, or a copy below `dst_path`. Raises NotFound.

    Name it by its URI, or by a run and a path in it. Do not change the stored one.
    """
    location = _location(artifact_uri, run_id, artifact_path, tracking_uri)
    return str(location.repository.fetch_to(location.path, dst_path))


def load_text(artifact_uri: str) -> str:
    """The text of an artifact."""
    return _content(artifact_uri).decode("utf-8", "surrogateescape")


def load_dict(artifact_uri: str) -> Any:
    """What a JSON file holds, or a YAML file (.yml, .yaml). Raises InvalidParameter where it holds neither."""
    content = _content(artifact_uri)
    try:
        if artifact_uri.lower().endswith((".yml", ".yaml")):
            import yaml

            try:
                return yaml.safe_load(content)
            except yaml.YAMLError as error:
                raise ValueError(str(error)) from error
        return json.loads(content)
    except ValueError as error:
        raise InvalidParameter(f"{artifact_uri!r:.200} is not valid JSON or YAML: {error}") from error


def load_image(artifact_uri: str) -> Image:
    """An image, for Pillow."""
    import io

    from PIL import Image

    try:
        return Image.open(io.BytesIO(_content(artifact_uri)))
    except OSError as error:
        raise InvalidParameter(f"{artifact_uri!r:.200} is not an image that Pillow can read: {error}") from error


def _content(artifact_uri: str) -> bytes:
    location = _location(artifact_uri, None, None, None)
    return location.repository.get(location.path)


def _location(
    artifact_uri: str | None, run_id: str | None, artifact_path: str | None, tracking_uri: str | None
) -> Location:
    if (artifact_uri is None) == (run_id is None):
        raise InvalidParameter("Pass either artifact_uri, or run_id and artifact_path.")
    if artifact_uri is not None:
        if artifact_path is not None:
            raise InvalidParameter("artifact_path can be used only with run_id. Put the whole path into artifact_uri.")
        return locate(artifact_uri, Client(tracking_uri))
    return locate(f"runs:/{run_id}/{artifact_path or ''}", Client(tracking_uri))
