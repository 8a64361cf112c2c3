"""Filters of runs: how many runs match one that is being written, and those that the user applied before."""

from __future__ import annotations

from ..errors import QueryError
from .contract import MOST_FILTERS, FiltersReply, FiltersRequest, KeepFilterRequest, MatchesReply, MatchesRequest
from .source import Source
from .suggestions import explained
from .view import view


@view("matches")
def matches(source: Source, request: MatchesRequest) -> MatchesReply:
    """Return how many runs match a filter. No values of theirs are read."""
    try:
        found = source.reading.survey(request["experiment_ids"], request["filter"], [], 0, 1, False, [], [], [])
    except QueryError as error:
        raise explained(source, error, request["experiment_ids"]) from None
    return {"total": found.total}


@view("filters")
def filters(source: Source, request: FiltersRequest) -> FiltersReply:
    """Return the filters that the user applied last."""
    return {"filters": source.get_filters()[: request.get("limit", MOST_FILTERS)]}


@view("keep_filter", writes=True)
def keep_filter(source: Source, request: KeepFilterRequest) -> FiltersReply:
    """Put a filter in front of the others."""
    return {"filters": source.keep_filter(request["filter"])}
