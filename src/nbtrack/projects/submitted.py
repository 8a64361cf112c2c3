"""A project's run whose command was started."""

from __future__ import annotations

import contextlib
import contextvars
import os
import re
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ..client import Client
from ..entities import Run, RunStatus
from ..errors import ExecutionException, NbtrackError, StoreError
from ..journal.stopping import without_stopping
from ..names import storable
from ..process_end import at_process_end
from ..tags import KILLED, PROJECT_EXIT_CODE, STOP_REASON, STOPPED_BY, TRACEBACK
from .output import OutputFile, Screen
from .process import Command, described, signal_of

ARTIFACTS = "project"
"""The artifact folder with the output and the files that describe the project."""
OUTPUT = "output.log"

_KILLED_BY = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP")
"""Signals that a user or the system sends. Others, such as SIGSEGV, are failures of the program."""
_DIED = " died before the run was ended"
"""The end of the tag that the store sets on a run whose process did not end it."""

_running: set[SubmittedRun] = set()


class SubmittedRun:
    """The run of a project whose command was started, returned by `nbtrack.projects.run`.

    A thread of this process shows and keeps the output of the command and ends the run. At its end, the process waits
    for it. If the process is interrupted then, the command is interrupted too.

    Args:
        client: The client of the run's store.
        run: The run.
        running: The running command.
        description: The command line, for messages.
        output: The file that keeps the output.
        screen: Where the output is shown.
        artifacts: Files that the command writes, and that are kept as artifacts if they exist at its end.
        hint: Returns a sentence that helps with a failure, or None. It gets the last lines of the output.
        progress: Shows a message.
        keep: Called if the run fails, so that the copy that it worked in is kept.
        resources: Closed after the end of the command.

    Attributes:
        run_id: ID of the run.
        client: The client of the run's store.
        command: The command line.
        exit_code: The exit code of the command, minus the number of the signal that ended it, or None as long as the
            command runs.
    """

    def __init__(
        self,
        client: Client,
        run: Run,
        running: Command,
        description: str,
        output: OutputFile,
        screen: Screen,
        artifacts: tuple[Path, ...],
        hint: Callable[[str], str | None],
        progress: Callable[[str], None],
        keep: Callable[[], None],
        resources: ExitStack,
    ) -> None:
        self.run_id = run.info.run_id
        self.command = description
        self.exit_code: int | None = None
        self.client = client
        self._run = run
        self._running = running
        self._output = output
        self._screen = screen
        self._artifacts = artifacts
        self._hint = hint
        self._progress = progress
        self._keep = keep
        self._resources = resources
        self._status: str = RunStatus.RUNNING
        self._killed: str | None = None
        self._failure: ExecutionException | None = None
        self._ended_at = 0.0
        self._process = os.getpid()
        # Not the thread's own join: in Python before 3.13, an interrupt of one join makes the others return at once.
        self._done = threading.Event()
        _running.add(self)
        # In the context of the caller, by which a kernel knows to which cell an output belongs.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._follow,), name=f"nbtrack project {self.run_id}").start()

    def wait(self) -> bool:
        """Wait for the end of the command and of the run.

        Returns:
            Whether the run ended as FINISHED.
        """
        self._done.wait()
        return self._status == RunStatus.FINISHED

    def cancel(self, reason: str = "cancelled") -> None:
        """End the command with all of its processes, and the run as KILLED.

        The processes get SIGINT, five seconds later SIGTERM, and another five seconds later SIGKILL. Nothing happens
        if the command has already ended.

        Args:
            reason: Why, for the run's tag `nbtrack.killed`.
        """
        if not self._running.has_ended:
            self._killed = reason
            try:
                self._running.stop()
            except KeyboardInterrupt:
                # A second Ctrl-C.
                self._running.kill()
        self._done.wait()

    def get_status(self) -> str:
        """Return the status of the run.

        Returns:
            "RUNNING", "FINISHED", "FAILED" or "KILLED".
        """
        return self._status

    def raise_failure(self) -> None:
        """Wait for the end of the command, and raise an exception if it failed.

        Raises:
            ExecutionException: If the run did not end as FINISHED.
        """
        if not self.wait():
            raise self._failure or ExecutionException(self._message(), self.run_id, self.exit_code)

    @property
    def summary(self) -> str:
        """How the run ended, in one line."""
        seconds = (self._ended_at or time.time()) - self._run.info.start_time / 1000
        return f"Run {self._run.info.run_name!r} ({self.run_id}) {self._status} after {seconds:.1f} s."

    def __repr__(self) -> str:
        return f"<SubmittedRun {self._run.info.run_name!r} ({self.run_id}), {self._status}>"

    def _follow(self) -> None:
        # If somebody stops the run, the command notices, and this thread keeps how it ends.
        with without_stopping():
            self._follow_to_the_end()

    def _follow_to_the_end(self) -> None:
        try:
            self.exit_code = self._running.follow(self._write)
        finally:
            # A failure to keep something must not leave the run RUNNING.
            for step in (self._output.close, self._screen.close, self._keep_artifacts, self._end, self._release):
                try:
                    step()
                except (OSError, NbtrackError) as error:
                    warnings.warn(f"Run {self.run_id}: {error}", RuntimeWarning, stacklevel=1)
            self._done.set()

    def _write(self, data: bytes) -> None:
        self._screen.write(data)
        if not self._output.is_broken:
            try:
                self._output.write(data)
            except OSError as error:
                self._output.is_broken = True
                self._progress(f"The rest of the output is not kept, because it cannot be written: {error.strerror}.")

    def _keep_artifacts(self) -> None:
        for path in (self._output.path, *self._artifacts):
            if path.exists():
                self.client.log_artifact(self.run_id, path, ARTIFACTS)

    def _end(self) -> None:
        status, reason = self._outcome()
        try:
            self._store_end(status, reason)
        finally:
            if status != RunStatus.FINISHED:
                self._failure = ExecutionException(self._message(), self.run_id, self.exit_code)
            self._status = status

    def _store_end(self, status: str, reason: str | None) -> None:
        tags = {PROJECT_EXIT_CODE: str(self.exit_code)} if self.exit_code is not None else {}
        if reason:
            tags[KILLED] = reason
        ended = self._as_the_command_left_it()
        if status != RunStatus.FINISHED and not _was_stopped(ended):
            trace = _traceback(self._output.recent)
            if trace and (ended is None or TRACEBACK not in ended.data.tags):
                tags[TRACEBACK] = storable(trace)
        self.client.recorder(self.run_id).tags(tags)
        if ended is not None and not reason and KILLED in ended.data.tags and status != ended.info.status:
            with contextlib.suppress(NbtrackError):
                self.client.delete_tag(self.run_id, KILLED)
        self.client.set_terminated(self.run_id, status)

    def _outcome(self) -> tuple[str, str | None]:
        """Return the status of the run, and why it was killed."""
        if self._killed is not None:
            return RunStatus.KILLED, self._killed
        if self.exit_code is None:
            return RunStatus.FAILED, None
        left = self._as_the_command_left_it()
        if _was_stopped(left):
            return RunStatus.KILLED, None
        if self.exit_code:
            name = signal_of(self.exit_code)
            if name in _KILLED_BY:
                return RunStatus.KILLED, f"the command {described(self.exit_code)}"
            return RunStatus.FAILED, None
        # As in MLflow, a run that the command itself has ended as FAILED has failed.
        if left is not None and left.info.status in (RunStatus.FAILED, RunStatus.KILLED):
            reason = left.data.tags.get(KILLED)
            if not (reason and reason.endswith(_DIED)):
                return left.info.status, reason
        return RunStatus.FINISHED, None

    def _as_the_command_left_it(self) -> Run | None:
        try:
            return self.client.get_run(self.run_id)
        except StoreError:
            # Another program holds the database.
            return None

    def _message(self) -> str:
        name = f"Run {self._run.info.run_name!r} ({self.run_id})"
        if self._killed is not None:
            return f"{name} was {self._killed}."
        stopped = self._as_the_command_left_it()
        if stopped is not None and _was_stopped(stopped):
            reason = stopped.data.tags.get(STOP_REASON)
            return f"{name} was stopped by {stopped.data.tags[STOPPED_BY]}{f': {reason}' if reason else '.'}"
        if self.exit_code == 0:
            return f"{name} was ended as FAILED or KILLED by its own command, which then ended with exit code 0."
        ended = described(self.exit_code) if self.exit_code is not None else "could not be followed to its end"
        hint = self._hint(self._output.recent)
        return (
            f"{name} failed: the command `{on_one_line(self.command)}` {ended}."
            f"{f' {hint}' if hint else ''} Its output is in the artifact {ARTIFACTS}/{OUTPUT}."
        )

    def _release(self) -> None:
        _running.discard(self)
        if self._status != RunStatus.FINISHED:
            self._keep()
        self._resources.close()


