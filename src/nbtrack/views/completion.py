"""What may come next in a filter that is being written."""

from __future__ import annotations

from .contract import MOST_COMPLETIONS, CompleteReply, CompleteRequest
from .source import Source
from .view import view

MOST_COUNTED = 1_000
"""How many completions are found and counted."""


@view("complete")
def completions(source: Source, request: CompleteRequest) -> CompleteReply:
    """Return a page of the completions of a filter of runs at a cursor."""
    found = source.complete(
        request["text"], request["position"], max_results=MOST_COUNTED, experiment_ids=request.get("experiment_ids")
    )
    start = request.get("offset", 0)
    return {
        "completions": [
            {"text": each.text, "kind": each.kind, "start": each.start, "end": each.end, "detail": each.detail}
            for each in found[start : start + request.get("limit", MOST_COMPLETIONS)]
        ],
        "count": len(found),
    }
