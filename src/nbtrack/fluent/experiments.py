"""The active experiment, and experiments by id and by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import config
from ..client import Client
from ..entities import Experiment, LifecycleStage, ViewType
from ..errors import AlreadyExists, InvalidParameter
from ..store.protocol import DEFAULT_ID
from . import state


def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None) -> Experiment:
    """Log to this experiment from now on; a name that no active experiment has makes a new one.

    >>> experiment = set_experiment("digits")
    """
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidParameter("Pass either experiment_name or experiment_id to set_experiment().")
    client = Client()
    if experiment_id is not None:
        experiment = client.get_experiment(experiment_id)
        if experiment.lifecycle_stage != LifecycleStage.ACTIVE:
            raise InvalidParameter(f"Experiment {experiment.name!r} is deleted. Restore it with restore_experiment().")
    else:
        experiment = _experiment_named(client, experiment_name)
    state.chosen_experiments[client.tracking_uri] = experiment.experiment_id
    return experiment


def _experiment_named(client: Client, name: Any) -> Experiment:
    found = client.get_experiment_by_name(name)
    if found is None or found.lifecycle_stage != LifecycleStage.ACTIVE:
        try:
            return client.get_experiment(client.create_experiment(name))
        except AlreadyExists:
            # Another process made it between our look and now.
            found = client.get_experiment_by_name(name)
            assert found is not None
    return found


def active_experiment_id() -> str:
    """The id of the experiment that new runs go to: set_experiment, the environment, else Default."""
    return chosen_experiment_id(Client()) or DEFAULT_ID


def chosen_experiment_id(client: Client) -> str | None:
    """The experiment that set_experiment or the environment says; None where neither does."""
    chosen = state.chosen_experiments.get(client.tracking_uri) or config.environment("EXPERIMENT_ID")
    if chosen is None and (name := config.environment("EXPERIMENT_NAME")):
        chosen = _experiment_named(client, name).experiment_id
    if chosen is not None:
        state.chosen_experiments[client.tracking_uri] = chosen
    return chosen


def create_experiment(name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None) -> str:
    """Make an experiment; its id. Raises AlreadyExists where an active one has the name."""
    return Client().create_experiment(name, artifact_location, tags)


def get_experiment(experiment_id: str) -> Experiment:
    """The experiment with this id, deleted or not. Raises NotFound."""
    return Client().get_experiment(experiment_id)


def get_experiment_by_name(name: str) -> Experiment | None:
    """The active experiment of this name, else a deleted one, else None."""
    return Client().get_experiment_by_name(name)


def search_experiments(
    view_type: ViewType = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """Experiments that match, the one changed last first."""
    limit = 50_000 if max_results is None else max_results
    return list(Client().search_experiments(view_type, limit, filter_string, order_by))


def rename_experiment(experiment_id: str, new_name: str) -> None:
    """Give an experiment another name."""
    Client().rename_experiment(experiment_id, new_name)


def delete_experiment(experiment_id: str) -> None:
    """Put an experiment and its runs into the bin; its name is free again."""
    client = Client()
    client.delete_experiment(experiment_id)
    if state.chosen_experiments.get(client.tracking_uri) == str(experiment_id):
        del state.chosen_experiments[client.tracking_uri]


def restore_experiment(experiment_id: str) -> None:
    """Take an experiment, with the runs that went along with it, out of the bin."""
    Client().restore_experiment(experiment_id)


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag on the active experiment."""
    Client().set_experiment_tag(active_experiment_id(), key, value)


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set tags on the active experiment."""
    for key, value in tags.items():
        set_experiment_tag(key, value)


def delete_experiment_tag(key: str) -> None:
    """Delete a tag of the active experiment. Raises NotFound where it has none such."""
    Client().delete_experiment_tag(active_experiment_id(), key)
