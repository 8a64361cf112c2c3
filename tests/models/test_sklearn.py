"""The scikit-learn flavor: round trips of models, and trust."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import nbtrack
from nbtrack.errors import InvalidParameter, NotFound
from nbtrack.models import Model, get_model_info

from .conftest import Fitted

SKLEARN = nbtrack.sklearn


class Doubled(TransformerMixin, BaseEstimator):
    """A step of the user."""

    def fit(self, X: Any, y: Any = None) -> Doubled:
        return self

    def transform(self, X: Any) -> Any:
        return X * 2


class Touch:
    """A hostile pickle, which writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.mark.slow
def test_a_logged_model_is_registered_promoted_and_predicts_the_same(digits: Fitted, tmp_path: Path) -> None:
    with nbtrack.start_run() as run:
        info = SKLEARN.log_model(digits.model, "model", registered_model_name="digits", metadata={"by": "me"})
    assert (info.model_uri, info.run_id) == (f"runs:/{run.info.run_id}/model", run.info.run_id)
    assert (info.artifact_path, info.registered_model_version, info.metadata) == ("model", 1, {"by": "me"})
    client = nbtrack.MlflowClient()
    client.transition_model_version_stage("digits", 1, "Production")
    client.set_registered_model_alias("digits", "champ", 1)
    for uri in (info.model_uri, "models:/digits/Production", "models:/digits/1", "models:/digits@champ"):
        loaded = SKLEARN.load_model(uri)
        assert (loaded.predict(digits.rows) == digits.predictions).all()
        assert get_model_info(uri).flavors["sklearn"]["serialization_format"] == "skops"
    version = client.get_model_version("digits", 1)
    assert (version.source, version.run_id) == (info.model_uri, run.info.run_id)
    SKLEARN.load_model("models:/digits/1", dst_path=str(tmp_path / "copy"))
    assert (tmp_path / "copy" / "model" / "MLmodel").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("serialization_format", ["skops", "cloudpickle", "pickle"])
def test_every_format_loads_again(digits: Fitted, serialization_format: Any) -> None:
    with nbtrack.start_run():
        info = SKLEARN.log_model(digits.model, name="m", serialization_format=serialization_format)
    assert (SKLEARN.load_model(info.model_uri).predict(digits.rows) == digits.predictions).all()


def test_types_of_sklearn_load_from_anywhere_without_trust(digits: Fitted, tmp_path: Path) -> None:
    rows, labels = digits.rows[:100], digits.predictions[:100]
    search = GridSearchCV(
        RandomForestClassifier(2), {"max_depth": [2]}, cv=2, scoring=make_scorer(f1_score, average="macro")
    )
    for number, model in enumerate((digits.model, search.fit(rows, labels))):
        SKLEARN.save_model(model, str(tmp_path / str(number)))
        loaded = SKLEARN.load_model(str(tmp_path / str(number)))
        assert (loaded.predict(rows) == model.predict(rows)).all()


def test_other_types_require_trust_outside_the_store(digits: Fitted, tmp_path: Path) -> None:
    model = make_pipeline(Doubled(), RandomForestClassifier(2)).fit(digits.rows, digits.predictions)
    SKLEARN.save_model(model, str(tmp_path / "m"))
    with pytest.raises(InvalidParameter, match=r"Doubled.*trust=True"):
        SKLEARN.load_model(str(tmp_path / "m"))
    assert isinstance(SKLEARN.load_model(str(tmp_path / "m"), trust=True)[0], Doubled)
    with nbtrack.start_run():
        info = SKLEARN.log_model(model)
    assert isinstance(SKLEARN.load_model(info.model_uri)[0], Doubled)


@pytest.mark.parametrize(
    "name",
    ["sklearn.utils._testing.os.system", "sklearn.base.copy", "sklearn.utils._testing.check_output", "os.system"],
)
def test_names_that_sklearn_imports_are_not_types_of_sklearn(name: str) -> None:
    from nbtrack.integrations.estimators import is_sklearns_own

    assert not is_sklearns_own(name)


