"""The commit that the code stands at, and whether files differ from it."""

from __future__ import annotations

import os
from collections.abc import Hashable
from dataclasses import dataclass

TIMEOUT = 2.0
"""Seconds that git may take: on a huge tree or a slow disk a run rather starts without the commit."""


@dataclass(frozen=True, slots=True)
class GitState:
    """`commit` is None before the first commit, `branch` None on a detached HEAD. Untracked files are not dirt."""

    commit: str | None
    branch: str | None
    dirty: bool


# No lock: two threads that ask at once cost one more question, and a fork cannot inherit a held one.
_cache: dict[str, tuple[Hashable, GitState | None]] = {}
_too_slow: set[str] = set()


def git(folder: str | os.PathLike[str], since: Hashable = None) -> GitState | None:
    """The state of the repository that `folder` is in; None outside one, and where git is missing or too slow.

    Asked of git once for each `since`; the answer is kept for as long as the same value comes.
    """
    key = os.fspath(folder)
    cached = _cache.get(key)
    if cached is not None and cached[0] == since:
        return cached[1]
    found = None if key in _too_slow else _ask(key)
    _cache[key] = (since, found)
    return found


def _ask(folder: str) -> GitState | None:
    import subprocess

    # One call answers everything; without optional locks it cannot get into the way of the user's own git commands.
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
