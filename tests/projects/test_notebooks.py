"""Notebooks as entry points: injected parameters, live output, failures and interrupts, in real kernels."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack.errors import ExecutionException, InvalidParameter, NotFound, NotSupported
from nbtrack.projects import run
from nbtrack.projects.environments import environment_for
from nbtrack.projects.notebooks import notebook_command
from nbtrack.projects.notebooks.parameters import Value, inject
from nbtrack.projects.project import EnvironmentSpec

DEFAULTS = {"tags": ["parameters"]}


def notebook_of(*sources: str, minor: int = 5, **tagged: str) -> Any:
    """A notebook with cells of code, each of which can have a tag."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells += [nbformat.v4.new_code_cell(source, metadata={"tags": [tag]}) for tag, source in tagged.items()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.nbformat_minor = minor
    if minor < 5:
        for cell in cells:
            del cell["id"]
    return notebook


def sources(notebook: Any) -> list[str]:
    return [cell.source for cell in notebook.cells]


# ---------------------------------------------------------------- parameters


def test_values_are_assigned_after_the_cell_with_the_defaults() -> None:
    notebook = notebook_of("import os", parameters="alpha = 1")
    notebook.cells.append(nbformat.v4.new_code_cell("print(alpha)"))
    inject(notebook, {"alpha": 0.5, "name": "it's"})
    assert sources(notebook) == ["import os", "alpha = 1", '# Parameters\nalpha = 0.5\nname = "it\'s"', "print(alpha)"]
    assert notebook.cells[2].metadata.tags == ["injected-parameters"]
    # A notebook that was executed before has the values of that run.
    inject(notebook, {"alpha": 2})
    assert sources(notebook) == ["import os", "alpha = 1", "# Parameters\nalpha = 2", "print(alpha)"]
    inject(notebook, {})
    assert sources(notebook) == ["import os", "alpha = 1", "print(alpha)"]


@pytest.mark.parametrize("minor", [2, 4, 5])
def test_without_defaults_the_values_are_assigned_first(minor: int) -> None:
    notebook = notebook_of("print(x)", minor=minor)
    inject(notebook, {"x": 1})
    assert sources(notebook) == ["# Parameters\nx = 1", "print(x)"]
    nbformat.validate(notebook)


@pytest.mark.parametrize("name", ["a b", "x = 1; y", "class", "1a", "", "a\nimport os", "--x"])
def test_names_that_are_no_variables_are_refused(name: str) -> None:
    with pytest.raises(InvalidParameter, match="cannot be a variable of a notebook"):
        inject(notebook_of("pass"), {name: 1})


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,3}_", fullmatch=True), st.text() | st.integers() | st.floats() | st.booleans()
    )
)
def test_every_value_arrives_as_it_is(values: dict[str, Value]) -> None:
    notebook = notebook_of(parameters="")
    inject(notebook, values)
    namespace: dict[str, Any] = {}
    exec(sources(notebook)[-1], namespace)
    for name, value in values.items():
        assert type(namespace[name]) is type(value)
        assert namespace[name] == value or (
            isinstance(value, float) and math.isnan(value) and math.isnan(namespace[name])
        )


# ---------------------------------------------------------------- execution


class Started:
    """A command that executes a notebook in the environment of this process."""

    def __init__(self, folder: Path, notebook: Any, env: dict[str, str], arguments: dict[str, Value]) -> None:
        folder.mkdir(exist_ok=True)
        self.notebook = folder / "train.ipynb"
        nbformat.write(notebook, self.notebook)
        self.executed = folder.parent / "executed.ipynb"
        environment = environment_for(EnvironmentSpec("none"), folder, None)
        argv, variables = notebook_command(self.notebook, arguments, environment, self.executed, env)
        self.job = Path(argv[-1])
        assert self.job.stat().st_mode & 0o077 == 0
        self.process = subprocess.Popen(
            argv,
            env=variables,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def end(self) -> tuple[int, str]:
        output, _ = self.process.communicate()
        return self.process.returncode, output

    def outputs(self) -> list[str]:
        """The text of the outputs of the executed notebook."""
        notebook = nbformat.read(self.executed, as_version=4)
        nbformat.validate(notebook)
        return [
            "".join(each.get("text", each.get("ename", "")) for each in cell.get("outputs", []))
            for cell in notebook.cells
        ]


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Started]:
    def start(notebook: Any, env: dict[str, str] | None = None, **arguments: Value) -> Started:
        return Started(tmp_path / "project", notebook, env or {}, arguments)

    return start


