"""Git repositories that tests make, and what they ask of a fetched project."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from nbtrack.errors import NbtrackError
from nbtrack.projects.sources import fetched

GIT = shutil.which("git") or "git"


def git(folder: Path, *arguments: str) -> str:
    identity = (
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "protocol.file.allow=always",
    )
    done = subprocess.run([GIT, *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


class Repositories:
    """A working tree, and a bare clone of it that stands for a remote repository."""

    def __init__(self, root: Path) -> None:
        self.tree = root / "tree"
        self.bare = root / "remote.git"
        self.url = self.bare.as_uri()
        (self.tree / "sub").mkdir(parents=True)
        git(self.tree, "init", "-q", "-b", "main")
        self.write("train.py", "print(1)\n")
        self.write("run.sh", "echo hello\n").chmod(0o755)
        self.write("sub/MLproject", "name: sub\n")
        self.first = self.commit("first")
        git(self.tree, "tag", "-a", "v1.0", "-m", "annotated")
        self.write("train.py", "print(2)\n")
        self.second = self.commit("second")
        git(self.tree, "checkout", "-q", "-b", "feature/x", self.first)
        self.write("train.py", "print(3)\n")
        self.third = self.commit("third")
        git(self.tree, "checkout", "-q", "main")
        git(root, "clone", "-q", "--bare", str(self.tree), str(self.bare))

    def write(self, name: str, content: str) -> Path:
        path = self.tree / name
        path.write_text(content)
        return path

    def commit(self, message: str) -> str:
        git(self.tree, "add", "-A")
        git(self.tree, "commit", "-q", "-m", message)
        return git(self.tree, "rev-parse", "HEAD")


def refusal(uri: str, version: str | None = None, kind: type[NbtrackError] = NbtrackError) -> str:
    with pytest.raises(kind) as caught, fetched(uri, version):
        pytest.fail("The block must not run.")
    return str(caught.value)


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def copies(cache: Path) -> list[Path]:
    return list((cache / "projects" / "copies").iterdir())
