"""What was tracked, as tables: the user's own SQL, curves as tidy data, statistics over runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from ..client import Client
from ..client.run_ids import is_filter, run_ids_of
from ..errors import InvalidParameter
from ..frame import OutputFormat, check_format, from_columns, from_relation
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
    """The rows of one SQL statement on the views that `nbtrack guide sql` lists; `$1`, `$2` … take `parameters`.

    It reads the store, changes nothing, and opens no other file: InvalidParameter says so where it would.

    >>> counts = sql("SELECT status, COUNT(*) AS n FROM runs GROUP BY status")
    """
    check_format(output_format, "list")
    return (
        Client().capability("sql").sql(query, list(parameters or ()), lambda rows: from_relation(rows, output_format))
    )


def curves(
    runs: Any,
    keys: str | Sequence[str] | None = None,
    max_points: int | None = None,
    x: Literal["step", "time", "relative"] = "step",
    output_format: OutputFormat = "pandas",
) -> Any:
    """The points of these runs' metrics as tidy data: run_id, run_name, key, step, timestamp (UTC), value.

    `runs` are run ids, runs, a table of search_runs, or a filter on the active experiment; `keys` one metric, several,
    or None for all. Each series is sorted along `x`; "relative" adds a column `seconds` since the run's start. A series
    of more than `max_points` points is thinned out: of each stretch of `x` its lowest and its highest point stay, and
    the last point of all. Raises NotFound for an unknown run.

    >>> curves("metrics.loss < 1", "loss", max_points=1000).groupby("run_name").last()  # doctest: +SKIP
    """
    check_format(output_format)
    if x not in _AXES:
        raise InvalidParameter(f"x must be one of {', '.join(map(repr, _AXES))}, not {x!r:.80}.")
    if max_points is not None and (not isinstance(max_points, int) or max_points < 3):
        raise InvalidParameter(
            f"max_points must be an integer of at least 3, or None for all points, not {max_points!r:.80}."
        )
    wanted = [keys] if isinstance(keys, str) else keys
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
    """What metrics come to over runs that are alike, such as one configuration with several seeds: a table with a row
    a group, sorted: the columns of `by`, runs (how many), and for each metric `.n`, `.mean`, `.std`, `.min`, `.max`.

    `query` is a filter; `by` and `metrics` are names of its language: params, tags, attributes, metrics,
    `min(metrics.loss)` (`metrics=None`: the last value of each metric but the machine's own, `system/…`). Params that
    are numbers group as numbers. Runs that lack a value of `by` are a group of their own, the last. Missing and NaN
    values of a metric count for none of its five columns: `.n` says how many did count. `.std` is that of a sample,
    and missing where n is 1.

    >>> table = aggregate("status = 'FINISHED'", by=["params.lr"], metrics=["metrics.loss", "min(metrics.loss)"])
    """
    check_format(output_format)
    scope = scope_of(experiment_ids, experiment_names, search_all_experiments)
    groups = [by] if isinstance(by, str) else list(by)
    measures = [metrics] if isinstance(metrics, str) else None if metrics is None else list(metrics)
    return from_columns(Client().reading.aggregate(scope, query, groups, measures), output_format)
