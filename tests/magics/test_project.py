"""Test `%track run`: a project's run with its output in the cell."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from IPython.core.error import UsageError

from nbtrack import tags
from nbtrack.projects import SubmittedRun
from tests.magics.conftest import Notebook


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    entry_points = "{main: {parameters: {a: int}, command: 'echo a is {a}; exit {a}'}}"
    (folder / "MLproject").write_text(f"entry_points: {entry_points}\n")
    return folder


def test_a_project_runs_with_its_output_in_the_cell(
    notebook: Notebook, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook.run("zero = 0")
    result = notebook.run("submitted = %track run project -P a={zero} --run-name first --experiment-name e")
    result.raise_error()
    submitted = notebook.shell.user_ns["submitted"]
    assert isinstance(submitted, SubmittedRun)
    (found,) = notebook.runs()
    assert (found.info.run_id, found.info.run_name) == (submitted.run_id, "first")
    assert (found.info.status, found.data.params) == ("FINISHED", {"a": "0"})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"nbtrack: Run 'first' ({found.info.run_id}) started: echo a is 0; exit 0"
    assert lines[1] == "a is 0"
    assert lines[2].startswith("nbtrack: first FINISHED after")
    assert len(lines) == 3


def test_warnings_are_plain_lines(notebook: Notebook, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    notebook.run("%track run project -P a=0").raise_error()
    captured = capsys.readouterr()
    assert captured.out.startswith(f"nbtrack: '{project}' has uncommitted changes in 1 file.")
    assert captured.err == ""


def test_a_failing_project_is_an_error_of_the_cell(notebook: Notebook, project: Path) -> None:
    result = notebook.run("%track run project -P a=3")
    assert isinstance(result.error_in_exec, UsageError)
    assert "ended with exit code 3" in str(result.error_in_exec)
    (found,) = notebook.runs()
    assert found.info.status == "FAILED"


def test_a_project_in_a_tracked_cell_is_nested_in_its_run(notebook: Notebook, project: Path) -> None:
    notebook.run("%%track outer\n%track run project -P a=0").raise_error()
    inner, outer = sorted(notebook.runs(), key=lambda run: run.info.run_name == "outer")
    assert inner.data.tags[tags.PARENT] == outer.info.run_id


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "run requires a project"),
        ("project -P", "expected one argument"),
        ("project -P a", "-P takes NAME=VALUE"),
        ("project --paramlist a=1", "unknown option --paramlist. Did you mean --param-list?"),
        ("project other", "unexpected argument 'other'"),
        ("project --env-manager poetry", "invalid choice: 'poetry'"),
        ("project -P a=x", "'a' must be an integer"),
        ("nowhere", "does not exist"),
    ],
)
def test_wrong_options_are_errors_and_nothing_runs(line: str, message: str, notebook: Notebook, project: Path) -> None:
    result = notebook.run(f"%track run {line}")
    assert isinstance(result.error_in_exec, UsageError)
    assert message in str(result.error_in_exec)
    assert notebook.runs() == []


def test_an_experiment_named_run_can_still_be_set(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    notebook.run("%track -e run").raise_error()
    assert "experiment 'run' (new)" in capsys.readouterr().out
