"""Artifacts of the active run: files, texts, figures, images, tables."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from .runs import ensure_run, target


def log_artifact(
    local_path: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Copy a file or a folder to the run, below `artifact_path`."""
    client, run_id = target(run_id)
    client.log_artifact(run_id, local_path, artifact_path)


def log_artifacts(
    local_dir: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Copy what is in a folder to the run, below `artifact_path`."""
    client, run_id = target(run_id)
    client.log_artifacts(run_id, local_dir, artifact_path)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Write a text as an artifact."""
    client, run_id = target(run_id)
    client.log_text(run_id, text, artifact_file)


def log_dict(dictionary: Mapping[str, Any] | Sequence[Any], artifact_file: str, run_id: str | None = None) -> None:
    """Write a dict or a list as JSON, or as YAML where the file's name ends so."""
    client, run_id = target(run_id)
    client.log_dict(run_id, dictionary, artifact_file)


def log_figure(figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None) -> None:
    """Write a matplotlib or plotly figure."""
    client, run_id = target(None)
    client.log_figure(run_id, figure, artifact_file, save_kwargs=save_kwargs)


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = None,
) -> None:
    """Write a PIL image or a NumPy array, to a file or as the image of a key at a step."""
    client, run_id = target(None)
    client.log_image(run_id, image, artifact_file, key, step, timestamp)


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Write a dict or a DataFrame as a JSON table; rows are added where the table is there already."""
    client, run_id = target(run_id)
    client.log_table(run_id, data, artifact_file)


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Where the active run keeps its artifacts, or the one at `artifact_path`."""
    root = ensure_run().info.artifact_uri
    return f"{root}/{artifact_path}" if artifact_path else root
