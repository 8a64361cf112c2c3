"""Rollback undoes promotions one by one, and does not overwrite a concurrent change."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from nbtrack import MlflowClient
from nbtrack.errors import Conflict, GateClosed, InvalidParameter, InvalidState, NotFound


def promote(client: MlflowClient, *versions: int) -> None:
    for version in versions:
        client.transition_model_version_stage("digits", version, "Production", archive_existing_versions=True)


def production(client: MlflowClient) -> list[int]:
    return sorted(v.version for v in client.search_model_versions("name = 'digits' AND stage = 'Production'"))


def test_repeated_rollbacks_undo_one_promotion_each(trained: MlflowClient) -> None:
    promote(trained, 1, 2, 3)
    assert trained.rollback("digits", reason="slow").version == 2
    assert production(trained) == [2]
    assert trained.get_model_version("digits", 3).current_stage == "Archived"
    assert [(e.kind, e.version, e.old, e.new, e.reason) for e in trained.get_history("digits")[:3]] == [
        ("stage", 2, "Archived", "Production", "slow"),
        ("stage", 3, "Production", "Archived", "slow"),
        ("rolled_back", 2, "3", "Production", "slow"),
    ]
    assert trained.rollback("digits").version == 1
    with pytest.raises(InvalidState, match="version 1 is the first one"):
        trained.rollback("digits")
    assert production(trained) == [1]
    promote(trained, 4)
    assert trained.rollback("digits").version == 1, "not 2 or 3: they were rolled back"


def test_rollback_restores_the_previous_version_whatever_its_number(trained: MlflowClient) -> None:
    promote(trained, 2, 3, 1, 4)
    for expected in (1, 3, 2):
        assert trained.rollback("digits").version == expected
        assert production(trained) == [expected]
    trained.transition_model_version_stage("digits", 4, "Production")
    trained.transition_model_version_stage("digits", 1, "Production")
    assert production(trained) == [1, 2, 4]
    assert trained.rollback("digits").version == 4, "1 came in last, and is the only one that leaves"
    assert production(trained) == [2, 4]


def test_rollback_ignores_versions_that_entered_later_and_left(trained: MlflowClient) -> None:
    promote(trained, 1, 2)
    trained.transition_model_version_stage("digits", 3, "Production")
    trained.transition_model_version_stage("digits", 3, "Archived")
    assert trained.rollback("digits").version == 1
    with pytest.raises(InvalidState, match="version 1 is the first one"):
        trained.rollback("digits")


def test_a_gate_does_not_affect_versions_already_in_the_stage(trained: MlflowClient) -> None:
    trained.transition_model_version_stage("digits", 1, "Production")
    trained.transition_model_version_stage("digits", 2, "Production")
    trained.set_gate("digits", "Production", "metrics.`val/accuracy` > 0.98")
    assert trained.rollback("digits").version == 1
    assert production(trained) == [1]


def test_rollback_restores_a_version_archived_by_hand(trained: MlflowClient) -> None:
    promote(trained, 1)
    trained.transition_model_version_stage("digits", 1, "Archived")
    assert trained.rollback("digits").version == 1
    trained.transition_model_version_stage("digits", 2, "Production")
    assert production(trained) == [1, 2]
    assert trained.rollback("digits").version == 1
    assert production(trained) == [1]


def test_rollback_skips_deleted_versions(trained: MlflowClient) -> None:
    promote(trained, 1, 2, 3)
    trained.delete_model_version("digits", 2)
    assert trained.rollback("digits").version == 1


def test_rollback_changes_one_stage_and_respects_its_gates(trained: MlflowClient) -> None:
    trained.transition_model_version_stage("digits", 3, "Staging")
    promote(trained, 1, 2)
    trained.set_gate("digits", "Production", "metrics.`val/accuracy` > 0.95")
    with pytest.raises(GateClosed):
        trained.rollback("digits")
    assert production(trained) == [2]
    assert trained.rollback("digits", override_gates=True, reason="it is on fire").version == 1
    assert trained.get_model_version("digits", 3).current_stage == "Staging"
    for stage in ("None", "archived"):
        with pytest.raises(InvalidParameter, match="Staging or Production"):
            trained.rollback("digits", stage)
    with pytest.raises(NotFound):
        trained.rollback("nope")
    with pytest.raises(InvalidState, match="version 3 is the first one"):
        trained.rollback("digits", "Staging")


@pytest.mark.parametrize("expected", [[], 1, "1", [1, 3], [1, 2]])
def test_a_wrong_expected_version_changes_nothing(trained: MlflowClient, expected: int | str | Sequence[int]) -> None:
    promote(trained, 1, 2)
    before = trained.get_history("digits")
    with pytest.raises(Conflict, match=r"Production of registered model 'digits' now has version 2.* moved version "):
        trained.transition_model_version_stage("digits", 3, "Production", True, expected_current=expected)
    with pytest.raises(Conflict):
        trained.rollback("digits", expected_current=expected)
    assert trained.get_history("digits") == before


def test_the_right_expected_version_succeeds(trained: MlflowClient) -> None:
    trained.transition_model_version_stage("digits", 1, "Production", True, expected_current=[])
    trained.transition_model_version_stage("digits", 2, "Production", True, expected_current=1, expected_stage="none")
    with pytest.raises(
        Conflict, match=r"Version 2 .* is now in stage Production, but stage None was expected\. .* moved"
    ):
        trained.transition_model_version_stage("digits", 2, "Staging", expected_stage="None")
    assert trained.rollback("digits", expected_current="2").version == 1
