"""--follow with real processes: the stage changes under load, and some versions cannot be loaded."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pandas as pd
import pytest

import nbtrack

from .conftest import EXAMPLE, log, plus

ROOT = Path(__file__).parents[2]
PROMOTE = """
import sys
from nbtrack import MlflowClient
MlflowClient().transition_model_version_stage("sums", int(sys.argv[1]), "Production", archive_existing_versions=True)
"""
BODY = json.dumps({"dataframe_records": [{"x": 1.0, "n": 2}]}).encode()


@pytest.fixture
def url(sums: str) -> Iterator[str]:
    """Start `nbtrack models serve --follow` and return its address."""
    command = [sys.executable, "-m", "tests.serving.command", "models", "serve", "-m", sums, "--port", "0", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert " at " in line, process.communicate()
        yield line.split(" at ")[1].split()[0]
        process.terminate()
        said = process.communicate(timeout=20)
        assert process.returncode == 0, said


def promote(version: int) -> None:
    """Promote a version in another process."""
    subprocess.run([sys.executable, "-c", PROMOTE, str(version)], check=True, cwd=ROOT)


def health(url: str) -> dict[str, Any]:
    return dict(json.load(urlopen(f"{url}/health", timeout=10)))


def wait_for(url: str, told: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    end = time.monotonic() + 60
    while not told(found := health(url)):
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


def ask(connection: http.client.HTTPConnection) -> tuple[int, str | None, str]:
    connection.request("POST", "/invocations", BODY, {"content-type": "application/json"})
    response = connection.getresponse()
    return response.status, response.getheader("nbtrack-model-version"), response.read().decode()


@pytest.mark.slow
def test_no_request_fails_while_the_stage_moves_twice(url: str, measured: Callable[[str, float], None]) -> None:
    answers: list[list[tuple[int, str | None, str]]] = [[] for _ in range(6)]
    ended = threading.Event()

    def client(number: int) -> None:
        # Half of the threads open a connection per request, and the others keep one open.
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
        while not ended.is_set():
            answers[number].append(ask(connection))
            if number % 2:
                connection.close()

    with ThreadPoolExecutor(len(answers)) as pool:
        clients = [pool.submit(client, number) for number in range(len(answers))]
        try:
            for version in (2, 1):
                time.sleep(0.5)
                promote(version)
                wait_for(url, lambda told, version=version: told["model"]["version"] == version)
            time.sleep(0.5)
        finally:
            ended.set()
        for each in clients:
            each.result()
    expected = {"1": '{"predictions":[103.0]}', "2": '{"predictions":[203.0]}'}
    for of_client in answers:
        assert {status for status, _, _ in of_client} == {200}
        assert all(expected[str(version)] == text for _, version, text in of_client)
        versions = [version for _, version, _ in of_client]
        changes = [b for a, b in pairwise(versions) if a != b]
        assert (versions[0], changes) == ("1", ["2", "1"])
    assert health(url)["follow"] == {"uri": "models:/sums/Production", "swaps": 2}
    measured("requests answered while the stage moved twice", sum(map(len, answers)))


@pytest.mark.slow
def test_a_version_that_fails_does_not_replace_the_old_one(url: str) -> None:
    def broken(rows: pd.DataFrame) -> Any:
        raise RuntimeError("not this one")

    with pytest.warns(UserWarning, match="not this one"):
        log(broken, "sums", input_example=EXAMPLE)
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    promote(3)
    told = wait_for(url, lambda told: told["status"] == "degraded")
    assert told["refused"]["version"] == 3
    assert "not this one" in told["refused"]["error"]
    assert told["model"]["version"] == 1
    assert ask(connection) == (200, "1", '{"predictions":[103.0]}')
    # A version whose files were deleted.
    log(plus(300), "sums", input_example=EXAMPLE)
    folder = nbtrack.models.locate("models:/sums/4").folder()
    (folder / "python_model.pkl").unlink()
    promote(4)
    told = wait_for(url, lambda told: told.get("refused", {}).get("version") == 4)
    assert "python_model" in told["refused"]["error"]
    # A version that is complete.
    promote(2)
    told = wait_for(url, lambda told: told["model"]["version"] == 2)
    assert told["status"] == "ok"
    assert ask(connection)[1] == "2"


@pytest.mark.slow
def test_a_stage_that_becomes_empty_and_a_model_that_is_deleted(url: str) -> None:
    client = nbtrack.MlflowClient()
    client.transition_model_version_stage("sums", 1, "Archived")
    told = wait_for(url, lambda told: told["status"] == "degraded")
    assert "Stage Production of model 'sums' has no version" in told["trouble"]
    client.rename_registered_model("sums", "totals")
    told = wait_for(url, lambda told: "cannot be followed" in told.get("trouble", ""))
    assert told["model"]["version"] == 1
    client.rename_registered_model("totals", "sums")
    client.transition_model_version_stage("sums", 2, "Production")
    told = wait_for(url, lambda told: told["model"]["version"] == 2)
    assert told["status"] == "ok"


def test_a_request_is_answered_by_the_version_that_received_it(own_store: Path) -> None:
    begun, go = own_store.parent / "begun", own_store.parent / "go"

    def slow(rows: pd.DataFrame) -> Any:
        import time

        if rows["n"].iloc[0] == 2:
            begun.touch()
            end = time.monotonic() + 60
            while not go.exists() and time.monotonic() < end:
                time.sleep(0.01)
        return rows["x"]

    log(slow, "sums", input_example=EXAMPLE)
    log(plus(200), "sums", input_example=EXAMPLE)
    client = nbtrack.MlflowClient()
    client.transition_model_version_stage("sums", 1, "Production")
    with nbtrack.serving.ModelServer("models:/sums/Production", port=0, follow=True) as server:
        address = server.url.removeprefix("http://")
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(ask(http.client.HTTPConnection(address, timeout=90))))
        thread.start()
        while not begun.exists():
            time.sleep(0.01)
        client.transition_model_version_stage("sums", 2, "Production", archive_existing_versions=True)
        wait_for(server.url, lambda told: told["model"]["version"] == 2)
        assert thread.is_alive()
        assert ask(http.client.HTTPConnection(address, timeout=20))[1] == "2"
        go.touch()
        thread.join()
        assert found[0][:2] == (200, "1")