def test_a_pickle_from_elsewhere_does_not_run_without_trust(digits: Fitted, tmp_path: Path) -> None:
    folder, touched = tmp_path / "m", tmp_path / "touched"
    SKLEARN.save_model(digits.model, str(folder), serialization_format="pickle")
    (folder / "model.pkl").write_bytes(pickle.dumps(Touch(touched)))
    client = nbtrack.MlflowClient()
    client.create_registered_model("m")
    client.create_model_version("m", folder.as_uri())
    for uri in (str(folder), folder.as_uri(), "models:/m/1"):
        with pytest.raises(InvalidParameter, match=r"pickle.*trust=True"):
            SKLEARN.load_model(uri)
    assert not touched.exists()
    SKLEARN.load_model(str(folder), trust=True)
    assert touched.exists()


def test_a_manifest_cannot_name_a_file_outside_its_folder(digits: Fitted, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    SKLEARN.save_model(digits.model, str(folder))
    (folder / "model.skops").rename(tmp_path / "model.skops")
    with pytest.raises(NotFound, match=r"model\.skops"):
        SKLEARN.load_model(str(folder))
    manifest = yaml.safe_load((folder / "MLmodel").read_text())
    manifest["flavors"]["sklearn"]["pickled_model"] = "../model.skops"
    (folder / "MLmodel").write_text(yaml.safe_dump(manifest))
    with pytest.raises(InvalidParameter, match="must not leave"):
        SKLEARN.load_model(str(folder))


def test_the_folder_matches_that_of_mlflow(digits: Fitted, tmp_path: Path) -> None:
    inputs = '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 64]}}]'

    class Signature:
        def to_dict(self) -> dict[str, Any]:
            return {"inputs": inputs, "outputs": None, "params": None}

    SKLEARN.save_model(digits.model, str(tmp_path / "m"), signature=Signature(), input_example=digits.rows[:2])
    files = sorted(path.name for path in (tmp_path / "m").iterdir())
    assert files == [
        "MLmodel",
        "conda.yaml",
        "input_example.json",
        "model.skops",
        "python_env.yaml",
        "requirements.txt",
        "serving_input_example.json",
    ]
    manifest = yaml.safe_load((tmp_path / "m" / "MLmodel").read_text())
    assert manifest["flavors"]["python_function"]["loader_module"] == "mlflow.sklearn"
    assert manifest["flavors"]["python_function"]["model_path"] == "model.skops"
    assert manifest["flavors"]["sklearn"]["pickled_model"] == "model.skops"
    assert manifest["signature"] == {"inputs": inputs, "outputs": None, "params": None}
    assert manifest["saved_input_example_info"]["type"] == "ndarray"
    assert any(line.startswith("scikit-learn==") for line in (tmp_path / "m" / "requirements.txt").open())


def test_a_manifest_of_mlflow_keeps_all_its_fields() -> None:
    manifest = {"flavors": {"sklearn": {}}, "mlflow_version": "3.17.2", "model_id": "m-1", "utc_time_created": "2026"}
    assert Model.from_dict(manifest).to_dict() == manifest


def test_the_run_lists_each_model_path_once(digits: Fitted) -> None:
    with nbtrack.start_run() as run:
        for path in ("a", "b", "a"):
            SKLEARN.log_model(digits.model, path)
    history = json.loads(nbtrack.get_run(run.info.run_id).data.tags["mlflow.log-model.history"])
    assert [entry["artifact_path"] for entry in history] == ["b", "a"]
    with pytest.raises(NotFound, match=r"no model at 'c'.*'b', 'a'"):
        SKLEARN.load_model(f"runs:/{run.info.run_id}/c")


def test_log_model_has_a_run_of_its_own_if_none_is_active(digits: Fitted) -> None:
    info = SKLEARN.log_model(digits.model)
    assert nbtrack.active_run() is None
    (run,) = nbtrack.search_runs(output_format="list")
    assert info.model_uri == f"runs:/{run.info.run_id}/model"
    assert run.info.status == "FINISHED"


def test_registering(digits: Fitted, tmp_path: Path) -> None:
    with nbtrack.start_run() as run:
        info = SKLEARN.log_model(digits.model)
    first = nbtrack.register_model(info.model_uri, "digits", tags={"a": 1})
    assert (first.version, first.run_id, first.tags) == (1, run.info.run_id, {"a": "1"})
    second = nbtrack.register_model("models:/digits/latest", "digits")
    assert (second.version, second.source) == (2, info.model_uri)
    SKLEARN.save_model(digits.model, "local model")
    third = nbtrack.register_model("local model", "digits")
    assert (third.source, third.run_id) == ((tmp_path / "local model").as_uri(), "")
    assert (SKLEARN.load_model("models:/digits/3").predict(digits.rows) == digits.predictions).all()
    for uri in ("nowhere", f"runs:/{run.info.run_id}/nothing", "models:/digits/9"):
        with pytest.raises(NotFound):
            nbtrack.register_model(uri, "new")
    with pytest.raises(InvalidParameter):
        nbtrack.register_model(info.model_uri, "a/b")
    assert [model.name for model in nbtrack.MlflowClient().search_registered_models()] == ["digits"]


def test_bad_arguments(digits: Fitted, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "MLmodel").write_text("flavors: {pytorch: {}}")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "MLmodel").write_text("{")
    for error, words, call in (
        (
            InvalidParameter,
            "one of skops",
            lambda: SKLEARN.save_model(digits.model, "m", serialization_format="joblib"),
        ),
        (InvalidParameter, "already", lambda: SKLEARN.save_model(digits.model, "full")),
        (InvalidParameter, "cloudpickle", lambda: SKLEARN.save_model(lambda: 1, "lambda")),
        (InvalidParameter, "only one of them", lambda: SKLEARN.log_model(digits.model, "a", name="b")),
        (NotFound, "requirements", lambda: SKLEARN.save_model(digits.model, "r", pip_requirements="no.txt")),
        (NotFound, "Its flavors are: pytorch", lambda: SKLEARN.load_model("other")),
        (InvalidParameter, "not a valid MLmodel file", lambda: SKLEARN.load_model("broken")),
        (NotFound, "the folder does not exist", lambda: SKLEARN.load_model("nowhere")),
    ):
        with pytest.raises(error, match=words):
            call()
    with nbtrack.start_run() as run:
        with pytest.raises(InvalidParameter, match="must not leave"):
            SKLEARN.log_model(digits.model, "../m")
        assert nbtrack.artifacts.list_artifacts(run_id=run.info.run_id) == []


