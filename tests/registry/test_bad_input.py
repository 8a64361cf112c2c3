"""Calls that the registry refuses, with the class and the words of the error, change nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nbtrack import MlflowClient
from nbtrack.errors import AlreadyExists, InvalidParameter, NbtrackError, NotFound, QueryError

Call = Callable[[MlflowClient], object]

REFUSED: list[tuple[str, type[NbtrackError], str, Call]] = [
    ("taken name", AlreadyExists, "already exists", lambda c: c.create_registered_model("m")),
    ("empty name", InvalidParameter, "empty", lambda c: c.create_registered_model("")),
    ("blank name", InvalidParameter, "empty", lambda c: c.create_registered_model("  ")),
    ("number as a name", InvalidParameter, "must be a string", lambda c: c.create_registered_model(7)),  # type: ignore[arg-type]
    ("slash in a name", InvalidParameter, "'/' or ':'", lambda c: c.create_registered_model("../m")),
    ("colon in a name", InvalidParameter, "'/' or ':'", lambda c: c.create_registered_model("a:b")),
    ("point as a name", InvalidParameter, "folder", lambda c: c.create_registered_model(".")),
    ("two points as a name", InvalidParameter, "folder", lambda c: c.rename_registered_model("m", "..")),
    ("long name", InvalidParameter, "10,000", lambda c: c.create_registered_model("x" * 10_000)),
    ("NUL in a name", InvalidParameter, "NUL", lambda c: c.create_registered_model("a\0b")),
    ("tags in a list", InvalidParameter, "dict", lambda c: c.create_registered_model("n", ["a"])),  # type: ignore[arg-type]
    ("unknown model", NotFound, "Did you mean 'm'", lambda c: c.get_registered_model("mm")),
    ("delete unknown", NotFound, "nope", lambda c: c.delete_registered_model("nope")),
    ("rename unknown", NotFound, "nope", lambda c: c.rename_registered_model("nope", "n")),
    ("version of unknown", NotFound, "nope", lambda c: c.create_model_version("nope", "s")),
    ("no source", InvalidParameter, "source", lambda c: c.create_model_version("m", "")),
    ("source of no version", NotFound, "no version 99", lambda c: c.create_model_version("m", "models:/m/99")),
    ("source of no model", NotFound, "'nope'", lambda c: c.create_model_version("m", "models:/nope/1")),
    ("source of no stage", NotFound, "Staging", lambda c: c.create_model_version("m", "models:/m/Staging")),
    (
        "source of nothing",
        InvalidParameter,
        "not a valid model URI",
        lambda c: c.create_model_version("m", "models:/m"),
    ),
    ("unknown version", NotFound, "no version 9.*is 1", lambda c: c.get_model_version("m", 9)),
    ("version in words", InvalidParameter, "must be an integer", lambda c: c.get_model_version("m", "latest")),
    ("version with a point", InvalidParameter, "must be an integer", lambda c: c.get_model_version("m", 1.0)),  # type: ignore[arg-type]
    ("version in other digits", InvalidParameter, "must be an integer", lambda c: c.get_model_version("m", "١")),
    ("unknown stage", InvalidParameter, "None, Staging", lambda c: c.transition_model_version_stage("m", 1, "Prod")),
    ("empty stage", InvalidParameter, "None, Staging", lambda c: c.transition_model_version_stage("m", 1, "")),
    ("move unknown version", NotFound, "9", lambda c: c.transition_model_version_stage("m", 9, "Staging")),
    ("stages as a string", InvalidParameter, "list", lambda c: c.get_latest_versions("m", "Staging")),
    ("alias latest", InvalidParameter, "reserved", lambda c: c.set_registered_model_alias("m", "Latest", 1)),
    ("alias v7", InvalidParameter, "reserved", lambda c: c.set_registered_model_alias("m", "v7", 1)),
    ("alias with a slash", InvalidParameter, "letters", lambda c: c.set_registered_model_alias("m", "a/b", 1)),
    ("empty alias", InvalidParameter, "empty", lambda c: c.set_registered_model_alias("m", "", 1)),
    ("long alias", InvalidParameter, "255", lambda c: c.set_registered_model_alias("m", "a" * 256, 1)),
    ("delete an empty alias", InvalidParameter, "empty", lambda c: c.delete_registered_model_alias("m", "")),
    ("delete no alias", InvalidParameter, "a string", lambda c: c.delete_registered_model_alias("m", None)),  # type: ignore[arg-type]
    ("no alias", InvalidParameter, "alias must not be None", lambda c: c.get_model_version_by_alias("m", None)),  # type: ignore[arg-type]
    ("no gate", InvalidParameter, "filter_string must not be None", lambda c: c.set_gate("m", "Staging", None)),  # type: ignore[arg-type]
    ("delete a/b", InvalidParameter, "letters", lambda c: c.delete_registered_model_alias("m", "a/b")),
    ("delete a blank", InvalidParameter, "letters", lambda c: c.delete_registered_model_alias("m", "a b")),
    ("delete a long alias", InvalidParameter, "255", lambda c: c.delete_registered_model_alias("m", "a" * 256)),
    ("alias to nothing", NotFound, "77", lambda c: c.set_registered_model_alias("m", "ok", 77)),
    (
        "unknown alias",
        InvalidParameter,
        "no alias 'CHAMP'.*champ",
        lambda c: c.get_model_version_by_alias("m", "CHAMP"),
    ),
    (
        "alias latest of nothing",
        InvalidParameter,
        "no alias",
        lambda c: c.get_model_version_by_alias("empty", "latest"),
    ),
    ("nothing to update", InvalidParameter, "description must be a string", lambda c: c.update_model_version("m", 1)),
    ("tag without key", InvalidParameter, "empty", lambda c: c.set_registered_model_tag("m", "", "v")),
    (
        "no version, no stage",
        InvalidParameter,
        "Pass either version or stage",
        lambda c: c.set_model_version_tag("m", key="k"),
    ),
    ("empty stage's tag", NotFound, "Archived", lambda c: c.set_model_version_tag("m", key="k", stage="archived")),
    ("wrong filter", QueryError, "name", lambda c: c.search_registered_models("nam = 'x'")),
    ("wrong order", QueryError, "foo", lambda c: c.search_model_versions(order_by=["foo"])),
    ("no results wanted", InvalidParameter, "between 1 and 1,000", lambda c: c.search_registered_models(max_results=0)),
    ("too many models", InvalidParameter, "1,000", lambda c: c.search_registered_models(max_results=1001)),
    ("too many versions", InvalidParameter, "200,000", lambda c: c.search_model_versions(max_results=200_001)),
    ("foreign token", InvalidParameter, "page_token", lambda c: c.search_registered_models(page_token="x!")),
    ("forged token", InvalidParameter, "page_token", lambda c: c.search_registered_models(page_token="WzFd")),
    ("history of nothing", NotFound, "never existed", lambda c: c.get_history("nope")),
]


def test_refused_calls_change_nothing() -> None:
    client = MlflowClient()
    client.create_registered_model("m")
    client.create_registered_model("empty")
    client.create_model_version("m", "s")
    client.set_registered_model_alias("m", "champ", 1)
    before = (client.search_registered_models(), client.search_model_versions(), client.get_history("m"))
    for name, error, words, call in REFUSED:
        with pytest.raises(error, match=f"(?s){words}") as caught:
            call(client)
        assert type(caught.value) is error, name
        assert len(str(caught.value)) < 600, name
    assert (client.search_registered_models(), client.search_model_versions(), client.get_history("m")) == before


@pytest.mark.slow
def test_unusual_names_are_valid() -> None:
    client = MlflowClient()
    for name in (
        'it\'s "quoted"',
        "<b>bold</b>".replace("/", "\\"),
        "emoji 😀",
        "...",
        "a@b",
        "% _ \\",
        "DROP TABLE x;",
    ):
        client.create_registered_model(name, {name: name}, name)
        client.create_model_version(name, name)
        model = client.get_registered_model(name)
        assert (model.name, model.tags, model.description) == (name, {name: name}, name)
        assert client.get_latest_versions(name)[0].source == name
        client.delete_registered_model(name)