def _was_stopped(run: Run | None) -> bool:
    """Return whether the command has ended its run because somebody has stopped it."""
    return run is not None and run.info.status == RunStatus.KILLED and STOPPED_BY in run.data.tags


def running_with(run_id: str) -> SubmittedRun | None:
    """Return the run with this ID whose command this process follows, or None."""
    return next((run for run in list(_running) if run.run_id == run_id), None)


@at_process_end
def _cancel_running() -> None:
    for run in list(_running):
        if run._process == os.getpid():
            run.cancel("interrupted")


def _traceback(output: str) -> str | None:
    """Return the last traceback in the output of a command, of Python or of IPython, or None."""
    found = output.rfind("Traceback (most recent call last)")
    return output[output.rfind("\n", 0, found) + 1 :].strip() if found >= 0 else None


_MOST_SHOWN = 500
_MISSING = re.compile(r"^ModuleNotFoundError: No module named '([\w.]+)'", re.MULTILINE)


def missing_module(output: str) -> str | None:
    """Return the name of the package that the command could not import, or None."""
    found = _MISSING.findall(output)
    return found[-1].partition(".")[0] if found else None


def on_one_line(command: str) -> str:
    """Return a command as it can be part of a message."""
    line = "".join(character if character.isprintable() else " " for character in command)
    return line if len(line) <= _MOST_SHOWN else f"{line[:_MOST_SHOWN]}…"
