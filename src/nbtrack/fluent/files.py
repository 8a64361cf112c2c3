"""Artifacts of the active run: files, texts, figures, images, tables, the best model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from .runs import ensure_run, target

if TYPE_CHECKING:
    from ..models.best import Best


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


def log_best(
    model: Any,
    metric: str,
    mode: Literal["max", "min"] = "max",
    *,
    value: Any = None,
    step: int | None = None,
    name: str = "best",
    flavor: str | None = None,
    run_id: str | None = None,
    silent: bool = False,
    **arguments: Any,
) -> Best:
    """Keep the model if the metric is better than at the run's best model so far, which it replaces; say so.

    The metric's last value counts, or `value`; NaN is never better. The flavor follows from the model's class; its
    `save_model` gets the other `arguments`. A model that a version in the registry points to stays, for that version.
    The tags `nbtrack.best.value`, `.step`, `.metric` and `.mode` say of what the model is the best. A model that is
    not better costs microseconds.

    >>> best = log_best(model, metric="val/auc", mode="max")  # doctest: +SKIP
    val/auc 0.93 at step 12 is better than 0.91: runs:/…/best is replaced; 1.2 MB saved.
    """
    from ..models.best import log_best

    client, run_id = target(run_id)
    best = log_best(
        client, run_id, model, metric, mode, value=value, step=step, name=name, flavor=flavor, arguments=arguments
    )
    if best.is_new and not silent:
        print(best)
    return best


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Where the active run keeps its artifacts, or the one at `artifact_path`."""
    root = ensure_run().info.artifact_uri
    return f"{root}/{artifact_path}" if artifact_path else root
