"""Requests to stop runs, in databases that have no place for them yet."""

from __future__ import annotations

from ...entities import StopRequest
from ...errors import NotSupported
from ..protocol import StopState


class StopTables:
    """The operations of a store that cannot stop runs. The folder store has its own."""

    def request_stop(self, run_id: str, request: StopRequest) -> None:
        """Raise NotSupported."""
        raise NotSupported("This kind of store cannot stop runs yet. Interrupt the process of the run instead.")

    def stop_state(self, run_id: str) -> StopState:
        """Return that no process would notice a request."""
        return StopState(can_stop=False, request=None)
