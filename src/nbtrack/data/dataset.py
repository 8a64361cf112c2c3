"""A dataset as it is logged: its name, its content and its source, without the data itself."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from .. import entities
from ..capture import run_tags
from ..errors import InvalidParameter
from ..names import check_dict, check_name, check_text
from ..tags import DATASET_CONTEXT, GIT_COMMIT, SOURCE_NAME, SOURCE_TYPE, USER

DEFAULT_NAME = "dataset"
MAX_DIGEST_LENGTH = 36
_CODE_TAGS = (USER, SOURCE_NAME, SOURCE_TYPE, GIT_COMMIT)


@dataclass(frozen=True)
class Dataset:
    """A description of data that a run used: its name, digest, source and schema, without the data itself.

    Create one with `from_pandas`, `from_polars`, `from_numpy` or `from_file`, and log it with `nbtrack.log_input`.

    Attributes:
        name: The name of the dataset.
        digest: A hash of the content, at most 36 characters long. Equal data has an equal digest.
        source_type: The type of the source: "local", "http", "code", "custom", or another URI scheme such as "s3".
        source: Where the data came from, as the JSON string that MLflow stores.
        schema: The columns or tensors of the data, or None for files.
        profile: Counts such as the number of rows, or None.
        targets: The name of the column with the targets, or None.
        predictions: The name of the column with the predictions, or None.
    """

    name: str
    digest: str
    source_type: str
    source: str
    schema: dict[str, Any] | None = None
    profile: dict[str, Any] | None = None
    targets: str | None = None
    predictions: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return the dataset as MLflow stores it.

        Returns:
            A dict with the keys "name", "digest", "source", "source_type", "schema" and "profile". The values are
            strings, those of "schema" and "profile" JSON strings or None.
        """
        return {
            "name": self.name,
            "digest": self.digest,
            "source": self.source,
            "source_type": self.source_type,
            "schema": None if self.schema is None else json.dumps(self.schema),
            "profile": None if self.profile is None else json.dumps(self.profile),
        }


def entity_of(dataset: Any) -> entities.Dataset:
    """Return what a run stores of a dataset, which may be a Dataset, MLflow's, or already an entity."""
    if isinstance(dataset, entities.Dataset):
        return dataset
    to_dict = getattr(dataset, "to_dict", None)
    fields = to_dict() if callable(to_dict) and hasattr(dataset, "digest") else None
    if not isinstance(fields, Mapping):
        raise InvalidParameter(
            f"dataset must be a Dataset, not {type(dataset).__name__}. Create one with nbtrack.data.from_pandas, "
            "from_polars, from_numpy or from_file."
        )
    return entities.Dataset(
        fields["name"],
        fields["digest"],
        fields["source_type"],
        fields["source"],
        fields.get("schema"),
        fields.get("profile"),
    )


def dataset_input(dataset: Any, context: str | None, tags: Mapping[str, Any] | None) -> entities.DatasetInput:
    """Return a dataset as an input of a run. `context` becomes MLflow's tag `mlflow.data.context`."""
    check_dict(tags or {}, "tags")
    given = {str(key): str(value) for key, value in (tags or {}).items()}
    if context is not None:
        given = {DATASET_CONTEXT: str(context), **given}
    return entities.DatasetInput(entity_of(dataset), [entities.InputTag(key, value) for key, value in given.items()])


def checked_names(name: str | None, digest: str | None, source: str) -> tuple[str, str | None]:
    """Return the name, by default that of the file that `source` names, and the digest that the caller passed."""
    name = check_name(name if name is not None else _name_in(source), "Dataset name")
    if digest is not None and len(check_name(digest, "Dataset digest")) > MAX_DIGEST_LENGTH:
        raise InvalidParameter(f"Dataset digest must have at most {MAX_DIGEST_LENGTH} characters, not {len(digest)}.")
    return name, digest


def source_of(source: Any) -> tuple[str, str]:
    """Return MLflow's type and JSON of a source: a path, a URI, the user's own dict, or None for the code that runs."""
    if source is None:
        tags = run_tags()
        return "code", json.dumps({"tags": {key: tags[key] for key in _CODE_TAGS if key in tags}})
    if isinstance(source, Mapping):
        return "custom", json.dumps(dict(source), default=str)
    if isinstance(source, (str, os.PathLike)):
        text = check_text(os.fspath(source), "Dataset source")
        scheme = urlsplit(text).scheme.lower()
        if scheme in ("http", "https"):
            return "http", json.dumps({"url": text})
        # A one-letter "scheme" is a Windows drive.
        return ("local" if len(scheme) < 2 or scheme == "file" else scheme), json.dumps({"uri": text})
    kind, fields = getattr(source, "_get_source_type", None), getattr(source, "to_dict", None)
    if callable(kind) and callable(fields):
        return str(kind()), json.dumps(fields())
    raise InvalidParameter(f"Dataset source must be a path, a URI or a dict, not {type(source).__name__}.")


def _name_in(source: str) -> str:
    fields = json.loads(source)
    uri = str(fields.get("uri") or fields.get("url") or "") if isinstance(fields, dict) else ""
    path = unquote(urlsplit(uri).path).replace("\\", "/")
    return PurePosixPath(path).stem.strip() or DEFAULT_NAME
