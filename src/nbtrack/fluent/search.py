"""Searching runs, and the experiments that a search includes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence, Sized
from typing import TYPE_CHECKING, Any, Literal, overload

from ..client import Client
from ..entities import Run, ViewType
from ..errors import InvalidParameter
from ..frame import OutputFormat, check_format, from_columns
from ..names import check_list
from .experiments import active_experiment_id

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow


@overload
def search_runs(
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str = ...,
    run_view_type: ViewType = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    output_format: Literal["pandas"] = ...,
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> pandas.DataFrame: ...
@overload
def search_runs(
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str = ...,
    run_view_type: ViewType = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    *,
    output_format: Literal["list"],
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> list[Run]: ...
@overload
def search_runs(
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str = ...,
    run_view_type: ViewType = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    *,
    output_format: Literal["polars"],
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> polars.DataFrame: ...
@overload
def search_runs(
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str = ...,
    run_view_type: ViewType = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    *,
    output_format: Literal["arrow"],
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> pyarrow.Table: ...
def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: ViewType = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: Sequence[str] | None = None,
    output_format: OutputFormat | Literal["list"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> Any:
    """Return the runs that match a filter, as a table or as a list.

    Args:
        experiment_ids: The experiments to search. Defaults to the active experiment.
        filter_string: A filter such as `metrics.loss < 1 AND params.model = 'cnn'`; see `nbtrack guide query`. Defaults
            to all runs.
        run_view_type: `ViewType.ACTIVE_ONLY` (the default) for runs that are not deleted, `ViewType.DELETED_ONLY` for
            deleted ones, or `ViewType.ALL` for both.
        max_results: The most runs to return, at most 1,000,000.
        order_by: Clauses such as `["metrics.loss ASC"]`. By default, the newest run comes first.
        output_format: "pandas", "polars" or "arrow" for a table, or "list" for a list of `Run` objects.
        search_all_experiments: Whether to search all experiments.
        experiment_names: The experiments to search, instead of `experiment_ids`. A name that no experiment has gives a
            warning and no runs.

    Returns:
        The runs. A table has MLflow's columns: run_id, experiment_id, status, artifact_uri, start_time and end_time
        (UTC), then `metrics.…` (the last value of each metric), `params.…` and `tags.…`.

    Raises:
        QueryError: If the filter or `order_by` is not valid. The error has the position.
        InvalidParameter: If another argument is not one of the above.
        NotSupported: If the package of the output format is not installed.

    Example:
        >>> best = search_runs(filter_string="metrics.loss < 1", order_by=["metrics.loss ASC"], max_results=10)
    """
    check_format(output_format, "list")
    client = Client()
    ids = scope_of(experiment_ids, experiment_names, search_all_experiments)
    if output_format == "list":
        return list(client.search_runs(ids, filter_string, run_view_type, max_results, order_by))
    return from_columns(client._search_columns(ids, filter_string, run_view_type, max_results, order_by), output_format)


def scope_of(
    experiment_ids: Sequence[str] | None, experiment_names: Sequence[str] | None, search_all_experiments: bool
) -> list[str] | None:
    """Return the IDs of the experiments to search, or None for all of them."""
    if isinstance(experiment_ids, str):
        raise InvalidParameter(
            f"experiment_ids must be a list of IDs, not the string {experiment_ids!r:.80}. Pass a filter as "
            "filter_string, and names of experiments as experiment_names=[…]."
        )
    if experiment_ids and experiment_names:
        raise InvalidParameter("Pass either experiment_ids or experiment_names, not both.")
    if isinstance(experiment_names, str):
        raise InvalidParameter(
            f"experiment_names must be a list of names, not the string {experiment_names!r:.80}. "
            f"Write [{experiment_names!r:.80}]."
        )
    if experiment_names:
        client = Client()
        found = {name: client.get_experiment_by_name(name) for name in check_list(experiment_names, "experiment_names")}
        for name, experiment in found.items():
            if experiment is None:
                # As in MLflow, an experiment that does not exist has no runs.
                warnings.warn(
                    f"Experiment {name!r:.120} does not exist, so none of its runs are found. "
                    "search_experiments() returns all experiments.",
                    stacklevel=3,
                )
        return [experiment.experiment_id for experiment in found.values() if experiment]
    if search_all_experiments:
        return None
    if experiment_ids is None or (isinstance(experiment_ids, Sized) and len(experiment_ids) == 0):
        return [active_experiment_id()]
    return [str(experiment_id) for experiment_id in check_list(experiment_ids, "experiment_ids")]
