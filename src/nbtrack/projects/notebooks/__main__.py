"""The command that executes a notebook: `python -m nbtrack.projects.notebooks JOB`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from .parameters import inject

INTERRUPTED = 130
TERMINATED = 143
_STARTUP_SECONDS = 300
_COLORS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_SHOWN_LINES = 5


class _OneKernel(KernelSpecManager):
    """Knows only the kernel of the project's environment, whatever the notebook and this machine name."""

    argv: list[str]

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(argv=self.argv, display_name="Python", language="python", metadata={"debugger": False})


class _Execution(NotebookClient):
    """Prints the outputs of cells as they come, and writes the notebook after each cell."""

    was_interrupted = False
    was_terminated = False

    def __init__(self, notebook: Any, manager: AsyncKernelManager, executed: Path, folder: Path) -> None:
        resources = {"metadata": {"path": str(folder)}}
        super().__init__(notebook, timeout=None, startup_timeout=_STARTUP_SECONDS, resources=resources)
        self._manager = manager
        self._executed = executed
        self._signalling: asyncio.Future[Any] | None = None
        self.on_notebook_start = self.started
        self.on_cell_executed = self.write

    def create_kernel_manager(self) -> AsyncKernelManager:
        self.km = self._manager
        return self._manager

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] == "error" and "raises-exception" not in cell.metadata.get("tags", []):
            _print(f"Cell {cell_index + 1} of {len(self.nb.cells)} failed:\n{_beginning(cell.source)}\n", sys.stderr)
        try:
            return super().process_message(msg, cell, cell_index)
        finally:
            _show(msg["msg_type"], msg["content"])

    async def started(self, **_: Any) -> None:
        """Replace the handlers of nbclient, which end the kernel at once: a tracked cell must end its run first."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        loop.add_signal_handler(signal.SIGTERM, self._terminate)

    def _interrupt(self) -> None:
        self.was_interrupted = True
        self._signalling = asyncio.ensure_future(self._manager.interrupt_kernel())

    def _terminate(self) -> None:
        self.was_terminated = True
        self._signalling = asyncio.ensure_future(self._manager.shutdown_kernel(now=True))

    async def write(self, **_: Any) -> None:
        """Write the notebook as far as it was executed."""
        new = self._executed.with_name(f"{self._executed.name}.new")
        nbformat.write(self.nb, new)  # type: ignore[no-untyped-call]
        os.replace(new, self._executed)


def _show(kind: str, content: Any) -> None:
    if kind == "stream":
        _print(content["text"], sys.stderr if content["name"] == "stderr" else sys.stdout)
    elif kind in ("execute_result", "display_data"):
        text = content["data"].get("text/plain")
        if isinstance(text, str):
            _print(f"{text}\n", sys.stdout)
    elif kind == "error":
        _print("\n".join(content["traceback"]) + "\n", sys.stderr)


def _print(text: str, stream: Any) -> None:
    stream.write(_COLORS.sub("", text))
    stream.flush()


def _beginning(source: str) -> str:
    lines = source.splitlines()
    return "\n".join(f"  {line}" for line in [*lines[:_SHOWN_LINES], *(["…"] if len(lines) > _SHOWN_LINES else [])])


def main(job_file: str) -> int:
    """Execute the notebook of a job, and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A lone surrogate in the output of a cell must not end the notebook.
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    os.unlink(job_file)
    notebook = nbformat.read(job["notebook"], as_version=4)  # type: ignore[no-untyped-call]
    inject(notebook, job["arguments"])
    specs = _OneKernel()
    specs.argv = job["argv"]
    with tempfile.TemporaryDirectory(prefix="nbtrack-", ignore_cleanup_errors=True) as sockets:
        manager = AsyncKernelManager(
            kernel_spec_manager=specs, kernel_name="python3", connection_file=os.path.join(sockets, "kernel.json")
        )
        if os.name == "posix":
            # Other users of the machine cannot connect to sockets in this folder, as they can to ports.
            manager.transport = "ipc"
        execution = _Execution(notebook, manager, Path(job["executed"]), Path(job["notebook"]).parent)
        return asyncio.run(_execute(execution, job["variables"]))


async def _execute(execution: _Execution, variables: dict[str, str]) -> int:
    code = 0
    try:
        await execution.async_execute(env=variables)
    except CellExecutionError:
        # The error message of the kernel has been shown.
        code = 1
    except (DeadKernelError, RuntimeError) as error:
        _print(f"The notebook could not be executed to its end: {error}\n", sys.stderr)
        code = 1
    finally:
        await execution.write()
    if execution.was_terminated:
        return TERMINATED
    return INTERRUPTED if execution.was_interrupted else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
