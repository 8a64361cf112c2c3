"""Test that running a cell again is its next attempt and shows what changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import nbtrack
from nbtrack.views.attempts import attempt_of

from .conftest import Notebook

pytestmark = pytest.mark.slow


def attempt(run_index: int = 0) -> object:
    """Return the attempt of the newest run."""
    runs = nbtrack.search_runs(search_all_experiments=True, output_format="list")
    return attempt_of(nbtrack.Client(), runs[run_index])


def test_what_changed_between_attempts(notebook: Notebook, capsys: pytest.CaptureFixture[str]):
    cell = "%%track mlp\nlr = {lr}\nkind = 'relu'\n{more}\n{{'accuracy': 1 - lr, 'kept': 1}}"
    notebook.run(cell.format(lr=0.1, more="old = 1"))
    assert attempt() is None
    notebook.run(cell.format(lr=0.25, more="new = 'x'"))
    first, second = reversed(notebook.runs())
    assert second.data.tags["nbtrack.attempt"] == "2"
    assert second.data.tags["nbtrack.previous_run"] == first.info.run_id
    assert attempt() == {
        "number": 2,
        "previous_run_id": first.info.run_id,
        "previous_run_name": "mlp",
        "changes": [
            {"kind": "param", "key": "lr", "old": "0.1", "new": "0.25"},
            {"kind": "param", "key": "new", "old": None, "new": "x"},
            {"kind": "param", "key": "old", "old": "1", "new": None},
            {"kind": "metric", "key": "accuracy", "old": "0.9", "new": "0.75", "better": False},
        ],
        "code_changed": True,
    }
    lines = capsys.readouterr().out.splitlines()
    assert lines[-5:] == [
        "  lr: 0.1 -> 0.25",
        "  new: new, x",
        "  old: was 1, now removed",
        "  accuracy: 0.9 -> 0.75 (worse)",
        "  the code changed",
    ]


def test_changed_literals_and_repetitions_are_not_changes_of_code(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
):
    for lr in (1, 2, 2):
        notebook.run(f"%%track\nlr = {lr}  # attempt\nprint(lr)\n{{'nan': float('nan')}}")
    assert [run.data.tags["nbtrack.attempt"] for run in notebook.runs()] == ["3", "2", "1"], "known by its code"
    assert attempt(1)["changes"] == [{"kind": "param", "key": "lr", "old": "1", "new": "2"}]
    assert attempt(1)["code_changed"] is False
    assert attempt()["changes"] == []
    assert "nothing changed since" in capsys.readouterr().out


def test_a_running_attempt_compares_only_logged_data(notebook: Notebook):
    notebook.run("%%track mlp\nlr, width = 1, 2\n{'accuracy': 0.9, 'loss': 1.0}")
    notebook.run(
        "%%track mlp\nlr = 3\nfrom nbtrack.views.attempts import attempt_of\nnbtrack.log_metric('loss', 0.5)\n"
        "run = nbtrack.get_run(nbtrack.active_run().info.run_id)\nmidway = attempt_of(nbtrack.Client(), run)"
    )
    assert [change["key"] for change in notebook.shell.user_ns["midway"]["changes"]] == ["lr", "loss"]
    assert [change["key"] for change in attempt()["changes"]] == ["lr", "width", "accuracy", "loss"]


@pytest.mark.slow
def test_other_cells_other_experiments_and_deleted_runs_are_not_attempts(notebook: Notebook):
    notebook.run("%%track one\nx = 1")
    notebook.run("%%track other\nx = 1")
    assert attempt() is None
    notebook.run("%%track one -e elsewhere\nx = 1")
    assert attempt() is None
    nbtrack.delete_run(notebook.runs()[-1].info.run_id)
    notebook.run("%%track one\nx = 1")
    assert attempt() is None


def test_the_previous_run_was_removed(notebook: Notebook):
    notebook.run("%%track one -t nbtrack.previous_run=00000000000000000000000000000000\n1")
    assert attempt() is None


def test_a_nested_run_is_not_taken_for_the_previous_attempt(notebook: Notebook):
    cell = "%%track outer\nwith nbtrack.start_run(nested=True, run_name='inner'):\n    pass"
    notebook.run(cell)
    notebook.run(cell)
    outer = [run for run in notebook.runs() if run.info.run_name == "outer"]
    assert outer[0].data.tags["nbtrack.previous_run"] == outer[1].info.run_id


@pytest.mark.slow
def test_a_copied_notebook_is_a_new_one_and_a_renamed_one_is_not(
    notebook: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def run_in(name: str) -> str | None:
        monkeypatch.setattr("sys.argv", [str(tmp_path / name)])
        notebook.run("%%track cell\n1")
        return notebook.runs()[0].data.tags.get("nbtrack.previous_run")

    (tmp_path / "first.ipynb").touch()
    (tmp_path / "copy.ipynb").touch()
    assert run_in("first.ipynb") is None
    first = notebook.runs()[0].info.run_id
    assert run_in("copy.ipynb") is None
    os.rename(tmp_path / "first.ipynb", tmp_path / "renamed.ipynb")
    assert run_in("renamed.ipynb") == first


def test_names_with_quotes_are_found(notebook: Notebook):
    for _ in range(2):
        notebook.run('%%track "it\'s `quoted` % and \\"so\\" on 🚀"\n1')
    assert notebook.runs()[0].data.tags["nbtrack.attempt"] == "2"


@pytest.mark.slow
def test_metrics_that_differ_late_are_shown_in_full(notebook: Notebook):
    for value in (0.123456781, 0.123456782):
        notebook.run(f"%%track close\n{{'close': {value}}}")
    assert attempt()["changes"] == [
        {"kind": "metric", "key": "close", "old": "0.123456781", "new": "0.123456782", "better": True}
    ]
