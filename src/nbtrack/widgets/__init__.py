"""Widgets for a notebook: an active run, the page of a run, runs compared, the model registry.

Outside a notebook they print as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..client import Client
from ..client.run_ids import is_filter, run_ids_of
from ..entities import Run
from ..errors import InvalidParameter, InvalidState
from ..fluent.search import scope_of
from ..names import check_list
from ..runs import stack
from ..runs.active_run import ActiveRun
from .comparison import Comparison
from .linking import Link, link
from .live_run import LiveRun
from .newest import Newest
from .registry_board import Registry
from .run_page import RunPage

__all__ = ["Comparison", "Link", "LiveRun", "Registry", "RunPage", "compare", "link", "live", "registry", "run_page"]


def compare(
    filter_string: str = "",
    experiment_ids: Sequence[str] | None = None,
    order_by: Sequence[str] | None = None,
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
    view: str | None = None,
) -> Comparison:
    """Return a widget that compares the runs that match a filter.

    The filter, the experiments and the order are given as for `search_runs`.

    Args:
        filter_string: Filter such as "metrics.loss < 1 and params.optimizer = 'adam'". The empty string matches all
            runs.
        experiment_ids: IDs of the experiments to search. Defaults to the active experiment.
        order_by: Clauses such as "metrics.loss ASC". By default, the best runs come first, ranked by one metric; see
            `nbtrack guide comparing`.
        search_all_experiments: Whether to search all experiments if none are given.
        experiment_names: Names of the experiments to search, instead of `experiment_ids`.
        view: Name of a view that `Comparison.save_view` saved: its query, order, selection, columns and charts. The
            filter and the order are those of the view, unless they are given too. None shows no saved view.

    Returns:
        The widget. Its `selected` is a DataFrame of the runs that are selected on the screen.

    Raises:
        QueryError: If the filter or a clause of the order is not valid.
        InvalidParameter: If `filter_string` is not a string, or if both `experiment_ids` and `experiment_names` are
            given.
        NotFound: If an experiment or the view does not exist.

    Example:
        >>> widget = compare("metrics.loss < 1", order_by=["metrics.loss ASC"])  # doctest: +SKIP
        >>> widget.selected["params.optimizer"]  # doctest: +SKIP
    """
    if not isinstance(filter_string, str):
        raise InvalidParameter(f"filter_string must be a string, not {type(filter_string).__name__}.")
    scope = scope_of(experiment_ids, experiment_names, search_all_experiments)
    client, order = Client(), check_list(order_by, "order_by")
    return Comparison(client, filter_string, scope, order, None if view is None else client.get_view(view))


def live(run: Any = None, search_all_experiments: bool = False) -> LiveRun:
    """Return a widget that shows a run while it is active, and after its end.

    It can be a run of any process: a script, another notebook, a job on the same file system.

    Args:
        run: The run: its ID, a `Run`, or what `start_run` returns. Defaults to the active run. With a filter such as
            "tags.team = 'vision'", the widget shows the newest run that matches. When that run has ended, it goes on to
            the newest matching run that is RUNNING, as soon as there is one. The empty string matches all runs.
        search_all_experiments: Whether a filter applies to the runs of all experiments. By default, it applies to those
            of the active experiment.

    Returns:
        The widget. In a terminal, it prints as text.

    Raises:
        InvalidState: If `run` is None and no run is active.
        NotFound: If the run does not exist, or if no run matches the filter.
        QueryError: If the filter is not valid.
        InvalidParameter: If `run` is not one of these.

    Example:
        >>> with start_run() as run:
        ...     widget = live()  # doctest: +SKIP
        >>> live("attributes.run_name LIKE 'sweep-%'")  # doctest: +SKIP
    """
    if run is None:
        active = stack.current()
        if active is None:
            raise InvalidState("No run is active. Pass a run, the ID of a run or a filter to live().")
        return LiveRun(active.client, active.info.run_id)
    client = Client()
    if is_filter(run):
        newest = Newest(client, run, scope_of(None, None, search_all_experiments))
        return LiveRun(client, newest.first(), newest.running)
    run_ids = run_ids_of(run, "live")
    if len(run_ids) != 1:
        raise InvalidParameter(f"live() shows one run, not {len(run_ids):,}. Pass a filter to follow several.")
    return LiveRun(client, run_ids[0])


def registry(name: str | None = None) -> Registry:
    """Return a widget that shows registered models, their versions by stage, and their history.

    Args:
        name: Name of the model to show. None shows all models.

    Returns:
        The widget. It can move a version to another stage.

    Raises:
        NotFound: If the model does not exist.
        InvalidParameter: If `name` is not a string.

    Example:
        >>> registry("digits")  # doctest: +SKIP
    """
    if name is not None and not isinstance(name, str):
        raise InvalidParameter(f"name must be a string, or None for all models, not {name!r:.80}.")
    return Registry(Client(), name)


def run_page(run: str | Run | ActiveRun) -> RunPage:
    """Return a widget that shows a run: its params, curves, artifacts, code, environment, data, children and models.

    A notebook also displays it for a run that is the last value of a cell. The page follows a run that is active.

    Args:
        run: A run or the ID of one. An active run is looked up in its own store, any other run in the current store.

    Returns:
        The widget.

    Raises:
        NotFound: If the run does not exist.
        InvalidParameter: If `run` is neither a run nor a string.

    Example:
        >>> run_page("01a2293083a47efb89173fddccdc26b8")  # doctest: +SKIP
    """
    if not isinstance(run, str | Run | ActiveRun):
        raise InvalidParameter(f"run must be a run or the ID of one, not {run!r:.80}.")
    client = run.client if isinstance(run, ActiveRun) else Client()
    # Looking for a run must not create a store.
    client.check_exists()
    return RunPage(client, run if isinstance(run, str) else run.info.run_id)
