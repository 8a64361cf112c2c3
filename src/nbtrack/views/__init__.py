"""What screens ask: one typed request, one typed reply and float64 buffers. Screens talk to nothing else.

`contract.py` has the types, `view.py` the table of views, `source.py` what a view asks of a store. A host, such as a
widget or a server, passes a request to `handle` and turns an exception into a reply with `error_reply`, so that every
request is answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import InvalidParameter, NbtrackError, QueryError
from ..journal.stopping import without_stopping
from . import artifacts as artifacts
from . import completion as completion
from . import curves as curves
from . import diff as diff
from . import edit_run as edit_run
from . import filters as filters
from . import groups as groups
from . import live as live
from . import python_code as python_code
from . import registering as registering
from . import registry as registry
from . import run_page as run_page
from . import runs as runs
from . import saved_views as saved_views
from . import stopping as stopping
from . import transitions as transitions
from . import values as values
from .contract import ErrorReply
from .source import Source
from .validation import check_request, shown
from .view import VIEWS, View

__all__ = ["VIEWS", "ErrorReply", "Source", "View", "error_reply", "handle", "view_of"]

Buffers = list[bytes]


def view_of(name: object) -> View:
    """Return the view of this name, for example to ask whether it `writes`. Raises InvalidParameter."""
    found = VIEWS.get(name) if isinstance(name, str) else None
    if found is None:
        raise InvalidParameter(f"The request {shown(name)} does not exist. Requests are {', '.join(VIEWS)}.")
    return found


def handle(
    source: Source, name: object, payload: object, scope: Sequence[str] | None = None
) -> tuple[dict[str, Any], Buffers]:
    """Answer a request.

    Args:
        source: The store, usually a `Client`.
        name: Name of the view, one of `VIEWS`.
        payload: The request as JSON gives it. It is checked against the type of the view's requests.
        scope: IDs of the experiments that the screen was opened on. A request whose `experiment_ids` is None is about
            these. None stands for all experiments.

    Returns:
        The reply, and its buffers: arrays of little-endian float64 in the order in which the reply names them.

    Raises:
        InvalidParameter: If the view does not exist, or if the payload is not a valid request of it.
        NbtrackError: If the view cannot answer, for example NotFound or StoreLocked.
    """
    found = view_of(name)
    request = check_request(found.name, found.request, payload)
    if scope is not None and request.get("experiment_ids", ()) is None:
        request["experiment_ids"] = list(scope)
    # A request is answered by a thread of the kernel, which is not the training that a user stops.
    with without_stopping():
        answer = found.answer(source, request)
    return answer if isinstance(answer, tuple) else (answer, [])


def error_reply(error: BaseException) -> ErrorReply:
    """Return what a screen shows for an exception."""
    query = error if isinstance(error, QueryError) else None
    return {
        "error_code": error.error_code if isinstance(error, NbtrackError) else NbtrackError.error_code,
        "message": (error.summary if isinstance(error, NbtrackError) else str(error)) or type(error).__name__,
        "reason": query.reason if query else None,
        "position": query.position if query else None,
        "expected": list(query.expected) if query else [],
    }
