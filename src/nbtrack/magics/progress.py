"""Shows the run of a tracked cell: as the live widget in a notebook, as a few lines of text elsewhere."""

from __future__ import annotations

import sys
from typing import Any

from ..capture.cell import is_kernel
from ..client import Client
from ..entities import Run, RunStatus
from ..runs.active_run import ActiveRun
from ..tags import TRACEBACK
from ..views.attempts import attempt_of, judgement
from ..views.contract import Change


class Progress:
    """The display of one run, from its start to its end."""

    def __init__(self, shell: Any, client: Client, run: ActiveRun | Run) -> None:
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

            # This imports ipywidgets and anywidget, for which `%load_ext nbtrack` must not wait.
            from ..widgets import LiveRun

            widget = LiveRun(self._client, self._run.info.run_id)
            display(widget)  # type: ignore[no-untyped-call]
        except Exception as error:
            # A missing bundle or a front end without comms must not stop the training.
            self.warn(f"nbtrack: The live view cannot be shown here ({error!r:.200}). The run is tracked anyway.")
        else:
            self._widget = widget

    def finish(self) -> None:
        """Update the view to the final state of the run, or print a summary."""
        if self._widget is not None:
            self._widget.finish()
            return
        run = self._client.get_run(self._run.info.run_id)
        print("\n".join(summary(self._client, run)))

    def warn(self, message: str) -> None:
        """Print a problem that does not end the cell."""
        print(message, file=sys.stderr)


def summary(client: Client, run: Run) -> list[str]:
    """Return lines that say how a run ended and what changed since the previous attempt."""
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
        return f"  {change['key']}: was {old:.200}, now removed"
    return f"  {change['key']}: {old:.200} -> {new:.200}{judgement(change)}"