@pytest.mark.slow
def test_a_notebook_is_executed_with_its_parameters_and_live_output(
    start: Callable[..., Started], tmp_path: Path
) -> None:
    block = tmp_path / "block"
    notebook = notebook_of(
        "import os, sys, time\nfrom pathlib import Path\nprint('first', flush=True)\nprint('wrong', file=sys.stderr)",
        f"while not Path({str(block)!r}).exists(): time.sleep(0.01)\nprint('é ✓')",
        "Path('here').touch()\nprint(os.environ['X'], alpha, name)",
        "alpha",
        parameters="alpha, name = 1, 'default'",
    )
    notebook.cells.insert(0, notebook.cells.pop())
    notebook.metadata["kernelspec"] = {"name": "not installed here", "display_name": "x", "language": "python"}
    started = start(notebook, {"X": "of the run"}, alpha=0.5, name="it's")
    assert started.line() == "first\n"
    assert started.line() == "wrong\n"
    block.touch()
    code, output = started.end()
    assert code == 0
    assert output.splitlines()[-2:] == ["of the run 0.5 it's", "0.5"]
    assert started.outputs()[4:] == ["of the run 0.5 it's\n", ""]
    # The folder is the notebook's, the notebook itself is not changed, and the values of variables are not left behind.
    assert (tmp_path / "project/here").exists()
    assert sources(nbformat.read(started.notebook, as_version=4)) == sources(notebook)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["block", "executed.ipynb", "project"]


@pytest.mark.slow
def test_a_failed_cell_is_shown_and_the_executed_notebook_kept(start: Callable[..., Started], tmp_path: Path) -> None:
    notebook = notebook_of("print('before')", "x = 1\nx / 0", "print('after')", **{"raises-exception": "1 / 0"})
    notebook.cells.insert(0, notebook.cells.pop())
    # Such a file must not be imported instead of Python's own module.
    (tmp_path / "project").mkdir()
    (tmp_path / "project/asyncio.py").write_text("raise SystemExit(99)")
    code, output = start(notebook).end()
    assert code == 1
    assert "Cell 3 of 4 failed:\n  x = 1\n  x / 0\n" in output
    assert (output.count("Cell 3 of 4 failed"), output.count("ZeroDivisionError: division by zero")) == (1, 2)
    assert "\x1b" not in output
    assert "after" not in output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_an_interrupt_ends_the_cell_and_no_kernel_is_left(
    number: signal.Signals, expected: int, start: Callable[..., Started]
) -> None:
    notebook = notebook_of(
        "import os, time\nprint(os.getpid(), flush=True)",
        "try:\n    print('waiting', flush=True)\n    time.sleep(120)\nfinally:\n    print('cleaned up', flush=True)",
        "print('after')",
    )
    started = start(notebook)
    kernel = psutil.Process(int(started.line()))
    assert started.line() == "waiting\n"
    os.killpg(started.process.pid, number)
    code, output = started.end()
    assert code == expected
    assert "after" not in output
    if number == signal.SIGINT:
        assert "cleaned up" in output
    deadline = time.monotonic() + 60
    while kernel.is_running() and kernel.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the kernel is still running"
        time.sleep(0.05)
    assert str(kernel.pid) in started.outputs()[0]


