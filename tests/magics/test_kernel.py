"""Test `%%track` in a real Jupyter kernel: cell IDs, interrupts, await, and the messages to the front end."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import nbtrack
from nbtrack.entities import Run

pytestmark = pytest.mark.slow

TIMEOUT = 30


@dataclass
class Outcome:
    """The messages that the front end received for one cell."""

    status: str = ""
    error: str = ""
    traceback: str = ""
    texts: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    result: str | None = None


class Kernel:
    """A kernel and a front end that sends cell IDs, as JupyterLab does."""

    def __init__(self, folder: Path) -> None:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("NBTRACK_", "MLFLOW_"))},
            "NBTRACK_TRACKING_URI": str(folder / "store"),
            "JPY_SESSION_NAME": str(folder / "work.ipynb"),
            "IPYTHONDIR": str(folder / "ipython"),
        }
        self.store = folder / "store"
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(env=environment, cwd=str(folder))
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=TIMEOUT)

    def run(self, code: str, cell_id: str, interrupt_at: str | None = None) -> Outcome:
        """Run a cell, and interrupt the kernel when the cell has printed `interrupt_at`."""
        content = {"code": code, "silent": False, "store_history": True, "stop_on_error": True}
        request = self.client.session.msg("execute_request", content, metadata={"cellId": cell_id})
        self.client.shell_channel.send(request)
        outcome, stream = Outcome(), ""
        while True:
            message = self.client.get_iopub_msg(timeout=TIMEOUT)
            if message["parent_header"].get("msg_id") != request["header"]["msg_id"]:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            # A kernel that is slow sends one line in several pieces.
            goes_on = kind == "stream" and outcome.kinds[-1:] == ["stream"] and content["name"] == stream
            if kind in ("stream", "display_data", "execute_result", "error") and not goes_on:
                outcome.kinds.append(kind)
            if kind == "stream":
                stream, before = content["name"], outcome.texts.pop() if goes_on else ""
                outcome.texts.append(before + content["text"])
                if interrupt_at and interrupt_at in outcome.texts[-1] and interrupt_at not in before:
                    self.manager.interrupt_kernel()
            elif kind == "execute_result":
                outcome.result = content["data"]["text/plain"]
            elif kind == "error":
                outcome.error = content["ename"]
                outcome.traceback = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(content["traceback"]))
        # A kernel that was slow to start has answered the same question several times before.
        reply = self.client.get_shell_msg(timeout=TIMEOUT)
        while reply["parent_header"].get("msg_id") != request["header"]["msg_id"]:
            reply = self.client.get_shell_msg(timeout=TIMEOUT)
        outcome.status = reply["content"]["status"]
        return outcome

    def last_run(self) -> Run:
        return nbtrack.Client(str(self.store)).search_runs(max_results=1)[0]

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    kernel = Kernel(tmp_path_factory.mktemp("kernel"))
    (loaded := kernel.run("%load_ext nbtrack\nimport nbtrack, time, asyncio", "load"))
    assert loaded.texts == [f"nbtrack: runs are kept in {kernel.store}\n"]
    yield kernel
    kernel.close()


def test_the_cell_is_stored_and_its_id_identifies_attempts(kernel: Kernel):
    first = kernel.run("%%track one\nlr = 0.1\nprint('body')\nlr * 2", "cell-a")
    assert (first.status, first.result) == ("ok", "0.2")
    assert first.kinds.index("display_data") < first.kinds.index("execute_result"), "the live view is at the top"
    run = kernel.last_run()
    tags: dict[str, Any] = run.data.tags
    assert tags["mlflow.source.type"] == "NOTEBOOK"
    assert tags["mlflow.source.name"].endswith("work.ipynb")
    assert tags["nbtrack.cell.id"] == "cell-a"
    count = int(tags["nbtrack.cell.execution_count"])
    kernel.run("%%track another-name\nlr = 0.2\nlr * 2", "cell-a")
    again = kernel.last_run().data.tags
    assert again["nbtrack.previous_run"] == run.info.run_id
    assert again["nbtrack.attempt"] == "2"
    assert int(again["nbtrack.cell.execution_count"]) == count + 1
    kernel.run("%%track one\nlr = 0.1\nlr * 2", "cell-b")
    assert kernel.last_run().data.tags["nbtrack.attempt"] == "1"


def test_an_exception_is_shown_as_usual(kernel: Kernel):
    outcome = kernel.run("%%track\n\ndef inner():\n    raise ValueError('bad')\ninner()", "fails")
    assert (outcome.status, outcome.error) == ("error", "ValueError")
    assert "line 5" in outcome.traceback
    assert "----> 5 inner()" in outcome.traceback
    assert "nbtrack" not in outcome.traceback
    assert outcome.kinds.count("error") == 1
    run = kernel.last_run()
    assert run.info.status == "FAILED"
    assert run.data.tags["nbtrack.traceback"].endswith("ValueError: bad")


def test_an_interrupt_ends_the_run_as_killed(kernel: Kernel):
    outcome = kernel.run("%%track\nprint('training', flush=True)\ntime.sleep(60)", "stop", interrupt_at="training")
    assert outcome.error == "KeyboardInterrupt"
    run = kernel.last_run()
    assert run.info.status == "KILLED"
    assert "KeyboardInterrupt" in run.data.tags["nbtrack.killed"]
    assert kernel.run("print(nbtrack.active_run())", "after").texts == ["None\n"]


def test_top_level_await(kernel: Kernel):
    outcome = kernel.run(
        "%%track\nawait asyncio.sleep(0)\nnbtrack.log_metric('loss', 1)\n{'accuracy': await asyncio.sleep(0, 0.5)}",
        "await",
    )
    assert outcome.result == "{'accuracy': 0.5}"
    run = kernel.last_run()
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"loss": 1.0, "accuracy": 0.5})
    assert kernel.run("print(nbtrack.active_run())", "after").texts == ["None\n"]
    assert kernel.run("%%track\nawait asyncio.sleep(0)\n1 / 0", "await fails").error == "ZeroDivisionError"
    assert kernel.last_run().info.status == "FAILED"


@pytest.mark.parametrize("wrapper", ["%%time", "%%capture", "%%prun -q", "%%timeit -n 1 -r 1"])
@pytest.mark.parametrize(
    "body",
    [
        "await asyncio.sleep(0)\n{'score': 3}",
        "from IPython.display import display\ndisplay('shown')\n{'score': 3}",
        "1 / 0",
    ],
)
def test_another_cell_magic_shows_what_it_shows_without_track(kernel: Kernel, wrapper: str, body: str):
    kernel.run("%%track\nnone = None", "before")
    without = kernel.run(f"{wrapper}\nrate = 0.5\n{body}", "without")
    known = kernel.last_run().info.run_id
    for order, cell in (
        ("above", f"%%track\n{wrapper}\nrate = 0.5\n{body}"),
        ("below", f"{wrapper}\n%%track\nrate = 0.5\n{body}"),
    ):
        outcome = kernel.run(cell, order)
        assert (outcome.status, outcome.error, outcome.result) == (without.status, without.error, without.result), order
        views = outcome.kinds.count("display_data") - without.kinds.count("display_data")
        run = kernel.last_run()
        if body.startswith("await"):
            # In a kernel, none of these magics can await. A %%track below it does not get to begin.
            assert without.error in ("SyntaxError", "RuntimeError")
            assert run.info.run_id == known or run.info.status == "FAILED"
            continue
        assert run.info.run_id != known
        assert views == (0 if (wrapper, order) == ("%%capture", "below") else 1), "the live view"
        assert run.data.params == {"rate": "0.5"}
        assert run.info.status == ("FAILED" if body == "1 / 0" else "FINISHED")
        known = run.info.run_id
    assert kernel.run("print(nbtrack.active_run())", "after").texts == ["None\n"]


def test_without_widgets_the_cell_is_tracked_and_a_summary_is_printed(kernel: Kernel):
    kernel.run("import nbtrack.widgets as w; live = w.LiveRun; del w.LiveRun", "break")
    try:
        outcome = kernel.run("%%track plain\n{'a': 1}", "plain")
    finally:
        kernel.run("w.LiveRun = live", "mend")
    assert outcome.status == "ok"
    assert "The run is tracked anyway" in "".join(outcome.texts)
    assert "nbtrack: plain FINISHED after" in "".join(outcome.texts)
    assert kernel.last_run().data.metrics == {"a": 1.0}


def test_run_all_stops_at_a_failing_cell(own_store: Path, tmp_path: Path):
    cells = ["%load_ext nbtrack", "%%track first\nlr = 1\n1 / 0", "%%track second\n1"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    with pytest.raises(CellExecutionError) as caught:
        NotebookClient(book, timeout=TIMEOUT, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (caught.value.ename, caught.value.evalue) == ("ZeroDivisionError", "division by zero")
    runs = nbtrack.Client(str(own_store)).search_runs()
    assert [(run.info.run_name, run.info.status) for run in runs] == [("first", "FAILED")]


def test_a_project_shows_its_output_while_it_runs_and_can_be_interrupted(kernel: Kernel):
    folder = kernel.store.parent / "project"
    folder.mkdir()
    command = "python -c \"import time; print('training'); time.sleep(60)\""
    (folder / "train.sh").write_text(f"{command} & echo $! > pid; wait\n")
    outcome = kernel.run(f"%track run {folder} -e train.sh", "project", interrupt_at="training")
    assert outcome.error == "KeyboardInterrupt"
    above = outcome.texts[: outcome.kinds[: outcome.kinds.index("display_data")].count("stream")]
    assert not any("train" in text for text in above), "the live view is above the output of the project"
    run = kernel.last_run()
    assert (run.info.status, run.data.tags["nbtrack.killed"]) == ("KILLED", "interrupted")
    assert run.data.tags["mlflow.source.type"] == "PROJECT"
    trainer = int((folder / "pid").read_text())
    assert not psutil.pid_exists(trainer) or psutil.Process(trainer).status() == psutil.STATUS_ZOMBIE
    assert kernel.run("print('alive')", "after-project").texts == ["alive\n"]
