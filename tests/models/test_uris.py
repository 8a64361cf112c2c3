"""Model URIs: what they name, and the errors for URIs that name nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import nbtrack
from nbtrack.entities import IMPORTED
from nbtrack.errors import InvalidParameter, InvalidState, NotFound
from nbtrack.model_registry.resolving import find_version, resolve
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
def test_valid_uris(uri: str, expected: object) -> None:
    assert parse_uri(uri) == expected


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("", "must be a string such as"),
        ("runs://abc/model", "one slash"),
        ("runs:/", "does not contain a run ID"),
        ("runs:/abc/../other", "must not leave"),
        ("models:/", "is not a valid model URI"),
        ("models:/digits", "is not a valid model URI"),
        ("models:/digits@", "is not a valid model URI"),
        ("models:/@champ", "is not a valid model URI"),
        ("models:/digits/champ", "models:/digits@champ"),
        ("models:/digits/1/../../x", "must not leave"),
    ],
)
def test_malformed_uris(uri: str, words: str) -> None:
    with pytest.raises(InvalidParameter, match=words):
        parse_uri(uri)


def test_uris_of_models_that_do_not_exist() -> None:
    client = nbtrack.MlflowClient()
    client.create_registered_model("digits")
    with pytest.raises(NotFound, match="has no versions"):
        locate("models:/digits/latest")
    client.create_model_version("digits", "somewhere")
    for uri, error, words in (
        ("models:/digts/1", NotFound, "Did you mean 'digits'"),
        ("models:/digits/2", NotFound, "no version 2"),
        ("models:/digits/Staging", NotFound, r"stage Staging.*version 1 in stage None"),
        ("models:/digits@champ", InvalidParameter, "no alias 'champ'"),
        ("runs:/abc/model", NotFound, "Run 'abc' does not exist"),
    ):
        with pytest.raises(error, match=words):
            locate(uri)


def test_versions_can_refer_to_versions_but_not_in_a_cycle() -> None:
    client = nbtrack.MlflowClient()
    client.create_registered_model("a")
    with nbtrack.start_run() as run:
        client.create_model_version("a", f"runs:/{run.info.run_id}/model")
    client.create_model_version("a", "models:/a/1")
    assert locate("models:/a/2").uri == f"runs:/{run.info.run_id}/model"
    assert client.get_model_version_download_uri("a", 2) == f"{run.info.artifact_uri}/model"
    # Once this version exists, the latest version is this version itself.
    client.create_model_version("a", "models:/a/latest")
    with pytest.raises(InvalidState, match="never to files"):
        locate("models:/a/3")


@contextmanager
def calls_of(*functions: Callable[..., Any]) -> Iterator[Counter[str]]:
    """Count the calls of functions in the block, under any name by which they were imported."""
    names = {function.__code__: function.__name__ for function in functions}
    counted: Counter[str] = Counter()

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code in names:
            counted[names[frame.f_code]] += 1

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield counted
    finally:
        sys.setprofile(before)


@pytest.mark.slow
def test_loading_a_model_resolves_its_uri_once() -> None:
    from sklearn.linear_model import LinearRegression

    client = nbtrack.MlflowClient()
    with nbtrack.start_run() as run:
        nbtrack.sklearn.log_model(LinearRegression().fit([[0], [1]], [0, 1]), "model", registered_model_name="m")
    client.transition_model_version_stage("m", 1, "Production")
    client.set_registered_model_alias("m", "champion", 1)
    client.copy_model_version("models:/m/1", "copy")
    # Each URI on the way to the files is parsed once, and each version is looked up once.
    ways = {
        f"runs:/{run.info.run_id}/model": 1,
        "models:/m/1": 2,
        "models:/m/Production": 2,
        "models:/m/latest": 2,
        "models:/m@champion": 2,
        "models:/copy/1": 3,
    }
    watched = (locate, resolve, parse_uri, find_version, nbtrack.MlflowClient.get_run)
    for uri, length in ways.items():
        for flavor in (nbtrack.sklearn, nbtrack.pyfunc):
            with calls_of(*watched) as counted:
                assert flavor.load_model(uri)
            assert (counted["locate"], counted["resolve"]) == (1, 1), uri
            assert (counted["parse_uri"], counted["find_version"]) == (length, length - 1), uri
            assert counted["get_run"] <= 1, uri


@pytest.mark.slow
def test_a_path_to_artifacts_of_a_run_is_trusted_like_its_uri(tmp_path: Path) -> None:
    with nbtrack.start_run() as run:
        info = nbtrack.pyfunc.log_model(python_model=lambda rows: rows, name="m")
    folder = Path(run.info.artifact_uri, "m")
    (tmp_path / "link").symlink_to(folder)
    nbtrack.register_model(str(folder), "n")
    # The folder of another run, which does not make this one trusted.
    client = nbtrack.MlflowClient()
    client.create_model_version("n", str(folder), run_id=nbtrack.MlflowClient().create_run("0").info.run_id)
    downloaded = nbtrack.artifacts.download_artifacts(info.model_uri)
    assert locate(folder).uri == info.model_uri
    for load in (nbtrack.pyfunc.load_model, nbtrack.models.get_model_info):
        assert load(folder)
    assert nbtrack.register_model(folder, "by path").source == info.model_uri
    paths = [str(folder), folder.as_uri(), downloaded, str(tmp_path / "link"), "models:/n/1", "models:/n/2"]
    for uri in paths:
        assert locate(uri).uri == info.model_uri
        assert nbtrack.pyfunc.load_model(uri).predict([1]) == [1]
    assert locate("models:/n/1/MLmodel").uri == f"{info.model_uri}/MLmodel"
    # A process that did not create the run asks the database.
    code = "import sys, nbtrack; print(*[nbtrack.pyfunc.load_model(uri).predict([1]) for uri in sys.argv[1:]])"
    told = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["[1]"] * len(paths)
    client.set_tag(run.info.run_id, IMPORTED, "elsewhere")
    told = subprocess.run([sys.executable, "-c", code, paths[0]], capture_output=True, text=True, check=False).stderr
    assert "trust=True" in told


def test_a_path_that_only_looks_like_that_of_a_run_requires_trust(tmp_path: Path) -> None:
    with nbtrack.start_run() as run:
        nbtrack.pyfunc.log_model(python_model=lambda rows: rows, name="m")
    for place in (tmp_path / run.info.run_id / "artifacts", Path(run.info.artifact_uri).parent / "other"):
        shutil.copytree(run.info.artifact_uri, place)
        assert not locate(str(place / "m")).in_store
        with pytest.raises(InvalidParameter, match="trust=True"):
            nbtrack.pyfunc.load_model(str(place / "m"))
    (Path(run.info.artifact_uri) / "away").symlink_to(tmp_path)
    assert not locate(f"{run.info.artifact_uri}/away").in_store


def test_locating_a_path_creates_no_store(tmp_path: Path, own_store: Path) -> None:
    assert not locate(str(tmp_path / ("a" * 32) / "artifacts" / "m")).in_store
    assert not own_store.exists()