def test_a_model_is_not_lost_if_skops_is_missing(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skops", None)
    monkeypatch.setitem(sys.modules, "skops.io", None)
    x, y = np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1])
    model = LogisticRegression().fit(x, y)
    with nbtrack.start_run(), pytest.warns(UserWarning, match="pip install skops") as caught:
        uri = nbtrack.sklearn.log_model(model, name="model").model_uri
    assert [str(each.message).partition(",")[0] for each in caught] == ["The model is saved with cloudpickle"]
    assert caught[0].filename == __file__
    assert get_model_info(uri).flavors["sklearn"]["serialization_format"] == "cloudpickle"
    assert (nbtrack.sklearn.load_model(uri).predict(x) == model.predict(x)).all()
    with nbtrack.start_run(), pytest.raises(InvalidParameter, match="requires the package skops"):
        nbtrack.sklearn.log_model(model, name="model", serialization_format="skops")
    # Autologging says it before the training, and not again after it.
    with pytest.warns(UserWarning, match="Autologging will save") as caught:  # noqa: PT031
        nbtrack.sklearn.autolog(log_model_signatures=False)
        LogisticRegression().fit(x, y)
    nbtrack.sklearn.autolog(disable=True)
    assert len(caught) == 1
    run = nbtrack.last_active_run()
    assert run is not None
    assert (nbtrack.sklearn.load_model(f"runs:/{run.info.run_id}/model").predict(x) == model.predict(x)).all()
