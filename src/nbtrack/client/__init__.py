"""The client: every operation by ID, without an active run. MLflow calls it MlflowClient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..config import get_tracking_uri
from ..errors import InvalidParameter
from ..journal import RunRecorder
from ..names import check_list, check_string
from ..query import RUNS, Completion, Vocabulary, complete
from ..store.opening import capability_of, open_store
from ..store.protocol import Reading, Recording, Registry
from .registry import RegistryMixin
from .settings import SettingsMixin
from .tracking import TrackingMixin
from .upkeep import UpkeepMixin

__all__ = ["Client"]


class Client(TrackingMixin, RegistryMixin, SettingsMixin, UpkeepMixin):
    """A client of one store, for experiments, runs, artifacts and the model registry.

    Unlike the module-level functions, its methods take the IDs of runs and experiments, and no run is ever active. The
    class is also available under MLflow's name, `MlflowClient`.

    Args:
        tracking_uri: The store, as a folder or a URI. Defaults to `nbtrack.get_tracking_uri()`.
        registry_uri: The same URI or None, because the registry is in the same store as the runs.

    Raises:
        InvalidParameter: If `registry_uri` is another URI.
        NotSupported: If no installed package has a store for the scheme of the URI.

    Example:
        >>> client = Client()
        >>> run = client.create_run(experiment_id="0")
        >>> client.log_metric(run.info.run_id, "loss", 0.5)
        >>> client.set_terminated(run.info.run_id)
    """

    def __init__(self, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
        self.tracking_uri = str(tracking_uri or get_tracking_uri())
        if registry_uri not in (None, tracking_uri, self.tracking_uri):
            raise InvalidParameter(
                f"registry_uri must be the same as tracking_uri, not {registry_uri!r:.200}, because the registry is in "
                "the same store as the runs. Leave it out."
            )
        self._store = open_store(self.tracking_uri)

    def recorder(self, run_id: str) -> RunRecorder:
        """Return the recorder of a run, which takes metrics, params, tags, status, artifacts and inputs.

        Args:
            run_id: ID of the run.

        Returns:
            The recorder. Its methods are faster than those of the client, because the run is not looked up each time.

        Raises:
            NotFound: If the run does not exist.
            InvalidParameter: If the run is deleted.
        """
        return self._store.recorder(run_id)

    def complete(
        self,
        text: str,
        position: int | None = None,
        *,
        vocabulary: Vocabulary = RUNS,
        ordering: bool = False,
        max_results: int = 60,
        experiment_ids: Sequence[str] | None = None,
    ) -> list[Completion]:
        """Return what can come next in a query, with the names and values of this store.

        `nbtrack.query.complete` does the same without a store.

        Args:
            text: A filter, or an order_by clause if `ordering` is True.
            position: The position of the cursor, in characters from the start. Defaults to the end of the text.
            vocabulary: What the query searches: RUNS, EXPERIMENTS, MODELS or VERSIONS of `nbtrack.query`.
            ordering: Whether `text` is an order_by clause.
            max_results: The largest number of completions, between 1 and 1,000.
            experiment_ids: IDs of the experiments whose runs' names and values are offered. None offers those of all
                experiments.

        Returns:
            The completions, the most likely one first. While the store cannot be read, only those that the grammar
            offers.

        Raises:
            InvalidParameter: If `experiment_ids` is not a list of strings, or if another argument has a wrong type.

        Example:
            >>> [completion.text for completion in Client().complete("status = 'fin")]
            ["'FINISHED'"]
        """
        if experiment_ids is not None:
            experiment_ids = [
                check_string(one, "experiment_ids") for one in check_list(experiment_ids, "experiment_ids")
            ]
        known = self._store.known(vocabulary, max_results, experiment_ids)
        return complete(text, position, vocabulary=vocabulary, ordering=ordering, known=known, max_results=max_results)

    @property
    def recording(self) -> Recording:
        """The operations of the store that take events and change runs and experiments."""
        return self._store

    @property
    def reading(self) -> Reading:
        """The operations of the store that return experiments, runs and logged data for screens and tables."""
        return self._store

    @property
    def registry(self) -> Registry:
        """The store's operations on registered models. The client's own methods also record who makes a change."""
        return self._store

    def capability(self, name: str) -> Any:
        """Return an object with operations that only some stores support.

        Args:
            name: "artifacts", "sql", "transfer", "backup", "compact", "doctor" or "gc".

        Returns:
            The object. Its type depends on the name.

        Raises:
            NotSupported: If the store does not support it. The message lists the kinds of stores that do.
        """
        return capability_of(self._store, self.tracking_uri, name)

    def check_exists(self) -> None:
        """Check that the store exists. Unlike most operations, this does not create it.

        Raises:
            NotFound: If nothing was ever logged to the store.
        """
        self._store.check_exists()
