"""The client: every operation by id, with no active run and no policy. MLflow calls it MlflowClient."""

from __future__ import annotations

from ..config import get_tracking_uri
from ..errors import InvalidParameter
from ..journal import RunRecorder
from ..query import RUNS, Completion, Vocabulary, complete
from ..store import open_store
from ..store.sql.known import StoredNames
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
                f"registry_uri={registry_uri!r}: the registry lives in the same store as the runs. Leave it out."
            )
        self._store = open_store(self.tracking_uri)

    def recorder(self, run_id: str) -> RunRecorder:
        """Return what takes the events of a run: metrics, params, tags, status, artifacts, inputs.

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
        known = StoredNames(self._store, vocabulary)
        return complete(text, position, vocabulary=vocabulary, ordering=ordering, known=known)
