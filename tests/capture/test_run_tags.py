"""Test the tags about a run's origin: file, repository, user, versions. They must not raise or be slow."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from nbtrack import capture
from nbtrack.capture import git as git_state
from nbtrack.capture import packages
from nbtrack.capture import repository as repository_module
from nbtrack.capture.repository import GitState


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "a repository"
    folder.mkdir()
    _git(folder, "init", "--quiet", "--initial-branch=work")
    (folder / "train.py").write_text("lr = 0.1\n")
    return folder


def _git(folder: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", *settings, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_git_before_the_first_commit_clean_dirty_and_detached(repository: Path):
    assert git_state(repository, since=1) == GitState(None, "work", False)
    _git(repository, "add", ".")
    _git(repository, "commit", "--quiet", "-m", "first")
    commit = _git(repository, "rev-parse", "HEAD")
    (repository / "untracked.txt").write_text("no dirt")
    assert git_state(repository, since=2) == GitState(commit, "work", False)
    (repository / "train.py").write_text("lr = 0.2\n")
    assert git_state(repository, since=2).dirty is False, "asked once for each execution"
    assert git_state(repository, since=3) == GitState(commit, "work", True)
    _git(repository, "checkout", "--quiet", "--detach")
    assert git_state(repository, since=4) == GitState(commit, None, True)


def test_no_repository_and_no_git(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch):
    assert git_state(tmp_path, since=1) is None
    assert git_state(tmp_path / "not there", since=1) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(repository, since="no git") is None


def test_a_hanging_git_is_waited_for_once(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch):
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:/usr/bin:/bin")
    monkeypatch.setattr(repository_module, "TIMEOUT", 0.2)
    calls, run = [], subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *given, **options: calls.append(given) or run(*given, **options))
    assert [git_state(repository, since=n) for n in range(5)] == [None] * 5
    assert len(calls) == 1


def test_a_script_stores_its_path_and_does_not_import_ipython(repository: Path):
    script = repository / "train.py"
    script.write_text(
        "import json, sys\nfrom nbtrack import capture\n"
        "print(json.dumps([capture.run_tags(), capture.current_cell(), 'IPython' in sys.modules]))\n"
    )
    _git(repository, "add", ".")
    _git(repository, "commit", "--quiet", "-m", "first")
    # Started from elsewhere: the repository is the script's, not the working directory's.
    answer = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, cwd=repository.parent)
    import json

    tags, cell, ipython = json.loads(answer.stdout)
    assert tags == {
        "mlflow.user": capture.user(),
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": str(script),
        "mlflow.source.git.commit": _git(repository, "rev-parse", "HEAD"),
        "nbtrack.git.dirty": "false",
        "nbtrack.python": sys.version.split()[0],
    }
    assert cell is None
    assert not ipython


def test_the_working_directory_was_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr(sys, "argv", [""])
    assert capture.run_tags()["mlflow.source.name"] == "<console>"


def test_run_tags_cost_less_than_a_millisecond_after_the_first_call():
    capture.run_tags()
    took = []
    for _ in range(50):
        start = time.perf_counter()
        capture.run_tags()
        took.append(time.perf_counter() - start)
    assert sorted(took)[25] < 0.001


def test_imported_packages_by_distribution():
    import duckdb

    packages.prepare()
    found = capture.imported_packages()
    assert found["duckdb"] == duckdb.__version__
    assert "pytest" in found, "the package of a module that is imported here"
    assert "jupyterlab-pygments" not in found, "installed, but not imported"
    assert not {"json", "nbtrack.capture"} & found.keys()
