"""`nbtrack stop`: stops a run cleanly, whatever process runs it."""

from __future__ import annotations

import argparse

from ..client import Client
from ..errors import InvalidState, NotFound
from ..names import filter_value

HELP = "Stop a run cleanly. Its data is kept, and it ends as KILLED."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="RUN", help="the ID of the run, or its name if only one running run has it")
    parser.add_argument("--reason", help="why the run is stopped, which is kept with the run")


def run(options: argparse.Namespace) -> int:
    client = Client()
    client.check_exists()
    run_id = _run_id(client, options.name)
    client.stop_run(run_id, options.reason)
    print(f"Run {client.get_run(run_id).info.run_name!r} ({run_id}) stops at its next log call.")
    return 0


def _run_id(client: Client, name: str) -> str:
    try:
        return client.get_run(name).info.run_id
    except NotFound:
        filter_string = f"status = 'RUNNING' AND run_name = {filter_value(name)}"
        found = client.search_runs(None, filter_string, max_results=10)
    if not found:
        raise NotFound(f"No running run has the ID or the name {name!r:.80}.")
    if len(found) > 1:
        ids = ", ".join(run.info.run_id for run in found)
        raise InvalidState(f"Several running runs have the name {name!r:.80}. Pass the ID of one of them: {ids}.")
    return found[0].info.run_id
