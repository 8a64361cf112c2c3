"""Which run the last execution of a cell made, so that this one is its next attempt."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from .. import capture
from ..client import Client
from ..entities import Run
from ..errors import StoreError
from ..tags import ATTEMPT, CELL_ID, SOURCE_NAME


def cell_key(name: str | None, body: str) -> str:
    """What makes two executions the same cell: the front end's cell id where it sends one.

    Else (a terminal, nbclient) the name that the cell gives its run, and for a cell without one its code apart from
    literal params.
    """
    cell = capture.current_cell()
    if cell is not None and cell.cell_id:
        return cell.cell_id
    return f"name:{quote(name, safe='')}" if name else f"code:{capture.code_hash(body)}"


def previous_attempt(client: Client, experiment_id: str, key: str) -> Run | None:
    """The newest run of the same cell of the same notebook in this experiment, if it is there still."""
    literal = "'" + key.replace("'", "''") + "'"
    try:
        runs = client.search_runs(
            [experiment_id],
            f"tags.`{CELL_ID}` = {literal} AND tags.`{ATTEMPT}` IS NOT NULL",
            max_results=20,
            order_by=["attributes.start_time DESC"],
        )
    except StoreError:
        # Logging goes on while another program holds the database; only the comparison is lost.
        return None
    here = capture.source().name or ""
    return next((run for run in runs if _same_notebook(run.data.tags.get(SOURCE_NAME, ""), here)), None)


def _same_notebook(there: str, here: str) -> bool:
    # A copied notebook has the same cell ids, and its cells are others. A notebook that is there no more was renamed.
    return there == here or not there or not Path(there).exists()


def attempt_number(run: Run) -> int:
    """The number that the run's tag gives it; 1 where the tag is no number."""
    text = run.data.tags.get(ATTEMPT, "")
    return int(text) if text.isdecimal() else 1