@pytest.mark.slow
def test_a_kernel_that_dies_fails_the_notebook(start: Callable[..., Started]) -> None:
    code, output = start(notebook_of("print('before')", "import os\nos._exit(3)", "print('after')")).end()
    assert code == 1
    assert "The notebook could not be executed to its end: Kernel died" in output


@pytest.mark.slow
@pytest.mark.usefixtures("project_cache")
def test_a_run_of_a_notebook_keeps_the_executed_notebook(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / "sub").mkdir(parents=True)
    notebook = notebook_of("print(type(alpha), alpha)", "1 / alpha", parameters="alpha = 1")
    notebook.cells.insert(0, notebook.cells.pop())
    nbformat.write(notebook, folder / "sub/train.ipynb")
    (folder / "MLproject").write_text(
        "entry_points:\n  train:\n    notebook: sub/train.ipynb\n    parameters: {alpha: {type: float, default: 2}}\n"
    )
    submitted = run(str(folder), "train", synchronous=True)
    finished = nbtrack.get_run(submitted.run_id)
    assert (finished.info.status, finished.data.params) == ("FINISHED", {"alpha": "2"})
    with pytest.raises(ExecutionException):
        run(str(folder), "train", parameters={"alpha": 0}, experiment_name="failed")
    failed = nbtrack.search_runs(experiment_names=["failed"], output_format="list")[0]
    assert failed.info.status == "FAILED"
    for each, expected in ((finished, "0.5"), (failed, "ZeroDivisionError")):
        download = nbtrack.Client().download_artifacts(each.info.run_id, "project/train.ipynb")
        cells = nbformat.read(download, as_version=4).cells
        assert cells[1].metadata.tags == ["injected-parameters"]
        last = cells[3].outputs[0]
        assert (last.ename if last.output_type == "error" else last.data["text/plain"]) == expected
        output = Path(nbtrack.Client().download_artifacts(each.info.run_id, "project/output.log")).read_text()
        assert output.startswith("<class 'float'> ")
        assert expected in output
    assert sorted(path.name for path in folder.rglob("*")) == ["MLproject", "sub", "train.ipynb"]


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not JSON", "is not a notebook"),
        ("[]", "it has no nbformat"),
        ("[" * 200_000, "is not a notebook"),
        (json.dumps({"nbformat": 4, "metadata": {"kernelspec": {"language": "R"}}}), "is a notebook of 'R'"),
        (json.dumps({"nbformat": 4, "metadata": {"kernelspec": {}, "language_info": {"name": "julia"}}}), "of 'julia'"),
    ],
)
def test_files_that_are_no_notebooks_of_python_are_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "train.ipynb").write_text(content)
    environment = environment_for(EnvironmentSpec("none"), tmp_path, None)
    with pytest.raises(InvalidParameter, match=message):
        notebook_command(tmp_path / "train.ipynb", {}, environment, tmp_path / "executed.ipynb", {})
    with pytest.raises(NotFound):
        notebook_command(tmp_path / "other.ipynb", {}, environment, tmp_path / "executed.ipynb", {})


def test_an_environment_without_a_kernel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBTRACK_CACHE_DIR", str(tmp_path / "cache"))
    nbformat.write(notebook_of("pass"), tmp_path / "train.ipynb")
    environment = environment_for(EnvironmentSpec("none"), tmp_path, "uv")
    environment.prepare(lambda line: None)
    arguments = (tmp_path / "train.ipynb", {}, environment, tmp_path / "executed.ipynb", {})
    with pytest.raises(ExecutionException, match="has no ipykernel"):
        notebook_command(*arguments)
    docker = environment_for(EnvironmentSpec("docker_env", None, {"image": "python"}), tmp_path, None)
    with pytest.raises(NotSupported, match="cannot be executed in an environment of docker"):
        notebook_command(tmp_path / "train.ipynb", {}, docker, tmp_path / "executed.ipynb", {})
    assert [path.name for path in tmp_path.glob("*.job")] == []
