"""A run as the last value of a notebook cell is displayed as a run page.

Runs themselves know nothing of widgets: IPython is told which function displays them. Lists of runs, `repr` and
terminals are not affected.
"""

from __future__ import annotations

import sys
from typing import Any

RUN_TYPES = (("nbtrack.entities", "Run"), ("nbtrack.runs.active_run", "ActiveRun"))


def register() -> None:
    """Let the notebook that this process runs display runs as run pages. Does nothing outside of a notebook."""
    if "IPython" not in sys.modules:
        return
    # In a script, this would only make `import nbtrack` slower.
    from .capture.cell import is_kernel, shell

    found = shell()
    if found is not None and is_kernel(found):
        formatter = found.display_formatter.ipython_display_formatter
        for module, name in RUN_TYPES:
            formatter.for_type_by_name(module, name, display_run)


def display_run(run: Any) -> None:
    """Display a run as a run page.

    Raises:
        NotImplementedError: If there are no widgets, or if the current store does not have the run. IPython then
            displays the run as text.
    """
    # `import nbtrack` imports this module, and starts slowly with every further one.
    from .errors import NbtrackError

    try:
        # Widgets take half a second to import, and need packages that are optional.
        from .widgets import run_page

        page = run_page(run)
    except (ImportError, NbtrackError) as error:
        raise NotImplementedError from error
    page._ipython_display_()
