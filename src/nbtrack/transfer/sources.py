"""Recognizes the kind of a source and opens its reader."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ..config import folder_of
from ..errors import InvalidParameter, NotFound, NotSupported
from ..names import check_path
from . import mlflow_files, mlflow_sql, nbtrack_store, tensorboard, wandb_offline
from .nbtrack_store import OpenFolder
from .records import Source
from .report import Report

KINDS = (nbtrack_store.KIND, mlflow_sql.KIND, mlflow_files.KIND, wandb_offline.KIND, tensorboard.KIND)
"""The possible kinds of a source, in the order in which they are tried."""

_SQLITE = "sqlite:///"


def open_source(
    source: str | os.PathLike[str],
    kind: str | None,
    report: Report,
    open_folder: OpenFolder,
    artifacts: Path | None = None,
) -> Source:
    """Open the reader of a source. Without `kind`, the kind is recognized from its files."""
    if kind is not None and kind not in KINDS:
        raise InvalidParameter(f"kind must be one of {', '.join(KINDS)}, not {kind!r:.80}.")
    path = _path(source)
    if not path.exists():
        raise NotFound(
            f"File or folder {os.fspath(source)!r:.200} does not exist. The working directory is {os.getcwd()}."
        )
    if kind is None:
        kind, path = _recognized(path)
    report.kind, report.source = kind, str(path)
    if kind == nbtrack_store.KIND:
        return nbtrack_store.NbtrackStore(path, report, open_folder)
    if kind == mlflow_sql.KIND:
        return mlflow_sql.MlflowDatabase(path, report, artifacts)
    if kind == mlflow_files.KIND:
        return mlflow_files.MlflowFolder(path, report, artifacts)
    if kind == wandb_offline.KIND:
        return wandb_offline.WandbFolder(path, report)
    return tensorboard.TensorboardFolder(path, report)


def _path(source: str | os.PathLike[str]) -> Path:
    text = check_path(source, "source")
    if text.startswith(_SQLITE):
        return Path(text.removeprefix(_SQLITE).partition("?")[0]).expanduser().absolute()
    try:
        return folder_of(text)
    except NotSupported:
        raise NotSupported(
            f"Runs cannot be imported from {text!r:.200}. Name the folder or the SQLite file in which the server keeps "
            "its runs (mlflow server --backend-store-uri)."
        ) from None


def _recognized(path: Path) -> tuple[str, Path]:
    """Return the kind and the path of a source. A project's folder means the `mlruns` or the `mlflow.db` in it."""
    is_kind: tuple[tuple[str, Callable[[Path], bool]], ...] = (
        (nbtrack_store.KIND, lambda place: nbtrack_store.store_folder(place) is not None),
        (mlflow_sql.KIND, lambda place: place.is_file() and mlflow_sql.is_mlflow_database(place)),
        (mlflow_files.KIND, lambda place: place.is_dir() and mlflow_files.is_mlflow_folder(place)),
        (wandb_offline.KIND, lambda place: place.is_dir() and wandb_offline.is_wandb_folder(place)),
    )
    for place in (path, path / "mlflow.db", path / "mlruns"):
        if place.exists():
            for kind, fits in is_kind:
                if fits(place):
                    return kind, place
    if path.is_dir() and tensorboard.is_tensorboard_folder(path):
        return tensorboard.KIND, path
    raise InvalidParameter(
        f"{path} is not a source that runs can be imported from. It must be an MLflow folder (mlruns) or SQLite file "
        "(mlflow.db), a folder with TensorBoard event files, a W&B folder with offline runs, or another nbtrack "
        f"store. If it is one of them, set kind (--kind) to one of {', '.join(KINDS)}."
    )
