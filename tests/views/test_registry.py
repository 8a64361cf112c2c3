"""The registry's screen: a candidate beside what it meets, gates with values, rollback, aliases, tags and deletion."""

from __future__ import annotations

from typing import Any

import pytest

import nbtrack
from nbtrack import views
from nbtrack.errors import NbtrackError
from nbtrack.models import infer_signature

ML_MODEL = "artifact_path: model\nflavors:\n  python_function:\n    loader_module: mlflow.sklearn\n"


@pytest.fixture
def client() -> nbtrack.MlflowClient:
    """A store with three versions of `digits`, which differ in metrics, signature and data."""
    import numpy as np
    import pandas as pd

    client = nbtrack.MlflowClient()
    client.create_registered_model("digits")
    for number, columns in enumerate((["a", "b"], ["a", "b"], ["a", "c"]), 1):
        with nbtrack.start_run(run_name=f"run {number}") as run:
            nbtrack.log_metrics({"val/accuracy": 0.9 + number / 100, "val/loss": 1 / number})
            signature = infer_signature(pd.DataFrame({column: [1.0] for column in columns}), np.array([1]))
            text = "".join(
                f"  {part}: '{schema.to_json()}'\n"
                for part, schema in (("inputs", signature.inputs), ("outputs", signature.outputs))
                if schema is not None
            )
            nbtrack.log_text(f"{ML_MODEL}signature:\n{text}", "model/MLmodel")
            nbtrack.log_input(nbtrack.data.from_numpy(np.eye(number), name="train"), context="training")
        client.create_model_version("digits", f"runs:/{run.info.run_id}/model", run.info.run_id)
    return client


def ask(view: str, **payload: Any) -> Any:
    return views.handle(nbtrack.MlflowClient(), view, {"name": "digits", **payload})[0]


def refusal(view: str, **payload: Any) -> tuple[str, str]:
    with pytest.raises(NbtrackError) as caught:
        ask(view, **payload)
    reply = views.error_reply(caught.value)
    return reply["error_code"], reply["message"]


def transition(version: int, stage: str, seen: str, there: list[int], **more: Any) -> dict[str, Any]:
    fields = {"archive_existing_versions": True, "reason": "", "override_gates": False}
    return {"version": version, "stage": stage, "expected_stage": seen, "expected_current": there, **fields, **more}


def test_a_candidate_is_compared_with_the_version_that_it_replaces(client: nbtrack.MlflowClient) -> None:
    client.transition_model_version_stage("digits", 1, "Production")
    reply = ask("preview_transition", version=3, stage="Production")
    assert (reply["candidate"]["version"], reply["current"], reply["count"], reply["leaving"]) == (3, [1], 1, None)
    assert [row["version"] for row in reply["beside"]] == [1]
    assert reply["lower_is_better"] == ["val/loss"]
    assert reply["beside"][0]["metrics"] == {"val/accuracy": 0.91, "val/loss": 1.0}
    inputs, outputs, data = reply["differences"]
    assert (inputs["part"], inputs["same"], inputs["counts"]) == ("inputs", 1, [1, 1])
    assert [side[0].partition(":")[0] for side in inputs["only"]] == ["'c'", "'b'"]
    assert (outputs["part"], outputs["same"], outputs["only"]) == ("outputs", 1, [[], []])
    assert (data["part"], data["same"], data["counts"]) == ("data", 0, [1, 1])
    assert data["only"][0][0].startswith("training: train (")
    # An empty stage has nothing to compare with, so the version in Production is taken.
    reply = ask("preview_transition", version=3, stage="Staging")
    assert (reply["current"], [row["version"] for row in reply["beside"]]) == ([], [1])
    reply = ask("preview_transition", version=1, stage="Archived")
    assert (reply["beside"], reply["differences"][0]["only"]) == ([], [[]])


def test_gates_are_shown_with_the_values_of_the_run_before_anything_is_sent(client: nbtrack.MlflowClient) -> None:
    client.set_gate("digits", "Production", "metrics.`val/accuracy` > 0.92", "accurate")
    client.set_gate("digits", "Production", "tags.reviewed = 'yes' AND metrics.`val/loss` < 1", "reviewed")
    client.create_model_version("digits", "s3://models/4")

    def gates(version: int) -> list[tuple[str, bool, str]]:
        reply = ask("preview_transition", version=version, stage="Production")
        return [(gate["gate"], gate["passed"], gate["values"]) for gate in reply["gates"]]

    assert gates(3) == [
        ("accurate", True, "metrics.val/accuracy = 0.93"),
        ("reviewed", False, "no tags.reviewed and metrics.val/loss = 0.333333" + "3" * 10),
    ]
    assert gates(4) == [("accurate", False, "the version has no run"), ("reviewed", False, "the version has no run")]
    assert ask("preview_transition", version=3, stage="Staging")["gates"] == []


def test_a_rollback_restores_what_the_screen_said(client: nbtrack.MlflowClient) -> None:
    code, message = refusal("preview_transition", version=None, stage="Production")
    assert (code, "none of its versions has been in this stage" in message) == ("INVALID_STATE", True)
    for version in (1, 2):
        client.transition_model_version_stage("digits", version, "Production", archive_existing_versions=True)
    seen = ask("preview_transition", version=None, stage="Production")
    assert (seen["candidate"]["version"], seen["leaving"], seen["current"]) == (1, 2, [2])
    assert [row["version"] for row in seen["beside"]] == [2]
    request = {"stage": "Production", "reason": "30 ms slower", "override_gates": False, "expected_current": [2]}
    code, message = refusal("rollback", **request, expected_restored=3)
    assert (code, "restores in registered model 'digits' is now version 1. It was" in message) == (
        "RESOURCE_CONFLICT",
        True,
    )
    assert ask("rollback", **request, expected_restored=1)["version"]["stage"] == "Production"
    assert client.get_history("digits")[0].reason == "30 ms slower"
    # The second click, or that of another kernel, finds another version in the stage.
    assert refusal("rollback", **request, expected_restored=1)[0] == "RESOURCE_CONFLICT"


