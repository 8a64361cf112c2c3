"""Widgets for a notebook: a run as it goes, runs compared, the model registry. Elsewhere they print as text."""

from __future__ import annotations

from collections.abc import Sequence

from ..client import Client
from ..fluent.search import scope_of
from .comparison import Comparison
from .live_run import LiveRun
from .registry_board import Registry

__all__ = ["Comparison", "LiveRun", "Registry", "compare", "registry"]


def compare(
    filter_string: str = "",
    experiment_ids: Sequence[str] | None = None,
    order_by: Sequence[str] | None = None,
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> Comparison:
    """The comparison widget on the runs that match; filter, experiments and order as in `search_runs`.

    Raises QueryError where the filter or the order is wrong.

    >>> compare("metrics.loss < 1 and params.optimizer = 'adam'", order_by=["metrics.loss ASC"])  # doctest: +SKIP
    """
    scope = scope_of(experiment_ids, experiment_names, search_all_experiments)
    return Comparison(Client(), filter_string, scope, order_by or ())


def registry(name: str | None = None) -> Registry:
    """The registry widget on one registered model, or on all. Raises NotFound where there is none of this name."""
    return Registry(Client(), name)
