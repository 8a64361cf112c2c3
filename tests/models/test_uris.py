"""Model URIs: what each names, and what is said of those that name nothing."""

from __future__ import annotations

import pytest

import nbtrack
from nbtrack.errors import InvalidParameter, InvalidState, NotFound
from nbtrack.models import ModelVersionUri, RunUri, locate, parse_uri


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("runs:/abc/model", RunUri("abc", "model")),
        ("runs:/abc/models/it's 100% #1", RunUri("abc", "models/it's 100% #1")),
        ("runs:/abc", RunUri("abc")),
        ("models:/digits/3", ModelVersionUri("digits", version=3)),
        ("models:/digits/production", ModelVersionUri("digits", stage="Production")),
        ("models:/digits/None", ModelVersionUri("digits", stage="None")),
        ("models:/digits/Latest", ModelVersionUri("digits")),
        ("models:/digits@champ", ModelVersionUri("digits", alias="champ")),
        ("models:/a@b@champ", ModelVersionUri("a@b", alias="champ")),
        ("models:/digits/3/MLmodel", ModelVersionUri("digits", version=3, path="MLmodel")),
        ("models:/digits@champ/sub/x", ModelVersionUri("digits", alias="champ", path="sub/x")),
        ("folder/model", None),
        ("file:///folder", None),
    ],
)
def test_what_a_uri_names(uri: str, expected: object) -> None:
    assert parse_uri(uri) == expected


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("", "is a text such as"),
        ("runs://abc/model", "one slash"),
        ("runs:/", "names no run"),
        ("runs:/abc/../other", "leaves"),
        ("models:/", "which version of which model"),
        ("models:/digits", "which version of which model"),
        ("models:/digits@", "which version of which model"),
        ("models:/@champ", "which version of which model"),
        ("models:/digits/champ", "models:/digits@champ"),
        ("models:/digits/1/../../x", "leaves"),
    ],
)
def test_malformed_uris(uri: str, words: str) -> None:
    with pytest.raises(InvalidParameter, match=words):
        parse_uri(uri)


def test_names_of_nothing_say_what_there_is() -> None:
    client = nbtrack.MlflowClient()
    client.create_registered_model("digits")
    with pytest.raises(NotFound, match="no versions at all"):
        locate("models:/digits/latest")
    client.create_model_version("digits", "somewhere")
    for uri, error, words in (
        ("models:/digts/1", NotFound, "Did you mean 'digits'"),
        ("models:/digits/2", NotFound, "no version 2"),
        ("models:/digits/Staging", NotFound, r"stage Staging.*1 \(None\)"),
        ("models:/digits@champ", InvalidParameter, "no alias 'champ'"),
        ("runs:/abc/model", NotFound, "No run"),
    ):
        with pytest.raises(error, match=words):
            locate(uri)


def test_versions_can_lead_to_versions_but_not_in_a_circle() -> None:
    client = nbtrack.MlflowClient()
    client.create_registered_model("a")
    with nbtrack.start_run() as run:
        client.create_model_version("a", f"runs:/{run.info.run_id}/model")
    client.create_model_version("a", "models:/a/1")
    assert locate("models:/a/2").uri == f"runs:/{run.info.run_id}/model"
    assert client.get_model_version_download_uri("a", 2) == f"{run.info.artifact_uri}/model"
    # What is the latest now is another one as soon as there is this version: itself.
    client.create_model_version("a", "models:/a/latest")
    with pytest.raises(InvalidState, match="never to files"):
        locate("models:/a/3")
