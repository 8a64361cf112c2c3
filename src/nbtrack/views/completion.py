"""What may come next in a filter that is being written."""

from __future__ import annotations

from .contract import MOST_COMPLETIONS, CompleteReply, CompleteRequest
from .source import Source
from .view import view


@view("complete")
def completions(source: Source, request: CompleteRequest) -> CompleteReply:
    """Return the completions of a filter of runs at a cursor, the likeliest first."""
    found = source.complete(request["text"], request["position"])
    return {
        "completions": [
            {"text": each.text, "kind": each.kind, "start": each.start, "end": each.end, "detail": each.detail}
            for each in found[: request.get("limit", MOST_COMPLETIONS)]
        ]
    }
