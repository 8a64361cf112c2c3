"""How a cell ended: the status that its run gets, and the text of its traceback."""

from __future__ import annotations

import asyncio
import bdb
import re
import traceback
from typing import Any

from ..entities import RunStatus


def status_of(error: BaseException | None) -> str:
    """The run's status: an interrupt is KILLED, `sys.exit()` FINISHED, every other exception FAILED."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return RunStatus.FINISHED
    if isinstance(error, KeyboardInterrupt | asyncio.CancelledError | bdb.BdbQuit):
        return RunStatus.KILLED
    return RunStatus.FAILED


def traceback_text(shell: Any, error: BaseException) -> str:
    """The traceback from the cell's own frame on, without colours; its last line names the exception."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__", "").partition(".")[0] == "IPython":
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames)).rstrip("\n")

    def label(match: re.Match[str]) -> str:
        # "Cell In[3]" rather than the temporary file name that a kernel compiles a cell under.
        name = shell.compile.format_code_name(match[1])
        return " ".join(name) if name else match[0]

    return re.sub(r'File "([^"\n]+)"', label, text)
