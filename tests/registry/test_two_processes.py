"""Processes that change the registry at the same time: numbers are unique, and one version is in Production."""

from __future__ import annotations

import subprocess
import sys

from nbtrack import MlflowClient

WORKER = """
import sys
from nbtrack import MlflowClient
client = MlflowClient()
for _ in range(4):
    version = client.create_model_version("digits", "s")
    client.transition_model_version_stage("digits", version.version, "Production", archive_existing_versions=True)
    print(version.version)
"""


def test_two_processes_promote_at_once() -> None:
    client = MlflowClient()
    client.create_registered_model("digits")
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [worker.communicate(timeout=60) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    numbers = [int(line) for out, _ in said for line in out.split()]
    assert sorted(numbers) == list(range(1, 9))
    by_stage = [version.current_stage for version in client.search_model_versions()]
    assert sorted(by_stage) == ["Archived"] * 7 + ["Production"]
    last = next(event for event in client.get_history("digits") if event.new == "Production")
    assert [v.version for v in client.get_latest_versions("digits", ["Production"])] == [last.version]
