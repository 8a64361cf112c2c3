"""A gate refuses versions that fail it, gives the reason, and can be overridden with a reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import nbtrack
from nbtrack import MlflowClient, views
from nbtrack.errors import GateClosed, InvalidParameter, NotFound, QueryError

ACCURATE = "metrics.`val/accuracy` > 0.95"


def stage_of(client: MlflowClient, version: int) -> str:
    return client.get_model_version("digits", version).current_stage


def test_only_versions_that_pass_the_gate_enter_the_stage(trained: MlflowClient) -> None:
    trained.set_gate("digits", "production", ACCURATE)
    before = trained.get_history("digits")
    with pytest.raises(
        GateClosed, match=r"Version 1 .* Production, because .*val/accuracy = 0\.9\. Gate 'default' requires "
    ):
        trained.transition_model_version_stage("digits", 1, "Production")
    with pytest.raises(GateClosed, match="has no run"):
        trained.transition_model_version_stage("digits", 4, "Production", archive_existing_versions=True)
    assert trained.get_history("digits") == before
    assert trained.transition_model_version_stage("digits", 2, "Production").current_stage == "Production"
    # Other stages and other models have no gate.
    assert trained.transition_model_version_stage("digits", 1, "Staging").current_stage == "Staging"


def test_a_refusal_archives_nothing(trained: MlflowClient) -> None:
    trained.set_gate("digits", "Production", ACCURATE)
    trained.transition_model_version_stage("digits", 2, "Production")
    with pytest.raises(GateClosed):
        trained.transition_model_version_stage("digits", 1, "Production", archive_existing_versions=True)
    assert (stage_of(trained, 1), stage_of(trained, 2)) == ("None", "Production")


def test_the_refusal_names_the_values_of_the_run(trained: MlflowClient) -> None:
    texts = {
        f"{ACCURATE} AND params.layers = 2 AND tags.ok = 'yes'": "metrics.val/accuracy = 0.9 and no tags.ok",
        "params.layers > 2 OR status = 'FAILED'": "params.layers = '2' and status = 'FINISHED'",
        "NOT params.layers = 2": "params.layers = '2'",
        "min(metrics.`val/accuracy`) BETWEEN 0.95 AND 1": "min(metrics.val/accuracy) = 0.9",
        "datasets.name = 'mnist'": "no datasets.name",
        "metrics.loss = 1": "no metrics.loss",
    }
    for text, instead in texts.items():
        trained.set_gate("digits", "Staging", text)
        with pytest.raises(GateClosed, match=re.escape(f"has {instead}.")):
            trained.transition_model_version_stage("digits", 1, "Staging")


def test_recently_logged_values_count_for_a_gate(trained: MlflowClient) -> None:
    trained.set_gate("digits", "Production", "tags.reviewed = 'yes'", "reviewed")
    with pytest.raises(GateClosed, match="'reviewed'"):
        trained.transition_model_version_stage("digits", 1, "Production")
    trained.set_tag(trained.get_model_version("digits", 1).run_id, "reviewed", "yes")
    assert trained.transition_model_version_stage("digits", 1, "Production").current_stage == "Production"


def test_deleted_and_missing_runs_pass_no_gate(trained: MlflowClient) -> None:
    trained.set_gate("digits", "Production", ACCURATE)
    run_id = trained.get_model_version("digits", 2).run_id
    trained.delete_run(run_id)
    with pytest.raises(GateClosed, match="is deleted\\. Gate 'default'"):
        trained.transition_model_version_stage("digits", 2, "Production")
    trained.restore_run(run_id)
    trained.transition_model_version_stage("digits", 2, "Production")
    trained.create_model_version("digits", "runs:/nobody/model", "nobody")
    with pytest.raises(GateClosed, match="does not exist in this store"):
        trained.transition_model_version_stage("digits", 5, "Production")


def test_all_gates_of_a_stage_must_be_passed(trained: MlflowClient) -> None:
    trained.set_gate("digits", "Production", ACCURATE, "accurate")
    trained.set_gate("digits", "Production", "params.layers < 2", "small")
    with pytest.raises(GateClosed, match="'small'"):
        trained.transition_model_version_stage("digits", 2, "Production")
    assert [(gate.gate, gate.filter_string) for gate in trained.get_gates("digits")] == [
        ("accurate", ACCURATE),
        ("small", "params.layers < 2"),
    ]
    trained.delete_gate("digits", "Production", "small", reason="memory is cheap")
    trained.transition_model_version_stage("digits", 2, "Production")
    assert trained.get_gates("digits", "Staging") == []
    kinds = [(event.kind, event.old, event.new, event.reason) for event in trained.get_history("digits")[1:3]]
    assert kinds == [
        ("gate_deleted", "Production small: params.layers < 2", None, "memory is cheap"),
        ("gate_set", None, "Production small: params.layers < 2", None),
    ]


def test_overriding_a_gate_requires_a_reason_and_is_recorded(trained: MlflowClient) -> None:
    trained.set_gate("digits", "Production", ACCURATE)
    for reason in (None, " "):
        with pytest.raises(InvalidParameter, match="requires a reason"):
            trained.transition_model_version_stage("digits", 1, "Production", override_gates=True, reason=reason)
    trained.transition_model_version_stage("digits", 1, "Production", override_gates=True, reason="demo at noon")
    moved, overridden = trained.get_history("digits")[:2]
    assert (moved.kind, moved.reason) == ("stage", "demo at noon")
    assert (overridden.kind, overridden.version, overridden.reason) == ("gate_overridden", 1, "demo at noon")
    assert "val/accuracy = 0.9" in str(overridden.old)
    assert overridden.new == f"Production default: {ACCURATE}"
    # If the gate is passed, nothing is overridden.
    trained.transition_model_version_stage("digits", 2, "Production", override_gates=True, reason="better")
    assert [event.kind for event in trained.get_history("digits")[:2]] == ["stage", "stage"]
    found = nbtrack.sql(
        "SELECT kind, reason FROM events WHERE model = 'digits' AND reason IS NOT NULL ORDER BY timestamp"
    )
    assert found["reason"].tolist() == ["demo at noon", "demo at noon", "better"]


def test_gates_are_deleted_with_their_model(trained: MlflowClient) -> None:
    trained.set_gate("digits", "Production", ACCURATE)
    trained.set_gate("digits", "Production", "params.layers = 2")
    trained.rename_registered_model("digits", "ciphers")
    (gate,) = trained.get_gates("ciphers")
    assert (gate.name, gate.filter_string) == ("ciphers", "params.layers = 2")
    trained.delete_registered_model("ciphers")
    trained.create_registered_model("ciphers")
    assert trained.get_gates("ciphers") == []


def test_invalid_gates_are_refused(trained: MlflowClient) -> None:
    for stage in ("None", "Archived"):
        with pytest.raises(InvalidParameter, match="Staging or Production"):
            trained.set_gate("digits", stage, ACCURATE)
    for text in ("", "  ", None):
        with pytest.raises(InvalidParameter, match="filter"):
            trained.set_gate("digits", "Production", text)  # type: ignore[arg-type]
    with pytest.raises(QueryError):
        trained.set_gate("digits", "Production", "metrics.accuracy >")
    with pytest.raises(NotFound, match=r"has no gate 'x'\. It has no gates"):
        trained.delete_gate("digits", "Production", "x")
    with pytest.raises(NotFound):
        trained.set_gate("nope", "Production", ACCURATE)
    with pytest.raises(InvalidParameter, match="reason must be a string"):
        trained.set_gate("digits", "Production", ACCURATE, reason=7)  # type: ignore[arg-type]
    assert trained.get_gates("digits") == []


@pytest.mark.slow
def test_a_merge_includes_gates_and_reasons(trained: MlflowClient, tmp_path: Path) -> None:
    trained.set_gate("digits", "Production", ACCURATE, "accurate", reason="too many complaints")
    trained.set_gate("digits", "Staging", "params.layers = 2")
    nbtrack.set_tracking_uri(tmp_path / "theirs")
    theirs = MlflowClient()
    for _ in range(2):
        nbtrack.merge(trained.tracking_uri)
        assert theirs.get_gates("digits") == trained.get_gates("digits")
        assert theirs.get_history("digits") == trained.get_history("digits")
    with pytest.raises(GateClosed):
        theirs.transition_model_version_stage("digits", 1, "Production")
    theirs.set_gate("digits", "Production", "params.layers = 2", "accurate", reason="never mind")
    theirs.delete_gate("digits", "Staging")
    nbtrack.set_tracking_uri(trained.tracking_uri)
    nbtrack.merge(theirs.tracking_uri)
    assert trained.get_gates("digits") == theirs.get_gates("digits")
    assert [(gate.gate, gate.filter_string) for gate in trained.get_gates("digits")] == [
        ("accurate", "params.layers = 2")
    ]


def test_gates_also_apply_to_the_widget(trained: MlflowClient) -> None:
    trained.set_gate("digits", "Production", ACCURATE)
    request = {
        "name": "digits",
        "version": 1,
        "stage": "Production",
        "archive_existing_versions": True,
        "reason": "",
        "expected_stage": "None",
        "expected_current": [],
        "override_gates": False,
    }
    with pytest.raises(GateClosed) as closed:
        views.handle(trained, "transition", request)
    assert views.error_reply(closed.value)["error_code"] == "INVALID_STATE"
    with pytest.raises(InvalidParameter, match="requires a reason"):
        views.handle(trained, "transition", request | {"override_gates": True})
    reply, _ = views.handle(trained, "transition", request | {"override_gates": True, "reason": "demo"})
    assert reply["version"]["stage"] == "Production"
    (model,) = views.handle(trained, "registry", {"name": "digits"})[0]["models"]
    assert model["gates"] == [{"stage": "Production", "gate": "default", "filter": ACCURATE}]
    assert [event["reason"] for event in model["events"][:2]] == ["demo", "demo"]
