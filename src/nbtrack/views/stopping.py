"""Stopping a run from a screen."""

from __future__ import annotations

from .contract import StopRunReply, StopRunRequest
from .source import Source
from .view import view


@view("stop_run", writes=True)
def stop_run(source: Source, request: StopRunRequest) -> StopRunReply:
    """Ask the process of a run to stop it. The reply does not wait for that."""
    found = source.stop_run(request["run_id"], request["reason"])
    return {"stop": {"by": found.by, "reason": found.reason, "time": found.time}}
