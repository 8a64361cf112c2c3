"""What is seen of a tracked cell: the live widget in a notebook, a few lines of text elsewhere."""

from __future__ import annotations

import sys
from typing import Any

from ..capture.cell import is_kernel
from ..client import Client
from ..entities import Run, RunStatus
from ..runs.active_run import ActiveRun
from ..tags import TRACEBACK
from ..views.attempts import attempt_of
from ..views.contract import Change


class Progress:
    """Shows one run, from its start to its end."""

    def __init__(self, shell: Any, client: Client, run: ActiveRun) -> None:
        self._shell = shell
        self._client = client
        self._run = run
        self._widget: Any = None

    def begin(self) -> None:
        """Show the run at once, above the cell's own output."""
        if not is_kernel(self._shell):
            return
        try:
            from IPython.display import display

            # ipywidgets and anywidget, which `%load_ext nbtrack` does not wait for.
            from ..widgets import LiveRun

            widget = LiveRun(self._client, self._run.info.run_id)
            display(widget)  # type: ignore[no-untyped-call]
        except Exception as error:
            # A missing bundle or a front end without comms is no reason not to train.
            self.say(f"nbtrack: the live view cannot be shown here ({error!r:.200}); the run is tracked all the same.")
        else:
            self._widget = widget

    def finish(self) -> None:
        """Bring the view to what the run came to, or say it in text."""
        if self._widget is not None:
            self._widget.finish()
            return
        run = self._client.get_run(self._run.info.run_id)
        print("\n".join(summary(self._client, run)))

    def say(self, message: str) -> None:
        """Tell the user something that is wrong, but ends nothing."""
        print(message, file=sys.stderr)


def summary(client: Client, run: Run) -> list[str]:
    """How a run ended, then a line for each thing that changed since the previous attempt."""
    seconds = ((run.info.end_time or run.info.start_time) - run.info.start_time) / 1000
    attempt = attempt_of(client, run)
    number = f", attempt {attempt['number']}" if attempt else ""
    lines = [f"nbtrack: {run.info.run_name} {run.info.status} after {seconds:.1f} s{number} (run {run.info.run_id})"]
    if run.info.status == RunStatus.FAILED:
        lines[0] += f": {run.data.tags.get(TRACEBACK, '').rsplit(chr(10), 1)[-1]:.200}"
    if attempt:
        lines += [_line(change) for change in attempt["changes"]]
        if attempt["code_changed"]:
            lines.append("  the code changed")
        if len(lines) == 1:
            lines.append(f"  nothing changed since {attempt['previous_run_name']}")
    return lines


def _line(change: Change) -> str:
    old, new = change["old"], change["new"]
    if old is None:
        return f"  {change['key']}: new, {new:.200}"
    if new is None:
        return f"  {change['key']}: was {old:.200}, is not there now"
    return f"  {change['key']}: {old:.200} -> {new:.200}"
