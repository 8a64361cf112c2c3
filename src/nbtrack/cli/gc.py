"""`nbtrack gc`: removes deleted runs and experiments for good, or shows what would be removed."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..client import Client

if TYPE_CHECKING:
    from ..client.upkeep import Garbage

HELP = "Show which deleted runs and experiments would be removed for good. With --yes, remove them."

_LISTED = 10


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="remove them; without this option nothing is changed")
    parser.add_argument(
        "--older-than", metavar="AGE", help="only runs deleted longer ago than this, such as 30d, 12h or 1d12h30m"
    )
    parser.add_argument("--run-ids", metavar="IDS", help="only the runs with these IDs, separated by commas")
    parser.add_argument(
        "--experiment-ids",
        metavar="IDS",
        help="only the experiments with these IDs, separated by commas, and their runs",
    )
    parser.add_argument(
        "--with-versions",
        action="store_true",
        help="also remove runs that have registered model versions, together with these versions",
    )


def run(options: argparse.Namespace) -> int:
    found = Client().gc(
        options.older_than,
        run_ids=_ids(options.run_ids),
        experiment_ids=_ids(options.experiment_ids),
        with_versions=options.with_versions,
        dry_run=not options.yes,
    )
    print("\n".join(report(found, done=options.yes)))
    return 0


def report(found: Garbage, *, done: bool) -> Iterator[str]:
    """Yield the lines that say what is or was removed, and what stays and why."""
    if not (found.runs or found.experiments or found.unfinished or found.unnamed[0]):
        yield "Nothing to remove."
    else:
        yield "Removed for good:" if done else "Would be removed for good (run with --yes to remove):"
        yield f"  {_count(len(found.runs), 'run')} with {_count(found.points, 'metric point')}, params and tags"
        free = (
            f" (frees {size(found.freed_bytes)}, because identical files are stored once and may be used by other runs)"
        )
        shared = "" if found.freed_bytes == found.artifact_bytes else free
        yield f"  {_count(found.artifact_files, 'artifact file')}, {size(found.artifact_bytes)}{shared}"
        if found.experiments:
            yield f"  {_count(len(found.experiments), 'experiment')}"
        if found.versions:
            listed = ", ".join(f"{name}/{version}" for name, version in found.versions)
            yield f"  {_count(len(found.versions), 'model version')}: {listed}"
        if found.unfinished:
            yield f"  {_count(found.unfinished, 'folder')} left behind by an interrupted gc"
        if found.unnamed[0]:
            number, are = found.unnamed[0], "is" if found.unnamed[0] == 1 else "are"
            yield f"  {_count(number, 'file')} ({size(found.unnamed[1])}) that {are} no longer used by any run"
        if not done:
            yield from _listed(
                f"{run.run_id}  {run.run_name}  {_count(run.points, 'point')}, {size(run.artifact_bytes)}"
                for run in found.runs
            )
            yield from _listed(f"experiment {number}  {name}" for number, name in found.experiments)
    if found.database is not None:
        yield f"The database shrank from {size(found.database[0])} to {size(found.database[1])}."
    if found.registered:
        yield "Kept, because versions of registered models came from these runs (--with-versions removes both):"
        yield from _listed(f"{run_id}  {', '.join(versions)}" for run_id, versions in found.registered.items())
    if found.running:
        yield "Kept, because a process is logging to these runs:"
        yield from _listed(found.running)
    if found.elsewhere:
        yield "Kept, because these artifacts are outside this store:"
        yield from _listed(found.elsewhere)
    if found.orphans:
        yield "Kept, although these folders belong to no run. Check them and delete them yourself:"
        yield from _listed(f"{folder}  {size(of_folder)}" for folder, of_folder in found.orphans)


def size(number: float) -> str:
    """Return a number of bytes in a readable form, such as 12.3 MB."""
    units = ["bytes", "KB", "MB", "GB"]
    while number >= 1000 and len(units) > 1:
        number /= 1000
        units.pop(0)
    return f"{number:,.0f} {units[0]}" if units[0] == "bytes" else f"{number:,.1f} {units[0]}"


def _ids(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _listed(lines: Iterable[str]) -> Iterator[str]:
    every = list(lines)
    for line in every[:_LISTED]:
        yield f"    {line}"
    if len(every) > _LISTED:
        yield f"    … and {len(every) - _LISTED:,} more"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
