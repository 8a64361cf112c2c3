"""The client: every operation by id, with no active run and no policy. MLflow calls it MlflowClient."""

from __future__ import annotations

from typing import Any

from ..config import get_tracking_uri
from ..errors import InvalidParameter
from ..journal import RunRecorder
from ..query import RUNS, Completion, Vocabulary, complete
from ..store.opening import capability_of, open_store
from ..store.protocol import Reading, Recording, Registry
from .registry import RegistryMixin
from .tracking import TrackingMixin
from .upkeep import UpkeepMixin

__all__ = ["Client"]


class Client(TrackingMixin, RegistryMixin, UpkeepMixin):
    """A client of the store that `tracking_uri` names, by default the current one.

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

        Raises NotFound for an unknown run and InvalidParameter for a deleted one.
        """
        return self._store.recorder(run_id)

    def complete(
        self, text: str, position: int | None = None, *, vocabulary: Vocabulary = RUNS, ordering: bool = False
    ) -> list[Completion]:
        """Return what may come next in a query, with the names and values of this store; see `nbtrack.query.complete`.

        Args:
            text: A filter, or an order_by clause where `ordering` is true.
            position: The cursor, in characters from the start. Defaults to the end of the text.
            vocabulary: What the query searches: one of `nbtrack.query`'s RUNS, EXPERIMENTS, MODELS and VERSIONS.
            ordering: Whether the text is an order_by clause.

        Returns:
            The likeliest completion first. While the store cannot be read, only what the grammar itself offers.

        >>> [completion.text for completion in Client().complete("status = 'fin")]
        ["'FINISHED'"]
        """
        known = self._store.known(vocabulary)
        return complete(text, position, vocabulary=vocabulary, ordering=ordering, known=known)

    @property
    def recording(self) -> Recording:
        """Events, and changes to runs and experiments, as the store takes them."""
        return self._store

    @property
    def reading(self) -> Reading:
        """Experiments, runs and what was logged to them, in the form that screens and tables need."""
        return self._store

    @property
    def registry(self) -> Registry:
        """The registered models as the store has them; the client's own methods say who makes a change."""
        return self._store

    def capability(self, name: str) -> Any:
        """Return what only some stores can do: "artifacts", "sql", "transfer", "backup", "compact", "doctor" or "gc".

        Raises NotSupported, which says which kinds of stores can do it.
        """
        return capability_of(self._store, self.tracking_uri, name)

    def check_exists(self) -> None:
        """Raise NotFound if nothing was ever logged to the store, which is not created for the question."""
        self._store.check_exists()
