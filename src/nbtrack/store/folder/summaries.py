"""SQL for the summary of a series of points, which are the columns of `latest_metrics`."""

from __future__ import annotations


def summary(by: str, source: str, points: str) -> str:
    """Return the SQL that summarizes each series of points: the columns of `latest_metrics` without the series' number.

    `by` are the columns of the series' run and key, and `points` is the alias of the points in `source`. The last point
    is the one with the highest step, then timestamp, then value, where NaN comes after every number. The first point is
    the one with the lowest. NaN, which DuckDB sorts as the highest value, does not count for the minimum, maximum and
    mean unless all values are NaN.
    """
    step, timestamp, value = (f"{points}.{column}" for column in ("step", "timestamp", "value"))
    # DuckDB drops the sign of -0.0 in a struct, so the sign is stored separately.
    number = f"v := {value}, negative := signbit({value})"
    return f"""
        SELECT * EXCLUDE (latest, earliest),
               latest.s AS step, latest.t AS timestamp, {_signed("latest")} AS value,
               earliest.s AS first_step, earliest.t AS first_timestamp, {_signed("earliest")} AS first_value
        FROM (SELECT {by}, COUNT(*) AS points,
                     MAX(struct_pack(s := {step}, t := {timestamp}, is_number := {value} <> 'NaN', {number})) AS latest,
                     MIN(struct_pack(s := {step}, t := {timestamp}, is_nan := {value} = 'NaN', {number})) AS earliest,
                     MIN({value}) AS min_value,
                     COALESCE(MAX({value}) FILTER (WHERE {value} <> 'NaN'), 'NaN') AS max_value,
                     COALESCE(SUM({value}) FILTER (WHERE {value} <> 'NaN'), 0) AS total,
                     COUNT(*) FILTER (WHERE {value} <> 'NaN') AS numbers
              FROM {source} GROUP BY ALL) AS grouped
    """


def _signed(point: str) -> str:
    return f"CASE WHEN {point}.negative AND {point}.v = 0 THEN -{point}.v ELSE {point}.v END"


def is_behind(new: str, old: str, *, first: bool) -> str:
    """Return the condition that point `new` comes after (`first`: before) point `old` in the order of `summary`."""
    prefix, sign = ("first_", "<") if first else ("", ">")
    step, timestamp, value = (
        (f"{new}.{prefix}{column}", f"{old}.{prefix}{column}") for column in ("step", "timestamp", "value")
    )
    return (
        f"({step[0]} {sign} {step[1]} OR ({step[0]} = {step[1]} AND ({timestamp[0]} {sign} {timestamp[1]} "
        f"OR ({timestamp[0]} = {timestamp[1]} AND {value[0]} <> 'NaN' "
        f"AND ({value[1]} = 'NaN' OR {value[0]} {sign} {value[1]})))))"
    )
