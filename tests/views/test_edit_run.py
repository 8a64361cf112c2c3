"""The form of a run writes what was changed in it, and nothing that another user has changed since."""

from __future__ import annotations

from typing import Any

import pytest

import nbtrack
from nbtrack import views
from nbtrack.errors import Conflict, InvalidParameter, NotFound


def edit(run_id: str, **changes: Any) -> dict[str, Any]:
    return views.handle(nbtrack.Client(), "edit_run", {"run_id": run_id, **changes})[0]


@pytest.fixture
def run_id() -> str:
    tags = {"team": "vision", "seed": "1", "nbtrack.own": "x"}
    with nbtrack.start_run(run_name="first", description="Why", tags=tags) as run:
        pass
    return str(run.info.run_id)


def test_only_the_changed_fields_are_written(run_id: str) -> None:
    assert edit(run_id, name="second") == {"name": "second", "note": "Why", "tags": {"seed": "1", "team": "vision"}}
    assert edit(run_id, note="Because", set_tags={"new": "é\n<b>"}, delete_tags=["seed", "not there"]) == {
        "name": "second",
        "note": "Because",
        "tags": {"new": "é\n<b>", "team": "vision"},
    }
    run = nbtrack.get_run(run_id)
    assert (run.info.run_name, run.data.tags["mlflow.runName"]) == ("second", "second")
    assert run.data.tags["mlflow.note.content"] == "Because"
    assert edit(run_id, note="")["note"] == ""
    assert "mlflow.note.content" not in nbtrack.get_run(run_id).data.tags


def test_an_active_run_is_renamed_and_goes_on() -> None:
    with nbtrack.start_run(run_name="first") as run:
        edit(run.info.run_id, name="second", seen={"name": "first"})
        nbtrack.log_metric("loss", 1)
    assert nbtrack.get_run(run.info.run_id).info.run_name == "second"
    assert nbtrack.get_run(run.info.run_id).data.metrics == {"loss": 1}


@pytest.mark.parametrize(
    ("changes", "seen", "message"),
    [
        ({"name": "mine"}, {"name": "old"}, "The name of run 'first' was changed .* and is now 'first'"),
        ({"note": "mine"}, {"note": ""}, "The note of run 'first' was changed .* and is now 'Why'"),
        ({"set_tags": {"team": "mine"}}, {"tags": {"team": None}}, "Tag 'team' .* is now 'vision'"),
        ({"delete_tags": ["seed"]}, {"tags": {"seed": "2"}}, "Tag 'seed' .* is now '1'"),
        ({"set_tags": {"gone": "mine"}, "name": "n"}, {"tags": {"gone": "3"}, "name": "first"}, "Tag 'gone' .* now ''"),
    ],
)
def test_what_another_user_has_changed_is_not_replaced(
    run_id: str, changes: dict[str, Any], seen: dict[str, Any], message: str
) -> None:
    before = nbtrack.get_run(run_id).to_dictionary()
    with pytest.raises(Conflict, match=message):
        edit(run_id, **changes, seen=seen)
    assert nbtrack.get_run(run_id).to_dictionary() == before


def test_the_same_change_twice_and_other_fields_are_no_conflict(run_id: str) -> None:
    for _ in range(2):
        edit(run_id, set_tags={"team": "audio"}, seen={"tags": {"team": "vision", "seed": "7"}, "note": "Other"})
    assert nbtrack.get_run(run_id).data.tags["team"] == "audio"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "  "}, "Run name must not be empty or blank"),
        ({"name": "x" * 501}, "Run name must have at most 500 characters"),
        ({"name": 3}, "name must be a string, not 3"),
        ({"note": "\0"}, "note must not contain a NUL"),
        ({"set_tags": {"mlflow.user": "root"}}, "belongs to MLflow or nbtrack"),
        ({"delete_tags": ["nbtrack.own"]}, "belongs to MLflow or nbtrack"),
        ({"set_tags": {"": "x"}}, "Tag key must not be empty"),
        ({"set_tags": {"a": None}}, r"set_tags\['a'\] must be a string, not null"),
        ({"set_tags": [["a", "b"]]}, "set_tags must be an object, not a list"),
        ({"set_tags": {"\ud800": "b"}}, "A name in set_tags is not valid Unicode"),
        ({"set_tags": {str(i): "" for i in range(1001)}}, "at most 1,000 items"),
        ({"set_tags": {"a": "1"}, "delete_tags": ["a"]}, "either set or deleted"),
    ],
)
def test_invalid_changes_write_nothing(run_id: str, changes: dict[str, Any], message: str) -> None:
    before = nbtrack.get_run(run_id).to_dictionary()
    with pytest.raises(InvalidParameter, match=message):
        edit(run_id, **{"note": "valid", **changes})
    assert nbtrack.get_run(run_id).to_dictionary() == before


def test_unknown_and_deleted_runs(run_id: str) -> None:
    with pytest.raises(NotFound):
        edit("0" * 32, name="x")
    nbtrack.delete_run(run_id)
    with pytest.raises(InvalidParameter, match="deleted"):
        edit(run_id, name="x")
