"""Tables of the tracked data: SQL queries, curves as tidy data, statistics over groups of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from ..client import Client
from ..client.run_ids import is_filter, run_ids_of
from ..errors import InvalidParameter
from ..frame import OutputFormat, check_format, from_columns, from_relation
from ..names import check_list, check_string
from .search import scope_of

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

_AXES = ("step", "time", "relative")


@overload
def sql(
    query: str, parameters: Sequence[Any] | None = ..., *, output_format: Literal["pandas"] = ...
) -> pandas.DataFrame: ...
@overload
def sql(
    query: str, parameters: Sequence[Any] | None = ..., *, output_format: Literal["polars"]
) -> polars.DataFrame: ...
@overload
def sql(query: str, parameters: Sequence[Any] | None = ..., *, output_format: Literal["arrow"]) -> pyarrow.Table: ...
@overload
def sql(
    query: str, parameters: Sequence[Any] | None = ..., *, output_format: Literal["list"]
) -> list[dict[str, Any]]: ...
def sql(
    query: str,
    parameters: Sequence[Any] | None = None,
    *,
    output_format: OutputFormat | Literal["list"] = "pandas",
) -> Any:
    """Run an SQL query on the current store and return its rows.

    The query reads the views of runs, params, metrics, tags and models that `nbtrack guide sql` describes. It cannot
    change the store, and it cannot open other files or the network.

    Args:
        query: One statement in DuckDB's SQL that only reads, such as SELECT, WITH, PIVOT, DESCRIBE or SUMMARIZE. `$1`,
            `$2` and so on stand for `parameters`.
        parameters: The values of `$1`, `$2` and so on.
        output_format: "pandas", "polars", "arrow", or "list" for a list of dicts.

    Returns:
        A table in this format with one row per row of the result.

    Raises:
        InvalidParameter: If the statement is not valid, would change the store or would read anything else, or if
            `output_format` is unknown.
        NotSupported: If the package of the format is not installed, or if the store does not support SQL.
        StoreLocked: If another program holds the database file.

    Example:
        >>> counts = sql("SELECT status, COUNT(*) AS n FROM runs GROUP BY status")
        >>> losses = sql("SELECT * FROM metrics WHERE key = $1", ["loss"])
    """
    check_format(output_format, "list")
    return (
        Client()
        .capability("sql")
        .sql(query, check_list(parameters, "parameters"), lambda rows: from_relation(rows, output_format))
    )


def curves(
    runs: Any,
    keys: str | Sequence[str] | None = None,
    max_points: int | None = None,
    x: Literal["step", "time", "relative"] = "step",
    output_format: OutputFormat = "pandas",
) -> Any:
    """Return the points of metrics as a tidy table with one row per point.

    Args:
        runs: Run IDs, `Run` objects, a table returned by `search_runs`, or a filter string for the runs of the active
            experiment. One ID or run need not be in a list.
        keys: One metric or several. Defaults to all metrics of the runs.
        max_points: The most points to return of a series (one metric of one run), at least 3. Longer series are thinned
            out: `x` is divided into intervals. The lowest and the highest point of each interval and the last point of
            the series are kept. None returns every point.
        x: The order of the points in a series: "step", "time", or "relative" for the time since the start of the run,
            which adds a column `seconds`.
        output_format: "pandas", "polars" or "arrow".

    Returns:
        A table with the columns run_id, run_name, key, step, timestamp (UTC) and value.

    Raises:
        NotFound: If a run does not exist.
        QueryError: If the filter is not valid.
        InvalidParameter: If another argument is not one of the above.

    Example:
        >>> curves("metrics.loss < 1", "loss", max_points=1000).groupby("run_name").last()  # doctest: +SKIP
    """
    check_format(output_format)
    if x not in _AXES:
        raise InvalidParameter(f"x must be one of {', '.join(map(repr, _AXES))}, not {x!r:.80}.")
    if max_points is not None and (not isinstance(max_points, int) or max_points < 3):
        raise InvalidParameter(
            f"max_points must be an integer of at least 3, or None for all points, not {max_points!r:.80}."
        )
    wanted = [keys] if isinstance(keys, str) else None if keys is None else check_list(keys, "keys")
    for key in wanted or ():
        check_string(key, "A key in keys")
    reading = Client().reading
    with reading.snapshot():
        found = reading.find_runs(scope_of(None, None, False), runs) if is_filter(runs) else None
        run_ids = run_ids_of(runs, "curves") if found is None else found
        points = reading.points(run_ids, wanted, x, max_points, strict=True)
    return from_columns(points.table(x), output_format)


def aggregate(
    query: str = "",
    by: str | Sequence[str] = (),
    metrics: str | Sequence[str] | None = None,
    *,
    experiment_ids: Sequence[str] | None = None,
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
    output_format: OutputFormat = "pandas",
) -> Any:
    """Group runs and return statistics of their metrics, for example over the seeds of each configuration.

    Args:
        query: A filter for the runs; see `nbtrack guide query`. Defaults to all runs. Deleted runs are left out.
        by: The names to group by, in the language of the filter, such as "params.lr" or "attributes.status". Params
            that are numbers are grouped as numbers, and datasets as the set of all datasets of a run. Parent runs with
            the same name are different groups. By default all runs are one group.
        metrics: The names to compute statistics of, such as "metrics.loss" (the last value) or "min(metrics.loss)".
            Defaults to the last value of each metric, except for system metrics (`system/…`).
        experiment_ids: The experiments to search. Defaults to the active experiment.
        search_all_experiments: Whether to search all experiments.
        experiment_names: The experiments to search, instead of `experiment_ids`.
        output_format: "pandas", "polars" or "arrow".

    Returns:
        A table with one row per group, sorted by the columns of `by`. Runs without a value are a group of their own,
        the last one. The columns are those of `by`, then `runs` (the number of runs), then five for each metric: `.n`,
        `.mean`, `.std`, `.min` and `.max`. Missing values and NaN are ignored, and `.n` is the number of other values.
        `.std` is the standard deviation of a sample (ddof=1) and missing if `.n` is 1.

    Raises:
        QueryError: If the filter or one of the names is not valid.
        NotFound: If an experiment in `experiment_names` does not exist.
        InvalidParameter: If `by` and `metrics` are more than 100 names together, or if another argument is not valid.

    Example:
        >>> table = aggregate("status = 'FINISHED'", by=["params.lr"], metrics=["metrics.loss", "min(metrics.loss)"])
    """
    check_format(output_format)
    scope = scope_of(experiment_ids, experiment_names, search_all_experiments)
    groups = [by] if isinstance(by, str) else check_list(by, "by")
    measures = [metrics] if isinstance(metrics, str) else None if metrics is None else check_list(metrics, "metrics")
    return from_columns(Client().reading.aggregate(scope, query, groups, measures), output_format)
