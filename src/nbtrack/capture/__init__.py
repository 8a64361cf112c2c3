"""Information about the running code, for tags: its file, cell, commit, packages and user.

Nothing here raises an exception. Information that is not available is left out.
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
    """Return the tags about the origin of a run: `mlflow.user`, `mlflow.source.*`, `nbtrack.cell.*` and more.

    The first call in a cell runs git. Further calls take a few microseconds.
    """
    origin, cell = source(), current_cell()
    tags = {USER: user(), SOURCE_TYPE: origin.type, PYTHON: _PYTHON}
    if origin.name:
        tags[SOURCE_NAME] = origin.name
    # The repository is read once for each execution of a cell, and once for a whole script, because a script keeps
    # running the code that it started with.
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
