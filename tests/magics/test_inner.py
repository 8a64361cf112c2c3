"""`%%track` above and below other cell magics: the status, params, metrics and output are those without the other."""

from __future__ import annotations

import cProfile
import re
import sys

import pytest

import nbtrack
from nbtrack.entities import Run

from .conftest import Notebook

SHELL = "get_ipython()"
BODIES = {
    # name: the code, the status, and whether it gets to the mapping at its end
    "plain": ("print('hello')\n{'score': 3}", "FINISHED", True),
    "display": ("from IPython.display import display\ndisplay('shown')\n{'score': 3}", "FINISHED", True),
    "lines": ("%time total = 3\nwords = !echo hi\n{'score': len(words) + 2}", "FINISHED", True),
    "error": ("1 / 0", "FAILED", False),
    "interrupt": ("raise KeyboardInterrupt", "KILLED", False),
    "exit without an error": ("import sys; sys.exit()", "FINISHED", False),
    "exit with an error": ("import sys; sys.exit('no data')", "FAILED", False),
    "raised exit": ("raise SystemExit(3)", "FAILED", False),
    "cell": (f"{SHELL}.run_cell('%%time\\ninner = 2')\n{{'score': 3}}", "FINISHED", True),
    "silent cell": (f"{SHELL}.run_cell('inner = 2', silent=True)\n{{'score': 3}}", "FINISHED", True),
    "empty cell": (f"{SHELL}.run_cell('')\n{{'score': 3}}", "FINISHED", True),
    "failing cell": (f"{SHELL}.run_cell('%%time\\n1 / 0')\n{{'score': 3}}", "FINISHED", True),
    "tracked cell": (f"{SHELL}.run_cell('%%track inner --nested\\n1 / 0')\n{{'score': 3}}", "FINISHED", True),
    "await": ("import asyncio\nawait asyncio.sleep(0)\n{'score': 3}", "FINISHED", True),
}
# How a cell ends is tried with each magic. With variants and pairs of them, only one of each kind is.
ENDS = ("plain", "error", "interrupt", "tracked cell", "await")
WRAPPERS = {
    "%%time": tuple(BODIES),
    "%%capture": tuple(BODIES),
    "%%capture --no-stderr captured": ENDS,
    "%%timeit -n 1 -r 1": tuple(BODIES),
    "%%timeit -n 2 -r 2": ENDS,
    "%%prun -q": tuple(BODIES),
    "%%mine": tuple(BODIES),
    "%%time\n%%capture": ENDS,
    "%%capture\n%%time": ENDS,
    "%%mine\n%%time": ENDS,
}


def shown(text: str) -> list[str]:
    """Return the lines of an output without those of `%%track`, and without times and numbers of cells and lines."""
    text = re.sub(r"\n?nbtrack: .*\n(?:  .*: new, .*\n|  the code changed\n|  nothing changed since .*\n)*", "\n", text)
    lines = [re.sub(r"\d[\d.]*", "#", line).strip() for line in text.split("\n")]
    # IPython hides a frame of ours that is below %%prun in a traceback, and says so.
    ignored = ("CPU times", "Wall time", "# ", "Cell In", "---", "File <", "[... skipping hidden", "The slowest run")
    return [line for line in lines if line and not line.startswith(ignored) and "%%" not in line and "±" not in line]


