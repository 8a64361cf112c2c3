"""Test runs of projects: their tags, params, output and status, interrupts, and how nested runs find their parents."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import psutil
import pytest

import nbtrack
from nbtrack import tags
from nbtrack.cli import main
from nbtrack.entities import Run
from nbtrack.errors import ExecutionException, InvalidParameter, NbtrackError, NotFound, NotSupported
from nbtrack.projects import SubmittedRun, run
from nbtrack.projects.launching import Display, Request, launch

Write = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> Write:
    """Write a project into a new folder: the entry points of its MLproject as YAML, and its files by `name__suffix`."""

    def write(entry_points: dict[str, str], folder: str = "project", **files: str) -> Path:
        place = tmp_path / folder
        place.mkdir(parents=True, exist_ok=True)
        lines = ["name: test", "entry_points:" if entry_points else "entry_points: {}"]
        for name, command in entry_points.items():
            lines += [f"  {name}:", *(f"    {line}" for line in command.splitlines())]
        (place / "MLproject").write_text("\n".join(lines) + "\n")
        for name, content in files.items():
            (place / name.replace("__", ".")).write_text(content)
        return place

    return write


def recorded(submitted: SubmittedRun) -> Run:
    return nbtrack.get_run(submitted.run_id)


def output_of(run_id: str) -> str:
    return Path(nbtrack.Client().download_artifacts(run_id, "project/output.log")).read_text()


def all_runs() -> list[Run]:
    client = nbtrack.Client()
    return list(client.search_runs([each.experiment_id for each in client.search_experiments()]))


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_has_params_tags_and_output(project: Write, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(
        {"main": "parameters: {alpha: {type: float, default: 0.5}, name: string}\ncommand: echo {alpha} {name}"}
    )
    submitted = run(str(folder), parameters={"name": "a 'b' $(c)", "extra": 3}, run_name="first", experiment_name="new")
    assert (submitted.wait(), submitted.get_status(), submitted.exit_code) == (True, "FINISHED", 0)
    found = recorded(submitted)
    assert found.info.run_name == "first"
    assert nbtrack.get_experiment(found.info.experiment_id).name == "new"
    assert found.data.params == {"alpha": "0.5", "name": "a 'b' $(c)", "extra": "3"}
    printed = "0.5 a 'b' $(c) --extra 3\n"
    assert output_of(submitted.run_id) == printed
    assert capsys.readouterr().out == printed
    assert found.data.tags[tags.SOURCE_NAME] == str(folder)
    assert found.data.tags[tags.SOURCE_TYPE] == "PROJECT"
    assert found.data.tags[tags.PROJECT_ENTRY_POINT] == "main"
    assert found.data.tags[tags.PROJECT_BACKEND] == "local"
    assert found.data.tags[tags.PROJECT_EXIT_CODE] == "0"
    assert found.data.tags[tags.PROJECT_COMMAND] == submitted.command
    # As in MLflow, the local environment has no tag.
    assert tags.PROJECT_ENV not in found.data.tags
    files = {file.path for file in nbtrack.Client().list_artifacts(submitted.run_id, "project")}
    assert files == {"project/MLproject", "project/output.log"}


def test_the_kept_files_have_no_credentials(project: Write) -> None:
    folder = project({"main": "command: 'true'\npython_env: requirements.txt"}, requirements__txt="")
    (folder / "MLproject").rename(folder / "mlproject")
    index = "--extra-index-url https://{}@example.org/simple\n"
    (folder / "requirements.txt").write_text(index.format("joe:s3cret") + index.format("joe:${TOKEN}"))
    submitted = run(str(folder), env_manager="local")
    files = {file.path for file in nbtrack.Client().list_artifacts(submitted.run_id, "project")}
    assert files == {"project/mlproject", "project/requirements.txt", "project/output.log"}
    kept = nbtrack.artifacts.load_text(f"runs:/{submitted.run_id}/project/requirements.txt")
    assert kept == index.format("***") + index.format("joe:${TOKEN}")


def test_a_warning_points_to_the_caller(project: Write) -> None:
    folder = project({"main": "command: 'true'"})
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    with pytest.warns(UserWarning, match="uncommitted changes") as warned:
        run(str(folder))
    assert [Path(warning.filename).name for warning in warned] == ["test_run.py"]


@pytest.mark.parametrize(
    ("command", "status", "exit_code", "message"),
    [
        ("echo no; exit 3", "FAILED", 3, "ended with exit code 3. Its output"),
        ("kill -SEGV $$", "FAILED", -11, "was killed by SIGSEGV"),
        ("kill -KILL $$", "KILLED", -9, "was killed by SIGKILL"),
        ("bash -c 'kill -TERM $$'; exit $?", "KILLED", 143, "exit code 143, which stands for SIGTERM"),
        ("nothing_of_this_name", "FAILED", 127, "ended with exit code 127"),
    ],
)
def test_a_failing_command_is_an_error(command: str, status: str, exit_code: int, message: str, project: Write) -> None:
    folder = project({"main": f"command: {json.dumps(command)}"})
    with pytest.raises(ExecutionException, match=message) as raised:
        run(str(folder))
    assert raised.value.exit_code == exit_code
    (found,) = all_runs()
    assert raised.value.run_id == found.info.run_id
    assert found.info.status == status
    assert found.info.end_time is not None
    assert found.data.tags[tags.PROJECT_EXIT_CODE] == str(exit_code)
    assert (tags.KILLED in found.data.tags) == (status == "KILLED")


def test_a_missing_module_gets_a_hint_and_its_traceback_is_kept(project: Write) -> None:
    folder = project({"main": "command: python train.py"}, train__py="print(1)\nimport not_there.at_all\n")
    with pytest.raises(ExecutionException, match="The module 'not_there' is not installed in this Python"):
        run(str(folder))
    (found,) = all_runs()
    assert found.data.tags[tags.TRACEBACK].endswith("ModuleNotFoundError: No module named 'not_there'")


def test_mlflow_itself_in_a_project_gets_a_hint(project: Write) -> None:
    error = "mlflow.exceptions.MlflowException: Run 'x' not found"
    folder = project({"main": "command: cat error; exit 1"}, error=f"{error}\n")
    with pytest.raises(ExecutionException, match="Write `import nbtrack as mlflow` in the project"):
        run(str(folder))


def test_nothing_starts_and_no_run_is_created_if_anything_is_wrong(project: Write) -> None:
    folder = project({"main": "parameters: {alpha: float, beta: int}\ncommand: touch started; echo {alpha} {beta}"})
    wrong: list[dict[str, object]] = [
        {"parameters": {"alpha": "x"}},
        {"parameters": ["alpha"]},
        {"entry_point": "other"},
        {"entry_point": None},
        {"parameters": {"alpha": 1, "beta": 2}, "experiment_id": "777"},
        {"parameters": {"alpha": 1, "beta": 2}, "run_id": "0" * 32},
        {"parameters": {"alpha": 1, "beta": 2}, "experiment_id": "0", "experiment_name": "Default"},
        {"parameters": {"alpha": 1, "beta": 2}, "backend": "kubernetes"},
        {"parameters": {"alpha": 1, "beta": 2}, "env_manager": "poetry"},
        {"parameters": {"alpha": 1, "beta": 2}, "run_name": 3},
    ]
    for arguments in wrong:
        with pytest.raises((InvalidParameter, NotFound, NotSupported)):
            run(str(folder), **arguments)  # type: ignore[arg-type]
    assert not (folder / "started").exists()
    assert all_runs() == []


def test_a_run_that_exists_can_be_used(project: Write) -> None:
    folder = project({"main": "command: echo $NBTRACK_RUN_ID $MLFLOW_RUN_ID"})
    client = nbtrack.Client()
    existing = client.create_run("0").info.run_id
    submitted = run(str(folder), run_id=existing, run_name="renamed")
    assert submitted.run_id == existing
    assert output_of(existing) == f"{existing} {existing}\n"
    (found,) = all_runs()
    assert (found.info.run_name, found.info.status) == ("renamed", "FINISHED")
    assert found.data.tags[tags.SOURCE_TYPE] == "PROJECT"


def test_the_experiment_is_the_active_one_unless_another_is_named(project: Write) -> None:
    folder = str(project({"main": "command: 'true'"}))
    active = nbtrack.set_experiment("active").experiment_id
    assert recorded(run(folder)).info.experiment_id == active
    # An ID can be an integer, and that of the experiment "Default" is 0.
    assert recorded(run(folder, experiment_id=0)).info.experiment_id == "0"  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="Experiment name must not be empty"):
        run(folder, experiment_name="")


def test_the_run_is_nested_in_the_active_run_which_stays_active(project: Write) -> None:
    folder = project({"main": "command: 'true'"})
    with nbtrack.start_run() as parent:
        submitted = run(str(folder))
        assert nbtrack.active_run() is parent
        assert recorded(submitted).data.tags[tags.PARENT] == parent.info.run_id
    assert tags.PARENT not in recorded(run(str(folder))).data.tags


def test_variables_of_a_parent_process_do_not_reach_the_command(
    project: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(
        {"main": "command: 'echo \"$NBTRACK_PARENT_RUN_ID|$MLFLOW_PARENT_RUN_ID|$NBTRACK_EXPERIMENT_ID\"'"}
    )
    experiment_id = nbtrack.create_experiment("other")
    parent = nbtrack.Client().create_run("0").info.run_id
    monkeypatch.setenv("NBTRACK_RUN_ID", parent)
    monkeypatch.setenv("MLFLOW_PARENT_RUN_ID", parent)
    submitted = run(str(folder), experiment_id=experiment_id)
    assert submitted.run_id != parent
    assert recorded(submitted).data.tags[tags.PARENT] == parent
    assert output_of(submitted.run_id) == f"||{experiment_id}\n"


TRAINING = """
import time, nbtrack
with nbtrack.start_run():
    while True:
        nbtrack.log_metric("loss", 1.0)
        time.sleep(0.01)
