"""A project's command as a group of processes, which ends as a whole."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from ..errors import ExecutionException

GRACE = 5.0
"""How many seconds a process gets to end itself after SIGINT, and again after SIGTERM, before it is killed."""
LEFTOVER = 1.0
"""How many seconds the processes that a command leaves behind get to end by themselves."""
_PERIOD = 0.1
"""How often it is checked whether a command without output has ended, in seconds."""
_PIECE = 64 * 1024


class Command:
    """A running command, with all processes that it starts and that stay in its group.

    It has no terminal: its input is empty, and stdout and stderr are one pipe, so that their order is kept.

    Args:
        arguments: The program and its arguments. No shell is added.
        folder: The working directory.
        environment: All environment variables.

    Raises:
        ExecutionException: If the program cannot be started.
    """

    def __init__(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        try:
            # The terminal sends Ctrl-C only to this process, which then ends the group step by step.
            self._process = start_group(arguments, cwd=folder, env=dict(environment), bufsize=0)
        except (OSError, ValueError) as error:
            raise ExecutionException(f"{arguments[0]!r:.200} could not be started: {error}.") from error
        self.pid = self._process.pid
        self._ended = threading.Event()

    def follow(self, write: Callable[[bytes], None]) -> int:
        """Pass on the output until the command and its group have ended.

        Processes that the command leaves behind, such as one that it started with `&`, are ended after it.

        Args:
            write: Called with each piece of the output, as it comes.

        Returns:
            The exit code, or minus the number of the signal that ended the command.
        """
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        os.set_blocking(pipe, False)
        with selectors.DefaultSelector() as selector, self._process.stdout:
            selector.register(pipe, selectors.EVENT_READ)
            is_open = True
            while is_open and self._process.poll() is None:
                if selector.select(_PERIOD):
                    is_open = _pass_on(pipe, write)
            self._process.wait()
            self._ended.set()
            # What the command has written, and the processes that it has left behind.
            started = time.monotonic()
            steps = [(LEFTOVER, signal.SIGTERM), (LEFTOVER + GRACE, signal.SIGKILL)]
            while True:
                is_quiet = not is_open or not selector.select(_PERIOD)
                if not is_quiet:
                    is_open = _pass_on(pipe, write)
                waited = time.monotonic() - started
                if not _has_members(self.pid):
                    # A process that has left the group can hold the pipe open for ever.
                    if is_quiet or not is_open or waited > LEFTOVER:
                        break
                elif steps and waited > steps[0][0]:
                    self.send(steps.pop(0)[1])
                elif waited > LEFTOVER + 2 * GRACE:
                    break
                elif not is_open:
                    time.sleep(_PERIOD)
        return self._process.returncode

    def stop(self) -> None:
        """End the command: by SIGINT, then by SIGTERM, then by SIGKILL. `follow` then returns."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self.send(number)
            if self._ended.wait(GRACE):
                return
        self.kill()

    def kill(self) -> None:
        """End the whole group at once, by SIGKILL."""
        self.send(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to every process of the group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    @property
    def has_ended(self) -> bool:
        """Whether the command itself has ended. Its output may not be complete yet."""
        return self._ended.is_set()


@contextlib.contextmanager
def later_interrupts() -> Iterator[None]:
    """Hold back interrupts until the end of the block.

    An interrupt inside of `Popen` would leave a process behind that nobody knows. Only signals with a handler of Python
    are held back, and only the main thread gets any.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    handlers: dict[signal.Signals, Callable[[int, FrameType | None], Any]] = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        handler = signal.getsignal(number) if number is not None else None
        if number is not None and callable(handler):
            handlers[number] = handler
            signal.signal(number, lambda *arguments: came.append(arguments))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number, frame in came:
            handlers[signal.Signals(number)](number, frame)


def start_group(arguments: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start a process without a terminal in a group of its own, with its output and errors in one pipe.

    If an interrupt comes meanwhile, the process is killed before the interrupt goes on.
    """
    process = None
    try:
        with later_interrupts():
            process = subprocess.Popen(
                list(arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,
            )
    except BaseException:
        if process is not None:
            kill_group(process)
        raise
    return process


def kill_group(process: subprocess.Popen[Any]) -> None:
    """Kill a process that was started by `start_group`, with all processes of its group."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _pass_on(pipe: int, write: Callable[[bytes], None]) -> bool:
    """Pass on one piece of the output. Return whether there can be more."""
    try:
        data = os.read(pipe, _PIECE)
    except BlockingIOError:
        return True
    if data:
        write(data)
    return bool(data)


def _has_members(group: int) -> bool:
    """Return whether a process of the group is running. Ended ones that nobody has waited for do not count."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


def signal_of(exit_code: int) -> str | None:
    """Return the name of the signal that ended a command, such as "SIGKILL", or None.

    A shell whose own command was ended by signal N exits with 128 + N.
    """
    number = -exit_code if exit_code < 0 else exit_code - 128
    try:
        return signal.Signals(number).name
    except ValueError:
        return None


def described(exit_code: int) -> str:
    """Return how a command ended, as the end of a sentence."""
    name = signal_of(exit_code)
    if exit_code < 0:
        return f"was killed by {name or f'signal {-exit_code}'}"
    return f"ended with exit code {exit_code}" + (f", which stands for {name}" if name else "")
