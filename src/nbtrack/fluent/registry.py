"""The registry's module-level names: MLflow's, and what a deployment script waits for and asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .. import config
from ..client import Client
from ..entities import Lineage, ModelVersion, RegisteredModel, StageChange
from ..errors import InvalidParameter
from ..model_registry.resolving import find_version
from ..model_registry.uris import ModelVersionUri, parse_uri

if TYPE_CHECKING:
    from ..model_registry.watching import StageWatch


def search_registered_models(
    max_results: int | None = None, filter_string: str | None = None, order_by: Sequence[str] | None = None
) -> list[RegisteredModel]:
    """Registered models that match, by name: all of them, or at most `max_results`.

    >>> search_registered_models(filter_string="name LIKE 'dig%' AND tags.task = 'vision'")
    []
    """
    found: list[RegisteredModel] = []
    token: str | None = None
    while True:
        wanted = 1000 if max_results is None else max_results - len(found)
        page = Client().search_registered_models(filter_string, min(wanted, 1000), order_by, token)
        found += page
        token = page.token
        if token is None or len(found) == max_results:
            return found


def search_model_versions(
    max_results: int | None = None, filter_string: str | None = None, order_by: Sequence[str] | None = None
) -> list[ModelVersion]:
    """Versions that match, the one changed last first: all of them, or at most `max_results`.

    >>> search_model_versions(filter_string="name = 'digits' AND stage = 'Production'")
    []
    """
    return list(
        Client().search_model_versions(filter_string, 200_000 if max_results is None else max_results, order_by)
    )


def set_model_version_tag(
    name: str, version: int | str | None = None, key: str | None = None, value: object = None
) -> None:
    """Write a tag of a model version."""
    Client().set_model_version_tag(name, version, key, value)


def get_registry_uri() -> str:
    """Where the registry is: in the same store as the runs."""
    return config.get_tracking_uri()


def set_registry_uri(uri: str) -> None:
    """There for code that was written for MLflow: the registry is where the runs are, so only that can be named."""
    if str(uri) != config.get_tracking_uri():
        raise InvalidParameter(
            f"The registry is part of the same store as the runs, {config.get_tracking_uri()}, so it cannot be at "
            f"{str(uri)!r:.200}. To change the store of both, use set_tracking_uri()."
        )


def wait_for_stage(
    name: str, stage: str, version: int | str | None = None, timeout: float | None = None
) -> ModelVersion:
    """Wait until a version is in the stage: this one, or any, of which the newest is returned.

    Another process's change is seen within a second. Raises TimedOut after `timeout` seconds, NotFound where there is
    no such model or version (any more).
    """
    return Client().wait_for_stage(name, stage, version, timeout)


def watch(
    name: str,
    stage: str,
    callback: Callable[[StageChange], object] | None = None,
    *,
    timeout: float | None = None,
) -> StageWatch:
    """What becomes the newest version in a stage, as it happens, whoever does it.

        for change in nbtrack.watch("digits", "Production"):
            deploy(change.version)

    The first change is what is there now, if anything is. The loop ends after `timeout` seconds, with Ctrl-C, or with
    `stop()` of what this returns. With `callback` a thread calls it for each change instead, until `stop()`.
    """
    return Client().watch(name, stage, callback, timeout=timeout)


def lineage(model_uri: str) -> Lineage:
    """Where the model version that a `models:/` URI names came from: run, code, cell, datasets, environment."""
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
    """The model versions that came from a run (or runs nested in it), or from a dataset, which its digest names."""
    return Client().get_versions_from(run_id=run_id, dataset=dataset)
