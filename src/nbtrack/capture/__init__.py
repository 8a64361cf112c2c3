"""What is known about the code that runs: its file, its cell, its commit, its packages, its user.

Everything here is for tags. Nothing raises: what cannot be found out is left out.
"""

from __future__ import annotations

import sys

from ..tags import CELL_EXECUTION_COUNT, CELL_ID, GIT_COMMIT, GIT_DIRTY, PYTHON, SOURCE_NAME, SOURCE_TYPE, USER
from .account import user
from .cell import Cell, current_cell
from .code import assigned_names, code_hash, literal_assignments
from .origin import Source, source
from .packages import imported_packages
from .repository import GitState, git

__all__ = [
    "Cell",
    "GitState",
    "Source",
    "assigned_names",
    "code_hash",
    "current_cell",
    "git",
    "imported_packages",
    "literal_assignments",
    "run_tags",
    "source",
    "user",
]

_PYTHON = sys.version.split()[0]


def run_tags() -> dict[str, str]:
    """The tags that say where a run comes from: `mlflow.user`, `mlflow.source.*`, `nbtrack.cell.*`, and so on.

    A few microseconds after the first call in a cell, which asks git.
    """
    origin, cell = source(), current_cell()
    tags = {USER: user(), SOURCE_TYPE: origin.type, PYTHON: _PYTHON}
    if origin.name:
        tags[SOURCE_NAME] = origin.name
    # One look at the repository for each execution of a cell, and one for a whole script: its code is what it was
    # when the script began.
    commit = git(origin.folder, since=cell.execution if cell else None)
    if commit is not None:
        if commit.commit:
            tags[GIT_COMMIT] = commit.commit
        tags[GIT_DIRTY] = "true" if commit.dirty else "false"
    if cell is not None:
        if cell.cell_id:
            tags[CELL_ID] = cell.cell_id
        if cell.execution_count is not None:
            tags[CELL_EXECUTION_COUNT] = str(cell.execution_count)
    return tags
