"""Where checkouts and environments of projects are cached, and that one process at a time creates one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nbtrack.errors import StoreNotWritable
from nbtrack.projects.cache import cache_folder, new_folder, one_at_a_time

HOLD = """
import sys
from pathlib import Path
from nbtrack.projects.cache import one_at_a_time
with one_at_a_time(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"NBTRACK_CACHE_DIR": "own", "XDG_CACHE_HOME": "{tmp}/xdg"}, "own"),
        ({"XDG_CACHE_HOME": "{tmp}/xdg"}, "xdg/nbtrack"),
        ({"XDG_CACHE_HOME": "relative/xdg"}, ".cache/nbtrack"),
        ({"XDG_CACHE_HOME": ""}, ".cache/nbtrack"),
    ],
)
def test_the_first_variable_that_is_set_names_the_cache_folder(
    variables: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(tmp=tmp_path))
    folder = cache_folder("environments")
    assert folder == tmp_path / expected / "environments"
    assert folder.stat().st_mode & 0o077 == 0


def test_a_cache_folder_that_cannot_be_created_is_an_error_that_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NBTRACK_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(StoreNotWritable, match=r"cannot be created: Not a directory\. Set NBTRACK_CACHE_DIR"):
        cache_folder("checkouts")


def test_a_second_process_waits_for_the_lock_and_a_killed_one_frees_it(tmp_path: Path) -> None:
    lock = tmp_path / "it.lock"
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        waited = []

        def waiting() -> None:
            waited.append(holder.poll())
            holder.kill()

        with one_at_a_time(lock, waiting):
            assert waited == [None]


def test_a_cache_that_cannot_be_written_to_is_an_error_that_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreNotWritable, match=r"cannot be written to: Not a directory\. Set NBTRACK_CACHE_DIR"):
        new_folder(tmp_path / "file", ".partial-")
    with (
        pytest.raises(StoreNotWritable, match=r"cannot be written to: Is a directory\. Set NBTRACK_CACHE_DIR"),
        one_at_a_time(tmp_path),
    ):
        raise AssertionError
