"""Processes that change the registry at the same time: numbers are unique, and one version is in Production."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


@pytest.mark.slow
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


RIVAL = """
import sys
from nbtrack import MlflowClient
from nbtrack.errors import Conflict
client, version = MlflowClient(), int(sys.argv[1])
there = [one.version for one in client.get_latest_versions("digits", ["Production"])]
print("ready", flush=True)
sys.stdin.readline()
try:
    client.transition_model_version_stage(
        "digits", version, "Production", True, expected_current=there, reason=f"I am {version}"
    )
    print("won")
except Conflict as conflict:
    print(conflict)
"""


@pytest.mark.slow
def test_of_two_promotions_from_the_same_version_one_fails_with_a_conflict(trained: MlflowClient) -> None:
    trained.transition_model_version_stage("digits", 1, "Production")
    rivals = [
        subprocess.Popen(
            [sys.executable, "-c", RIVAL, version], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for version in ("2", "3")
    ]
    for rival in rivals:
        assert rival.stdout is not None
        assert rival.stdout.readline() == "ready\n"
    for rival in rivals:
        assert rival.stdin is not None
        rival.stdin.write("go\n")
        rival.stdin.flush()
    said = [rival.communicate(timeout=60)[0].strip() for rival in rivals]
    winner = said.index("won") + 2
    loser = said[3 - winner]
    assert f"now has version {winner}, but version 1 was expected" in loser
    assert f"moved version {winner} from None to Production" in loser
    assert [v.version for v in trained.search_model_versions("stage = 'Production'")] == [winner]
    assert [e.reason for e in trained.get_history("digits") if e.new == "Production"] == [f"I am {winner}", None]
    # The process that failed reads the state again and continues.
    trained.transition_model_version_stage("digits", 5 - winner, "Production", True, expected_current=winner)
    assert [v.version for v in trained.search_model_versions("stage = 'Production'")] == [5 - winner]
