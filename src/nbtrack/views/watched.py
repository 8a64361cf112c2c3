"""What a run shows of itself beside what it logged: its progress, its output and its warnings.

A run of this process is read where its observer notes it, and any other run from what its observer has kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypedDict

from .. import observed
from ..artifact_store.opening import open_repository
from ..entities import Run
from ..errors import AlertWarning, NbtrackError
from ..names import storable
from ..observed import LONGEST_LINE, MOST_LINES, OUTPUT_FILE, RunProgress, ShownWarning
from ..tags import OUTPUT, PROGRESS, WARNINGS
from .contract import Progress, RunWarning

MOST_BYTES = 1_000_000
"""The largest file that is read. An observer writes at most a fifth of it."""


class Watched(TypedDict):
    """Fields of a `LiveReply`."""

    progress: Progress | None
    output: list[str]
    warnings: list[RunWarning]


def watched(run: Run) -> Watched:
    """Return what is known of a run."""
    here = watched_here(run.info.run_id)
    if here is not None:
        return here
    tags = run.data.tags
    progress = RunProgress.from_json(tags.get(PROGRESS, ""))
    output = _kept_output(run.info.artifact_uri, tags[OUTPUT]) if OUTPUT in tags else ()
    return _shown(progress, output, observed.warnings_from_json(tags.get(WARNINGS, "")))


def watched_here(run_id: str) -> Watched | None:
    """Return what this process knows of a run without reading the store, or None for a run of another process."""
    here = observed.of_run(run_id)
    return None if here is None else _shown(here.progress(), here.output(), here.warnings())


def _shown(progress: RunProgress | None, output: Sequence[str], warnings: Sequence[ShownWarning]) -> Watched:
    return {
        "progress": None if progress is None else _progress(progress),
        "output": [storable(line) for line in output],
        # The alerts are shown on their own.
        "warnings": [_warning(each) for each in warnings if each.category != AlertWarning.__name__],
    }


@lru_cache(maxsize=32)
def _kept_output(artifact_uri: str, written: str) -> tuple[str, ...]:
    """Return the lines that a run has kept. `written` is the key of the cache: it changes with each file."""
    try:
        repository = open_repository(artifact_uri)
        # Anybody can have logged another file of this name.
        if (repository.stat(OUTPUT_FILE).size or 0) > MOST_BYTES:
            return ()
        content = repository.get(OUTPUT_FILE)
    except (NbtrackError, OSError):
        # The file was deleted, it waits elsewhere because the folder cannot be written, or no package that is installed
        # here opens the place of the run's artifacts.
        return ()
    lines = content.decode(errors="replace").removesuffix("\n").split("\n")
    return tuple(line[:LONGEST_LINE] for line in lines[-MOST_LINES:])


def _progress(progress: RunProgress) -> Progress:
    return {
        "done": progress.done,
        "total": progress.total,
        "label": storable(progress.label),
        "seconds_left": progress.seconds_left,
        "at": progress.at,
    }


def _warning(warning: ShownWarning) -> RunWarning:
    return {"category": storable(warning.category), "message": storable(warning.message), "count": warning.count}
