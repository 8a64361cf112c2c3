"""The active experiment, and experiments by id and by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import config
from ..client import Client
from ..entities import Experiment, LifecycleStage, ViewType
from ..errors import AlreadyExists, InvalidParameter
from ..names import check_dict, check_name
from ..store.protocol import DEFAULT_ID
from . import state


def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None) -> Experiment:
    """Set the active experiment, which new runs are logged to.

    The setting lasts for this process and store, and for processes that this one starts. Before the first call, the
    environment variables NBTRACK_EXPERIMENT_ID and NBTRACK_EXPERIMENT_NAME (or MLFLOW_…) name the active experiment, or
    else it is "Default".

    Args:
        experiment_name: Name of the experiment. If no experiment has this name, or only a deleted one, a new experiment
            is created.
        experiment_id: ID of an experiment, instead of `experiment_name`.

    Returns:
        The experiment.

    Raises:
        InvalidParameter: If neither or both arguments are given, if the name is not a string, is empty or is longer
            than 500 characters, or if the experiment with this ID is deleted.
        NotFound: If no experiment has this ID.

    Example:
        >>> experiment = set_experiment("digits")
    """
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidParameter("Pass either experiment_name or experiment_id to set_experiment(), and not both.")
    client = Client()
    if experiment_id is not None:
        experiment = client.get_experiment(experiment_id)
        if experiment.lifecycle_stage != LifecycleStage.ACTIVE:
            raise InvalidParameter(f"Experiment {experiment.name!r} is deleted. Restore it with restore_experiment().")
    else:
        experiment = experiment_named(client, experiment_name)
    state.chosen_experiments[client.tracking_uri] = experiment.experiment_id
    config.pass_on("EXPERIMENT_ID", experiment.experiment_id)
    config.pass_on(_STORE, _in_store(experiment.experiment_id, client))
    return experiment


def experiment_named(client: Client, name: Any) -> Experiment:
    """Return the active experiment with a name. It is created if it does not exist."""
    check_name(name, "Experiment name")
    found = client.get_experiment_by_name(name)
    if found is None or found.lifecycle_stage != LifecycleStage.ACTIVE:
        try:
            return client.get_experiment(client.create_experiment(name))
        except AlreadyExists:
            # Another process created it after we looked.
            found = client.get_experiment_by_name(name)
            assert found is not None
    return found


_STORE = "EXPERIMENT_STORE"
"""The variable that says to child processes which store has the experiment that NBTRACK_EXPERIMENT_ID names."""


def _in_store(experiment_id: str, client: Client) -> str:
    return f"{experiment_id} in {client.tracking_uri}"


def active_experiment_id() -> str:
    """Return the ID of the active experiment: from set_experiment, the environment, or else "Default"."""
    return chosen_experiment_id(Client()) or DEFAULT_ID


def chosen_experiment_id(client: Client, *, inherited: bool = True) -> str | None:
    """Return the ID of the experiment that set_experiment or the environment names, or None.

    Args:
        client: The client of the store that has the experiment.
        inherited: Whether the experiment that a parent process had set when it started this one counts. It is not
            remembered, because a worker that is used again belongs to the sweep that uses it now.

    Returns:
        The ID, or None if no experiment was set.
    """
    chosen = state.chosen_experiments.get(client.tracking_uri)
    if chosen is None:
        named, store = config.environment("EXPERIMENT_ID"), config.environment(_STORE)
        if named and store and store.startswith(f"{named} in "):
            if store == _in_store(named, client):
                return named if inherited else None
            named = None
        chosen = named
    if chosen is None and (name := config.environment("EXPERIMENT_NAME")):
        chosen = experiment_named(client, name).experiment_id
    if chosen is not None:
        state.chosen_experiments[client.tracking_uri] = chosen
    return chosen


def create_experiment(name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None) -> str:
    """Create an experiment and return its ID. The active experiment stays the same.

    Args:
        name: Name of the experiment, at most 500 characters. It must differ from the names of all active experiments;
            the name of a deleted one can be used again.
        artifact_location: Path or URI below which the runs keep their artifacts. A relative path is made absolute.
            Defaults to a folder of the store.
        tags: Tags of the experiment. Values are converted to strings.

    Returns:
        The ID of the new experiment.

    Raises:
        AlreadyExists: If an active experiment has this name.
        InvalidParameter: If the name is not a string or is empty or too long.
        NotSupported: If no installed package supports the scheme of `artifact_location`.

    Example:
        >>> experiment_id = create_experiment("fraud", tags={"team": "risk"})
    """
    return Client().create_experiment(name, artifact_location, tags)


def get_experiment(experiment_id: str) -> Experiment:
    """Return an experiment by its ID, also if it is deleted.

    Args:
        experiment_id: ID of the experiment.

    Returns:
        The experiment.

    Raises:
        NotFound: If the experiment does not exist.
        InvalidParameter: If the ID is not an integer.
    """
    return Client().get_experiment(experiment_id)


def get_experiment_by_name(name: str) -> Experiment | None:
    """Return an experiment by its name.

    Args:
        name: Name of the experiment. Upper and lower case matter.

    Returns:
        The active experiment with this name, or else the one that was deleted last, or None.

    Raises:
        InvalidParameter: If the name is not a string.

    Example:
        >>> get_experiment_by_name("Default").experiment_id
        '0'
    """
    return Client().get_experiment_by_name(name)


def search_experiments(
    view_type: ViewType = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """Return the experiments that match a filter.

    Args:
        view_type: `ViewType.ACTIVE_ONLY` (the default) for experiments that are not deleted, `ViewType.DELETED_ONLY`
            for deleted ones, or `ViewType.ALL` for both.
        max_results: The most experiments to return, at most 50,000, which is the default.
        filter_string: A filter such as `name LIKE 'fraud%' AND tags.team = 'risk'`; see `nbtrack guide query`. Defaults
            to all experiments.
        order_by: Clauses such as `["name ASC"]`. By default, the experiment that was updated last comes first.

    Returns:
        The experiments.

    Raises:
        QueryError: If the filter or `order_by` is not valid.
        InvalidParameter: If another argument is not one of the above.

    Example:
        >>> names = [experiment.name for experiment in search_experiments(order_by=["name ASC"])]
    """
    limit = 50_000 if max_results is None else max_results
    return list(Client().search_experiments(view_type, limit, filter_string, order_by))


def rename_experiment(experiment_id: str, new_name: str) -> None:
    """Rename an experiment.

    Args:
        experiment_id: ID of the experiment.
        new_name: The new name, at most 500 characters.

    Raises:
        NotFound: If the experiment does not exist.
        AlreadyExists: If another active experiment has the new name.
        InvalidState: If the experiment is deleted.
        InvalidParameter: If the new name is not a string or is empty or too long.
    """
    Client().rename_experiment(experiment_id, new_name)


def delete_experiment(experiment_id: str) -> None:
    """Delete an experiment and its runs.

    They can be restored with `restore_experiment` until `nbtrack gc` removes them for good. Another experiment can be
    created with the name. If `set_experiment` has set this experiment, that setting is removed.

    Args:
        experiment_id: ID of the experiment.

    Raises:
        NotFound: If the experiment does not exist or is already deleted.
    """
    client = Client()
    client.delete_experiment(experiment_id)
    if state.chosen_experiments.get(client.tracking_uri) == str(experiment_id):
        del state.chosen_experiments[client.tracking_uri]
        config.pass_on("EXPERIMENT_ID", None)
        config.pass_on(_STORE, None)


def restore_experiment(experiment_id: str) -> None:
    """Restore a deleted experiment and the runs that were deleted together with it.

    Runs that were deleted before their experiment stay deleted.

    Args:
        experiment_id: ID of the experiment.

    Raises:
        NotFound: If the experiment does not exist or is not deleted.
        AlreadyExists: If another active experiment has the name now.
    """
    Client().restore_experiment(experiment_id)


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag on the active experiment.

    Args:
        key: Key of the tag, at most 500 characters.
        value: Value of the tag. It is converted to a string.

    Raises:
        InvalidParameter: If the key is not a string or is empty or too long.
    """
    Client().set_experiment_tag(active_experiment_id(), key, value)


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set several tags on the active experiment.

    Args:
        tags: Values by key. They are converted to strings.

    Raises:
        InvalidParameter: If a key is not a string or is empty or too long. Tags before it are set.
    """
    check_dict(tags, "tags")
    for key, value in tags.items():
        set_experiment_tag(key, value)


def delete_experiment_tag(key: str) -> None:
    """Delete a tag of the active experiment.

    Args:
        key: Key of the tag.

    Raises:
        NotFound: If the experiment does not have the tag.
    """
    Client().delete_experiment_tag(active_experiment_id(), key)
