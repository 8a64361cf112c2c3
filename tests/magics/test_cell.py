"""Test `%%track` in a real IPython shell: what is stored, and that the cell behaves as without it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import nbtrack

from .conftest import Notebook


def test_a_cell_becomes_a_run(notebook: Notebook, capsys: pytest.CaptureFixture[str]):
    cell = (
        '%%track "first look" -t owner=ada -t \'why=a = b\' --note "what\'s \\"this\\"?"\n'
        "lr, layers = 0.1, (64, 32)\n"
        "_secret = 'no'\n"
        "for step in range(3):\n"
        "    nbtrack.log_metric('loss', 1 / (step + 1))\n"
        "{'accuracy': 0.5, 'passed': True, 'label': '0.9', 'nested': {'x': 1}, 3: 4.0}"
    )
    result = notebook.run(cell)
    assert result.success
    assert result.result["accuracy"] == 0.5
    assert "Out[" in capsys.readouterr().out
    (run,) = notebook.runs()
    assert (run.info.run_name, run.info.status) == ("first look", "FINISHED")
    assert run.data.params == {"lr": "0.1", "layers": "(64, 32)"}
    assert run.data.metrics == {"loss": pytest.approx(1 / 3), "accuracy": 0.5, "passed": 1.0}
    tags = run.data.tags
    assert (tags["owner"], tags["why"]) == ("ada", "a = b")
    assert tags["mlflow.note.content"] == 'what\'s "this"?'
    assert tags["nbtrack.cell.source"] == cell
    assert tags["nbtrack.python"] == sys.version.split()[0]
    assert json.loads(tags["nbtrack.packages"])["duckdb"]
    assert tags["nbtrack.attempt"] == "1"
    assert nbtrack.active_run() is None


def test_options_for_experiment_and_code(notebook: Notebook):
    notebook.run("%track digits")
    notebook.run("%%track -e elsewhere --no-code\n1")
    notebook.run("%%track\n1")
    here, elsewhere = notebook.runs()
    assert elsewhere.info.experiment_id == nbtrack.get_experiment_by_name("elsewhere").experiment_id
    assert here.info.experiment_id == nbtrack.get_experiment_by_name("digits").experiment_id
    assert "nbtrack.cell.source" not in elsewhere.data.tags
    assert here.data.tags["nbtrack.cell.source"] == "%%track\n1"
    assert here.info.run_name.count("-") == 2, "a readable name where none is given"


def test_the_value_of_a_named_variable_after_the_cell_counts(notebook: Notebook, capsys: pytest.CaptureFixture[str]):
    notebook.run("before, grows, stale = 1, [1], 'stale'")
    notebook.run("%%track -p before,grows -p stale,made,absent\ngrows.append(2)\nstale = str(3)\nmade = 2 ** 3")
    (run,) = notebook.runs()
    assert run.info.status == "FINISHED"
    assert run.data.params == {"before": "1", "grows": "[1, 2]", "stale": "3", "made": "8"}
    error = capsys.readouterr().err
    assert "no variable absent" in error
    assert "made" not in error
    history = nbtrack.sql("SELECT key, value FROM param_history ORDER BY key, timestamp")
    assert "stale" not in set(history[history["value"] == "stale"]["key"]), "a value the cell replaces is not logged"


def test_variables_in_the_line_are_replaced(notebook: Notebook):
    notebook.run("lr = 0.25")
    notebook.run("%%track rate-{lr}\n1")
    assert notebook.runs()[0].info.run_name == "rate-0.25"


def test_a_mapping_of_any_numbers_as_the_last_expression(notebook: Notebook):
    notebook.run("import numpy as np")
    notebook.run(
        "%%track\n{'f32': np.float32(0.5), 'i': np.int64(2), 'zero_d': np.array(3.0), 'array': np.ones(1), "
        "'none': None, 'huge': 10**400, 'complex': 1j, 'nan': float('nan'), 'x' * 10_000: 1.0}"
    )
    (run,) = notebook.runs()
    assert run.info.status == "FINISHED"
    assert run.data.metrics.keys() == {"f32", "i", "zero_d", "nan"}
    assert run.data.metrics["zero_d"] == 3.0


def test_an_exception_is_shown_as_usual_and_stored(notebook: Notebook, capsys: pytest.CaptureFixture[str]):
    result = notebook.run(
        "%%track\n\ndef inner():\n    raise ValueError('<b>bad</b>')\nlr = 0.1\ninner()\nprint('never')"
    )
    assert isinstance(result.error_in_exec, ValueError)
    shown = capsys.readouterr().out
    assert "line 6\n" in shown
    assert "----> 6 inner()" in shown
    assert "----> 4     raise ValueError" in shown
    assert "never\n" not in shown.replace("print('never')", "")
    assert "nbtrack/magics" not in shown
    assert "run_cell_magic" not in shown
    assert "magics_manager" not in shown
    (run,) = notebook.runs()
    assert run.info.status == "FAILED"
    assert run.data.params == {"lr": "0.1"}
    trace = run.data.tags["nbtrack.traceback"].splitlines()
    assert trace[0] == "Traceback (most recent call last):"
    assert trace[1].endswith(", line 6, in <module>")
    assert "Cell In[" in trace[1]
    assert trace[-1] == "ValueError: <b>bad</b>"
    assert nbtrack.active_run() is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("raise KeyboardInterrupt", "KILLED"),
        ("import sys; sys.exit()", "FINISHED"),
        ("import sys; sys.exit('no data')", "FAILED"),
        ("class Odd(BaseException): ...\nraise Odd", "FAILED"),
    ],
)
@pytest.mark.filterwarnings("ignore:To exit")
def test_other_ends_of_a_cell(notebook: Notebook, body: str, status: str):
    assert not notebook.run(f"%%track\n{body}").success
    (run,) = notebook.runs()
    assert run.info.status == status
    assert ("nbtrack.killed" in run.data.tags) == (status == "KILLED")


def test_a_syntax_error_is_shown_as_usual_and_creates_no_run(
    notebook: Notebook, own_store: Path, capsys: pytest.CaptureFixture[str]
):
    result = notebook.run("%%track\nx = 1\ny = = 2")
    assert isinstance(result.error_before_exec, SyntaxError)
    assert result.error_before_exec.lineno == 3
    assert "nbtrack" not in capsys.readouterr().out
    assert not own_store.exists()


def test_magics_commands_and_await_work_inside(notebook: Notebook):
    result = notebook.run(
        "%%track\nimport asyncio\nwords = !echo one two\n%time 1\nawait asyncio.sleep(0)\n{'n': len(words)};"
    )
    assert result.success
    (run,) = notebook.runs()
    assert run.data.metrics == {"n": 1.0}


@pytest.mark.parametrize("outer", ["%%capture", "%%time"])
def test_inside_another_cell_magic(notebook: Notebook, outer: str):
    notebook.run(f"{outer}\n%%track inside\nlr = 0.5\n{{'a': 1}}")
    (run,) = notebook.runs()
    assert (run.info.run_name, run.info.status, run.data.params) == ("inside", "FINISHED", {"lr": "0.5"})
    assert run.data.metrics == {"a": 1.0}


def test_called_by_code_as_in_a_converted_notebook(notebook: Notebook):
    result = notebook.run("get_ipython().run_cell_magic('track', 'called', 'lr = 1\\n1 / 0\\n')")
    assert isinstance(result.error_in_exec, ZeroDivisionError)
    (run,) = notebook.runs()
    assert (run.info.run_name, run.info.status, run.data.params) == ("called", "FAILED", {"lr": "1"})


def test_runs_inside_the_cell(notebook: Notebook):
    assert notebook.run("%%track outer\nwith nbtrack.start_run(nested=True, run_name='inner'):\n    pass").success
    inner, outer = notebook.runs()
    assert inner.data.tags["mlflow.parentRunId"] == outer.info.run_id
    assert [inner.info.status, outer.info.status] == ["FINISHED", "FINISHED"]


def test_nested_in_the_active_run_or_refused(notebook: Notebook, capsys: pytest.CaptureFixture[str]):
    with nbtrack.start_run(run_name="around") as around:
        notebook.run("%%track alone\n1")
        assert "'around' is already active" in capsys.readouterr().err
        notebook.run("%%track inside --nested\n1")
        assert nbtrack.active_run() is around
    assert [run.info.run_name for run in notebook.runs()] == ["inside", "around"]
    assert notebook.runs()[0].data.tags["mlflow.parentRunId"] == around.info.run_id


def test_nested_runs_left_open_end_with_the_cell(notebook: Notebook):
    notebook.run("%%track\nnbtrack.start_run(nested=True)\n1 / 0")
    assert [run.info.status for run in notebook.runs()] == ["FAILED", "FAILED"]
    assert nbtrack.active_run() is None


def test_the_cell_can_end_its_run_and_runs_it_left_open_end_with_the_next_execution(notebook: Notebook):
    cell = "%%track mine\nnbtrack.end_run()\nleft = nbtrack.start_run(run_name='left')"
    assert notebook.run(cell).success
    assert nbtrack.active_run().info.run_name == "left"
    first = nbtrack.active_run().info.run_id
    assert notebook.run(cell).success
    assert nbtrack.get_run(first).info.status == "KILLED"
    assert "run again" in nbtrack.get_run(first).data.tags["nbtrack.killed"]
    assert nbtrack.active_run().info.run_id != first
    mine = [run for run in notebook.runs() if run.info.run_name == "mine"]
    assert [run.info.status for run in mine] == ["FINISHED", "FINISHED"]


def test_a_deleted_run_does_not_break_the_cell(notebook: Notebook):
    assert notebook.run("%%track\nnbtrack.delete_run(nbtrack.active_run().info.run_id)\n{'a': 1}").success
    assert nbtrack.active_run() is None


def test_unusual_strings_are_stored_unchanged(notebook: Notebook):
    name = "<img src=x onerror=alert(1)> 'q' 🚀 " + "x" * 400
    body = "text = 'nul \\0 and half \\ud800'\nlong = '" + "y" * 10_000 + "'\npath = '../../etc'"
    assert notebook.run(f'%%track "{name}"\n{body}').success
    (run,) = notebook.runs()
    assert run.info.run_name == name
    assert len(run.data.params["long"]) == 10_000
    assert run.data.params["path"] == "../../etc"
    assert "nul" in run.data.params["text"]


def test_the_commit_of_the_working_directory(notebook: Notebook, tmp_path: Path):
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "init", "--quiet", "."], cwd=tmp_path, check=True)
    subprocess.run(["git", *settings, "commit", "--quiet", "--allow-empty", "-m", "x"], cwd=tmp_path, check=True)
    notebook.run("%%track\n1")
    tags = notebook.runs()[0].data.tags
    assert len(tags["mlflow.source.git.commit"]) == 40
    assert tags["nbtrack.git.dirty"] == "false"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("name --nesed", "unknown option --nesed. Did you mean --nested?"),
        ("one two", "unexpected argument 'two'"),
        ("it's", "between double quotes"),
        ("-p", "expected one argument"),
        ("-p lr,,width", "such as -p lr,width, not ''"),
        ("-p 'model.lr'", "not 'model.lr'"),
        ("-t owner", "-t takes key=value"),
        ('""', "run name must not be empty"),
        ("-e ' '", "experiment name must not be empty"),
    ],
)
def test_errors_say_what_is_allowed(
    notebook: Notebook, own_store: Path, capsys: pytest.CaptureFixture[str], line: str, message: str
):
    result = notebook.run(f"%%track {line}\nran = True")
    assert not result.success
    shown = capsys.readouterr().err
    assert message in shown
    assert "[-p a,b]" in shown
    assert "Traceback" not in shown
    assert "ran" not in notebook.shell.user_ns
    assert not own_store.exists()


def test_an_empty_body_is_refused(notebook: Notebook, own_store: Path, capsys: pytest.CaptureFixture[str]):
    notebook.run("%%track name\n\n")
    assert "cell body is empty" in capsys.readouterr().err
    assert not own_store.exists()


def test_help_shows_the_examples(notebook: Notebook, capsys: pytest.CaptureFixture[str]):
    for question in ("%track?", "%%track?"):
        notebook.run(question)
        assert "%%track baseline -p model" in capsys.readouterr().out


def test_unloading_removes_everything(notebook: Notebook):
    notebook.run("%reload_ext nbtrack")
    notebook.run("%%track\n1")
    assert len(notebook.runs()) == 1
    from nbtrack.magics import unload_ipython_extension

    unload_ipython_extension(notebook.shell)
    assert not notebook.run("%%track\n1").success
    assert len(notebook.runs()) == 1


@pytest.mark.parametrize("line", ["{'a': 1}", "{'a': 1};", "{'a': 1}  # the result"])
def test_a_last_expression_counts_whether_it_is_displayed_or_not(notebook: Notebook, line: str):
    hook = sys.displayhook
    notebook.run(f"%%track\n{line}")
    assert notebook.runs()[0].data.metrics == {"a": 1.0}
    assert sys.displayhook is hook


def test_output_of_a_run_that_is_open_over_several_cells(notebook: Notebook):
    # IPython wraps the streams in each cell too, for its history, and restores them after the cell.
    notebook.run("import nbtrack, sys\nrun = nbtrack.start_run()\nprint('first')")
    notebook.run("print('second')")
    notebook.run("get_ipython().run_cell('print(3)')\nprint('fourth')")
    notebook.run(
        "from nbtrack.observed import of_run\nseen = of_run(run.info.run_id)\nnbtrack.end_run()\nprint('last')"
    )
    assert notebook.shell.user_ns["seen"].output() == ["first", "second", "3", "fourth"]
    printed = [
        "".join(one.bundle["stream"]) for many in notebook.shell.history_manager.outputs.values() for one in many
    ]
    assert ["".join(printed).count(text) for text in ("first\n", "last\n")] == [1, 1]
