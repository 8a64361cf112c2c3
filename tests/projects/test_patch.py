"""The uncommitted changes of a folder become a patch without secrets, and the folder stays as it is."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbtrack.projects import patch
from nbtrack.projects.sources import fetched
from tests.projects.repositories import Repositories, entries, git

pytestmark = pytest.mark.usefixtures("project_cache")


@pytest.fixture(autouse=True)
def no_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_uncommitted_changes_are_reported_and_kept_as_a_patch(tmp_path: Path):
    own = Repositories(tmp_path)
    own.write("train.py", "print('changed')\n")
    own.write("run.sh", "echo staged\n")
    git(own.tree, "add", "run.sh")
    own.write("new ä.py", "print('new')\n")
    own.write("sub/ignored.log", "")
    own.write(".git/info/exclude", "*.log\n")
    (own.tree / "sub" / "MLproject").unlink()
    (own.tree / "weights.bin").write_bytes(b"\0\1")
    (own.tree / "link").symlink_to("/etc/passwd")
    before = git(own.tree, "status", "--porcelain")
    objects = entries(own.tree / ".git")
    with pytest.warns(UserWarning, match=r"uncommitted changes in 6 files") as caught, fetched(str(own.tree)) as source:
        pass
    assert "The patch does not contain: link (not a regular file); weights.bin (binary)." in str(caught[0].message)
    assert source.patch is not None
    assert (git(own.tree, "status", "--porcelain"), entries(own.tree / ".git")) == (before, objects)
    # The patch turns the commit into the working tree.
    git(tmp_path, "clone", "-q", str(own.tree), "again")
    (tmp_path / "patch").write_text(source.patch)
    git(tmp_path / "again", "apply", "--index", str(tmp_path / "patch"))
    assert (tmp_path / "again" / "train.py").read_text() == "print('changed')\n"
    assert (tmp_path / "again" / "run.sh").read_text() == "echo staged\n"
    assert (tmp_path / "again" / "new ä.py").read_text() == "print('new')\n"
    assert not (tmp_path / "again" / "sub").exists()
    assert "log" not in source.patch


def test_a_change_of_the_same_size_in_the_same_second_is_found(tmp_path: Path):
    """Git then compares contents, which it knows from the time of its index."""
    own = Repositories(tmp_path)
    git(own.tree, "config", "core.trustctime", "false")
    second = (1_000_000_000, 1_000_000_000)
    os.utime(own.write("train.py", "print(6)\n"), second)
    own.commit("in the same second")
    os.utime(own.write("train.py", "print(7)\n"), second)
    os.utime(own.tree / ".git" / "index", second)
    with pytest.warns(UserWarning, match="1 file"), fetched(str(own.tree)) as source:
        pass
    assert "+print(7)" in str(source.patch)


def test_new_files_outside_the_folder_of_the_project_are_not_part_of_the_patch(tmp_path: Path):
    own = Repositories(tmp_path)
    own.write("private.txt", "private\n")
    own.write("train.py", "print('changed')\n")
    own.write("sub/new.py", "print('new')\n")
    with pytest.warns(UserWarning, match="uncommitted changes in 2 files"), fetched(str(own.tree / "sub")) as source:
        pass
    assert re.findall(r"^\+\+\+ b/(.*)$", str(source.patch), re.MULTILINE) == ["sub/new.py", "train.py"]


def test_the_patch_does_not_depend_on_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own = Repositories(tmp_path)
    (tmp_path / "config").write_text(
        "[diff]\n\tnoprefix = true\n\texternal = false\n\trenames = copies\n[color]\n\tui = always\n"
        f'[core]\n\tfsmonitor = "touch {tmp_path}/hacked"\n\tpager = false\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    own.write("train.py", "print('changed')\n")
    with pytest.warns(UserWarning, match="1 file"), fetched(str(own.tree)) as source:
        pass
    assert str(source.patch).startswith("diff --git a/train.py b/train.py\n")
    assert not (tmp_path / "hacked").exists()


SECRETS = [
    'password = "hunter2hunter2"',
    "DB_PASSWORD: str = 'hunter2hunter2'",
    '{"api_key": "0123456789abcdef"}',
    'os.environ["AWS_SECRET_ACCESS_KEY"] = "abcdefgh/ijkl"',
    '"token = \\"abcdefghijk\\"\\n",',
    "AKIAIOSFODNN7EXAMPLE",
    "-----BEGIN RSA PRIVATE KEY-----",
    "ghp_0123456789012345678901234567",
    'url = "postgres://me:hunter2@host/db"',
    "Authorization: Bearer abcdefghijklmnopqrstuvwx",
    "hf_abcdefghijklmnopqrstuvwxyz",
]
HARMLESS = [
    "password = getpass()",
    'api_key = os.environ["API_KEY"]',
    'tokenizer = "bert-base-uncased"',
    'eos_token = "<|endoftext|>"',
    "max_tokens = 1024",
    'author = "Jane-Doe-Smith"',
    "token = tokenizer.encode(text)",
    "secret = other_variable",
]


def test_hunks_that_look_like_a_secret_are_left_out(tmp_path: Path):
    own = Repositories(tmp_path)
    lines = [f"line {number}" for number in range(40)]
    names = {line: f"settings_{number}.py" for number, line in enumerate(SECRETS + HARMLESS)}
    for name in names.values():
        own.write(name, "\n".join(lines))
    own.commit("settings")
    for line, name in names.items():
        own.write(name, "\n".join(["first", *lines[:30], line, *lines[30:]]))
    with pytest.warns(UserWarning, match="uncommitted changes in 19 files"), fetched(str(own.tree)) as source:
        pass
    text = str(source.patch)
    assert text.count("+first\n") == len(names)
    assert [line for line in names if f"+{line}\n" in text] == HARMLESS
    left_out = re.findall(r"^# Left out: (.*), the change at line 2\d \(looks like a secret\)$", text, re.MULTILINE)
    assert sorted(left_out) == sorted(names[line] for line in SECRETS)


def test_files_that_usually_have_secrets_are_left_out(tmp_path: Path):
    own = Repositories(tmp_path)
    for name in (".env", "key.pem", "id_rsa", "credentials.json", ".env.example", "app.conf"):
        own.write(name, "A=1\n")
    own.write("app.conf", "password: hunter2hunter2\n")
    with pytest.warns(UserWarning, match="6 files"), fetched(str(own.tree)) as source:
        pass
    added = re.findall(r"^\+\+\+ b/(.*)$", str(source.patch), re.MULTILINE)
    assert added == [".env.example"]
    assert "hunter2" not in str(source.patch)


def test_a_patch_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own = Repositories(tmp_path)
    for number in range(4):
        own.write(f"{number}.txt", "x" * 300 + "\n")
    monkeypatch.setattr(patch, "MAX_PATCH", 1_000)
    monkeypatch.setattr(patch, "MAX_NEW_FILE", 1_000)
    own.write("large.txt", "x" * 2_000)
    with pytest.warns(UserWarning, match=r"large.txt \(2,000 bytes\); further files"), fetched(str(own.tree)) as source:
        pass
    assert 500 < len(str(source.patch)) < 1_200


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_changes_before_the_first_commit(tmp_path: Path, kind: str):
    git(tmp_path, "init", "-q", "-b", "main", f"--object-format={kind}", "new")
    (tmp_path / "new" / "a.py").write_text("print(1)\n")
    with pytest.warns(UserWarning, match="uncommitted changes in 1 file"), fetched("new") as source:
        pass
    assert (source.commit, source.branch) == (None, "main")
    assert "+print(1)" in str(source.patch)
