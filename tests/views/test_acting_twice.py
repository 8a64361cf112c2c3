"""A request that changes the registry is done once, however often and from however many kernels it is sent."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

import nbtrack
from nbtrack import views
from nbtrack.errors import Conflict

KERNEL = """
import json, sys
import nbtrack
from nbtrack import views
client = nbtrack.MlflowClient()
views.handle(client, "registry", {"name": None})
print("ready", flush=True)
for line in sys.stdin:
    name, payload = json.loads(line)
    try:
        views.handle(client, name, payload)
        print("done", flush=True)
    except Exception as error:
        print(json.dumps(views.error_reply(error)), flush=True)
"""


def stages() -> dict[int, str]:
    versions = nbtrack.MlflowClient().search_model_versions("name = 'digits'")
    return {int(version.version): version.current_stage for version in versions}


def moving(version: int, stage: str, seen: str, there: list[int]) -> dict[str, Any]:
    seen_fields = {"expected_stage": seen, "expected_current": there}
    more = {"archive_existing_versions": True, "reason": "", "override_gates": False}
    return {"name": "digits", "version": version, "stage": stage, **seen_fields, **more}


def test_the_screen_is_told_which_models_of_a_run_are_versions(requests: dict[str, dict[str, Any]]) -> None:
    run_id = requests["register"]["run_id"]
    client = nbtrack.Client()
    asked = {"name": None, "versions": 0, "events": 0}

    def registered() -> list[tuple[str, int, str]]:
        reply, _ = views.handle(client, "registry", {**asked, "run_id": run_id})
        return [(row["name"], row["version"], row["source"]) for row in reply["of_run"]]

    before = registered()
    views.handle(client, "register", requests["register"])
    assert registered() == [*before, ("digits", 3, f"runs:/{run_id}/model")]
    assert "of_run" not in views.handle(client, "registry", asked)[0]


def test_a_model_is_registered_once_by_two_clicks(requests: dict[str, dict[str, Any]]) -> None:
    run_id = requests["register"]["run_id"]
    first, second = nbtrack.MlflowClient(), nbtrack.MlflowClient()
    views.handle(first, "register", requests["register"])
    message = f"'runs:/{run_id}/model' is already version 3 of registered model 'digits'. Nothing was changed."
    for client in (first, second):
        with pytest.raises(Conflict, match=message):
            views.handle(client, "register", requests["register"])
    assert stages() == {1: "Production", 2: "None", 3: "None"}
    views.handle(second, "register", {**requests["register"], "name": "another model"})
    # In code, the same model may be registered again.
    assert nbtrack.register_model(f"runs:/{run_id}/model", "digits").version == 4


def test_a_promotion_that_is_sent_again_moves_nothing(requests: dict[str, dict[str, Any]]) -> None:
    clients = nbtrack.MlflowClient(), nbtrack.MlflowClient()
    promotion = moving(2, "Production", "None", [1])
    views.handle(clients[0], "transition", promotion)
    for client in clients:
        with pytest.raises(Conflict, match="is now in stage Production, but stage None was"):
            views.handle(client, "transition", promotion)
    with pytest.raises(Conflict, match=r"Stage Production .* now has version 2, but"):
        views.handle(clients[1], "transition", moving(1, "Production", "Archived", [1]))
    assert stages() == {1: "Archived", 2: "Production"}


@pytest.mark.slow
def test_of_two_kernels_that_act_at_once_one_is_refused(requests: dict[str, dict[str, Any]]) -> None:
    kernels = [
        subprocess.Popen([sys.executable, "-c", KERNEL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]

    def replies(*asked: tuple[str, dict[str, Any]]) -> list[str]:
        for kernel, each in zip(kernels, asked, strict=True):
            assert kernel.stdin is not None
            kernel.stdin.write(json.dumps(each) + "\n")
            kernel.stdin.flush()
        return [kernel.stdout.readline() for kernel in kernels if kernel.stdout is not None]

    try:
        assert [kernel.stdout.readline() for kernel in kernels if kernel.stdout is not None] == ["ready\n"] * 2
        said = sorted(replies(*[("register", requests["register"])] * 2))
        assert said[0] == "done\n"
        assert "already version 3" in json.loads(said[1])["message"]
        promotions = [("transition", moving(version, "Production", "None", [1])) for version in (2, 3)]
        said = replies(*promotions)
        winner = said.index("done\n") + 2
        refused = json.loads(said[3 - winner])["message"]
        assert f"Production of registered model 'digits' now has version {winner}, but version 1 was" in refused
        assert stages() == {1: "Archived", winner: "Production", 5 - winner: "None"}
        rollback = {"stage": "Production", "reason": "", "override_gates": False}
        seen = {"name": "digits", "expected_current": [winner], "expected_restored": 1}
        said = sorted(replies(*[("rollback", {**seen, **rollback})] * 2))
        assert said[0] == "done\n"
        assert "now has version 1, but" in json.loads(said[1])["message"]
        assert stages() == {1: "Production", winner: "Archived", 5 - winner: "None"}
        alias = {"name": "digits", "alias": "champion", "expected_version": None}
        said = replies(*[("set_alias", {**alias, "version": version}) for version in (2, 3)])
        holder = said.index("done\n") + 2
        assert f"is now version {holder}. It was expected" in json.loads(said[3 - holder])["message"]
        deletion = {"name": "digits", "version": 5 - winner, "reason": "", "expected_stage": "None"}
        said = sorted(replies(*[("delete_version", deletion)] * 2))
        assert said[0] == "done\n"
        assert f"has no version {5 - winner}." in json.loads(said[1])["message"]
    finally:
        for kernel in kernels:
            kernel.communicate(timeout=60)
