"""Finds the run of a cell's previous execution, so that the new run is its next attempt."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from .. import capture
from ..client import Client
from ..entities import Run
from ..errors import StoreError
from ..names import filter_value
from ..tags import ATTEMPT, CELL_ID, SOURCE_NAME


def cell_key(name: str | None, body: str) -> str:
    """Return a key that is the same for all executions of a cell: the cell ID, if the front end sends one.

    A terminal and nbclient send none. Then the key is the run name given in the cell, or else a hash of the code
    without its literal params.
    """
    cell = capture.current_cell()
    if cell is not None and cell.cell_id:
        return cell.cell_id
    return f"name:{quote(name, safe='')}" if name else f"code:{capture.code_hash(body)}"


def previous_attempt(client: Client, experiment_id: str, key: str) -> Run | None:
    """Return the newest run of the same cell of the same notebook in this experiment, or None."""
    try:
        runs = client.search_runs(
            [experiment_id],
            f"tags.`{CELL_ID}` = {filter_value(key)} AND tags.`{ATTEMPT}` IS NOT NULL",
            max_results=20,
            order_by=["attributes.start_time DESC"],
        )
    except StoreError:
        # Logging continues while another program holds the database. Only the comparison is lost.
        return None
    here = capture.source().name or ""
    return next((run for run in runs if _same_notebook(run.data.tags.get(SOURCE_NAME, ""), here)), None)


def _same_notebook(there: str, here: str) -> bool:
    # A copied notebook has the same cell IDs, but its cells are different ones. If the other notebook no longer exists,
    # it was renamed to this one.
    return there == here or not there or not Path(there).exists()


def attempt_number(run: Run) -> int:
    """Return the run's attempt number, or 1 if its tag is not a number."""
    text = run.data.tags.get(ATTEMPT, "")
    return int(text) if text.isdecimal() else 1
