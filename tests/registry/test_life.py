"""The life of a registered model through the client: versions, stages, aliases, tags, names, history."""

from __future__ import annotations

import pytest

from nbtrack import MlflowClient
from nbtrack.errors import AlreadyExists, InvalidParameter, NotFound


@pytest.fixture
def client() -> MlflowClient:
    return MlflowClient()


@pytest.fixture
def digits(client: MlflowClient) -> MlflowClient:
    """Create the model `digits` with versions 1 to 3."""
    client.create_registered_model("digits", {"task": "vision"}, "handwritten digits")
    for number in (1, 2, 3):
        client.create_model_version("digits", f"runs:/r{number}/model", f"r{number}", tags={"n": number})
    return client


def stages(client: MlflowClient, name: str = "digits") -> dict[int, str]:
    return {v.version: v.current_stage for v in client.search_model_versions(f"name = '{name}'")}


def test_a_new_model_and_version_have_the_given_values(digits: MlflowClient) -> None:
    model = digits.get_registered_model("digits")
    assert (model.name, model.description, model.tags) == ("digits", "handwritten digits", {"task": "vision"})
    version = digits.get_model_version("digits", "2")
    assert (version.version, version.source, version.run_id) == (2, "runs:/r2/model", "r2")
    assert (version.current_stage, version.status, version.tags, version.aliases) == ("None", "READY", {"n": "2"}, [])
    assert version.user_id
    assert version.creation_timestamp == version.last_updated_timestamp


def test_version_numbers_are_not_reused(digits: MlflowClient) -> None:
    digits.delete_model_version("digits", 3)
    digits.delete_model_version("digits", 1)
    assert digits.create_model_version("digits", "s").version == 4
    assert sorted(stages(digits)) == [2, 4]


def test_promotion_archives_other_versions_only_on_request(digits: MlflowClient) -> None:
    digits.transition_model_version_stage("digits", 1, "production")
    digits.transition_model_version_stage("digits", "2", "PRODUCTION")
    assert stages(digits) == {1: "Production", 2: "Production", 3: "None"}
    promoted = digits.transition_model_version_stage("digits", 3, "Production", archive_existing_versions=True)
    assert promoted.current_stage == "Production"
    assert stages(digits) == {1: "Archived", 2: "Archived", 3: "Production"}


@pytest.mark.parametrize("stage", ["None", "archived"])
def test_archiving_existing_versions_requires_an_active_stage(digits: MlflowClient, stage: str) -> None:
    with pytest.raises(InvalidParameter, match="Staging or Production"):
        digits.transition_model_version_stage("digits", 1, stage, archive_existing_versions=True)
    assert set(stages(digits).values()) == {"None"}


def test_latest_versions_has_one_version_per_stage(digits: MlflowClient) -> None:
    digits.transition_model_version_stage("digits", 1, "Staging")
    latest = {v.current_stage: v.version for v in digits.get_latest_versions("digits")}
    assert latest == {"Staging": 1, "None": 3}
    assert [v.version for v in digits.get_latest_versions("digits", ["staging"])] == [1]
    assert digits.get_latest_versions("digits", ["Production"]) == []
    assert digits.get_latest_versions("digits", []) == digits.get_latest_versions("digits"), "as in MLflow"
    assert {v.version for v in digits.get_registered_model("digits").latest_versions} == {1, 3}


def test_an_alias_can_move_and_is_deleted_with_its_version(digits: MlflowClient) -> None:
    digits.set_registered_model_alias("digits", "champ", 1)
    digits.set_registered_model_alias("digits", "champ", "3")
    digits.set_registered_model_alias("digits", "Champ", 1)
    assert digits.get_model_version_by_alias("digits", "Latest").version == 3
    assert digits.get_registered_model("digits").aliases == {"Champ": 1, "champ": 3}
    assert digits.get_model_version_by_alias("digits", "champ").version == 3
    assert digits.get_model_version("digits", 3).aliases == ["champ"]
    digits.delete_model_version("digits", 3)
    assert digits.get_registered_model("digits").aliases == {"Champ": 1}
    digits.delete_registered_model_alias("digits", "Champ")
    digits.delete_registered_model_alias("digits", "was-never-there")
    digits.delete_registered_model_alias("digits", "latest")
    assert digits.get_registered_model("digits").aliases == {}


def test_tags_are_overwritten_and_deleted(digits: MlflowClient) -> None:
    digits.set_registered_model_tag("digits", "task", "ocr")
    digits.delete_registered_model_tag("digits", "was never there")
    assert digits.get_registered_model("digits").tags == {"task": "ocr"}
    digits.delete_registered_model_tag("digits", "task")
    assert digits.get_registered_model("digits").tags == {}
    digits.set_model_version_tag("digits", 1, "approved", True)
    digits.transition_model_version_stage("digits", 2, "Staging")
    digits.set_model_version_tag("digits", key="approved", value="no", stage="staging")
    digits.delete_model_version_tag("digits", 2, "n")
    assert digits.get_model_version("digits", 1).tags == {"approved": "True", "n": "1"}
    assert digits.get_model_version("digits", 2).tags == {"approved": "no"}


