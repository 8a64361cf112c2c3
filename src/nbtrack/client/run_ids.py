"""Runs that a caller names in one of many ways, by their ids."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ..errors import InvalidParameter

_RUN_ID = re.compile("[0-9a-f]{32}")


def is_filter(runs: Any) -> bool:
    """Whether a caller names runs by a filter: any text that is no id."""
    return isinstance(runs, str) and not _RUN_ID.fullmatch(runs)


def run_ids_of(runs: Any, what: str) -> list[str]:
    """The ids, each once, of runs that are given as ids, as runs, or as a table with a column run_id, for `what`."""
    if getattr(runs, "columns", None) is not None or hasattr(runs, "column_names"):
        names = list(getattr(runs, "column_names", None) or runs.columns)
        if "run_id" not in names:
            raise InvalidParameter(f"A table of runs needs a column run_id, as search_runs gives it, for {what}.")
        column = runs["run_id"]
        return list(dict.fromkeys(map(str, column.to_pylist() if hasattr(column, "to_pylist") else column)))
    if isinstance(runs, str) or _is_run(runs) or not isinstance(runs, Iterable):
        runs = [runs]
    return list(dict.fromkeys(_id_of(run, what) for run in runs))


def _is_run(run: Any) -> bool:
    # A Series of pandas has an `info` too.
    return hasattr(getattr(run, "info", None), "run_id")


def _id_of(run: Any, what: str) -> str:
    run_id = run if isinstance(run, str) else getattr(getattr(run, "info", None), "run_id", None)
    if not isinstance(run_id, str):
        raise InvalidParameter(f"{what} takes run ids, runs or a table of search_runs, not {run!r:.100}.")
    return run_id
