"""The run status and the traceback for the exception that ended a cell."""

from __future__ import annotations

import asyncio
import bdb
import re
import traceback
from typing import Any

from ..entities import RunStatus
from ..errors import RunStopped


def status_of(error: BaseException | None) -> str:
    """Return KILLED for an interrupt or a stop, FINISHED for no exception or `sys.exit()`, and FAILED for others."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return RunStatus.FINISHED
    if isinstance(error, KeyboardInterrupt | RunStopped | asyncio.CancelledError | bdb.BdbQuit):
        return RunStatus.KILLED
    return RunStatus.FAILED


def traceback_text(shell: Any, error: BaseException) -> str:
    """Return the traceback without colors, starting at the cell's own frame. Its last line names the exception."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__", "").partition(".")[0] == "IPython":
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames)).rstrip("\n")

    def label(match: re.Match[str]) -> str:
        # "Cell In[3]" instead of the temporary file name under which a kernel compiles a cell.
        name = shell.compile.format_code_name(match[1])
        return " ".join(name) if name else match[0]

    return re.sub(r'File "([^"\n]+)"', label, text)