def test_a_renamed_model_keeps_everything(digits: MlflowClient) -> None:
    digits.transition_model_version_stage("digits", 2, "Production")
    digits.set_registered_model_alias("digits", "champ", 2)
    renamed = digits.rename_registered_model("digits", "ciphers")
    assert (renamed.name, renamed.tags, renamed.aliases) == ("ciphers", {"task": "vision"}, {"champ": 2})
    assert stages(digits, "ciphers") == {1: "None", 2: "Production", 3: "None"}
    assert digits.get_model_version("ciphers", 1).tags == {"n": "1"}
    assert digits.get_history("ciphers")[0].kind == "renamed"
    assert digits.get_history("ciphers")[-1].kind == "created"
    assert digits.create_model_version("ciphers", "s").version == 4
    with pytest.raises(NotFound):
        digits.get_registered_model("digits")
    assert digits.rename_registered_model("ciphers", "ciphers").name == "ciphers"
    with pytest.raises(NotFound, match="It was renamed to 'ciphers', which has its history"):
        digits.get_history("digits")
    digits.create_registered_model("other")
    with pytest.raises(AlreadyExists):
        digits.rename_registered_model("ciphers", "other")
    digits.rename_registered_model("ciphers", "numerals")
    digits.delete_registered_model("numerals")
    for name in ("digits", "ciphers"):
        with pytest.raises(NotFound, match="renamed to 'numerals'"):
            digits.get_history(name)
    assert digits.get_history("numerals")[0].kind == "deleted"


def test_the_name_of_a_deleted_model_can_be_reused(digits: MlflowClient) -> None:
    digits.set_registered_model_alias("digits", "champ", 2)
    digits.delete_registered_model("digits")
    with pytest.raises(NotFound):
        digits.get_registered_model("digits")
    assert digits.search_model_versions() == []
    assert digits.get_history("digits")[0].kind == "deleted"
    digits.create_registered_model("digits")
    model = digits.get_registered_model("digits")
    assert (model.tags, model.aliases, model.latest_versions) == ({}, {}, [])
    assert [event.kind for event in digits.get_history("digits")] == ["created"]
    assert digits.create_model_version("digits", "s").version == 1


def test_the_history_lists_changes_with_users_newest_first(digits: MlflowClient) -> None:
    digits.transition_model_version_stage("digits", 1, "Production")
    digits.transition_model_version_stage("digits", 1, "Production")
    digits.transition_model_version_stage("digits", 2, "Production", archive_existing_versions=True)
    digits.set_registered_model_alias("digits", "champ", 1)
    digits.set_registered_model_alias("digits", "champ", 2)
    digits.update_model_version("digits", 2, "the best")
    digits.update_registered_model("digits", "new words")
    digits.delete_model_version("digits", 2)
    history = digits.get_history("digits")
    assert [(e.kind, e.version, e.old, e.new) for e in history] == [
        ("version_deleted", 2, "Production", None),
        ("alias_deleted", 2, "champ", None),
        ("description", None, "handwritten digits", "new words"),
        ("description", 2, "", "the best"),
        ("alias_set", 2, "1", "champ"),
        ("alias_set", 1, None, "champ"),
        ("stage", 2, "None", "Production"),
        ("stage", 1, "Production", "Archived"),
        ("stage", 1, "None", "Production"),
        ("version_created", 3, None, "runs:/r3/model"),
        ("version_created", 2, None, "runs:/r2/model"),
        ("version_created", 1, None, "runs:/r1/model"),
        ("created", None, None, None),
    ]
    assert all(event.user_id for event in history)
    times = [event.timestamp for event in history]
    assert times == sorted(set(times), reverse=True)


def test_search_results_are_paged(client: MlflowClient) -> None:
    for name in ("b", "a", "é", "C"):
        client.create_registered_model(name, {"even": len(name) % 2 == 0})
    first = client.search_registered_models(max_results=3)
    assert [model.name for model in first] == ["C", "a", "b"]
    second = client.search_registered_models(max_results=3, page_token=first.token)
    assert [model.name for model in second] == ["é"]
    assert second.token is None
    assert client.search_registered_models(max_results=4).token is None
    by_name = client.search_registered_models("name IN ('a', 'b')", order_by=["name DESC"])
    assert [model.name for model in by_name] == ["b", "a"]


def test_versions_are_found_by_run_tag_and_stage(digits: MlflowClient) -> None:
    digits.transition_model_version_stage("digits", 1, "Staging")
    found = {
        text: [version.version for version in digits.search_model_versions(text)]
        for text in ("run_id = 'r2'", "tags.n > 1", "current_stage = 'staging'", "version_number = 3", "name = 'x'")
    }
    assert found == {
        "run_id = 'r2'": [2],
        "tags.n > 1": [3, 2],
        "current_stage = 'staging'": [1],
        "version_number = 3": [3],
        "name = 'x'": [],
    }
    assert [v.version for v in digits.search_model_versions()] == [1, 3, 2], "the one changed last comes first"


def test_a_version_without_a_run_has_no_run_id_that_a_filter_compares(trained: MlflowClient) -> None:
    def found(text: str) -> list[int]:
        return sorted(version.version for version in trained.search_model_versions(text))

    assert found("run_id != 'x'") == [1, 2, 3], "as in MLflow"
    assert found("run_id LIKE '%'") == [1, 2, 3]
    assert found("run_id IS NULL") == [4]
    assert found("run_id IS NOT NULL") == [1, 2, 3]
    first = trained.get_model_version("digits", 1).run_id
    assert found(f"run_id != '{first}'") == [2, 3]
    assert found(f"run_id IN ('{first}')") == [1]
    assert trained.get_model_version("digits", 4).run_id == ""
    assert [v.version for v in trained.search_model_versions(order_by=["run_id"])][-1] == 4