"""


@pytest.mark.slow
def test_a_run_that_is_stopped_ends_as_its_command_has_ended_it(project: Write, tmp_path: Path) -> None:
    until_go = f"command: until test -e {tmp_path}/go; do sleep 0.1; done"
    folder = project({"main": f"command: {sys.executable} train.py", "plain": until_go}, train__py=TRAINING)
    training = run(str(folder), env_manager="local", synchronous=False)
    plain = run(str(folder), "plain", env_manager="local", synchronous=False)
    wait_until(lambda: recorded(training).data.metrics)
    nbtrack.stop_run(training.run_id, "enough")
    nbtrack.stop_run(plain.run_id)
    (tmp_path / "go").touch()
    # A wait without a limit would hang if the thread that follows the command had died.
    assert training._done.wait(60)
    assert plain._done.wait(60)
    found = recorded(training)
    assert (training.get_status(), found.info.status) == ("KILLED", "KILLED")
    assert found.data.tags[tags.STOP_REASON] == "enough"
    assert not {tags.TRACEBACK, tags.KILLED} & found.data.tags.keys()
    with pytest.raises(ExecutionException, match=r"was stopped by .*: enough"):
        training.raise_failure()
    # Its command does not log, so it has not noticed.
    assert (plain.get_status(), recorded(plain).info.status) == ("FINISHED", "FINISHED")


def test_an_asynchronous_run_can_be_cancelled_with_all_of_its_processes(project: Write, tmp_path: Path) -> None:
    folder = project({"main": f"command: sleep 100 & echo $! > {tmp_path}/pid; echo begun; wait"})
    submitted = run(str(folder), synchronous=False)
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith("\n"))
    assert submitted.get_status() == "RUNNING"
    assert recorded(submitted).info.status == "RUNNING"
    submitted.cancel()
    assert not is_running(int((tmp_path / "pid").read_text()))
    assert (submitted.wait(), submitted.get_status()) == (False, "KILLED")
    found = recorded(submitted)
    assert (found.info.status, found.data.tags[tags.KILLED]) == ("KILLED", "cancelled")
    assert output_of(submitted.run_id) == "begun\n"
    submitted.cancel()
    assert recorded(submitted).info.status == "KILLED"


def test_output_is_shown_in_the_context_of_the_caller(project: Write) -> None:
    """A kernel keeps there to which cell an output belongs. Messages of widgets come in other contexts meanwhile."""
    cell = ContextVar("cell", default="another")
    seen: list[tuple[str, str]] = []

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            seen.append((cell.get(), text))
            return len(text)

    cell.set("this")
    folder = project({"main": "command: echo out"})
    assert launch(Request(str(folder)), Display(stream=Stream())).wait()
    assert seen == [("this", "out\n")]


def test_a_failing_asynchronous_run_raises_nothing(project: Write) -> None:
    submitted = run(str(project({"main": "command: exit 5"})), synchronous=False)
    assert not submitted.wait()
    assert (submitted.get_status(), submitted.exit_code) == ("FAILED", 5)


def test_docker_is_asked_for_before_anything_starts(project: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project({"main": "command: 'true'"})
    text = (folder / "MLproject").read_text()
    (folder / "MLproject").write_text(f"{text}docker_env: {{image: 'python:3.12'}}\n")
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(NotSupported, match="docker was not found"):
        run(str(folder))
    assert all_runs() == []


def test_no_run_creates_nothing(
    project: Write, own_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project({"main": "parameters: {alpha: float}\ncommand: touch started; echo {alpha}"})
    assert main(["run", str(folder), "-P", "alpha=2", "--no-run"]) == 0
    assert "touch started; echo 2" in capsys.readouterr().out
    assert main(["run", str(folder), "-P", "alpha=2", "--no-run", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["command"], printed["parameters"]) == ("touch started; echo 2", {"alpha": "2"})
    assert main(["run", str(folder), "-P", "alpha=x", "-P", "beta=2", "--no-run"]) == 1
    assert "alpha" in capsys.readouterr().err
    assert not own_store.exists()
    assert not (folder / "started").exists()


def test_no_run_shows_characters_that_would_hide_what_runs(project: Write, capsys: pytest.CaptureFixture[str]) -> None:
    command = "evil\r\x1b[2Kecho harmless \u202e\nenvironment  none\n"
    folder = project({"main": f"command: {json.dumps(command)}"})
    assert main(["run", str(folder), "--no-run"]) == 0
    *_, first, second = capsys.readouterr().out.splitlines()
    assert first == r"command      evil\r\x1b[2Kecho harmless \u202e"
    assert second == "             environment  none"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-P", "alpha"], "-P takes NAME=VALUE"),
        (["-P", "=1"], "-P takes NAME=VALUE"),
        (["-P", "a=1", "-P", "a=2"], "-P has two values for 'a'"),
    ],
)
def test_wrong_options_are_errors(
    words: list[str], message: str, project: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(project({"main": "command: 'true'"})), *words]) == 1
    assert message in capsys.readouterr().err


def test_the_command_line_prints_json_and_returns_the_exit_code(
    project: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project({"main": "parameters: {code: int}\ncommand: 'echo out; exit {code}'"})
    for code, status in ((0, "FINISHED"), (7, "FAILED")):
        assert (
            main(["run", str(folder), "-b", "local", "-P", f"code={code}", "--json", "--run-name", f"r{code}"]) == code
        )
        captured = capsys.readouterr()
        printed = json.loads(captured.out)
        assert "out\n" in captured.err
        found = nbtrack.get_run(printed["run_id"])
        assert (found.info.run_name, found.info.status, printed["status"]) == (f"r{code}", status, status)
        assert (printed["exit_code"], printed["parameters"]) == (code, {"code": str(code)})
        assert output_of(printed["run_id"]) == "out\n"


# -- commands that use nbtrack themselves ------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_resumes_the_run(project: Write) -> None:
    """Its own source does not replace the project's, and its own nested runs are nested in the run."""
    script = """
import nbtrack as mlflow, sys

with mlflow.start_run() as run:
    mlflow.log_metric("rmse", float(sys.argv[1]))
    with mlflow.start_run(nested=True, run_name="inner"):
        mlflow.log_metric("x", 1)
with mlflow.start_run(run_name="second"):
    pass
"""
    folder = project({"main": "parameters: {a: float}\ncommand: python train.py {a}"}, train__py=script)
    submitted = run(str(folder), parameters={"a": 0.5}, experiment_name="e")
    found = recorded(submitted)
    assert (found.info.status, found.data.metrics) == ("FINISHED", {"rmse": 0.5})
    assert (found.data.tags[tags.SOURCE_TYPE], found.data.tags[tags.SOURCE_NAME]) == ("PROJECT", str(folder))
    others = {each.info.run_name: each for each in all_runs() if each.info.run_id != submitted.run_id}
    assert set(others) == {"inner", "second"}
    assert others["inner"].data.tags[tags.PARENT] == submitted.run_id
    assert {each.info.experiment_id for each in all_runs()} == {found.info.experiment_id}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("mlflow.end_run('FAILED')", "FAILED"),
        ("mlflow.end_run(); sys.exit(3)", "FAILED"),
        ("os._exit(0)", "FINISHED"),
        ("os._exit(1)", "FAILED"),
        ("raise ValueError('no')", "FAILED"),
        ("os.kill(os.getpid(), 9)", "KILLED"),
        ("os.kill(os.getpid(), 11)", "FAILED"),
        ("raise KeyboardInterrupt", "KILLED"),
    ],
)
def test_the_exit_code_decides_unless_the_command_ended_its_run_as_failed(
    end: str, status: str, project: Write
) -> None:
    script = f"import nbtrack as mlflow, os, sys\nmlflow.start_run()\nmlflow.log_metric('a', 1)\n{end}\n"
    submitted = run(str(project({}, train__py=script)), "train.py", synchronous=False)
    assert submitted.wait() == (status == "FINISHED")
    found = recorded(submitted)
    assert (found.info.status, found.data.metrics) == (status, {"a": 1.0})
    assert (tags.KILLED in found.data.tags) == (status == "KILLED")


