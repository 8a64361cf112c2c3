"""The checked-out commit, and whether files differ from it."""

from __future__ import annotations

import os
from collections.abc import Hashable
from dataclasses import dataclass

TIMEOUT = 2.0
"""The most seconds to wait for git. With a huge tree or a slow disk, a run starts without the commit."""


@dataclass(frozen=True, slots=True)
class GitState:
    """The state of a repository.

    `commit` is None before the first commit, and `branch` is None on a detached HEAD. `dirty` ignores untracked files.
    """

    commit: str | None
    branch: str | None
    dirty: bool


# There is no lock: two threads that ask at the same time only run git twice, and a fork cannot inherit a held lock.
_cache: dict[str, tuple[Hashable, GitState | None]] = {}
_too_slow: set[str] = set()


def git(folder: str | os.PathLike[str], since: Hashable = None) -> GitState | None:
    """Return the state of the repository that contains `folder`, or None without a repository or git.

    It is also None if git is too slow. The result is cached as long as `since` has the same value.
    """
    key = os.fspath(folder)
    cached = _cache.get(key)
    if cached is not None and cached[0] == since:
        return cached[1]
    found = None if key in _too_slow else _run_git(key)
    _cache[key] = (since, found)
    return found


def _run_git(folder: str) -> GitState | None:
    import subprocess

    # One call returns everything. Without optional locks, it cannot disturb the user's own git commands.
    command = ["git", "--no-optional-locks", "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        answer = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        _too_slow.add(folder)
        return None
    except (OSError, ValueError):
        return None
    if answer.returncode != 0:
        return None
    return _parse(answer.stdout.decode(errors="replace"))


def _parse(text: str) -> GitState:
    commit = branch = None
    dirty = False
    for line in text.splitlines():
        if line.startswith("# branch.oid "):
            commit = line.removeprefix("# branch.oid ")
        elif line.startswith("# branch.head "):
            branch = line.removeprefix("# branch.head ")
        elif not line.startswith("#"):
            dirty = True
    return GitState(None if commit == "(initial)" else commit, None if branch == "(detached)" else branch, dirty)
