"""The named views of the comparison, which every user of a store shares."""

from __future__ import annotations

from ..errors import Conflict
from .contract import MOST_VIEWS, DeleteViewRequest, SavedViewsReply, SavedViewsRequest, SaveViewRequest
from .source import Source
from .view import view
from .view_state import default_view, read_view


@view("saved_views")
def saved_views(source: Source, request: SavedViewsRequest) -> SavedViewsReply:
    """Return a page of the names of the saved views, and the state of one of them."""
    name = request["name"]
    start = request.get("offset", 0)
    names = list(source.get_views())
    return {
        "names": names[start : start + request.get("limit", MOST_VIEWS)],
        "count": len(names),
        # Another version of nbtrack, or any program, may have saved it.
        "view": None if name is None else read_view(source.get_view(name), default_view()),
    }


@view("save_view", writes=True)
def save_view(source: Source, request: SaveViewRequest) -> SavedViewsReply:
    """Save a view under a name. Raises Conflict if the name is taken and the user has not agreed to replace it."""
    name = request["name"]
    if not request["replace"] and name in source.get_views():
        raise Conflict(f"View {name!r:.120} already exists. Nothing was changed. Choose another name, or replace it.")
    source.save_view(name, request["view"])
    return saved_views(source, {"name": None})


@view("delete_view", writes=True)
def delete_view(source: Source, request: DeleteViewRequest) -> SavedViewsReply:
    """Delete a saved view. Raises NotFound if no view has this name."""
    source.delete_view(request["name"])
    return saved_views(source, {"name": None})
