"""Artifacts by URI: `runs:/<run ID>/<path>`, `models:/<name>/<version>`, `file://…` or a path."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from .client import Client
from .entities import FileInfo
from .errors import InvalidParameter
from .model_registry.uris import parse_uri
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
    """List the files and folders directly in a folder of artifacts.

    Pass either `artifact_uri`, or `run_id` and possibly `artifact_path`.

    Args:
        artifact_uri: URI of the folder: `runs:/<run ID>/<path>`, `models:/<name>/<version or stage>`,
            `models:/<name>@<alias>`, `file://…` or a path.
        run_id: Run whose artifacts are listed.
        artifact_path: Folder below the artifacts of `run_id`. Defaults to their root.
        tracking_uri: Store of the run or model. Defaults to the current store.

    Returns:
        The files and folders, sorted by path; [] if the folder does not exist. Paths are relative to the root of the
        run's or the model's artifacts. In any other folder, they begin with the folder's name, unless `artifact_uri`
        ends with a slash.

    Raises:
        NotFound: If the run, the model or the version does not exist.
        InvalidParameter: If neither or both of `artifact_uri` and `run_id` are given, or if the URI is not valid.

    Example:
        >>> paths = [file.path for file in list_artifacts(run_id=run_id)]  # doctest: +SKIP
    """
    location = _location(artifact_uri, run_id, artifact_path, tracking_uri)
    found = location.repository.list(location.path)
    if artifact_uri is None or location.run_id or parse_uri(artifact_uri) is not None:
        return found
    # As in MLflow, the paths in any other folder begin with its name, unless the URI ends with a slash.
    uri = os.fspath(artifact_uri)
    name = os.path.basename(unquote(uri) if uri.startswith("file:") else uri)
    return [replace(info, path=f"{name}/{info.path}") for info in found] if name else found


def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | os.PathLike[str] | None = None,
    tracking_uri: str | None = None,
) -> str:
    """Return a local path of an artifact or of a folder of artifacts.

    Pass either `artifact_uri`, or `run_id` and possibly `artifact_path`.

    Args:
        artifact_uri: URI of the file or folder, as for `list_artifacts`.
        run_id: Run that logged the artifacts.
        artifact_path: Path below the artifacts of `run_id`. Defaults to all of them.
        dst_path: Local folder to copy to. It is created if it does not exist. By default, the result must not be
            changed, because it can be the stored file itself.
        tracking_uri: Store of the run or model. Defaults to the current store.

    Returns:
        The local path of the file or folder.

    Raises:
        NotFound: If the artifact, the run, the model or the version does not exist.
        InvalidParameter: If neither or both of `artifact_uri` and `run_id` are given, or if the URI is not valid.
    """
    location = _location(artifact_uri, run_id, artifact_path, tracking_uri)
    return str(location.repository.fetch_to(location.path, dst_path))


def load_text(artifact_uri: str) -> str:
    """Return the content of a text file among the artifacts.

    Args:
        artifact_uri: URI of the file, as for `list_artifacts`.

    Returns:
        The content, decoded as UTF-8. Bytes that are not valid UTF-8 become surrogates ("surrogateescape").

    Raises:
        NotFound: If the file does not exist.
    """
    return _content(artifact_uri).decode("utf-8", "surrogateescape")


def load_dict(artifact_uri: str) -> Any:
    """Return the content of a JSON or YAML file among the artifacts.

    Args:
        artifact_uri: URI of the file, as for `list_artifacts`. The suffixes .yml and .yaml are read as YAML, all others
            as JSON.

    Returns:
        The content, usually a dict or a list.

    Raises:
        NotFound: If the file does not exist.
        InvalidParameter: If the content is not valid JSON or YAML.
    """  # noqa: DOC501 (the ValueError does not leave this function)
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
    """Return an image among the artifacts. Requires Pillow.

    Args:
        artifact_uri: URI of the file, as for `list_artifacts`.

    Returns:
        A PIL image.

    Raises:
        NotFound: If the file does not exist.
        InvalidParameter: If Pillow cannot read the file.
    """
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
        raise InvalidParameter("Pass either artifact_uri, or run_id and possibly artifact_path.")
    if artifact_uri is not None:
        if artifact_path is not None:
            raise InvalidParameter("artifact_path can be used only with run_id. Put the whole path into artifact_uri.")
        return locate(artifact_uri, Client(tracking_uri))
    return locate(f"runs:/{run_id}/{artifact_path or ''}", Client(tracking_uri))
