"""Test `%track`: the overview, the experiment, lists and queries."""

from __future__ import annotations

from pathlib import Path

import pytest

import nbtrack

from .conftest import Notebook


def shown(notebook: Notebook, code: str) -> object:
    """Return what the cell displays."""
    result = notebook.run(code)
    assert result.success, result
    return result.result


def test_loading_prints_the_store_and_creates_nothing(
    notebook: Notebook, own_store: Path, capsys: pytest.CaptureFixture[str]
):
    notebook.run("%reload_ext nbtrack")
    assert capsys.readouterr().out == f"nbtrack: runs are kept in {own_store}\n"
    assert not own_store.exists()


def test_the_overview(notebook: Notebook, own_store: Path):
    empty = shown(notebook, "%track")
    assert repr(empty).splitlines() == [
        f"Store:      {own_store}",
        "Experiment: Default",
        "Active run: none",
        "Last runs of Default: none",
    ]
    notebook.run("%track digits")
    notebook.run("%%track baseline\nlr = 0.1\n{'val/accuracy': 0.9375}")
    with nbtrack.start_run(run_name="now") as run:
        here = repr(shown(notebook, "%track"))
    assert "Experiment: digits" in here
    assert f"Active run: now ({run.info.run_id})" in here
    (line,) = [line for line in here.splitlines() if line.startswith("baseline")]
    assert line.split()[1] == "FINISHED"
    assert line.split()[-2:] == ["0.1", "0.9375"]


def test_setting_the_experiment(notebook: Notebook, capsys: pytest.CaptureFixture[str]):
    for line in ("digits", "digits", '"with spaces"', "-e list", "$chosen"):
        notebook.shell.user_ns["chosen"] = "from-a-variable"
        notebook.run(f"%track {line}")
    assert capsys.readouterr().out.splitlines() == [
        "nbtrack: experiment 'digits' (new)",
        "nbtrack: experiment 'digits'",
        "nbtrack: experiment 'with spaces' (new)",
        "nbtrack: experiment 'list' (new)",
        "nbtrack: experiment 'from-a-variable' (new)",
    ]
    with nbtrack.start_run() as run:
        assert nbtrack.get_experiment(run.info.experiment_id).name == "from-a-variable"


def test_list_gets_the_filter_unchanged(notebook: Notebook):
    for lr in (0.1, 0.2, 0.3):
        notebook.run(f"%%track rate-{lr}\nlr = {lr}\nkind = \"it's\"\n{{'val/accuracy': 1 - {lr}}}")
    table = shown(notebook, '%track list metrics.`val/accuracy` > 0.75 and params.kind = "it\'s"')
    assert [run.info.run_name for run in table.runs] == ["rate-0.2", "rate-0.1"]
    assert table.columns == ["run", "status", "started", "seconds", "lr", "val/accuracy"], "kind does not differ"
    assert len(shown(notebook, "%track list").runs) == 3
    assert len(shown(notebook, "found = %track list params.lr = '0.3'\nfound").runs) == 1


def test_an_invalid_filter_shows_the_position(notebook: Notebook, capsys: pytest.CaptureFixture[str]):
    assert not notebook.run("%track list params.lr = = 1").success
    error = capsys.readouterr().err
    assert "UsageError: %track:" in error
    assert "at character 13" in error


def test_sql(notebook: Notebook):
    notebook.run("%%track one\n1")
    frame = shown(notebook, "%track sql SELECT run_name, status FROM runs WHERE run_name <> 'x;y';")
    assert frame.to_dict("records") == [{"run_name": "one", "status": "FINISHED"}]


def test_a_cell_of_sql(notebook: Notebook, capsys: pytest.CaptureFixture[str]):
    notebook.run("%%track one\n1")
    frame = shown(notebook, "%%track sql\n-- {braces} and $names stay\nSELECT run_name,\n  status FROM runs;\n")
    assert frame.to_dict("records") == [{"run_name": "one", "status": "FINISHED"}]
    capsys.readouterr()
    assert shown(notebook, "%%track sql found\nSELECT run_name, 7 AS seven FROM runs") is None
    assert capsys.readouterr().out == "nbtrack: found has 1 row with the columns run_name, seven\n"
    assert shown(notebook, "found.seven.tolist()") == [7]
    assert len(notebook.runs()) == 1, "SQL is no run"
    notebook.run('%%track "sql"\n1')
    assert [run.info.run_name for run in notebook.runs()] == ["sql", "one"]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%%track sql\nDROP TABLE main.runs", "only reads"),
        ("%%track sql\nSELECT * FROM nowhere", "nowhere"),
        ("%%track sql a b\nSELECT 1", "unexpected argument 'b'"),
        ("%%track sql 1a\nSELECT 1", "not a valid variable name"),
    ],
)
def test_an_invalid_sql_cell_is_an_error(
    notebook: Notebook, capsys: pytest.CaptureFixture[str], cell: str, message: str
):
    assert not notebook.run(cell).success
    error = capsys.readouterr().err
    assert "UsageError: %%track sql: " in error
    assert message in error
    assert notebook.runs() == []


def test_names_of_runs_are_escaped(notebook: Notebook):
    name = "<script>alert('1')</script>"
    notebook.run(f'%track "<i>exp</i> & {"x" * 100}"')
    notebook.run(f'%%track "{name}"\nnote = "<b>\\n🚀\\x1b[31m{"y" * 10_000}"')
    where = shown(notebook, "%track")
    markup, text = where._repr_html_(), repr(where)
    assert "<script" not in markup
    assert "&lt;script&gt;alert(&#x27;1&#x27;)" in markup
    assert "<i>" not in markup
    assert "<b>🚀" not in markup
    assert len(markup) < 3000
    assert "\x1b" not in text
    assert len(text.splitlines()) == 6


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("one two", "unexpected argument 'two'"),
        ("lst metrics.x > 1", "Did you mean %track list"),
        ("--flag", "unknown option --flag"),
        ("sql", "sql requires a query"),
        ("it's", "between double quotes"),
        ('""', "experiment name must not be empty"),
        ("-e one two", "unexpected argument"),
    ],
)
def test_errors_say_what_is_allowed(
    notebook: Notebook, own_store: Path, capsys: pytest.CaptureFixture[str], line: str, message: str
):
    assert not notebook.run(f"%track {line}").success
    error = capsys.readouterr().err
    assert message in error
    assert "sql SELECT" in error
    assert not own_store.exists()


def test_errors_of_the_store_have_one_line(notebook: Notebook, capsys: pytest.CaptureFixture[str]):
    assert not notebook.run("%track sql DROP TABLE runs").success
    assert not notebook.run(f"%track {'x' * 600}").success
    assert "Traceback" not in capsys.readouterr().out
