"""Experiments, registered models and model versions are searched with the same language."""

from __future__ import annotations

from typing import Any

import pytest

from nbtrack.errors import QueryError
from nbtrack.query import EXPERIMENTS, MODELS, RUNS, VERSIONS, Vocabulary, compile_search
from tests.query.database import Database


@pytest.fixture(scope="module")
def database() -> Database:
    database = Database()
    for number, name in enumerate(["Default", "digits", "iris"]):
        row: dict[str, Any] = {"experiment_id": number, "name": name, "artifact_location": f"/store/{number}"}
        row |= {"lifecycle_stage": "active", "creation_time": number, "last_update_time": 10 if number else 20}
        database.insert("experiments", [row])
    database.insert("experiment_tags", [{"experiment_id": 2, "key": "team", "value": "plants"}])
    for name, updated in (("b", 5), ("a", 7)):
        row = {"name": name, "description": "", "creation_time": 1, "last_update_time": updated, "next_version": 3}
        database.insert("registered_models", [row])
        for version in (1, 2, 10):
            row = {
                "name": name,
                "version": version,
                "creation_time": version,
                "last_update_time": 50,
                "description": "",
            }
            row |= {"current_stage": "Production" if version == 2 else "None", "user_id": "ann", "run_link": ""}
            row |= {"source": f"runs:/{name}", "run_id": f"run-{name}", "status": "READY", "status_message": ""}
            database.insert("model_versions", [row])
    database.insert("registered_model_tags", [{"name": "b", "key": "owner", "value": "ann"}])
    database.insert("model_version_tags", [{"name": "a", "version": 2, "key": "checked", "value": "yes"}])
    return database


@pytest.mark.parametrize(
    ("vocabulary", "text", "order_by", "rows"),
    [
        (EXPERIMENTS, "", [], ["Default", "iris", "digits"]),
        (EXPERIMENTS, "name LIKE 'd%' or tags.team = 'plants'", ["name"], ["digits", "iris"]),
        (EXPERIMENTS, "attribute.creation_time >= 1 AND last_update_time < 20", ["experiment_id"], ["digits", "iris"]),
        (EXPERIMENTS, "name ILIKE 'DEF%' AND experiment_id = '0'", [], ["Default"]),
        (MODELS, "", [], ["a", "b"]),
        (MODELS, "name = 'b'", [], ["b"]),
        (MODELS, "tags.owner = 'ann'", [], ["b"]),
        (MODELS, "name != 'x'", ["timestamp DESC"], ["a", "b"]),
        (MODELS, "", ["last_updated_timestamp ASC"], ["b", "a"]),
        (VERSIONS, "", [], ["a/10", "a/2", "a/1", "b/10", "b/2", "b/1"]),
        (VERSIONS, "name = 'a'", ["version_number ASC"], ["a/1", "a/2", "a/10"]),
        (VERSIONS, "version_number = 2 AND version = '2'", [], ["a/2", "b/2"]),
        (VERSIONS, "version_number >= 2 AND run_id = 'run-b'", [], ["b/10", "b/2"]),
        (VERSIONS, "stage = 'production' AND current_stage IN ('PRODUCTION')", [], ["a/2", "b/2"]),
        (VERSIONS, "tags.checked = 'yes'", [], ["a/2"]),
        (VERSIONS, "tags.checked IS NULL AND source_path LIKE '%a'", [], ["a/10", "a/1"]),
        (VERSIONS, "source = 'runs:/b' AND user_id = 'ann' AND creation_timestamp = 1", [], ["b/1"]),
    ],
)
def test_search(database: Database, vocabulary: Vocabulary, text: str, order_by: list[str], rows: list[str]) -> None:
    assert database.search(text, order_by, vocabulary) == rows


@pytest.mark.parametrize(
    ("vocabulary", "text"),
    [
        (MODELS, "run_id = 'x'"),
        (MODELS, "version_number = 1"),
        (MODELS, "name > 'a'"),
        (VERSIONS, "name > 'a'"),
        (EXPERIMENTS, "metrics.m > 1"),
        (EXPERIMENTS, "name > 'a'"),
    ],
)
def test_unknown_names_are_an_error(vocabulary: Vocabulary, text: str) -> None:
    with pytest.raises(QueryError):
        compile_search(text, [], vocabulary)


@pytest.mark.parametrize("vocabulary", [RUNS, EXPERIMENTS, MODELS, VERSIONS])
def test_every_attribute_can_be_searched_and_ordered_by(database: Database, vocabulary: Vocabulary) -> None:
    for attribute in vocabulary.attributes:
        assert (
            database.search(f"{attribute} IS NULL AND attributes.{attribute} IS NOT NULL", vocabulary=vocabulary) == []
        )
        everything = database.search("", vocabulary=vocabulary)
        assert sorted(database.search("", [f"{attribute} DESC"], vocabulary)) == sorted(everything)