def new_runs(notebook: Notebook, known: set[str]) -> list[Run]:
    """Return the runs that are not known yet, the outermost first, and add them to `known`."""
    runs = [run for run in reversed(notebook.runs()) if run.info.run_id not in known]
    known |= {run.info.run_id for run in runs}
    return runs


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:To exit")
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_above_and_below_a_magic_that_runs_python(
    notebook: Notebook, capsys: pytest.CaptureFixture[str], wrapper: str
) -> None:
    # A cell magic of the user's own that runs the cell, as many do.
    notebook.shell.register_magic_function(lambda line, cell: notebook.shell.run_cell(cell) and None, "cell", "mine")
    known: set[str] = set()
    runctx = cProfile.Profile.runctx
    for name in WRAPPERS[wrapper]:
        code, status, has_value = BODIES[name]
        if name == "await" and not wrapper.endswith(("capture", "mine", "captured")):
            continue  # IPython's other magics take no await.
        body = f"rate = 0.5\n{code}"
        capsys.readouterr()
        without = notebook.run(f"{wrapper}\n{body}")
        output = shown(capsys.readouterr().out)
        new_runs(notebook, known)
        for cell in (f"%%track\n{wrapper}\n{body}", f"{wrapper}\n%%track\n{body}"):
            notebook.shell.user_ns.pop("rate", None)
            result = notebook.run(cell)
            printed = capsys.readouterr().out
            assert result.success == without.success, (name, cell)
            assert shown(printed) == output, (name, cell)
            run, *inner = new_runs(notebook, known)
            assert (run.info.status, run.data.params) == (status, {"rate": "0.5"}), (name, cell)
            # %%timeit and %%prun compute no value.
            has_metric = has_value and "timeit" not in wrapper and "prun" not in wrapper
            assert run.data.metrics == ({"score": 3.0} if has_metric else {}), (name, cell)
            assert ("nbtrack.traceback" in run.data.tags) == (status != "FINISHED"), (name, cell)
            assert all(one.data.tags["mlflow.parentRunId"] == run.info.run_id for one in inner), (name, cell)
            assert {one.info.status for one in inner} == ({"FAILED"} if name == "tracked cell" else set()), (name, cell)
            assert nbtrack.active_run() is None
    assert "showtraceback" not in vars(notebook.shell)
    assert cProfile.Profile.runctx is runctx
    assert type(sys.displayhook).__name__ != "LastValue"


@pytest.mark.slow
@pytest.mark.parametrize("wrapper", ["%%time", "%%capture", "%%timeit", "%%prun", "%%bash", "%%time\n%%capture"])
def test_what_ipython_refuses_is_no_run(notebook: Notebook, wrapper: str) -> None:
    for body in ("", "\n \n", *(["rate = = 1"] if wrapper != "%%bash" else [])):
        for cell in (f"%%track\n{wrapper}\n{body}", f"{wrapper}\n%%track\n{body}"):
            notebook.run(cell)
            assert notebook.runs() == [], cell
            assert nbtrack.active_run() is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("%%bash\nrate=0.5\nexit 0", "FINISHED"),
        ("%%bash\nrate=0.5\nexit 3", "FAILED"),
        ("%%sh --no-raise-error\nrate=0.5\nexit 3", "FINISHED"),
        (f"%%script {sys.executable}\nrate = 0.5\nraise SystemExit(1)", "FAILED"),
        (f"%%script --out got {sys.executable}\nrate = 0.5\nprint(rate)", "FINISHED"),
        ("%%writefile note.txt\nrate = 0.5", "FINISHED"),
        ("%%html\nrate = 0.5", "FINISHED"),
        ("%%sx\nrate=0.5", "FINISHED"),
    ],
)
def test_above_a_cell_of_another_language(
    notebook: Notebook, capsys: pytest.CaptureFixture[str], body: str, status: str
) -> None:
    notebook.run(body)
    capsys.readouterr()
    notebook.run(body)
    output = shown(capsys.readouterr().out)
    notebook.run(f"%%track\n{body}")
    assert shown(capsys.readouterr().out) == output
    (run,) = notebook.runs()
    assert (run.info.status, run.data.params) == (status, {})


def test_an_error_that_a_cell_handles_itself_is_not_its_end(notebook: Notebook) -> None:
    notebook.run("%%track\nget_ipython().run_cell('1 / 0')\nrate = 0.5")
    (run,) = notebook.runs()
    assert run.info.status == "FINISHED"
