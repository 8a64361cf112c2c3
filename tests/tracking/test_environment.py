"""Where runs go, and how they end, whatever the environment variables, the working directory and the exit are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import nbtrack
import nbtrack as mlflow
from nbtrack.errors import InvalidState


@pytest.mark.parametrize("variable", ["MLFLOW_RUN_ID", "NBTRACK_RUN_ID"])
def test_a_run_with_a_parent_is_new_although_the_environment_names_a_run(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nbtrack.start_run(run_name="parent") as parent:
        pass
    monkeypatch.setenv(variable, parent.info.run_id)
    for nested in (True, False):
        with nbtrack.start_run(run_name="child", parent_run_id=parent.info.run_id, nested=nested) as child:
            assert child.info.run_id != parent.info.run_id
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert nbtrack.get_run(parent.info.run_id).info.run_name == "parent"
    with nbtrack.start_run() as resumed:
        assert resumed.info.run_id == parent.info.run_id, "the variable still names the first run without a parent"


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_URI", "NBTRACK_TRACKING_URI"])
@pytest.mark.parametrize("uri", ["store", "./store", "{}/store"])
def test_a_store_in_the_environment_stays_the_same_after_chdir(
    variable: str, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NBTRACK_TRACKING_URI")
    monkeypatch.setenv(variable, uri.format(tmp_path))
    nbtrack.set_experiment("trees")
    with nbtrack.start_run(run_name="before"):
        pass
    (tmp_path / "outputs").mkdir()
    monkeypatch.chdir(tmp_path / "outputs")
    with nbtrack.start_run(run_name="after"):
        pass
    assert nbtrack.get_tracking_uri() == str(tmp_path / "store")
    assert set(nbtrack.search_runs()["tags.mlflow.runName"]) == {"before", "after"}
    monkeypatch.setenv(variable, "other")
    assert nbtrack.get_tracking_uri() == str(tmp_path / "outputs" / "other"), "another value is another store"


def test_a_deleted_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    os.rmdir(tmp_path / "gone")
    with nbtrack.start_run() as run:
        nbtrack.log_metric("loss", 0.5)
        nbtrack.log_text("x", "x.txt")
    assert nbtrack.get_run(run.info.run_id).info.status == "FINISHED"
    monkeypatch.delenv("NBTRACK_TRACKING_URI")
    for use in (nbtrack.get_tracking_uri, nbtrack.start_run, lambda: nbtrack.set_tracking_uri("store")):
        with pytest.raises(InvalidState, match="working directory was deleted"):
            use()


SCRIPT = """
import atexit, os, sys, threading
import nbtrack
run = nbtrack.start_run(run_name=sys.argv[1])
def nested(error):
    nbtrack.start_run(run_name=sys.argv[1], nested=True)
    raise error
