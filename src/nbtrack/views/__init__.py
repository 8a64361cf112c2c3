"""What screens ask: one typed request, one typed reply and float64 buffers. Screens talk to nothing else.

`contract.py` has the types. An exception becomes a reply too, by `error_reply`: no request is left without an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from ..client import Client
from ..errors import InvalidParameter, NbtrackError, QueryError
from . import completion, contract, curves, live, registry, runs
from .contract import ErrorReply

__all__ = ["REQUESTS", "error_reply", "handle"]

REQUESTS = tuple(contract.REQUESTS)

Buffers = list[bytes]


def handle(
    client: Client, name: str, payload: Mapping[str, Any], scope: Sequence[str] | None = None
) -> tuple[dict[str, Any], Buffers]:
    """Answer one request; `scope` are the experiments that the screen was opened on (None: all).

    Raises NbtrackError.
    """
    answer = _ANSWERS.get(name)
    if answer is None:
        raise InvalidParameter(f"There is no request {name!r:.80}. Known are: {', '.join(_ANSWERS)}.")
    missing = [key for key in contract.REQUESTS[name][0].__annotations__ if key not in payload]
    if missing:
        raise InvalidParameter(f"The request {name!r} lacks {', '.join(missing)}.")
    return answer(client, payload, scope)


def error_reply(error: BaseException) -> ErrorReply:
    """The reply that a screen shows for an exception."""
    query = error if isinstance(error, QueryError) else None
    return {
        "error_code": error.error_code if isinstance(error, NbtrackError) else NbtrackError.error_code,
        "message": str(error) or type(error).__name__,
        "reason": query.reason if query else None,
        "position": query.position if query else None,
        "expected": list(query.expected) if query else [],
    }


_Answer = Callable[[Client, Mapping[str, Any], Sequence[str] | None], tuple[dict[str, Any], Buffers]]


def _plain(answer: Callable[[Client, Any], Any]) -> _Answer:
    """An answer without buffers that does not depend on the scope."""

    def call(client: Client, payload: Mapping[str, Any], scope: Sequence[str] | None) -> tuple[dict[str, Any], Buffers]:
        return cast("dict[str, Any]", answer(client, payload)), []

    return call


def _runs(client: Client, payload: Any, scope: Sequence[str] | None) -> tuple[dict[str, Any], Buffers]:
    return cast("dict[str, Any]", runs.page(client, payload, scope)), []


def _curves(client: Client, payload: Any, scope: Sequence[str] | None) -> tuple[dict[str, Any], Buffers]:
    return cast("tuple[dict[str, Any], Buffers]", curves.curves(client, payload))


def _live(client: Client, payload: Any, scope: Sequence[str] | None) -> tuple[dict[str, Any], Buffers]:
    return cast("tuple[dict[str, Any], Buffers]", live.live(client, payload))


_ANSWERS: dict[str, _Answer] = {
    "runs": _runs,
    "complete": _plain(completion.completions),
    "curves": _curves,
    "diff": _plain(runs.diff),
    "live": _live,
    "registry": _plain(registry.registry),
    "register": _plain(registry.register),
    "transition": _plain(registry.transition),
    "lineage": _plain(registry.lineage),
}
