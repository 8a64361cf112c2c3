"""Searching runs, and which experiments a search looks into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from ..client import Client
from ..entities import Run, ViewType
from ..errors import InvalidParameter, NotFound
from ..frame import OutputFormat, check_format, from_columns
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
    """Runs that match the filter, as a table (one row a run: pandas, polars or Arrow) or as a list of Run objects.

    Looks into the active experiment unless ids, names or `search_all_experiments` say otherwise; newest first unless
    `order_by` does. The filter's grammar is the guide's page `query`. The columns are MLflow's: run_id, experiment_id,
    status, artifact_uri, start_time, end_time (UTC), then `metrics.…` (last values), `params.…` and `tags.…`.

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
    """The experiments that a search looks into; None for all."""
    if isinstance(experiment_ids, str):
        raise InvalidParameter(
            f"experiment_ids must be a list of IDs, not the string {experiment_ids!r:.80}. Pass a filter as "
            "filter_string, and names of experiments as experiment_names=[…]."
        )
    if experiment_ids and experiment_names:
        raise InvalidParameter("Pass either experiment_ids or experiment_names, not both.")
    if experiment_names:
        client = Client()
        found = {name: client.get_experiment_by_name(name) for name in experiment_names}
        for name, experiment in found.items():
            if experiment is None:
                raise NotFound(f"Experiment {name!r:.120} does not exist. search_experiments() lists the experiments.")
        return [experiment.experiment_id for experiment in found.values() if experiment]
    if search_all_experiments:
        return None
    if experiment_ids is None or len(experiment_ids) == 0:
        return [active_experiment_id()]
    return [str(experiment_id) for experiment_id in experiment_ids]
