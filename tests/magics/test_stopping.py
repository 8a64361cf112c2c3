"""A cell whose run is stopped."""

from __future__ import annotations

import pytest

import nbtrack
from nbtrack.errors import RunStopped

from .conftest import Notebook


def check_stopped(run_id: str, reason: str | None = None) -> None:
    run = nbtrack.get_run(run_id)
    assert run.info.status == "KILLED"
    assert run.data.tags["nbtrack.stopped_by"] == run.data.tags["mlflow.user"]
    assert run.data.tags.get("nbtrack.stop_reason") == reason
    assert not {"nbtrack.traceback", "nbtrack.killed"} & run.data.tags.keys()


def test_a_cell_shows_one_line_and_its_run_ends(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    left_open = "run = nbtrack.start_run(); nbtrack.stop_run(run.info.run_id, 'enough'); nbtrack.log_metric('loss', 1)"
    for cell in (left_open, "%%track\n" + left_open.replace("start_run", "active_run")):
        result = notebook.run(cell)
        assert isinstance(result.error_in_exec, RunStopped)
        shown = capsys.readouterr().out
        assert shown.count(f"{result.error_in_exec}") == 1
        assert "Traceback" not in shown
        check_stopped(result.error_in_exec.run_id, "enough")
        assert nbtrack.active_run() is None
        # The next cell is not stopped by the old request.
        assert notebook.run("with nbtrack.start_run(): nbtrack.log_metric('loss', 2)").success

    # Whatever the order in which IPython calls what was registered for the end of a cell.
    callbacks = notebook.shell.events.callbacks["post_run_cell"]
    callbacks.reverse()
    try:
        result = notebook.run("%%track\n" + left_open.replace("start_run", "active_run"))
    finally:
        callbacks.reverse()
    check_stopped(result.error_in_exec.run_id, "enough")
    polled = "%%track\nnbtrack.stop_run(nbtrack.active_run().info.run_id)\nassert nbtrack.should_stop()"
    assert notebook.run(polled).success
    check_stopped(notebook.runs()[0].info.run_id)
