"""Module-level functions of the model registry: MLflow's, and those for deployment scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .. import config
from ..client import Client
from ..entities import Lineage, ModelVersion, RegisteredModel, StageChange
from ..errors import InvalidParameter
from ..frame import OutputFormat, check_format, from_columns
from ..journal.recorder import whole_number
from ..model_registry.resolving import find_version
from ..model_registry.uris import ModelVersionUri, parse_uri

if TYPE_CHECKING:
    from ..model_registry.watching import StageWatch


def search_registered_models(
    max_results: int | None = None, filter_string: str | None = None, order_by: Sequence[str] | None = None
) -> list[RegisteredModel]:
    """Return the registered models that match a filter.

    Args:
        max_results: The most models to return. Defaults to all of them.
        filter_string: A filter such as `name LIKE 'dig%' AND tags.task = 'vision'`; see `nbtrack guide query`. Defaults
            to all models.
        order_by: Clauses such as `["last_updated_timestamp DESC"]`. By default, models are sorted by name.

    Returns:
        The models.

    Raises:
        QueryError: If the filter or `order_by` is not valid.
        InvalidParameter: If `max_results` is out of range.

    Example:
        >>> search_registered_models(filter_string="name LIKE 'dig%' AND tags.task = 'vision'")
        []
    """
    found: list[RegisteredModel] = []
    token: str | None = None
    while True:
        wanted = 1000 if max_results is None else whole_number(max_results, "max_results") - len(found)
        page = Client().search_registered_models(filter_string, min(wanted, 1000), order_by, token)
        found += page
        token = page.token
        if token is None or len(found) == max_results:
            return found


def search_model_versions(
    max_results: int | None = None, filter_string: str | None = None, order_by: Sequence[str] | None = None
) -> list[ModelVersion]:
    """Return the model versions that match a filter.

    Args:
        max_results: The most versions to return, at most 200,000, which is the default.
        filter_string: A filter such as `name = 'digits' AND stage = 'Production'`; see `nbtrack guide query`. Defaults
            to the versions of all models.
        order_by: Clauses such as `["version_number DESC"]`. By default, the version that was updated last comes first.

    Returns:
        The versions.

    Raises:
        QueryError: If the filter or `order_by` is not valid.
        InvalidParameter: If `max_results` is out of range.

    Example:
        >>> search_model_versions(filter_string="name = 'digits' AND stage = 'Production'")
        []
    """
    return list(
        Client().search_model_versions(filter_string, 200_000 if max_results is None else max_results, order_by)
    )


def set_model_version_tag(
    name: str, version: int | str | None = None, key: str | None = None, value: object = None
) -> None:
    """Set a tag on a model version.

    Args:
        name: Name of the registered model.
        version: Number of the version.
        key: Key of the tag, at most 500 characters.
        value: Value of the tag. It is converted to a string.

    Raises:
        NotFound: If the model or the version does not exist.
        InvalidParameter: If the version or the key is missing or not valid.
    """
    Client().set_model_version_tag(name, version, key, value)


def get_registry_uri() -> str:
    """Return the URI of the model registry, which is in the same store as the runs.

    Returns:
        The tracking URI.
    """
    return config.get_tracking_uri()


def set_registry_uri(uri: str) -> None:
    """Accept the URI that `get_registry_uri` returns, for code that was written for MLflow.

    Args:
        uri: The tracking URI. The registry cannot be in another store.

    Raises:
        InvalidParameter: If the URI is another one.
    """
    if str(uri) != config.get_tracking_uri():
        raise InvalidParameter(
            f"The registry is part of the same store as the runs, {config.get_tracking_uri()}, so it cannot be at "
            f"{str(uri)!r:.200}. To change the store of both, use set_tracking_uri()."
        )


def wait_for_stage(
    name: str, stage: str, version: int | str | None = None, timeout: float | None = None
) -> ModelVersion:
    """Wait until a model version is in a stage.

    Changes by other processes are noticed within a second.

    Args:
        name: Name of the registered model.
        stage: Staging, Production, Archived or None, in upper or lower case.
        version: Number of the version to wait for. Defaults to any version.
        timeout: The most seconds to wait. Defaults to no limit.

    Returns:
        The version, or the newest version in the stage if `version` is None.

    Raises:
        TimedOut: If the version is not in the stage in time.
        NotFound: If the model or the version does not exist or is deleted while waiting.
    """
    return Client().wait_for_stage(name, stage, version, timeout)


def watch(
    name: str,
    stage: str,
    callback: Callable[[StageChange], object] | None = None,
    *,
    timeout: float | None = None,
) -> StageWatch:
    """Watch a stage: yield a change each time another version becomes the newest one in it.

    The first change is the current version, if there is one. Changes by other processes are noticed within a second.
    The loop ends after `timeout` seconds, when `stop()` of the returned object is called, or with Ctrl-C.

    Args:
        name: Name of the registered model.
        stage: Staging, Production, Archived or None, in upper or lower case.
        callback: A function that a background thread calls with each change. The watch then runs until `stop()`.
        timeout: The most seconds to watch. Defaults to no limit.

    Returns:
        An iterator of `nbtrack.entities.StageChange`, which is also a context manager that stops the watch.

    Raises:
        NotFound: If the model does not exist, or when it is deleted.

    Example:
        >>> for change in watch("digits", "Production"):  # doctest: +SKIP
        ...     deploy(change.version)
    """
    return Client().watch(name, stage, callback, timeout=timeout)


def lineage(model_uri: str) -> Lineage:
    """Return where a model version came from: its run, code, notebook cell, datasets and environment.

    Args:
        model_uri: A `models:/` URI of a version, such as "models:/digits/3", "models:/digits/Production" or
            "models:/digits@champion".

    Returns:
        The lineage. Parts that are not known are empty.

    Raises:
        InvalidParameter: If the URI does not name a version of a registered model, or if the alias does not exist.
        NotFound: If the model or the version does not exist, or if the stage is empty.

    Example:
        >>> lineage("models:/digits/Production").code["commit"]  # doctest: +SKIP
    """
    target = parse_uri(model_uri)
    if not isinstance(target, ModelVersionUri):
        raise InvalidParameter(
            "model_uri must name a version of a registered model, such as models:/digits/Production, not "
            f"{model_uri!r:.200}. To find the versions that came from a run, use versions_from(run_id=…)."
        )
    client = Client()
    version = find_version(target, client)
    return client.get_lineage(version.name, version.version)


def versions_from(*, run_id: str | None = None, dataset: str | None = None) -> list[ModelVersion]:
    """Return the model versions that came from a run or from a dataset. Pass one of the two.

    Args:
        run_id: A run. Versions from its nested runs are included.
        dataset: The digest of a dataset that the versions' runs used.

    Returns:
        The versions.

    Raises:
        InvalidParameter: If neither or both arguments are given.
    """
    return Client().get_versions_from(run_id=run_id, dataset=dataset)


def registry_history(name: str | None = None, *, output_format: OutputFormat = "pandas") -> Any:
    """Return who changed what in the model registry, when and why, as a table.

    Args:
        name: Name of a registered model, which can be deleted. Defaults to all models that ever existed.
        output_format: "pandas", "polars" or "arrow".

    Returns:
        A table with one row for each change, newest first. Its columns are `timestamp`, `user_id`, `model`, `version`
        (missing for changes of the model itself), `kind` (such as "stage", "alias_set" or "rolled_back"), `old`, `new`
        and `reason`. A pandas table is written to a file with `.to_csv("audit.csv", index=False)`.

    Raises:
        NotFound: If no model had this name.
        InvalidParameter: If the name or the format is not valid.

    Example:
        >>> registry_history().columns.tolist()
        ['timestamp', 'user_id', 'model', 'version', 'kind', 'old', 'new', 'reason']
    """
    import numpy as np

    check_format(output_format)
    events = Client().get_history(name)

    def strings(attribute: str) -> Any:
        return np.array([getattr(event, attribute) for event in events], dtype=object)

    versions = [event.version for event in events]
    columns = {
        "timestamp": np.array([event.timestamp for event in events], dtype="datetime64[ms]").astype("datetime64[us]"),
        "user_id": strings("user_id"),
        "model": strings("name"),
        "version": np.ma.masked_array(
            [version or 0 for version in versions], mask=[version is None for version in versions], dtype=np.int64
        ),
        **{column: strings(column) for column in ("kind", "old", "new", "reason")},
    }
    return from_columns(columns, output_format)