def test_an_alias_and_a_tag_change_only_if_they_are_as_the_screen_showed_them(client: nbtrack.MlflowClient) -> None:
    alias = {"alias": "champion", "version": 1, "expected_version": None}
    assert ask("set_alias", **alias)["version"]["aliases"] == ["champion"]
    assert ask("registry")["models"][0]["aliases"] == {"champion": 1}
    code, message = refusal("set_alias", **{**alias, "version": 2})
    assert code == "RESOURCE_CONFLICT"
    assert message.startswith("Alias 'champion' of registered model 'digits' is now version 1. It was expected to be")
    assert ask("set_alias", **{**alias, "version": 2, "expected_version": 1})["version"]["version"] == 2
    assert refusal("set_alias", **{**alias, "version": None, "expected_version": 1})[0] == "RESOURCE_CONFLICT"
    assert ask("set_alias", **{**alias, "version": None, "expected_version": 2})["version"]["aliases"] == []

    tag = {"version": 2, "key": "reviewed", "value": "yes", "expected_value": None}
    assert ask("set_version_tag", **tag)["version"]["tags"] == {"reviewed": "yes"}
    code, message = refusal("set_version_tag", **{**tag, "value": "no"})
    assert code == "RESOURCE_CONFLICT"
    assert message.startswith("Tag 'reviewed' of version 2 of registered model 'digits' is now 'yes'. It was expected")
    assert ask("set_version_tag", **{**tag, "value": None, "expected_value": "yes"})["version"]["tags"] == {}


def test_a_version_is_deleted_in_the_stage_in_which_it_was_seen_and_not_in_production(
    client: nbtrack.MlflowClient,
) -> None:
    client.transition_model_version_stage("digits", 1, "Production")
    client.transition_model_version_stage("digits", 2, "Staging")
    for seen, expected in (("Production", "INVALID_STATE"), ("None", "RESOURCE_CONFLICT")):
        assert refusal("delete_version", version=1, reason="", expected_stage=seen)[0] == expected
    ask("delete_version", version=2, reason="trained on test data", expected_stage="Staging")
    assert [version.version for version in client.search_model_versions("name = 'digits'")] == [1, 3]
    assert client.get_history("digits")[0].reason == "trained on test data"
    assert refusal("delete_version", version=2, reason="", expected_stage="Staging")[0] == "RESOURCE_DOES_NOT_EXIST"


def test_versions_are_found_by_number_alias_tag_and_metric(client: nbtrack.MlflowClient) -> None:
    client.set_registered_model_alias("digits", "champion", 3)
    client.set_model_version_tag("digits", 1, "reviewed", "yes")
    for text, expected in {
        "": [3, 2, 1],
        " 2 ": [2],
        "@champion": [3],
        "@nobody": [],
        "metrics.`val/accuracy` > 0.915 AND aliases.alias IS NULL": [2],
        "tags.reviewed = 'yes' OR params.lr > 1": [1],
    }.items():
        (model,) = ask("registry", filter=text)["models"]
        assert [row["version"] for row in model["versions"]] == expected, text
        assert model["stages"] == ({"None": len(expected)} if expected else {}), text
        page = ask("versions", stage="None", filter=text, offset=1)
        assert ([row["version"] for row in page["versions"]], page["count"]) == (expected[1:], len(expected)), text
    code, message = refusal("registry", filter="metrics.`val/accuracy` >")
    assert code == "INVALID_PARAMETER_VALUE"
    assert "at character" in message


def test_a_refusal_names_no_argument_of_python(client: nbtrack.MlflowClient) -> None:
    client.set_gate("digits", "Production", "metrics.`val/accuracy` > 0.92")
    client.delete_run(client.get_model_version("digits", 3).run_id)
    messages = [
        refusal("transition", **transition(1, "Production", "None", [])),
        refusal("transition", **transition(1, "Production", "None", [], override_gates=True)),
        refusal("transition", **transition(1, "Production", "Staging", [])),
        refusal("transition", **transition(1, "Staging", "None", [2])),
        refusal("transition", **transition(9, "Staging", "None", [])),
        refusal("transition", **{**transition(1, "Staging", "None", []), "name": "unknown"}),
        refusal("transition", **transition(3, "Production", "None", [])),
        refusal("preview_transition", version=None, stage="Production"),
        refusal("preview_transition", version=9, stage="Production"),
        refusal("set_alias", alias="latest", version=1, expected_version=None),
        refusal("set_alias", alias="a b", version=1, expected_version=None),
        refusal("set_alias", alias="", version=1, expected_version=None),
        refusal("set_version_tag", version=1, key=" ", value="x", expected_value=None),
        refusal("delete_version", version=1, reason="", expected_stage="Production"),
        refusal("register", run_id=client.get_model_version("digits", 1).run_id, artifact_path="x", name="digits"),
        refusal("register", run_id=client.get_model_version("digits", 1).run_id, artifact_path="model", name="a/b"),
    ]
    for _, message in messages:
        assert message.endswith("."), message
        assert not any(mark in message for mark in ("=True", "()", "(model_uri", "reason=", "artifact_path")), message
    # In code, the advice is there.
    with pytest.raises(NbtrackError, match="pass override_gates=True and a reason"):
        client.transition_model_version_stage("digits", 1, "Production")