"""
ENDS = {
    # name: the end of the script, the exit code, and the status of its runs
    "the end": ("", 0, "FINISHED"),
    "sys.exit(0)": ("sys.exit(0)", 0, "FINISHED"),
    "sys.exit(3)": ("sys.exit(3)", 3, "FAILED"),
    "sys.exit(message)": ("sys.exit('no data')", 1, "FAILED"),
    "exit(3)": ("exit(3)", 3, "FAILED"),
    "raise SystemExit": ("raise SystemExit", 0, "FINISHED"),
    "raise SystemExit(3)": ("raise SystemExit(3)", 3, "FAILED"),
    "raise SystemExit(0.0)": ("raise SystemExit(0.0)", 1, "FAILED"),
    "a subclass": ("class Exit(SystemExit): pass\nraise Exit(3)", 3, "FAILED"),
    "nested SystemExit(3)": ("nested(SystemExit(3))", 3, "FAILED"),
    "nested ValueError": ("nested(ValueError('no data'))", 1, "FAILED"),
    "an exit that is caught": ("try:\n    sys.exit(3)\nexcept SystemExit as e:\n    print(e.code)", 0, "FINISHED"),
    "another exit": ("try:\n    raise SystemExit(3)\nexcept SystemExit:\n    raise SystemExit(0)", 0, "FINISHED"),
    "an exit through finally": ("try:\n    sys.exit(3)\nfinally:\n    nbtrack.log_metric('loss', 1)", 3, "FAILED"),
    "an exit of a thread": ("t = threading.Thread(target=sys.exit, args=(3,))\nt.start()\nt.join()", 0, "FINISHED"),
    "an ended run": ("nbtrack.end_run()\nsys.exit(3)", 3, "FINISHED"),
    "an error": ("raise ValueError('no data')", 1, "FAILED"),
    "an interrupt": ("raise KeyboardInterrupt", -2, "KILLED"),
    "an interrupt, then a string that is executed": (
        "atexit.register(lambda: exec(''))\nraise KeyboardInterrupt",
        -2,
        "KILLED",
    ),
    "an exit after an interrupt": ("try: raise KeyboardInterrupt\nexcept BaseException: sys.exit(1)", 1, "KILLED"),
    "an interrupt that was reported": (
        "try: raise KeyboardInterrupt\nexcept KeyboardInterrupt as e: sys.last_value = e.with_traceback(None)",
        0,
        "KILLED",
    ),
    "a deleted run": (
        "nested_run = nbtrack.start_run(nested=True)\nnbtrack.delete_run(nested_run.info.run_id)\nsys.exit(3)",
        3,
        "FAILED",
    ),
    "an own step at the end": ("atexit.register(nbtrack.log_metric, 'last', 1)\nraise SystemExit(3)", 3, "FAILED"),
    "IPython imported": ("import IPython\nsys.exit(3)", 3, "FAILED"),
}


@pytest.mark.slow
def test_an_open_run_ends_as_the_process_does(tmp_path: Path) -> None:
    processes = {}
    for number, (name, (end, _, _)) in enumerate(ENDS.items()):
        script = tmp_path / f"script_{number}.py"
        script.write_text(SCRIPT + end)
        start = (
            [str(script)],
            ["-m", script.stem],
            ["-c", script.read_text()],
            ["-c", f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')"],
        )[number % 4]
        command = [sys.executable, *start, name]
        processes[name] = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    codes = {name: (process.communicate()[1], process.returncode) for name, process in processes.items()}
    runs = nbtrack.search_runs(output_format="list")
    for name, (_, code, status) in ENDS.items():
        assert codes[name][1] == code, (name, codes[name])
        assert {run.info.status for run in runs if run.info.run_name == name} == {status}, (name, codes[name])
        assert f"nbtrack{os.sep}" not in codes[name][0], f"a traceback of our own: {codes[name]}"
    tags = {run.info.run_name: run.data.tags for run in runs}
    assert tags["an error"]["nbtrack.traceback"].endswith("ValueError: no data\n")
    assert next(run for run in runs if run.info.run_name == "an own step at the end").data.metrics == {"last": 1}


@pytest.mark.slow
def test_an_open_run_ends_as_the_last_cell_does(tmp_path: Path) -> None:
    """Under IPython, the process does not end with the exception: it ends when the user leaves it, with code 0."""
    bad, leaving = tmp_path / "bad.py", tmp_path / "leaving.py"
    bad.write_text("import nbtrack\nnbtrack.start_run(run_name='bad')\nraise ValueError('no data')")
    leaving.write_text("import sys, nbtrack\nnbtrack.start_run(run_name='leaving')\nsys.exit(0)")
    cells = [
        ["import nbtrack; nbtrack.start_run(run_name='early failure')", "1 / 0", "1"],
        ["import nbtrack; nbtrack.start_run(run_name='late failure')", "1", "1 / 0"],
        ["import nbtrack; nbtrack.start_run(run_name='message')", "raise SystemExit('no data')"],
    ]
    processes = [
        subprocess.Popen([sys.executable, "-m", "IPython", *arguments], cwd=tmp_path, stdout=subprocess.DEVNULL)
        for arguments in (["-c", "%run bad.py"], ["-c", "%run leaving.py"], [str(bad.with_stem("direct"))])
        if bad.with_stem("direct").write_text(bad.read_text().replace("'bad'", "'direct'"))
    ]
    for number, sources in enumerate(cells):
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        nbformat.write(book, tmp_path / f"{number}.ipynb")
    convert = ["-m", "nbconvert", "--to", "notebook", "--inplace", "--execute", "--allow-errors"]
    subprocess.run([sys.executable, *convert, *map(str, tmp_path.glob("*.ipynb"))], check=True, capture_output=True)
    for process in processes:
        process.wait(timeout=120)
    assert {run.info.run_name: run.info.status for run in nbtrack.search_runs(output_format="list")} == {
        "bad": "FAILED",
        "leaving": "FINISHED",
        "direct": "FAILED",
        "early failure": "FINISHED",
        "late failure": "FAILED",
        "message": "FAILED",
    }


def test_mlflows_exceptions_are_ours() -> None:
    mlflow.create_experiment("storms")
    for kind in (mlflow.exceptions.MlflowException, mlflow.MlflowException, mlflow.exceptions.RestException):
        with pytest.raises(kind) as caught:
            mlflow.create_experiment("storms")
        assert caught.value.error_code == "RESOURCE_ALREADY_EXISTS"
        assert caught.value.get_http_status_code() == 400
