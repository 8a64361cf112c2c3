"""Runs that are deleted, restored and moved on both backends, and models whose files are moved within their run."""

from __future__ import annotations

from typing import Any

import pytest

from nbtrack.entities import ViewType
from nbtrack.errors import InvalidParameter, NotFound
from nbtrack.store.sql.tables import SqlTables

FAMILY = {"parent": None, "child": "parent", "grandchild": "child", "other": None}
"""Each run with the one that it is nested in."""


@pytest.fixture
def family(store: SqlTables) -> SqlTables:
    with store.writing() as cursor:
        for number, (run_id, parent) in enumerate(FAMILY.items(), 1):
            insert(
                cursor,
                "runs",
                run=number,
                run_id=run_id,
                experiment_id=0,
                name=run_id,
                user_id="ann",
                status="FINISHED",
                start_time=number,
                artifact_uri=f"artifacts:0/{run_id}",
                lifecycle_stage="active",
            )
            insert(cursor, "artifacts", run=number, path="model/MLmodel", size=1, timestamp=1)
            if parent is not None:
                insert(cursor, "tags", run=number, key="mlflow.parentRunId", value=parent)
        insert(cursor, "inputs", run=2, name="digits", digest="d1", source_type="local", source="{}", timestamp=1)
    return store


def insert(cursor: Any, table: str, **values: object) -> None:
    marks = ", ".join(f"${place}" for place in range(1, len(values) + 1))
    cursor.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", list(values.values()))


def active(store: SqlTables, experiment_id: str | None = None) -> list[str]:
    ids = None if experiment_id is None else [experiment_id]
    page = store.search_runs(ids, "", ViewType.ACTIVE_ONLY, 9, ["start_time"])
    return [run.info.run_id for run in page]


def test_deleted_and_restored_with_what_is_nested(family: SqlTables) -> None:
    assert set(family.update_runs(["child"], stage="deleted")) == {"child", "grandchild"}
    assert active(family) == ["parent", "other"]
    assert set(family.update_runs(["parent"], stage="deleted")) == {"parent"}
    assert set(family.update_runs(["parent"], stage="active")) == {"parent", "child", "grandchild"}
    assert active(family) == list(FAMILY)
    with pytest.raises(NotFound):
        family.update_runs(["nobody"], stage="deleted")


def test_moved_with_what_is_nested(family: SqlTables) -> None:
    new = family.create_experiment("new", None, {})
    assert set(family.update_runs(["child"], experiment_id=new)) == {"child", "grandchild"}
    assert active(family, new) == ["child", "grandchild"]
    family.update_runs(["other"], stage="deleted")
    with pytest.raises(InvalidParameter):
        family.update_runs(["parent", "other"], experiment_id=new)
    assert active(family, "0") == ["parent"]
    with pytest.raises(NotFound):
        family.update_runs(["parent"], experiment_id="77")


def test_an_experiment_takes_its_runs_along(family: SqlTables, monkeypatch: pytest.MonkeyPatch) -> None:
    # A run that was deleted by itself in the same millisecond stays deleted.
    for module in ("experiments", "runs"):
        monkeypatch.setattr(f"nbtrack.store.sql.{module}.now", lambda: 1_800_000_000_000)
    new = family.create_experiment("new", None, {})
    family.update_runs(["parent"], experiment_id=new)
    family.update_runs(["grandchild"], stage="deleted")
    family.update_experiment(new, stage="deleted")
    assert active(family) == ["other"]
    family.update_experiment(new, stage="active")
    assert active(family, new) == ["parent", "child"]


def test_artifacts(family: SqlTables) -> None:
    assert family.artifact_uri("child") == family.locate("artifacts:0/child")
    family.forget_artifacts("child", ["model/MLmodel"])
    with family.reading() as cursor:
        rows = cursor.execute("SELECT run FROM artifacts ORDER BY run", []).fetchall()
    assert rows == [(1,), (3,), (4,)]


def test_versions_follow_their_files(family: SqlTables) -> None:
    family.create_registered_model("digits", user_id="ann")
    for source in ("runs:/child/model", "runs:/child/models", family.locate("artifacts:0/child/model/sub")):
        family.create_model_version("digits", source, "child", user_id="ann")
    assert [version.version for version in family.versions_from(run_id="child", path="model")] == [1, 3]
    assert [version.version for version in family.versions_from(run_id="parent")] == [1, 2, 3]
    assert [version.version for version in family.versions_from(dataset="d1")] == [1, 2, 3]
    moved = family.move_sources("child", "model", "best", user_id="bob")
    assert [version.source for version in moved] == ["runs:/child/best", "runs:/child/best/sub"]
    assert family.model_events("digits")[0].kind == "source_moved"
