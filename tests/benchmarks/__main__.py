"""Measure, print the table, and keep the figures as JSON with date, machine and versions.

`--quick` looks whether all of it works, with sizes that say nothing. `--only nbtrack,aim` measures these alone.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

REPEAT = 5
OURS = "nbtrack"
QUIET = {
    "NBTRACK_ENABLE_SYSTEM_METRICS_LOGGING": "false",
    "WANDB_MODE": "offline",
    "GIT_PYTHON_REFRESH": "quiet",
    "AIM_UI_TELEMETRY_ENABLED": "0",
}
_BEGAN = time.monotonic()


class Failed(Exception):
    """A measurement that ended in an error."""


def measure(what: str, tracker: str, folder: Path, number: int = 0, expect: int = 0) -> dict[str, Any]:
    """Run one measurement in a fresh process, and say so on the terminal."""
    minutes, seconds = divmod(int(time.monotonic() - _BEGAN), 60)
    size = f", {number:,} runs" if number else ""
    print(f"  {minutes:2}:{seconds:02}  {tracker}{size}: {what} …", file=sys.stderr, flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.benchmarks.measure", what, tracker, str(folder), str(number)]
    environment = {**os.environ, **QUIET}
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=1_200)
    except subprocess.TimeoutExpired:
        raise Failed(f"{what} of {tracker} took more than 20 minutes") from None
    if done.returncode != expect:
        raise Failed(f"{what} of {tracker} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1])) if expect == 0 else {}


def one_process(name: str, scratch: Path) -> dict[str, Any]:
    """Import, first point, log calls, and what a kill leaves."""
    imports = [measure("import", name, scratch)["ms"] for _ in range(REPEAT)]
    firsts = [measure("first", name, scratch / "first")["ms"] for _ in range(1 + REPEAT)]
    row = {
        "import_ms": statistics.median(imports),
        "first_point_ms": statistics.median(firsts[1:]),  # The first of all makes the store, too.
        **measure("log", name, scratch / "log"),
        **measure("kept", name, scratch / "log"),
    }
    measure("die", name, scratch / "die", expect=-9)
    row["kept_of_1000_after_kill"] = measure("kept", name, scratch / "die")["kept"]
    return row


def store(row: dict[str, Any], folder: Path, fill: str, reads: Sequence[str]) -> None:
    """Fill a store, and measure what is asked of it; where one measurement fails, the others go on."""
    name, size = row["tracker"], row["size"]
    row.update(measure(fill, name, folder, size))
    row["synthetic"] = fill == "synthesize"
    files = [file for file in folder.rglob("*") if file.is_file()]
    row["mb"] = sum(file.stat().st_size for file in files) / 1e6
    for what in (*(reads if row["complete"] else ()), "log", *(("apply",) if name == OURS else ())):
        try:
            row[what] = measure(what, name, folder, size)
        except Failed as error:
            print(error, file=sys.stderr)
            row[what] = {"failed": str(error)}


def stores(
    names: Sequence[str], sizes: Sequence[int], scratch: Path, keep: Callable[[], None], rows: list[Any]
) -> None:
    """A row for each tracker and size, the smallest size first. A tracker that would take too long is not filled."""
    from tests.benchmarks.measure import FILL_SECONDS, READS
    from tests.benchmarks.trackers import TRACKERS

    pace: dict[str, float] = {}
    for size in sizes:
        first = size == sizes[0]
        for name in names:
            tracker = TRACKERS[name]
            row: dict[str, Any] = {"tracker": name, "size": size}
            rows.append(row)
            needed = pace.get(name, 0.0) * size
            if name != OURS and not first and tracker.unreadable:
                row["reason"] = tracker.unreadable
            elif name != OURS and not first and (name not in pace or needed > FILL_SECONDS):
                at = f" (about {needed / 60:,.0f} at its pace)" if needed else ""
                row["reason"] = f"not filled in {FILL_SECONDS / 60:.0f} min{at}"
            else:
                fill = "fill" if first or name != OURS else "synthesize"
                with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=scratch, ignore_cleanup_errors=True) as folder:
                    try:
                        store(row, Path(folder), fill, () if tracker.unreadable else tuple(READS))
                    except Failed as error:
                        print(error, file=sys.stderr)
                        row.update(reason="failed", failed=str(error))
            if row.get("team_seconds"):
                pace[name] = row["team_seconds"] / row["runs"]
            keep()


def machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(memory),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def main(folder: Path, sizes: Sequence[int], only: Sequence[str]) -> bool:
    """Whether all of ours could be measured."""
    from tests.benchmarks.table import render
    from tests.benchmarks.trackers import TRACKERS

    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    file = folder / f"{now:%Y-%m-%d}.json"
    report: dict[str, Any] = {
        "date": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "trackers": {},
        "stores": [],
    }

    def keep() -> None:
        report["minutes"] = round((time.monotonic() - _BEGAN) / 60, 1)
        file.write_text(json.dumps(report, indent=2) + "\n")

    with tempfile.TemporaryDirectory(prefix="nbtrack-bench-", ignore_cleanup_errors=True) as scratch:
        for name in only or TRACKERS:
            tracker = TRACKERS[name]
            report["trackers"][name] = row = {"label": tracker.label}
            try:
                row["version"] = version(tracker.module)
            except PackageNotFoundError:
                row["missing"] = "not installed"
                continue
            try:
                row.update(one_process(name, Path(scratch) / name))
            except Failed as error:
                print(error, file=sys.stderr)
                row.update(missing="failed", failed=str(error))
            keep()
        present = [name for name, row in report["trackers"].items() if "missing" not in row]
        stores(present, sizes, Path(scratch), keep, report["stores"])
    keep()
    print(render(report))
    print(f"\nThe figures are in {file}.")
    ours = [row for row in report["stores"] if row["tracker"] == OURS]
    return not any("failed" in part for row in ours for part in (row, *row.values()) if isinstance(part, dict))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.benchmarks", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/bench"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    if options.quick:
        os.environ["NBTRACK_BENCH"] = "quick"
    chosen = (40, 200, 2_000) if options.quick else (500, 10_000, 100_000)
    sys.exit(not main(options.folder, chosen, [name for name in options.only.split(",") if name]))
