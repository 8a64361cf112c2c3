"""Model URIs, which name an artifact of a run or a version of a registered model.

runs:/<run_id>/<path>          models:/<name>/<version>       models:/<name>/latest
                               models:/<name>/<stage>         models:/<name>@<alias>
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..artifact_store.base import check_artifact_path
from ..errors import InvalidParameter
from ..model_names import check_model_name
from ..stages import ALL_STAGES, canonical_stage

RUNS = "runs:/"
MODELS = "models:/"
LATEST = "latest"


@dataclass(frozen=True, slots=True)
class RunUri:
    """A `runs:/` URI: an artifact of a run.

    Attributes:
        run_id: The ID of the run.
        path: The path below the run's artifacts. Empty for all of them.
    """

    run_id: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class ModelVersionUri:
    """A `models:/` URI: a version of a registered model, by its number, its stage or its alias.

    At most one of `version`, `stage` and `alias` is set. If all are None, the URI names the latest version.

    Attributes:
        name: The name of the registered model.
        version: The number of the version.
        stage: A stage, which stands for the newest version in it.
        alias: An alias of the version.
        path: The path below the model's folder. Empty for the whole model.
    """

    name: str
    version: int | None = None
    stage: str | None = None
    alias: str | None = None
    path: str = ""


def parse_uri(uri: str | os.PathLike[str]) -> RunUri | ModelVersionUri | None:
    """Parse a model URI.

    Args:
        uri: A URI or a path.

    Returns:
        What a `runs:/` or `models:/` URI names, or None for a path or a URI with another scheme.

    Raises:
        InvalidParameter: If the URI is malformed.

    Example:
        >>> from nbtrack.models import parse_uri
        >>> parse_uri("models:/digits/Production")
        ModelVersionUri(name='digits', version=None, stage='Production', alias=None, path='')
    """
    if isinstance(uri, os.PathLike):
        uri = os.fspath(uri)
    if not isinstance(uri, str) or not uri.strip():
        raise InvalidParameter(
            "A model URI must be a string such as 'models:/digits/Production' or 'runs:/<run_id>/model', not "
            f"{uri!r:.80}."
        )
    if uri.startswith(RUNS):
        return _run_uri(uri)
    if uri.startswith(MODELS):
        return _model_version_uri(uri)
    return None


def _run_uri(uri: str) -> RunUri:
    run_id, _, path = uri.removeprefix(RUNS).partition("/")
    if not run_id:
        raise InvalidParameter(
            f"{uri!r:.200} does not contain a run ID. Write runs:/<run_id>/<path>, with one slash after the colon."
        )
    return RunUri(run_id, _path(path))


def _model_version_uri(uri: str) -> ModelVersionUri:
    head, _, rest = uri.removeprefix(MODELS).partition("/")
    if not head:
        raise _malformed(uri)
    if "@" in head:
        name, _, alias = head.rpartition("@")
        if not name or not alias:
            raise _malformed(uri)
        return ModelVersionUri(check_model_name(name), alias=alias, path=_path(rest))
    which, _, path = rest.partition("/")
    name = check_model_name(head)
    if not which:
        raise _malformed(uri)
    if which.isascii() and which.isdecimal():
        return ModelVersionUri(name, version=int(which), path=_path(path))
    if which.lower() == LATEST:
        return ModelVersionUri(name, path=_path(path))
    try:
        return ModelVersionUri(name, stage=canonical_stage(which), path=_path(path))
    except InvalidParameter:
        raise InvalidParameter(
            f"{which!r:.80} in {uri!r:.200} is not a version number, 'latest' or a stage ({', '.join(ALL_STAGES)}). "
            f"If it is an alias, write models:/{name}@{which}."
        ) from None


def _path(path: str) -> str:
    checked = str(check_artifact_path(path))
    return "" if checked == "." else checked


def _malformed(uri: str) -> InvalidParameter:
    return InvalidParameter(
        f"{uri!r:.200} is not a valid model URI. Write models:/<name>/<version>, models:/<name>/<stage>, "
        "models:/<name>/latest or models:/<name>@<alias>."
    )
