"""Measure, print the table, and keep the figures as JSON with date, machine and versions."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.benchmarks.table import render
from tests.benchmarks.trackers import TRACKERS

Figures = dict[str, dict[str, Any]]
REPEAT = 5
STORED = ("nbtrack", "mlflow")


def measure(what: str, tracker: str, folder: Path, expect: int = 0) -> dict[str, Any]:
    """Run one measurement in a fresh process, and say so on the terminal."""
    print(f"  {tracker}: {what} …", file=sys.stderr, flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.benchmarks.measure", what, tracker, str(folder)]
    environment = {**os.environ, "WANDB_MODE": "offline", "GIT_PYTHON_REFRESH": "quiet"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=900)
    if done.returncode != expect:
        raise RuntimeError(f"{what} of {tracker} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1])) if expect == 0 else {}


def measure_all(scratch: Path) -> Figures:
    figures: Figures = {}
    for name, tracker in TRACKERS.items():
        try:
            installed = version(tracker.module)
        except PackageNotFoundError:
            figures[name] = {"missing": "not installed"}
            continue
        imports = [measure("import", name, scratch / name)["ms"] for _ in range(REPEAT)]
        figures[name] = row = {
            "version": installed,
            "import_ms": statistics.median(imports),
            "import_min_ms": min(imports),
        }
        row.update(measure("log", name, scratch / name / "log"))
        firsts = [measure("first", name, scratch / name / "first")["ms"] for _ in range(1 + REPEAT)]
        row["first_point_ms"] = statistics.median(firsts[1:])  # The first of all makes the store, too.
        row["kept"] = measure("kept", name, scratch / name / "log")["kept"]
        measure("die", name, scratch / name / "die", expect=-9)
        row["kept_of_1000_after_kill"] = measure("kept", name, scratch / name / "die")["kept"]
        if name in STORED:
            folder = scratch / name / "fill"
            row["fill_s"] = measure("fill", name, folder)["seconds"]
            database = folder / (".nbtrack/runs.duckdb" if name == "nbtrack" else "mlflow.db")
            row["database_mb"] = database.stat().st_size / 1e6
            row["folder_mb"] = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
            row["read_ms"] = measure("read", name, folder)
    return figures


def machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(memory),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="nbtrack-bench-") as scratch:
        now = datetime.now(UTC)
        report = {
            "date": now.isoformat(timespec="seconds"),
            "machine": machine(),
            "trackers": measure_all(Path(scratch)),
        }
    file = folder / f"{now:%Y-%m-%d}.json"
    file.write_text(json.dumps(report, indent=2) + "\n")
    print(render(report))
    print(f"\nThe figures are in {file}.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/bench"))
