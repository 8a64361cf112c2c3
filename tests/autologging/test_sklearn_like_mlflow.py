"""The same trainings, logged by the real mlflow and by nbtrack: params, metrics, tags, child runs, inputs."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .sklearn_cases import CASES

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent / "sklearn_cases.py"


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("MLFLOW_", "NBTRACK_"))}
    environment["NBTRACK_ENABLE_SYSTEM_METRICS_LOGGING"] = "false"
    found = {}
    for tracker in ("mlflow", "nbtrack"):
        folder = tmp_path_factory.mktemp(tracker)
        command = [sys.executable, str(SCRIPT), tracker, str(folder)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        found[tracker] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("case", [case.__name__ for case in CASES])
def test_runs_equal_those_of_mlflow(logged: dict[str, Any], case: str) -> None:
    theirs, ours = (sorted(logged[tracker][case], key=_order) for tracker in ("mlflow", "nbtrack"))
    assert len(ours) == len(theirs)
    for one, like in zip(ours, theirs, strict=True):
        for what in ("params", "tags", "autologging", "status", "info"):
            assert one[what] == like[what], what
        assert set(like["artifacts"]) <= set(one["artifacts"])
        assert set(one["contexts"]) >= set(like["contexts"])
        assert set(one["metrics"]) == set(like["metrics"])
        for key, value in like["metrics"].items():
            if not key.endswith("_time"):
                assert one["metrics"][key] == pytest.approx(value, nan_ok=math.isnan(value)), key


def _order(run: dict[str, Any]) -> tuple[bool, str]:
    return run["parent"], json.dumps(run["params"], sort_keys=True)
