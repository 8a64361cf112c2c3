"""copy_model_version: what a copy contains, and that it outlives its source."""

from __future__ import annotations

import pytest

import nbtrack
from nbtrack import MlflowClient
from nbtrack.errors import InvalidParameter, NotFound


@pytest.mark.slow
def test_a_copy_has_the_data_of_its_source_but_no_stage(trained: MlflowClient) -> None:
    trained.set_model_version_tag("digits", 2, "checked", "yes")
    trained.update_model_version("digits", 2, "the better one")
    trained.transition_model_version_stage("digits", 2, "Production")
    trained.set_registered_model_alias("digits", "champ", 2)
    original = trained.get_model_version("digits", 2)
    for number, uri in enumerate(("models:/digits/2", "models:/digits/production", "models:/digits@champ"), 1):
        copy = trained.copy_model_version(uri, "digits-prod", reason="release")
        assert (copy.name, copy.version, copy.source) == ("digits-prod", number, "models:/digits/2")
        assert (copy.tags, copy.description, copy.run_id) == (original.tags, original.description, original.run_id)
        assert (copy.current_stage, copy.aliases) == ("None", [])
    assert trained.copy_model_version("models:/digits/latest", "digits").version == 5
    assert {event.reason for event in trained.get_history("digits-prod")} == {"release"}


@pytest.mark.slow
def test_a_copy_keeps_its_files_when_its_source_changes(trained: MlflowClient) -> None:
    run = trained.get_run(trained.get_model_version("digits", 1).run_id)
    there = f"{run.info.artifact_uri}/model"
    trained.copy_model_version("models:/digits/1", "copy")
    trained.copy_model_version("models:/copy/1", "copy of a copy")

    def assert_leads_there() -> None:
        for name in ("copy", "copy of a copy"):
            if name in {model.name for model in nbtrack.search_registered_models()}:
                assert trained.get_model_version_download_uri(name, 1) == there

    assert_leads_there()
    trained.rename_registered_model("digits", "ciphers")
    assert trained.get_model_version("copy", 1).source == "models:/ciphers/1"
    assert_leads_there()
    trained.delete_model_version("ciphers", 1)
    assert_leads_there()
    trained.delete_registered_model("copy")
    assert_leads_there()


def test_only_versions_can_be_copied(trained: MlflowClient) -> None:
    for uri in ("runs:/x/model", "models:/digits/1/part", "/a/folder", "digits/1"):
        with pytest.raises(InvalidParameter, match="Only a version"):
            trained.copy_model_version(uri, "copy")
    for uri in ("models:/digits/99", "models:/digits/Staging", "models:/nope/1"):
        with pytest.raises(NotFound):
            trained.copy_model_version(uri, "copy")
    with pytest.raises(InvalidParameter, match="'/' or ':'"):
        trained.copy_model_version("models:/digits/1", "a/b")
    assert [model.name for model in nbtrack.search_registered_models()] == ["digits"]


def test_module_level_searches_return_all_or_max_results(trained: MlflowClient) -> None:
    for number in range(3):
        trained.create_registered_model(f"m{number}")
    assert [model.name for model in nbtrack.search_registered_models(filter_string="name LIKE 'm%'")] == [
        "m0",
        "m1",
        "m2",
    ]
    assert len(nbtrack.search_registered_models(max_results=2)) == 2
    assert [version.version for version in nbtrack.search_model_versions(2, order_by=["version_number"])] == [1, 2]
    nbtrack.set_model_version_tag("digits", 1, "k", 7)
    assert trained.get_model_version("digits", 1).tags == {"k": "7"}
    nbtrack.set_registry_uri(nbtrack.get_registry_uri())
    with pytest.raises(InvalidParameter, match="same store"):
        nbtrack.set_registry_uri("sqlite:///elsewhere.db")
    nbtrack.set_experiment("digits")
    nbtrack.set_experiment_tags({"a": 1, "b": "2"})
    nbtrack.delete_experiment_tag("a")
    assert nbtrack.get_experiment_by_name("digits").tags == {"b": "2"}  # type: ignore[union-attr]