ELASTICNET = """
import sys
import nbtrack as mlflow
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split

alpha = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
l1_ratio = float(sys.argv[2]) if len(sys.argv) > 2 else 0.5
x, test_x, y, test_y = train_test_split(*load_diabetes(return_X_y=True), random_state=0)
with mlflow.start_run():
    model = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, random_state=42).fit(x, y)
    mlflow.log_param("alpha", alpha)
    mlflow.log_param("l1_ratio", l1_ratio)
    mlflow.log_metric("rmse", mean_squared_error(test_y, model.predict(test_x)) ** 0.5)
    mlflow.sklearn.log_model(model, "model")
"""
"""The script of https://github.com/mlflow/mlflow-example, with data that need no network."""


@pytest.mark.slow
@pytest.mark.usefixtures("project_cache")
def test_the_classic_example_runs_from_a_git_url(project: Write, tmp_path: Path) -> None:
    folder = project(
        {
            "main": "parameters: {alpha: float, l1_ratio: {type: float, default: 0.1}}\n"
            "command: python train.py {alpha} {l1_ratio}"
        },
        folder="origin/repo.git",
        train__py=ELASTICNET,
        conda__yaml="name: tutorial\ndependencies: [python=3.11, pip, {pip: [scikit-learn, nbtrack]}]\n",
    )
    text = (folder / "MLproject").read_text()
    (folder / "MLproject").write_text(text.replace("name: test", "name: tutorial\n\nconda_env: conda.yaml\n"))
    identity = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
    for arguments in (["init", "-qb", "main"], ["add", "-A"], [*identity, "commit", "-qm", "one"], ["tag", "v1"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    (folder / "train.py").write_text("raise SystemExit('not the version that was asked for')")
    uri = f"file://{folder}"
    words = ["run", uri, "-v", "v1", "-P", "alpha=0.5", "--env-manager", "local", "--experiment-name", "elastic"]
    assert main(words) == 0
    (found,) = all_runs()
    assert found.data.params == {"alpha": "0.5", "l1_ratio": "0.1"}
    assert found.data.metrics["rmse"] > 0
    commit = subprocess.run(["git", "rev-parse", "v1"], cwd=folder, capture_output=True, text=True).stdout.strip()
    assert found.data.tags[tags.GIT_COMMIT] == commit
    assert found.data.tags[tags.SOURCE_NAME] == uri
    assert found.data.tags[tags.SOURCE_TYPE] == "PROJECT"
    assert nbtrack.pyfunc.load_model(f"runs:/{found.info.run_id}/model").predict([[0.0] * 10]).shape == (1,)
    files = {file.path for file in nbtrack.Client().list_artifacts(found.info.run_id, "project")}
    assert files == {"project/MLproject", "project/conda.yaml", "project/output.log"}


WORKFLOW = """
import sys
import nbtrack as mlflow

def main():
    with mlflow.start_run() as active:
        data = mlflow.projects.run(".", "load", parameters={"rows": sys.argv[1]})
        loaded = mlflow.MlflowClient().get_run(data.run_id)
        mlflow.run(".", "train", parameters={"path": loaded.data.params["rows"]})

main()
"""
STEP = "import nbtrack as mlflow, sys\nwith mlflow.start_run():\n    mlflow.log_param('step', sys.argv[1])\n"


@pytest.mark.slow
def test_steps_of_a_workflow_are_nested_in_it(project: Write) -> None:
    """MLflow's example of a multi-step workflow, once with its API and once with `nbtrack run` in a shell script."""
    folder = project(
        {
            "main": "parameters: {rows: {type: int, default: 5}}\ncommand: python workflow.py {rows}",
            "load": "parameters: {rows: int}\ncommand: python step.py load-{rows}",
            "train": "parameters: {path: string}\ncommand: python step.py train-{path}",
            "shell": f"command: {sys.executable} -m nbtrack run . -e load -P rows=7",
        },
        workflow__py=WORKFLOW,
        step__py=STEP,
    )
    outer = run(str(folder), experiment_name="workflow")
    steps = [each for each in all_runs() if each.data.tags.get(tags.PARENT) == outer.run_id]
    assert {each.data.params["step"] for each in steps} == {"load-5", "train-5"}
    shell = run(str(folder), "shell", experiment_name="workflow")
    (step,) = [each for each in all_runs() if each.data.tags.get(tags.PARENT) == shell.run_id]
    assert step.data.params["step"] == "load-7"
    assert {each.info.status for each in all_runs()} == {"FINISHED"}
    assert {each.info.experiment_id for each in all_runs()} == {recorded(outer).info.experiment_id}


# -- interrupts --------------------------------------------------------------------------------------------------


def started(folder: Path, pid_file: Path) -> tuple[subprocess.Popen[str], int]:
    """Start `nbtrack run` of a project that writes the ID of a grandchild, and return both."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nbtrack", "run", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: (pid_file.exists() and pid_file.read_text().endswith("\n")) or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process, int(pid_file.read_text())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "interrupted by SIGTERM")]
)
def test_an_interrupt_ends_the_command_and_its_grandchildren(
    number: signal.Signals, reason: str, project: Write, tmp_path: Path
) -> None:
    folder = project({"main": f"command: (sleep 100 & echo $! > {tmp_path}/pid; wait)"})
    process, grandchild = started(folder, tmp_path / "pid")
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number, output
    assert f"was {reason}" in output
    assert "Traceback" not in output
    assert not is_running(grandchild)
    (found,) = all_runs()
    assert (found.info.status, found.data.tags[tags.KILLED]) == ("KILLED", reason)


def test_an_interrupt_while_the_command_starts_ends_it_and_the_run(
    project: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def interrupted(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        process = popen(*arguments, **options)
        if options.get("start_new_session"):
            known.append(process)
            signal.raise_signal(signal.SIGINT)
        return process

    folder = project({"main": "command: sleep 100"})
    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(str(folder))
    assert known[0].returncode is not None
    (found,) = all_runs()
    assert (found.info.status, found.data.tags[tags.KILLED]) == ("KILLED", "interrupted")


@pytest.mark.parametrize(("command", "status"), [("sleep 100", "KILLED"), ("echo done", "FINISHED")])
def test_the_json_of_an_interrupted_run_has_its_status(
    command: str, status: str, project: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(self: SubmittedRun) -> bool:
        if status == "FINISHED":
            self._done.wait()
        raise KeyboardInterrupt

    folder = project({"main": f"command: {command}"})
    monkeypatch.setattr(SubmittedRun, "wait", wait)
    assert main(["run", str(folder), "--json"]) == 130
    captured = capsys.readouterr()
    assert json.loads(captured.out)["status"] == status
    assert ("The run was interrupted." in captured.err) == (status == "KILLED")


@pytest.mark.slow
def test_a_run_goes_on_without_a_reader_and_a_terminal(project: Write) -> None:
    """As with `nohup nbtrack run … 2>&1 | head -1`, after the terminal was closed."""
    folder = project({"main": "command: kill -HUP $PPID; sleep 0.2; echo over"})
    reader, writer = os.pipe()
    os.close(reader)
    hang_up = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = subprocess.run(
            [sys.executable, "-m", "nbtrack", "run", str(folder)], stdout=writer, stderr=writer, check=False
        )
    finally:
        signal.signal(signal.SIGHUP, hang_up)
        os.close(writer)
    (found,) = all_runs()
    assert (process.returncode, found.info.status, output_of(found.info.run_id)) == (0, "FINISHED", "over\n")


@pytest.mark.slow
def test_a_run_whose_launcher_was_killed_ends_as_killed(project: Write, tmp_path: Path) -> None:
    folder = project({"main": f"command: sleep 100 & echo $! > {tmp_path}/pid; wait"})
    process, grandchild = started(folder, tmp_path / "pid")
    process.kill()
    process.communicate(timeout=60)
    (found,) = all_runs()
    assert (found.info.status, "died" in found.data.tags[tags.KILLED]) == ("KILLED", True)
    os.killpg(os.getpgid(grandchild), signal.SIGKILL)


@pytest.mark.slow
def test_the_process_waits_for_asynchronous_runs_and_an_interrupt_ends_them(project: Write, tmp_path: Path) -> None:
    folder = project({"main": f"command: 'echo $$ > {tmp_path}/pid; exec sleep 100'", "short": "command: sleep 0.5"})
    code = "import nbtrack, sys; nbtrack.projects.run(sys.argv[1], sys.argv[2], synchronous=False)"
    done = subprocess.run([sys.executable, "-c", code, str(folder), "short"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    process = subprocess.Popen([sys.executable, "-c", code, str(folder), "main"], stderr=subprocess.PIPE, text=True)
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith("\n"))
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert not is_running(int((tmp_path / "pid").read_text()))
    assert sorted(each.info.status for each in all_runs()) == ["FINISHED", "KILLED"]


def test_errors_are_of_the_one_tree() -> None:
    assert issubclass(ExecutionException, NbtrackError)
    assert nbtrack.exceptions.ExecutionException is ExecutionException
