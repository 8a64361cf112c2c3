"""The IDs of runs that a caller passes as IDs, runs or a table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ..errors import InvalidParameter

_RUN_ID = re.compile("[0-9a-f]{32}")


def is_filter(runs: Any) -> bool:
    """Return whether `runs` is a filter: any string that is not a run ID."""
    return isinstance(runs, str) and not _RUN_ID.fullmatch(runs)


def run_ids_of(runs: Any, what: str) -> list[str]:
    """Return the IDs of runs, each once, from IDs, runs or a table with a column run_id; `what` names the caller."""
    if getattr(runs, "columns", None) is not None or hasattr(runs, "column_names"):
        names = list(getattr(runs, "column_names", None) or runs.columns)
        if "run_id" not in names:
            raise InvalidParameter(
                f"The table passed to {what} must have a column run_id, as the result of search_runs has."
            )
        column = runs["run_id"]
        return list(dict.fromkeys(map(str, column.to_pylist() if hasattr(column, "to_pylist") else column)))
    if isinstance(runs, str) or _is_run(runs) or not isinstance(runs, Iterable):
        runs = [runs]
    return list(dict.fromkeys(_id_of(run, what) for run in runs))


def _is_run(run: Any) -> bool:
    # A pandas Series also has an attribute `info`.
    return hasattr(getattr(run, "info", None), "run_id")


def _id_of(run: Any, what: str) -> str:
    run_id = run if isinstance(run, str) else getattr(getattr(run, "info", None), "run_id", None)
    if not isinstance(run_id, str):
        raise InvalidParameter(
            f"{what} takes run IDs, Run objects, a DataFrame from search_runs or a filter, not {run!r:.100}."
        )
    return run_id
