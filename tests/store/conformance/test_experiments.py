"""Experiments on both backends, and the columns of the tables."""

from __future__ import annotations

import re

import pytest

from nbtrack.entities import ViewType
from nbtrack.errors import AlreadyExists, InvalidParameter, InvalidState, NotFound
from nbtrack.store.sql.schema import TABLES
from nbtrack.store.sql.tables import SqlTables

from .conftest import Both


def test_every_table_has_the_same_columns(both: Both) -> None:
    tables = re.findall(r"CREATE TABLE (\w+)", TABLES)
    question = (
        "SELECT column_name, LOWER(data_type), is_nullable FROM information_schema.columns "
        "WHERE table_name = $1 AND table_schema IN ('main', 'public') ORDER BY ordinal_position"
    )
    same_type = {"varchar": "character varying", "double": "double precision"}
    for table in tables:
        with both.duckdb.reading() as cursor:
            here = [
                (name, same_type.get(kind, kind), null)
                for name, kind, null in cursor.execute(question, [table]).fetchall()
            ]
        with both.postgres.reading() as cursor:
            there = cursor.execute(question, [table]).fetchall()
        assert here == there != []


@pytest.mark.parametrize(
    ("text", "order_by", "names"),
    [
        ("", [], "digits|Default|gone|Ümläut's"),
        ("", ["name"], "Default|digits|gone|Ümläut's"),
        ("tags.team = 'vision'", [], "digits"),
        ("name LIKE 'd%'", [], "digits"),
        ("name ILIKE 'd%'", ["name DESC"], "digits|Default"),
        ("name ILIKE 'ÜMLÄ%'", [], "Ümläut's"),
        ("experiment_id > 0 AND lifecycle_stage = 'ACTIVE'", ["experiment_id"], "digits|Ümläut's"),
    ],
)
def test_searches(both: Both, text: str, order_by: list[str], names: str) -> None:
    found = both.same(lambda store: store.search_experiments(ViewType.ALL, 100, text, order_by, None))
    shown = [experiment.name for experiment in found]
    assert (shown if order_by else sorted(shown)) == (names.split("|") if order_by else sorted(names.split("|")))


def test_pages(both: Both) -> None:
    first = both.same(lambda store: store.search_experiments(ViewType.ACTIVE_ONLY, 2, "", ["name"], None))
    rest = both.same(lambda store: store.search_experiments(ViewType.ACTIVE_ONLY, 2, "", ["name"], first.token))
    assert [experiment.name for experiment in [*first, *rest]] == ["Default", "digits", "Ümläut's"]
    assert rest.token is None
    assert both.same(lambda store: store.get_experiment("1")).tags == {"team": "vision"}
    assert both.same(lambda store: store.get_experiment(name="gone")).lifecycle_stage == "deleted"
    assert both.same(lambda store: store.get_experiment(name="absent")) is None


def test_a_life(store: SqlTables) -> None:
    assert store.get_experiment("0").name == "Default"
    one = store.create_experiment("one", None, {"a": "1"})
    assert store.get_experiment(one).artifact_location.endswith(f"/{one}")
    assert store.create_experiment("elsewhere", "s3://bucket/x", {}) != one
    with pytest.raises(AlreadyExists, match="Experiment 'one' already exists"):
        store.create_experiment("one", None, {})
    with pytest.raises(AlreadyExists):
        store.update_experiment(one, name="elsewhere")
    store.update_experiment(one, name="uno")
    store.update_experiment(one, tags={"a": "2"})
    store.update_experiment(one, tags={"b": "it's"})
    store.update_experiment(one, tags={"a": None})
    assert store.get_experiment(one).tags == {"b": "it's"}
    with pytest.raises(NotFound):
        store.update_experiment(one, tags={"a": None})
    with pytest.raises(NotFound):
        store.get_experiment("77")
    with pytest.raises(InvalidParameter):
        store.get_experiment("seven")


def test_deleted_and_restored(store: SqlTables) -> None:
    one = store.create_experiment("one", None, {})
    store.update_experiment(one, stage="deleted")
    with pytest.raises(InvalidState):
        store.update_experiment(one, name="uno")
    two = store.create_experiment("one", None, {})
    assert two != one
    with pytest.raises(AlreadyExists, match="belongs to another experiment"):
        store.update_experiment(one, stage="active")
    store.update_experiment(two, name="two")
    store.update_experiment(one, stage="active")
    assert store.get_experiment(name="one").experiment_id == one


def test_ids_are_not_used_again(store: SqlTables) -> None:
    ids = [store.create_experiment(name, None, {}) for name in ("a", "b")]
    store.remove_experiments(ids)
    assert store.get_experiment(name="b") is None
    assert int(store.create_experiment("b", None, {})) > int(ids[1])
