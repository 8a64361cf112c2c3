"""A real IPython shell in this process, with the extension loaded and a separate store for each test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
from traitlets.config import Config

import nbtrack
from nbtrack.entities import Run
from nbtrack.magics import load_ipython_extension, unload_ipython_extension
from nbtrack.runs import stack


class Notebook:
    """A notebook with the actions of a user, and the resulting content of the store."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell

    def run(self, code: str) -> ExecutionResult:
        """Run a cell. The result has its exception; its output goes to stdout and stderr."""
        return self.shell.run_cell(code, store_history=True)

    def runs(self) -> list[Run]:
        """Return all runs, newest first."""
        return nbtrack.search_runs(search_all_experiments=True, output_format="list")


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    main = sys.modules["__main__"]
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.ipython_dir = str(tmp_path_factory.mktemp("ipython"))
    shell = InteractiveShell.instance(config=config)
    sys.modules["__main__"] = main
    yield shell
    shell.restore_sys_module_state()
    sys.modules["__main__"] = main


@pytest.fixture
def notebook(
    shell: InteractiveShell, own_store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Notebook]:
    InteractiveShell._instance = shell
    # Here only: a process that another test spawns looks at this module.
    monkeypatch.setitem(sys.modules, "__main__", shell.user_module)
    shell.reset(new_session=False)
    shell.user_ns["nbtrack"] = nbtrack
    load_ipython_extension(shell)
    capsys.readouterr()
    yield Notebook(shell)
    for run in stack.all_open_runs():
        run.end()
    unload_ipython_extension(shell)
    # Tests of other parts run in plain Python: no shell must be found there.
    InteractiveShell.clear_instance()
