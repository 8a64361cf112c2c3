"""The model registry on both backends: every operation, its changes and its events."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from nbtrack.errors import AlreadyExists, Conflict, GateClosed, InvalidParameter, InvalidState, NotFound
from nbtrack.store.sql.tables import SqlTables

from .conftest import Both


@pytest.fixture
def digits(store: SqlTables) -> SqlTables:
    """A store with the model `digits`, which has three versions."""
    store.create_registered_model("digits", user_id="ann")
    for number in (1, 2, 3):
        store.create_model_version("digits", f"s3://models/{number}", tags={"n": number}, user_id="ann")
    return store


def stages(store: SqlTables, name: str = "digits") -> dict[int, str]:
    found = store.search_model_versions(f"name = '{name}'", order_by=["version_number"])
    return {version.version: version.current_stage for version in found}


def history(store: SqlTables, name: str = "digits") -> list[tuple[Any, ...]]:
    """Return the kind, the version, the old and the new value of each event, oldest first."""
    events = store.model_events(name)
    assert [event.timestamp for event in events] == sorted({event.timestamp for event in events}, reverse=True)
    return [(event.kind, event.version, event.old, event.new) for event in reversed(events)]


# -- models ----------------------------------------------------------------------------------------------------------


def test_a_model(store: SqlTables) -> None:
    made = store.create_registered_model("ünï it's", {"a": 1}, "text", user_id="ann", reason="why")
    assert (made.name, made.description, made.tags, made.latest_versions) == ("ünï it's", "text", {"a": "1"}, [])
    with pytest.raises(AlreadyExists, match="already exists"):
        store.create_registered_model("ünï it's", user_id="bob")
    store.update_registered_model("ünï it's", description="new", user_id="bob")
    store.set_model_tag("ünï it's", "a", "2", user_id="bob")
    store.set_model_tag("ünï it's", "b", "3", user_id="bob")
    store.set_model_tag("ünï it's", "a", None, user_id="bob")
    found = store.get_registered_model("ünï it's")
    assert (found.description, found.tags) == ("new", {"b": "3"})
    assert found.last_updated_timestamp >= found.creation_timestamp
    assert history(store, "ünï it's") == [
        ("created", None, None, None),
        ("description", None, "text", "new"),
        ("tag_set", None, "a=1", "a=2"),
        ("tag_set", None, None, "b=3"),
        ("tag_deleted", None, "a=2", None),
    ]
    assert store.model_events("ünï it's")[-1].reason == "why"
    with pytest.raises(NotFound, match="Registered model 'unknown' does not exist"):
        store.get_registered_model("unknown")


def test_renamed(digits: SqlTables) -> None:
    digits.create_registered_model("other", user_id="ann")
    digits.copy_model_version("digits", 1, "other", user_id="ann")
    digits.set_model_alias("digits", "best", 2, user_id="ann")
    with pytest.raises(AlreadyExists):
        digits.update_registered_model("digits", new_name="other", user_id="ann")
    renamed = digits.update_registered_model("digits", new_name="numbers", user_id="ann")
    assert (renamed.name, renamed.aliases) == ("numbers", {"best": 2})
    assert digits.get_model_version("other", 1).source == "models:/numbers/1"
    assert history(digits, "numbers")[-1] == ("renamed", None, "digits", "numbers")
    with pytest.raises(NotFound, match="It was renamed to 'numbers', which has its history"):
        digits.model_events("digits")
    assert digits.create_model_version("numbers", "s", user_id="ann").version == 4


def test_deleted(digits: SqlTables) -> None:
    digits.copy_model_version("digits", 2, "copies", user_id="ann")
    digits.set_gate("digits", "Production", "params.a = '1'", "gate", user_id="ann")
    digits.delete_registered_model("digits", user_id="ann")
    assert digits.get_model_version("copies", 1).source == "s3://models/2"
    assert history(digits)[-1] == ("deleted", None, None, None)
    digits.create_registered_model("digits", user_id="ann")
    assert history(digits) == [("created", None, None, None)]
    assert digits.get_gates("digits") == []
    assert digits.create_model_version("digits", "s", user_id="ann").version == 1


# -- versions --------------------------------------------------------------------------------------------------------


def test_a_version(digits: SqlTables) -> None:
    version = digits.create_model_version(
        "digits", "runs:/x/m", "x", {"b": "1", "a": "2"}, "link", "text", user_id="ann", reason="why"
    )
    assert (version.version, version.run_id, version.run_link, version.status) == (4, "x", "link", "READY")
    assert list(version.tags.items()) == [("a", "2"), ("b", "1")]
    digits.update_model_version("digits", 4, "new", user_id="bob")
    digits.set_model_tag("digits", "a", "3", version="4", user_id="bob")
    digits.set_model_tag("digits", "b", None, version=4, user_id="bob")
    found = digits.get_model_version("digits", 4)
    assert (found.description, found.tags) == ("new", {"a": "3"})
    assert history(digits)[-4:] == [
        ("version_created", 4, None, "runs:/x/m"),
        ("description", 4, "text", "new"),
        ("tag_set", 4, "a=2", "a=3"),
        ("tag_deleted", 4, "b=1", None),
    ]
    with pytest.raises(NotFound, match=r"has no version 9. Its newest versions are 1, 2, 3, 4."):
        digits.get_model_version("digits", 9)
    assert digits.model_events("digits", digits.model_events("digits")[1].timestamp) == [
        digits.model_events("digits")[0]
    ]


def test_a_number_is_not_used_again(digits: SqlTables) -> None:
    digits.delete_model_version("digits", 3, user_id="ann")
    assert digits.create_model_version("digits", "s", user_id="ann").version == 4
    assert list(stages(digits)) == [1, 2, 4]


def test_aliases(digits: SqlTables) -> None:
    for alias, version in (("b", 1), ("B", 2), ("a", 1), ("b", 2)):
        digits.set_model_alias("digits", alias, version, user_id="ann")
    assert digits.get_model_version("digits", 2).aliases == ["B", "b"]
    assert list(digits.get_registered_model("digits").aliases.items()) == [("B", 2), ("a", 1), ("b", 2)]
    assert digits.get_model_version("digits", alias="a").version == 1
    assert digits.get_model_version("digits", alias="latest").version == 3
    digits.set_model_alias("digits", "a", None, user_id="ann")
    with pytest.raises(InvalidParameter, match=r"has no alias 'a'. Its aliases are B, b."):
        digits.get_model_version("digits", alias="a")
    digits.delete_model_version("digits", 2, user_id="ann")
    assert [event[:3] for event in history(digits)[-3:]] == [
        ("alias_deleted", 2, "B"),
        ("alias_deleted", 2, "b"),
        ("version_deleted", 2, "None"),
    ]


def test_a_source_is_registered_again_only_as_the_caller_expects(digits: SqlTables) -> None:
    assert digits.create_model_version("digits", "t", expected_versions=[], user_id="ann").version == 4
    with pytest.raises(Conflict, match="The model 't' is already version 4 of registered model 'digits'"):
        digits.create_model_version("digits", "t", expected_versions=[], user_id="bob")
    with pytest.raises(Conflict, match="'u' is not a version of registered model 'digits', but version 4 was expected"):
        digits.create_model_version("digits", "u", expected_versions=4, user_id="bob")
    assert digits.create_model_version("digits", "t", expected_versions="4", user_id="ann").version == 5
    with pytest.raises(Conflict, match="already versions 4, 5 of"):
        digits.create_model_version("digits", "t", expected_versions=[4], user_id="bob")
    assert history(digits)[-1] == ("version_created", 5, None, "t")


# -- stages ----------------------------------------------------------------------------------------------------------


def test_promotions(digits: SqlTables) -> None:
    move = digits.transition_model_version_stage
    assert move("digits", 1, "production", user_id="ann").current_stage == "Production"
    move("digits", 2, "Production", True, expected_current=1, user_id="ann", reason="better")
    assert stages(digits) == {1: "Archived", 2: "Production", 3: "None"}
    assert [v.version for v in digits.get_registered_model("digits").latest_versions] == [1, 2, 3]
    with pytest.raises(Conflict, match=r"now has version 2, but version 1 was expected\. User ann moved version 2"):
        move("digits", 3, "Production", True, expected_current=1, user_id="bob")
    with pytest.raises(Conflict, match="is now in stage None, but stage Staging was expected"):
        move("digits", 3, "Production", expected_stage="Staging", user_id="bob")
    with pytest.raises(InvalidParameter):
        move("digits", 3, "Archived", True, user_id="bob")
    assert stages(digits) == {1: "Archived", 2: "Production", 3: "None"}


def test_rollback(digits: SqlTables) -> None:
    for version in (1, 2, 3):
        digits.transition_model_version_stage("digits", version, "Production", True, user_id="ann")
    assert digits.rollback_stage("digits", user_id="bob", reason="slow").version == 2
    assert digits.rollback_stage("digits", user_id="bob").version == 1
    assert stages(digits) == {1: "Production", 2: "Archived", 3: "Archived"}
    with pytest.raises(InvalidState, match="cannot be rolled back, because version 1 is the first one in"):
        digits.rollback_stage("digits", user_id="bob")
    assert history(digits)[-3:] == [
        ("rolled_back", 1, "2", "Production"),
        ("stage", 2, "Production", "Archived"),
        ("stage", 1, "Archived", "Production"),
    ]


def test_gates(digits: SqlTables) -> None:
    with digits.writing() as cursor:
        cursor.execute(
            "INSERT INTO runs (run, run_id, experiment_id, name, user_id, status, start_time, artifact_uri, "
            "lifecycle_stage) "
            "VALUES (1, 'r1', 0, 'trained', 'ann', 'FINISHED', 1, 'artifacts:0/r1/artifacts', 'active')"
        )
        cursor.execute("INSERT INTO params (run, key, value, number, timestamp) VALUES (1, 'layers', '2', 2, 1)")
    digits.create_model_version("digits", "runs:/r1/m", "r1", user_id="ann")
    gate = digits.set_gate("digits", "production", " params.layers > 3 ", "deep", user_id="ann")
    assert digits.get_gates("digits") == digits.get_gates("digits", "Production") == [gate]
    assert digits.get_gates("digits", "Staging") == []
    for version, instead in (
        (4, "its run 'trained' \\(r1\\) has params.layers = '2'"),
        (1, "the version has no run"),
    ):
        with pytest.raises(GateClosed, match=instead):
            digits.transition_model_version_stage("digits", version, "Production", user_id="ann")
    digits.transition_model_version_stage("digits", 4, "Production", override_gates=True, user_id="ann", reason="once")
    digits.set_gate("digits", "Production", "params.layers > 1", "deep", user_id="ann")
    digits.set_gate("digits", "Production", "count(metrics.m) = 0", "Bare", user_id="ann")
    assert [each.gate for each in digits.get_gates("digits")] == ["Bare", "deep"]
    digits.transition_model_version_stage("digits", 4, "Staging", user_id="ann")
    digits.transition_model_version_stage("digits", 4, "Production", user_id="ann")
    # A gate sees the URI that users see.
    root = digits.locate("artifacts:0")
    digits.set_gate("digits", "Staging", f"artifact_uri = '{root}/r1/artifacts'", "place", user_id="ann")
    digits.transition_model_version_stage("digits", 4, "Staging", user_id="ann")
    digits.set_gate("digits", "Production", "artifact_uri LIKE 'artifacts:%'", "place", user_id="ann")
    with pytest.raises(GateClosed, match=f"artifact_uri = '{re.escape(root[:40])}"):
        digits.transition_model_version_stage("digits", 4, "Production", user_id="ann")
    digits.set_gate("digits", "Production", None, "deep", user_id="ann")
    with pytest.raises(NotFound, match=r"has no gate 'deep'. Its gates are 'Bare'."):
        digits.set_gate("digits", "Production", None, "deep", user_id="ann")
    kinds = [event[0] for event in history(digits)]
    assert [kinds.count(kind) for kind in ("gate_set", "gate_overridden", "gate_deleted")] == [5, 1, 1]


# -- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "order_by", "found"),
    [
        ("", [], "copies/1|Iris/1|digits/3|digits/2|digits/1"),
        ("", ["name", "version_number"], "Iris/1|copies/1|digits/1|digits/2|digits/3"),
        ("stage = 'production'", [], "digits/2"),
        ("tags.from = 'alpha'", [], "digits/1"),
        ("name LIKE 'd%' AND version_number > 1", ["version_number"], "digits/2|digits/3"),
        ("version_number IN ('1', '3')", ["version_number DESC", "name DESC"], "digits/3|digits/1|copies/1|Iris/1"),
        ("run_id IS NULL", [], "Iris/1"),
        ("source_path LIKE 'models:/%'", [], "copies/1"),
        ("aliases.alias = 'Best' OR alias.alias = 'best'", [], "digits/2"),
        ("metrics.loss > -100 AND NOT params.lr IS NULL", [], "copies/1|digits/1|digits/2"),
        ("name = 'digits'", ["min(metrics.loss) DESC"], "digits/3|digits/1|digits/2"),
    ],
)
def test_searching_versions(both: Both, text: str, order_by: list[str], found: str) -> None:
    page = both.same(lambda store: store.search_model_versions(text, order_by=order_by))
    shown = [f"{version.name}/{version.version}" for version in page]
    assert shown == found.split("|") if order_by else sorted(shown) == sorted(found.split("|"))
    first = both.same(lambda store: store.search_model_versions(text, 2, order_by))
    rest = both.same(lambda store: store.search_model_versions(text, 2, order_by, first.token)) if first.token else []
    assert [*first, *rest] == page[:4]


@pytest.mark.parametrize(
    ("text", "order_by", "found"),
    [
        ("", [], "Iris|copies|digits"),
        ("name ILIKE 'I%'", ["name DESC"], "Iris"),
        ("tags.team = 'vision'", [], "digits"),
        ("tags.Team IS NULL", ["description DESC", "name"], "digits|copies"),
    ],
)
def test_searching_models(both: Both, text: str, order_by: list[str], found: str) -> None:
    page = both.same(lambda store: store.search_registered_models(text, order_by=order_by))
    assert [model.name for model in page] == found.split("|")


Ask = Callable[[SqlTables], Any]


def test_reading_the_rest(both: Both) -> None:
    ids = both.ids
    from_run = both.same(lambda store: store.versions_from(run_id=ids["Beta"]))
    assert [(version.name, version.version) for version in from_run] == [("copies", 1), ("digits", 2)]
    # A run that is nested in this one. The version names its run only in its source.
    assert [version.name for version in both.same(lambda store: store.versions_from(run_id=ids["sweep"]))] == ["Iris"]
    assert both.same(lambda store: store.versions_from(dataset="d1")) == []
    asked: list[Ask] = [
        lambda store: store.get_registered_model("digits"),
        lambda store: store.versions_from(run_id=ids["alpha"], path="model"),
        lambda store: store.get_model_version("digits", alias="Best"),
        lambda store: store.model_events("digits"),
        lambda store: store.get_gates("digits"),
    ]
    for ask in asked:
        both.same(ask)


def test_a_page_of_models_with_pages_of_their_versions_and_events(both: Both) -> None:
    models, count = both.same(lambda store: store.survey_models(None, 0, 2, versions=(0, 1), events=(1, 2)))
    assert ([model.name for model in models], count) == (["Iris", "copies"], 3)
    (digits,), _ = both.same(lambda store: store.survey_models("digits", 0, 1, versions=(0, 1), events=(0, 100)))
    assert digits.stages == {"None": 1, "Production": 1, "Archived": 1}
    assert [version.version for version in digits.versions] == [3, 2, 1]
    assert digits.versions[1].aliases == ["Best"]
    assert (digits.versions[0].tags, len(digits.events)) == ({"from": "ätna"}, digits.event_count)
    assert digits.aliases == {"Best": 2, "any": 1}
    (some,), _ = both.same(
        lambda store: store.survey_models("digits", 0, 1, filter_string="version_number < 3", versions=(0, 5))
    )
    assert (some.stages, [version.version for version in some.versions]) == ({"Production": 1, "Archived": 1}, [2, 1])
    (rest,), _ = both.same(lambda store: store.survey_models("digits", 0, 1, stage="None", versions=(1, 5)))
    assert (rest.versions, rest.events) == ([], [])
    assert both.same(lambda store: store.survey_models(None, 3, 2)) == ([], 3)
    found, count = both.same(lambda store: store.survey_models(None, 0, 1, search="IG"))
    assert ([model.name for model in found], count) == (["digits"], 1)
    assert both.same(lambda store: store.survey_models(None, 0, 2, search="d%s")) == ([], 0)


# -- what a form has seen --------------------------------------------------------------------------------------------


def test_a_preview_says_what_a_transition_and_a_rollback_would_do(digits: SqlTables) -> None:
    with pytest.raises(InvalidState, match="none of its versions has been in this stage"):
        digits.preview_transition("digits", None, "Production")
    for number in (1, 2):
        digits.transition_model_version_stage("digits", number, "Production", True, user_id="ann")
    digits.set_gate("digits", "Production", "params.a = '1'", "gate", user_id="ann")
    before = history(digits)
    found = digits.preview_transition("digits", 3, "production")
    assert (found.version.version, found.current, found.leaving) == (3, [2], None)
    assert [(check.gate.gate, check.mismatch, check.values) for check in found.gates] == [
        ("gate", "the version has no run", "")
    ]
    back = digits.preview_transition("digits", None, "Production")
    assert (back.version.version, back.current, back.leaving, len(back.gates)) == (1, [2], 2, 1)
    assert digits.preview_transition("digits", 2, "Production").gates == []
    assert history(digits) == before
    with pytest.raises(InvalidParameter, match="for a rollback, not Archived"):
        digits.preview_transition("digits", None, "Archived")


def test_a_change_is_refused_if_something_else_was_seen(digits: SqlTables) -> None:
    digits.set_model_alias("digits", "best", 1, expected_version=[], user_id="ann")
    digits.set_model_tag("digits", "n", "9", version=1, expected_value="1", user_id="ann")
    digits.set_model_tag("digits", "team", "vision", expected_value=[], user_id="ann")
    for number in (1, 2):
        digits.transition_model_version_stage("digits", number, "Production", True, user_id="ann")
    before = history(digits)
    refused: list[Callable[[], object]] = [
        lambda: digits.set_model_alias("digits", "best", 2, expected_version=[], user_id="bob"),
        lambda: digits.set_model_alias("digits", "best", None, expected_version=2, user_id="bob"),
        lambda: digits.set_model_tag("digits", "n", None, version=1, expected_value="1", user_id="bob"),
        lambda: digits.set_model_tag("digits", "n", "8", version=1, expected_value=[], user_id="bob"),
        lambda: digits.set_model_tag("digits", "team", "text", expected_value="speech", user_id="bob"),
        lambda: digits.delete_model_version("digits", 1, expected_stage="None", user_id="bob"),
        lambda: digits.rollback_stage("digits", expected_restored=3, user_id="bob"),
    ]
    for change in refused:
        with pytest.raises(Conflict, match=r"is now .* It was expected to be .* Nothing was changed\."):
            change()
    assert history(digits) == before
    digits.delete_model_version("digits", 1, expected_stage="Archived", user_id="bob")


def test_the_history_of_all_models(digits: SqlTables) -> None:
    digits.create_registered_model("other", user_id="ann")
    digits.delete_registered_model("digits", user_id="ann")
    events = digits.model_events(None)
    assert {event.name for event in events} == {"digits", "other"}
    assert [event.timestamp for event in events] == sorted((event.timestamp for event in events), reverse=True)
    assert [event.kind for event in digits.model_events(None, since=events[1].timestamp)] == ["deleted"]
