"""Runs the tools that create environments: uv, pip, conda, docker."""

from __future__ import annotations

import shlex
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ...errors import ExecutionException
from ..process import kill_group, start_group

_KEPT = 20
_LONGEST = 2_000


class ToolFailed(ExecutionException):
    """A tool ended with an error.

    Args:
        what: What the tool should have done, as in "The environment could not be created".
        arguments: The command line.
        exit_code: Its exit code.
        output: The last lines of its output.

    Attributes:
        output: The last lines of its output.
    """

    def __init__(self, what: str, arguments: Sequence[str], exit_code: int, output: Sequence[str]) -> None:
        self.output = "\n".join(output)
        lines = "".join(f"\n  {line}" for line in output)
        printed = f"The last lines of its output:{lines}" if lines else "It printed nothing."
        super().__init__(f"{what}. `{shlex.join(arguments):.300}` ended with exit code {exit_code}. {printed}")


def run_tool(
    arguments: Sequence[str],
    progress: Callable[[str], None],
    *,
    failure: str,
    folder: Path,
    variables: Mapping[str, str],
) -> str:
    """Run a tool, pass each line of its output to `progress`, and return the last lines.

    No shell is involved, and the tool cannot ask for input. It does not outlive an exception in this function, such as
    KeyboardInterrupt. Raises ToolFailed, whose message begins with `failure`, if it ends with another exit code than 0,
    and ExecutionException if it cannot be started.
    """
    kept: deque[str] = deque(maxlen=_KEPT)
    try:
        # pip and uv start builds, which have to end together with them.
        process = start_group(arguments, cwd=folder, env=dict(variables), encoding="utf-8", errors="replace")
    except (OSError, ValueError) as error:
        raise ExecutionException(f"{failure}. {arguments[0]!r} cannot be started: {error}.") from error
    try:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                shown = line.rstrip()[:_LONGEST]
                if shown:
                    kept.append(shown)
                    progress(shown)
        exit_code = process.wait()
    except BaseException:
        kill_group(process)
        raise
    if exit_code:
        raise ToolFailed(failure, arguments, exit_code, kept)
    return "\n".join(kept)
