"""Test a command as a group of processes: its output, its end, and what it leaves behind."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbtrack.errors import ExecutionException
from nbtrack.projects import process
from nbtrack.projects.output import OutputFile, Screen
from nbtrack.projects.process import Command, described, signal_of


def command(shell: str, folder: Path) -> Command:
    return Command(["bash", "-c", shell], folder, {**os.environ, "PYTHON": sys.executable})


def output_of(shell: str, folder: Path) -> tuple[int, bytes]:
    pieces: list[bytes] = []
    return command(shell, folder).follow(pieces.append), b"".join(pieces)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("shell", "code", "output"),
    [
        ("echo one; echo two >&2; echo three", 0, b"one\ntwo\nthree\n"),
        ("printf 'no line end'; exit 3", 3, b"no line end"),
        (r"printf '\377\000\r\n'", 0, b"\xff\x00\r\n"),
        ("read line || echo no input", 0, b"no input\n"),
        ("exec >&- 2>&-; sleep 0.2; exit 5", 5, b""),
        ("kill -9 $$", -9, b""),
        ("nothing_of_this_name 2>/dev/null", 127, b""),
    ],
)
def test_output_is_complete_and_in_order(shell: str, code: int, output: bytes, tmp_path: Path) -> None:
    assert output_of(shell, tmp_path) == (code, output)


def test_a_program_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ExecutionException, match="'/nothing/here' could not be started"):
        Command(["/nothing/here"], tmp_path, {})


def test_an_interrupt_while_a_command_starts_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def interrupted(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        known.append(popen(*arguments, **options))
        signal.raise_signal(signal.SIGINT)
        return known[0]

    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        command("sleep 100 & wait", tmp_path)
    assert known[0].returncode == -signal.SIGKILL
    assert not process._has_members(known[0].pid)
    assert signal.getsignal(signal.SIGINT) is handler


def test_lines_arrive_while_the_command_runs(tmp_path: Path) -> None:
    seen: list[bytes] = []
    go_on = tmp_path / "go_on"

    def write(data: bytes) -> None:
        seen.append(data)
        go_on.touch()

    running = command("echo first; while [ ! -e go_on ]; do sleep 0.01; done; echo second", tmp_path)
    assert running.follow(write) == 0
    assert seen == [b"first\n", b"second\n"]


@pytest.mark.slow
def test_processes_that_are_left_behind_end_with_the_command(tmp_path: Path) -> None:
    code, output = output_of("sleep 100 & echo $!; (trap '' TERM; echo $BASHPID; sleep 100) & exit 4", tmp_path)
    assert code == 4
    assert [is_running(int(pid)) for pid in output.split()] == [False, False]


@pytest.mark.slow
def test_a_daemon_that_holds_the_pipe_does_not_hold_up_the_end(tmp_path: Path) -> None:
    code, output = output_of("setsid sleep 30 & echo $!", tmp_path)
    assert code == 0
    assert is_running(int(output))
    os.kill(int(output), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shell", "code"),
    [
        ("echo $$; exec sleep 100", -signal.SIGINT),
        ("echo $$; trap '' INT; sleep 100 & echo $!; wait", -signal.SIGTERM),
        ("trap '' INT TERM; echo $$; while true; do sleep 100; done", -signal.SIGKILL),
        ("trap 'echo bye; exit 7' INT; echo $$; while true; do sleep 0.1; done", 7),
        # A grandchild that ignores both signals.
        ("echo $$; trap '' INT TERM; sleep 100 & echo $!; trap - INT TERM; exec sleep 100", -signal.SIGINT),
    ],
)
def test_stop_ends_the_whole_group(shell: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE", 0.5)
    running = command(shell, tmp_path)
    pieces: list[bytes] = []
    result: list[int] = []
    thread = threading.Thread(target=lambda: result.append(running.follow(pieces.append)))
    thread.start()
    while b"".join(pieces).count(b"\n") < shell.count("echo $"):
        time.sleep(0.01)
    time.sleep(0.2)
    running.stop()
    thread.join()
    assert result == [code]
    pids = [int(word) for word in b"".join(pieces).split() if word.isdigit()]
    assert pids
    assert not any(is_running(pid) for pid in pids)


@pytest.mark.parametrize(
    ("code", "name", "said"),
    [
        (0, None, "ended with exit code 0"),
        (1, None, "ended with exit code 1"),
        (-9, "SIGKILL", "was killed by SIGKILL"),
        (137, "SIGKILL", "ended with exit code 137, which stands for SIGKILL"),
        (255, None, "ended with exit code 255"),
        (-200, None, "was killed by signal 200"),
    ],
)
def test_signals_are_named(code: int, name: str | None, said: str) -> None:
    assert (signal_of(code), described(code)) == (name, said)


def test_long_output_is_cut_in_the_middle(tmp_path: Path) -> None:
    file = OutputFile(tmp_path / "output.log", first=30, last=30)
    for number in range(100):
        file.write(b"line %d\n" % number)
    file.close()
    lines = (tmp_path / "output.log").read_text().splitlines()
    assert lines[:3] == ["line 0", "line 1", "line 2"]
    assert lines[-3:] == ["line 97", "line 98", "line 99"]
    kept = sum(len(line) + 1 for line in lines if line.startswith("line"))
    (note,) = [line for line in lines if "nbtrack" in line]
    # "line 4" is cut after two characters.
    assert note == f"[nbtrack left out {file.left_out} bytes of the output here]"
    assert file.left_out == sum(len(f"line {number}\n") for number in range(100)) - 30 - (kept - 28)
    assert file.recent.endswith("line 99\n")


@pytest.mark.parametrize("size", [0, 59, 60])
def test_short_output_is_kept_whole(size: int, tmp_path: Path) -> None:
    file = OutputFile(tmp_path / "output.log", first=30, last=30)
    for _ in range(size):
        file.write(b"x")
    file.close()
    file.close()
    assert (tmp_path / "output.log").read_bytes() == b"x" * size
    assert file.left_out == 0


@pytest.mark.slow
def test_a_flood_does_not_fill_the_memory(tmp_path: Path) -> None:
    file = OutputFile(tmp_path / "output.log")
    before = psutil.Process().memory_info().rss
    running = command("yes 0123456789abcdef | head -c 300000000", tmp_path)
    assert running.follow(file.write) == 0
    assert psutil.Process().memory_info().rss - before < 100e6
    file.close()
    size = (tmp_path / "output.log").stat().st_size
    assert file.left_out > 280e6
    assert abs(size + file.left_out - 300_000_000) < 200


def test_a_screen_without_bytes_gets_text() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    for data in ("é".encode()[:1], "é".encode()[1:], b"\xff", b"end"):
        screen.write(data)
    screen.close()
    assert stream.getvalue() == "é\N{REPLACEMENT CHARACTER}end\n"


def test_a_screen_passes_bytes_on_after_earlier_text() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, write_through=False)
    stream.write("before\n")
    screen = Screen(stream)
    screen.write(b"\xff\n")
    screen.close()
    assert raw.getvalue() == b"before\n\xff\n"


def test_a_closed_stream_does_not_stop_the_command() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as stream:
        screen = Screen(stream)
        screen.write(b"one\n")
        screen.write(b"two\n")
        screen.close()


def test_a_limited_screen_shows_the_beginning_and_the_end() -> None:
    stream = io.StringIO()
    screen = Screen(stream, limit=20)
    for number in range(10_000):
        screen.write(b"line %d\n" % number)
    screen.close()
    text = stream.getvalue()
    assert text.startswith("line 0\nline 1\nline 2")
    assert "[nbtrack shows the rest of a long output only at its end]" in text
    assert text.endswith("line 9998\nline 9999\n")
    assert len(text) < 18_000
