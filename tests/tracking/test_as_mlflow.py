"""Code for MLflow does the same with nbtrack at the edges. The same calls run on the real mlflow in the slow tests."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.errors import InvalidParameter, NotSupported

pytestmark = pytest.mark.slow


@pytest.fixture(params=["nbtrack", pytest.param("mlflow", marks=pytest.mark.slow)])
def mlflow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """nbtrack, or the real mlflow with a store of its own."""
    tracker = importlib.import_module(request.param)
    if request.param == "mlflow":
        tracker.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
        tracker.set_experiment("Default")
    yield tracker
    if request.param == "mlflow":
        tracker.set_tracking_uri(None)


def test_a_relative_artifact_location_is_made_absolute(mlflow: Any, tmp_path: Path, monkeypatch: Any) -> None:
    experiment = mlflow.create_experiment("relative", artifact_location="./here/files")
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_text("1", "a.txt")
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        mlflow.log_text("2", "b.txt")
    assert mlflow.get_experiment(experiment).artifact_location.endswith(f"{tmp_path}/here/files")
    files = mlflow.artifacts.list_artifacts(run_id=run.info.run_id)
    assert [file.path for file in files] == ["a.txt", "b.txt"]
    assert list(tmp_path.glob("here/files/*/artifacts/b.txt"))


def test_a_filter_finds_runs_by_the_location_of_their_artifacts(mlflow: Any) -> None:
    mlflow.set_experiment("located")
    with mlflow.start_run() as run, mlflow.start_run(nested=True):
        pass
    uri = run.info.artifact_uri
    filters = [f"attributes.artifact_uri = '{uri}'", f"artifact_uri != '{uri}'", f"artifact_uri LIKE '{uri[:-45]}%'"]
    assert [len(mlflow.search_runs(filter_string=filter)) for filter in filters] == [1, 1, 2]
    if mlflow is nbtrack:
        ordered = nbtrack.search_runs(filter_string=f"artifact_uri IN ('{uri}', 'x')", order_by=["artifact_uri"])
        assert ordered["artifact_uri"].tolist() == [uri]
        location = nbtrack.get_experiment(run.info.experiment_id).artifact_location
        (found,) = nbtrack.search_experiments(filter_string=f"artifact_location = '{location}'")
        assert found.name == "located"


def test_a_filter_by_location_works_in_a_folder_with_any_name(tmp_path: Path) -> None:
    nbtrack.set_tracking_uri(tmp_path / "it's 100%_r.artifact_uri")
    with nbtrack.start_run() as run:
        pass
    pattern = run.info.artifact_uri.replace("'", "_").replace("%", "_")
    assert len(nbtrack.search_runs(filter_string=f"artifact_uri LIKE '{pattern}'")) == 1
    assert len(nbtrack.search_runs(filter_string=f"artifact_uri LIKE '{pattern}x'")) == 0


def test_paths_in_a_folder_outside_of_runs_begin_with_its_name(mlflow: Any, tmp_path: Path) -> None:
    (tmp_path / "out side" / "sub").mkdir(parents=True)
    (tmp_path / "out side" / "a.txt").write_text("a")
    (tmp_path / "out side" / "sub" / "b.txt").write_text("b")
    uris = [f"{tmp_path}/out side", "out side", f"{tmp_path}/out side/sub", f"{tmp_path}/out side/"]
    assert [[file.path for file in mlflow.artifacts.list_artifacts(artifact_uri=uri)] for uri in uris] == [
        ["out side/a.txt", "out side/sub"],
        ["out side/a.txt", "out side/sub"],
        ["sub/b.txt"],
        ["a.txt", "sub"],
    ]
    if mlflow is nbtrack:
        (file, _) = nbtrack.artifacts.list_artifacts((tmp_path / "out side").as_uri())
        assert file.path == "out side/a.txt"


def _walk(mlflow: Any, run_id: str, path: str = "") -> list[str]:
    found = []
    for info in mlflow.artifacts.list_artifacts(run_id=run_id, artifact_path=path):
        found += [f"{info.path}/", *_walk(mlflow, run_id, info.path)] if info.is_dir else [info.path]
    return found


def test_empty_folders_are_kept(mlflow: Any, tmp_path: Path) -> None:
    (tmp_path / "source" / "empty" / "deep").mkdir(parents=True)
    (tmp_path / "source" / "a.txt").write_text("a")
    with mlflow.start_run() as run:
        mlflow.log_artifacts("source")
        mlflow.log_artifact("source")
        mlflow.log_artifacts("source", "source/empty")
    tree = ["a.txt", "empty/", "empty/deep/"]
    below = ["a.txt", "empty/", "empty/a.txt", "empty/deep/", "empty/empty/", "empty/empty/deep/"]
    found = [*tree, "source/", *(f"source/{path}" for path in below)]
    assert _walk(mlflow, run.info.run_id) == found
    copy = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="", dst_path=tmp_path / "copy")
    assert (Path(copy) / "source" / "empty" / "deep").is_dir()
    assert (Path(copy) / "empty" / "deep").is_dir()


@pytest.mark.parametrize("location", ["file:here", "here/.."])
def test_every_form_of_a_relative_location_is_made_absolute(location: str, tmp_path: Path, monkeypatch: Any) -> None:
    found = nbtrack.get_experiment(nbtrack.create_experiment("relative", location)).artifact_location
    monkeypatch.chdir("/")
    assert nbtrack.artifacts.list_artifacts(found) == []
    assert found.removeprefix("file://").startswith(f"{tmp_path}/here")
    assert nbtrack.get_experiment(nbtrack.create_experiment("unchanged", "file:///a b")).artifact_location == (
        "file:///a b"
    )


def _child(code: str, folder: Path, tracker: Any, **variables: str) -> str:
    folder.mkdir(exist_ok=True)
    source = f"import {tracker.__name__} as mlflow\n{code}"
    environment = {**os.environ, **variables}
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=folder, capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout.strip().splitlines()[-1]


_NAME = "with mlflow.start_run() as run: print(mlflow.get_experiment(run.info.experiment_id).name)"


def test_child_processes_use_the_store_and_the_experiment_that_were_set(
    mlflow: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.delenv("NBTRACK_TRACKING_URI")
    if mlflow is nbtrack:
        mlflow.set_tracking_uri(tmp_path / "set")
    mlflow.set_experiment("of the parent")
    assert _child(_NAME, tmp_path / "elsewhere", mlflow) == "of the parent"
    assert len(mlflow.search_runs(experiment_names=["of the parent"])) == 1


@pytest.mark.slow
def test_what_is_passed_on_to_child_processes_changes_nothing_here(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("NBTRACK_TRACKING_URI", str(tmp_path / "named"))
    nbtrack.set_tracking_uri(tmp_path / "set")
    nbtrack.set_experiment("of the first store")
    assert os.environ["NBTRACK_TRACKING_URI"] == str(tmp_path / "set")
    nbtrack.set_tracking_uri(tmp_path / "second")
    # The ID belongs to the first store: neither this process nor a child looks for it in another one.
    with nbtrack.start_run() as run:
        assert run.info.experiment_id == "0"
    assert _child(_NAME, tmp_path / "elsewhere", nbtrack) == "Default"
    named = {"NBTRACK_TRACKING_URI": str(tmp_path / "set")}
    assert _child(_NAME, tmp_path / "elsewhere", nbtrack, **named) == "of the first store"
    nbtrack.set_tracking_uri("")
    assert nbtrack.get_tracking_uri() == os.environ["NBTRACK_TRACKING_URI"] == str(tmp_path / "named")
    nbtrack.set_tracking_uri(tmp_path / "set")
    nbtrack.delete_experiment(nbtrack.get_experiment_by_name("of the first store").experiment_id)
    assert "NBTRACK_EXPERIMENT_ID" not in os.environ


def test_a_store_that_is_not_a_string_or_a_path_is_an_error() -> None:
    with pytest.raises(InvalidParameter, match="uri must be a string or a path, not int"):
        nbtrack.set_tracking_uri(3)  # type: ignore[arg-type]


def test_none_resets_the_store(tmp_path: Path) -> None:
    default = nbtrack.get_tracking_uri()
    nbtrack.set_tracking_uri(tmp_path / "set")
    nbtrack.set_tracking_uri(None)
    assert nbtrack.get_tracking_uri() == default


@pytest.mark.parametrize("uri", ["databricks", "databricks-uc", "databricks://profile"])
def test_a_hosted_store_is_not_taken_for_a_folder(uri: str, tmp_path: Path, monkeypatch: Any) -> None:
    with pytest.raises(NotSupported, match="keeps runs in a folder"):
        nbtrack.set_tracking_uri(uri)
    monkeypatch.setenv("NBTRACK_TRACKING_URI", uri)
    with pytest.raises(NotSupported, match="keeps runs in a folder"):
        nbtrack.get_tracking_uri()
    nbtrack.set_tracking_uri(Path("databricks"))
    assert nbtrack.get_tracking_uri() == str(tmp_path / "databricks")


@pytest.mark.filterwarnings("ignore:Experiment 'unknown' does not exist")
def test_an_experiment_that_does_not_exist_has_no_runs(mlflow: Any) -> None:
    mlflow.set_experiment("known")
    with mlflow.start_run():
        pass
    assert mlflow.search_runs(experiment_names=["unknown"]).empty
    assert mlflow.search_runs(experiment_names=["unknown"], output_format="list") == []
    assert len(mlflow.search_runs(experiment_names=["known", "unknown"])) == 1


def test_an_experiment_that_does_not_exist_is_named_in_a_warning() -> None:
    with pytest.warns(UserWarning, match="Experiment 'nope' does not exist") as caught:
        nbtrack.search_runs(experiment_names=["nope"])
    assert caught[0].filename == __file__
    with pytest.raises(InvalidParameter, match="must be a list of names"):
        nbtrack.search_runs(experiment_names="nope")


def test_a_run_that_was_resumed_in_its_own_block_ends_with_it(mlflow: Any) -> None:
    with mlflow.start_run() as run:
        mlflow.end_run()
        mlflow.start_run(run_id=run.info.run_id)
    assert mlflow.get_run(run.info.run_id).info.status == "FINISHED"
    assert mlflow.active_run() is None
    with suppress(ZeroDivisionError), mlflow.start_run() as failed:
        mlflow.end_run()
        mlflow.start_run(run_id=failed.info.run_id)
        raise ZeroDivisionError
    assert mlflow.get_run(failed.info.run_id).info.status == "FAILED"
    assert mlflow.active_run() is None


def test_another_run_that_was_started_in_the_block_of_an_ended_one_stays_open(mlflow: Any) -> None:
    with mlflow.start_run():
        mlflow.end_run()
        other = mlflow.start_run()
    assert mlflow.active_run().info.run_id == other.info.run_id
    mlflow.end_run()


def test_a_run_that_nobody_is_named_for_has_an_unknown_user(mlflow: Any) -> None:
    client = mlflow.MlflowClient()
    run = client.create_run(mlflow.create_experiment("users"))
    assert client.get_run(run.info.run_id).info.user_id == run.info.user_id == "unknown"
    assert "mlflow.user" not in run.data.tags


def test_logging_a_model_without_a_run_leaves_none_active(mlflow: Any) -> None:
    linear = importlib.import_module("sklearn.linear_model").LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])
    flavor = importlib.import_module(f"{mlflow.__name__}.sklearn")
    info = flavor.log_model(linear, name="model", serialization_format="cloudpickle")
    assert mlflow.active_run() is None
    assert flavor.load_model(info.model_uri).predict([[3.0]]) == pytest.approx([3.0])
    with mlflow.start_run() as run:
        flavor.log_model(linear, name="model", serialization_format="cloudpickle")
        assert mlflow.active_run() is run


def test_an_estimator_that_cannot_predict_is_not_a_python_function(mlflow: Any) -> None:
    preprocessing = importlib.import_module("sklearn.preprocessing")
    pipeline = importlib.import_module("sklearn.pipeline").make_pipeline(preprocessing.StandardScaler())
    flavor, pyfunc = (importlib.import_module(f"{mlflow.__name__}.{name}") for name in ("sklearn", "pyfunc"))
    for estimator in (preprocessing.StandardScaler(), pipeline):
        estimator.fit([[1.0], [3.0]])
        with mlflow.start_run():
            info = flavor.log_model(estimator, name="model", serialization_format="cloudpickle")
        assert list(info.flavors) == ["sklearn"]
        assert flavor.load_model(info.model_uri).transform([[2.0]]) == pytest.approx(0.0)
        with pytest.raises(Exception, match="python_function"):
            pyfunc.load_model(info.model_uri)


@pytest.mark.parametrize("params", [[1], "a", 3])
def test_params_that_are_not_a_dict_are_an_error(params: Any) -> None:
    from nbtrack.models.enforcement import enforce_params
    from nbtrack.models.inference import infer_params

    for schema in (None, infer_params({"t": 1.5})):
        with pytest.raises(InvalidParameter, match="params must be a dict, not"):
            enforce_params(params, schema)
    assert enforce_params([], infer_params({"t": 1.5})) == {"t": 1.5}  # as in MLflow


@pytest.mark.parametrize(
    "call",
    [
        lambda mlflow: mlflow.log_text(3, "a.txt"),
        lambda mlflow: mlflow.log_image(3, "a.png"),
        lambda mlflow: mlflow.log_figure(3, "a.png"),
        lambda mlflow: mlflow.log_param(1, 2),
        lambda mlflow: mlflow.search_runs(max_results="x"),
        lambda mlflow: mlflow.pyfunc.load_model(3),
    ],
)
def test_a_value_of_a_wrong_type_is_a_type_error(mlflow: Any, call: Any) -> None:
    importlib.import_module(f"{mlflow.__name__}.pyfunc")
    with pytest.raises(TypeError):
        call(mlflow)
    while mlflow.active_run():
        mlflow.end_run()


def test_a_wrong_name_of_an_experiment_is_an_error_in_words() -> None:
    for call in (nbtrack.set_experiment, nbtrack.create_experiment, nbtrack.get_experiment_by_name):
        with pytest.raises(InvalidParameter, match="Experiment name must be a string, not int"):
            call(3)
    assert issubclass(InvalidParameter, ValueError)


def test_the_source_of_a_version_names_the_same_folder_after_chdir(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow keeps the relative path, so that what is loaded depends on the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "MLmodel").write_text("flavors: {}\n")
    client = nbtrack.MlflowClient()
    client.create_registered_model("net")
    for source in ("model", "./model", "file:model", f"../{tmp_path.name}/model"):
        for version in (nbtrack.register_model(source, "net"), client.create_model_version("net", source)):
            assert Path(version.source.removeprefix("file://")).resolve() == tmp_path / "model"
            assert version.source.removeprefix("file://").startswith("/")
    for source in (str(tmp_path / "model"), (tmp_path / "model").as_uri(), "s3://bucket/model", "not/there"):
        assert client.create_model_version("net", source).source == source
