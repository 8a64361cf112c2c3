"""The table of views. A view is one function, and `@view` is its one entry in the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class View:
    """What screens may ask: a function from a `Source` and a request to a reply."""

    name: str
    request: type
    reply: type
    writes: bool
    """Whether the view changes the store. A view that only reads leaves the store's `revision()` as it is."""
    answer: Callable[[Any, Any], Any]
    """Returns the reply, or the reply and its float64 buffers."""


VIEWS: dict[str, View] = {}
"""Every view by its name. A module of this package adds its views when it is imported."""


def view(name: str, *, writes: bool = False) -> Callable[[F], F]:
    """Add a function to the table of views. The types of its request and its reply are those of its signature."""

    def add(answer: F) -> F:
        hints = get_type_hints(answer)
        reply = hints["return"]
        if get_origin(reply) is tuple:
            reply = get_args(reply)[0]
        VIEWS[name] = View(name, hints["request"], reply, writes, answer)
        return answer

    return add
