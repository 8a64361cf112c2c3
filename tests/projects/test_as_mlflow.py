"""Run the same projects with the real `mlflow.projects.run` and with nbtrack's, and compare status, params and tags.

The same script does both, in one process each. What differs on purpose is in DIFFERENCES, with the reason, and in the
table of `guide/projects.md`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

import nbtrack

pytestmark = pytest.mark.slow

MLPROJECT = """
name: compared
entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.5}
      name: {type: string, default: "a b"}
      data: path
      place: {type: uri, default: s3://bucket/key}
    command: "python show.py {alpha} {name} {data} {place}"
  plain: {command: "echo plain"}
  typed: {parameters: {alpha: float}, command: "echo {alpha}"}
  fails: {command: "exit 3"}
  killed: {command: "kill -KILL $$"}
  logs: {parameters: {end: {default: "0"}}, command: "python logs.py {end}"}
"""
SHOW = "import sys\nprint(sys.argv[1:])\n"
LOGS = """
import importlib, os, sys

mlflow = importlib.import_module(os.environ["TRACKER"])
with mlflow.start_run():
    mlflow.log_metric("rmse", 0.5)
    mlflow.log_param("own", "x")
sys.exit(int(sys.argv[1]))
"""
CASES: dict[str, dict[str, Any]] = {
    "params": {"parameters": {"data": "data.txt", "extra": "z"}},
    "values": {"parameters": {"data": "data.txt", "name": "plain", "alpha": "1e-3"}, "run_name": "named"},
    "a script": {"entry_point": "show.py"},
    "a script with params": {"entry_point": "show.py", "parameters": {"a": 1}},
    "missing": {"parameters": {"name": "x"}},
    "a wrong float": {"entry_point": "typed", "parameters": {"alpha": "x"}},
    "a wrong uri": {"parameters": {"data": "data.txt", "place": "x"}},
    "a missing path": {"parameters": {"data": "nothing.txt"}},
    "no entry point": {"entry_point": "other"},
    "fails": {"entry_point": "fails"},
    "killed": {"entry_point": "killed"},
    "logs": {"entry_point": "logs"},
    "logs and fails": {"entry_point": "logs", "parameters": {"end": "4"}},
    "nested": {"entry_point": "plain", "nested": True},
    # Before the two below, in which MLflow changes what is checked out in the folder of the user.
    "a subfolder": {"uri": "repository#inner", "entry_point": "show.py"},
    "a commit": {"uri": "repository", "version": "first"},
    "a branch": {"uri": "repository", "version": "side"},
    "a missing version": {"uri": "repository", "version": "nothing"},
    "a working tree": {"uri": "working", "entry_point": "plain"},
    "two experiments": {"entry_point": "plain", "experiment_name": "e", "experiment_id": "0"},
    "an experiment": {"entry_point": "plain", "experiment_name": "new"},
}
ERRORS = "the error for a wrong argument"
NO_RUN = "a wrong value"
NOTHING_RUNS = dict.fromkeys(("status", "params", "tags", "metrics", "experiment"), (ANY, None, NO_RUN))
NAME = "`mlflow.source.name` of `file://` URIs"
DIFFERENCES: dict[str, dict[str, tuple[Any, Any, str]]] = {
    "params": {"params.name": ("'a b'", "a b", "a param with special characters")},
    "missing": {"error": ("ExecutionException", "InvalidParameter", ERRORS)},
    "a wrong float": {
        **NOTHING_RUNS,
        "error": (None, "InvalidParameter", "a value of the wrong type (`float`, `int`)"),
        "runs": (1, 0, "a value of the wrong type (`float`, `int`)"),
    },
    "a wrong uri": {
        **NOTHING_RUNS,
        "error": ("ExecutionException", "InvalidParameter", ERRORS),
        "runs": (1, 0, NO_RUN),
        "status": ("RUNNING", None, NO_RUN),
    },
    "a missing path": {
        **NOTHING_RUNS,
        "error": ("ExecutionException", "InvalidParameter", ERRORS),
        "runs": (1, 0, NO_RUN),
        "status": ("RUNNING", None, NO_RUN),
    },
    "no entry point": {"error": ("ExecutionException", "NotFound", ERRORS)},
    "killed": {"status": ("FAILED", "KILLED", "a command that was interrupted or killed")},
    "a commit": {"tags.mlflow.source.name": ("TOP/file:TOP/repository", "file://TOP/repository", NAME)},
    "a branch": {"tags.mlflow.source.name": ("TOP/file:TOP/repository", "file://TOP/repository", NAME)},
    "a subfolder": {
        "tags.mlflow.source.name": ("TOP/file:TOP/repository#inner", "file://TOP/repository#inner", NAME),
        "tags.mlflow.source.git.branch": (None, "main", "`mlflow.source.git.branch`"),
    },
    "a missing version": {"error": ("ExecutionException", "NotFound", ERRORS)},
    "a working tree": {"tags.mlflow.source.git.branch": (None, "main", "`mlflow.source.git.branch`")},
    "two experiments": {"error": ("MlflowException", "InvalidParameter", ERRORS)},
}
"""What differs in each case: what MLflow and nbtrack record, and the row of the table that says why."""
SCRIPT = """
import importlib, json, os, sys

mlflow = importlib.import_module(os.environ["TRACKER"])
projects = importlib.import_module(os.environ["TRACKER"] + ".projects")
client = mlflow.MlflowClient()
cases, found = json.loads(sys.argv[1]), {}
for name, case in cases.items():
    before = {run.info.run_id for e in client.search_experiments() for run in client.search_runs([e.experiment_id])}
    uri, nested, error, parent = case.pop("uri"), case.pop("nested", False), None, None
    if nested:
        parent = mlflow.start_run().info.run_id
    try:
        projects.run(uri, env_manager="local", **case)
    except Exception as caught:
        error = type(caught).__name__
    if nested:
        mlflow.end_run()
    runs = [run for e in client.search_experiments() for run in client.search_runs([e.experiment_id])]
    runs = [run for run in runs if run.info.run_id not in before | {parent}]
    found[name] = {"error": error, "runs": len(runs)}
    for run in runs:
        tags = {key: value for key, value in run.data.tags.items() if key.startswith("mlflow.")}
        if tags.get("mlflow.parentRunId") == parent and nested:
            tags["mlflow.parentRunId"] = "the parent"
        if "run_name" not in case:
            del tags["mlflow.runName"]
        experiment = client.get_experiment(run.info.experiment_id).name
        found[name] |= {"status": run.info.status, "params": run.data.params, "metrics": run.data.metrics}
        found[name] |= {"tags": tags, "experiment": experiment}
print("\\n" + json.dumps(found))
"""


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def build(top: Path) -> str:
    """Create a folder, a repository and a working tree with projects. Return the first commit of the repository."""
    top.mkdir()
    (top / "data.txt").write_text("1")
    for folder, content in ((top / "folder", MLPROJECT), (top / "repository", "entry_points: {main: {command: ls}}")):
        folder.mkdir()
        (folder / "MLproject").write_text(content)
        (folder / "show.py").write_text(SHOW)
        (folder / "logs.py").write_text(LOGS)
    repository = top / "repository"
    (repository / "inner").mkdir()
    (repository / "inner" / "show.py").write_text(SHOW)
    git(repository, "init", "-q", "-b", "main")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "first")
    git(repository, "branch", "side")
    first = git(repository, "rev-parse", "HEAD")
    (repository / "later").write_text("")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "second")
    git(top, "clone", "-q", str(repository), "working")
    # The two copies of the clone have the same remote.
    git(top / "working", "remote", "set-url", "origin", "https://example.org/team/project.git")
    (top / "working" / "MLproject").write_text("entry_points: {plain: {command: ls}}")
    git(top / "working", "commit", "-qam", "third")
    return first


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """What MLflow and nbtrack have recorded, by case."""
    top = tmp_path_factory.mktemp("compared")
    first = build(top / "nbtrack")
    # Each has its own repository, because MLflow checks a version out in the folder of the user.
    shutil.copytree(top / "nbtrack", top / "mlflow", symlinks=True)

    def run_all(tracker: str, tracking_uri: str) -> dict[str, Any]:
        place = top / tracker
        cases: dict[str, dict[str, Any]] = {}
        for name, case in CASES.items():
            uri = case.get("uri", "folder").replace("repository", f"file://{place}/repository")
            version = {"version": first} if case.get("version") == "first" else {}
            cases[name] = {**case, "uri": uri, **version}
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("NBTRACK_", "MLFLOW_"))}
        variables |= {
            "TRACKER": tracker,
            "MLFLOW_TRACKING_URI": tracking_uri,
            "NBTRACK_CACHE_DIR": str(top / "cache"),
            "NBTRACK_ENABLE_SYSTEM_METRICS_LOGGING": "false",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }
        command = [sys.executable, "-c", SCRIPT, json.dumps(cases)]
        done = subprocess.run(command, cwd=place, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1].replace(str(place), "TOP"))
        return outcome

    return run_all("mlflow", f"sqlite:///{top}/mlflow.db"), run_all("nbtrack", str(top / "store"))


@pytest.mark.parametrize("case", CASES)
def test_the_same_is_recorded(case: str, outcomes: tuple[dict[str, Any], dict[str, Any]]) -> None:
    theirs, ours = (outcome[case] for outcome in outcomes)
    differences = {}
    for key in theirs.keys() | ours.keys():
        one, other = theirs.get(key), ours.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            differences |= {
                f"{key}.{name}": (one.get(name), other.get(name))
                for name in one.keys() | other.keys()
                if one.get(name) != other.get(name)
            }
        elif one != other:
            differences[key] = (one, other)
    expected = DIFFERENCES.get(case, {})
    assert differences.keys() == expected.keys(), differences
    for key, (one, other, _) in expected.items():
        if one is not ANY and other is not ANY:
            assert differences[key] == (one, other)


def test_a_reason_is_given_for_each_difference() -> None:
    page = (Path(nbtrack.__file__).parent / "guide" / "projects.md").read_text()
    for reason in {reason for expected in DIFFERENCES.values() for _, _, reason in expected.values()}:
        assert f"\n| {reason} |" in page
