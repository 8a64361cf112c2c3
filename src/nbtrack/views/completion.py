"""What may come next in a filter that is being written."""

from __future__ import annotations

from ..client import Client
from ..errors import InvalidParameter
from ..query import RUNS, complete
from .contract import CompleteReply, CompleteRequest


def completions(client: Client, request: CompleteRequest) -> CompleteReply:
    """The completions of a filter of runs at a cursor, the likeliest first."""
    position = request["position"]
    if type(position) is not int:
        raise InvalidParameter(f"position={position!r:.80}: it is the number of characters before the cursor.")
    found = complete(request["text"], position, known=client.reading.known(RUNS))
    return {
        "completions": [
            {"text": each.text, "kind": each.kind, "start": each.start, "end": each.end, "detail": each.detail}
            for each in found
        ]
    }
