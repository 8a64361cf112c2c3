"""What has to do with models and frameworks, beside mlflow: logging and loading a model, checking its
data, autologging, serving.

    python -m tests.benchmarks.frameworks [FOLDER] [--quick]

prints four tables, and keeps the figures in FOLDER/frameworks-DATE.json. What is not installed is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.benchmarks import autologging, models, serving
from tests.benchmarks.beside_mlflow import TRACKERS

_MODULES = {"pytorch": "lightning"}


def main(folder: Path, *, quick: bool) -> None:
    report: dict[str, Any] = {
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "machine": {"cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
        "models": {tracker: models.in_own_process(tracker) for tracker in TRACKERS},
        "checks": models.checks_in_own_process(),
        "autologging": {
            framework: {tracker: autologging.in_own_process(tracker, framework) for tracker in TRACKERS}
            for framework in (["sklearn"] if quick else autologging.FRAMEWORKS)
            if find_spec(_MODULES.get(framework, framework))
        },
    }
    with tempfile.TemporaryDirectory(prefix="nbtrack-serving-", ignore_cleanup_errors=True) as scratch:
        report["serving"] = serving.run(Path(scratch), *((0.3, 1) if quick else (5.0, 3)))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"frameworks-{report['date'][:10]}.json"
    file.write_text(json.dumps(report, indent=2) + "\n")
    print(models.render(report["models"]), models.render_checks(report["checks"]), sep="\n\n", end="\n\n")
    print(autologging.render(report["autologging"]))
    print(f"\n{serving.render(report['serving'])}\n\nThe figures are in {file}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.benchmarks.frameworks", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/bench"))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    main(options.folder, quick=options.quick)
