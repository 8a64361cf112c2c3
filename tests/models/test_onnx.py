"""The ONNX flavor: the shared tests, external weights, and the settings that a manifest may contain."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import nbtrack
from nbtrack.errors import InvalidParameter

from . import test_conformance as conformance

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Stochastic Optimizer")]

ONNX = nbtrack.onnx


def regressor() -> tuple[Any, pd.DataFrame]:
    """Return a small network with more than a kilobyte of weights, which onnx stores in a separate file."""
    from sklearn.neural_network import MLPRegressor

    rows, labels = conformance._iris()
    model = MLPRegressor(hidden_layer_sizes=(64, 16), max_iter=5, tol=1e9, random_state=1).fit(rows.to_numpy(), labels)
    converted = skl2onnx.to_onnx(model, rows.to_numpy(dtype="float32")[:1])
    for tensor in converted.graph.initializer:
        # skl2onnx writes numbers one by one, and only contiguous ones are stored in a separate file.
        tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor), tensor.name))
    return converted, rows


def run(model: Any, data: Any) -> Any:
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    values = np.asarray(data, dtype="float32")
    return session.run(None, {session.get_inputs()[0].name: values})[0].reshape(-1)


# MLflow takes the weights out of the model that it saves.
CASE = conformance.Case("onnx", "onnx_model", regressor, "onnxruntime", predict=run, mlflow_model=copy.deepcopy)


@pytest.mark.parametrize(
    "check",
    [
        conformance.test_a_saved_model_predicts_the_same,
        conformance.test_a_logged_model_is_a_function_with_a_signature,
        conformance.test_mlflow_loads_our_models,
        conformance.test_we_load_models_of_mlflow,
        conformance.test_models_that_can_run_code_require_trust,
    ],
    ids=lambda check: check.__name__,
)
def test_conforms(check: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(conformance.CASES, "onnx", CASE)
    monkeypatch.setattr(conformance, "NATIVE", ["onnx"])
    check("onnx", *([tmp_path] if "tmp_path" in check.__code__.co_varnames else []))


def test_saving_does_not_change_the_model(tmp_path: Path) -> None:
    model, rows = regressor()
    before = model.SerializeToString()
    ONNX.save_model(model, str(tmp_path / "two"))
    ONNX.save_model(model, str(tmp_path / "one"), save_as_external_data=False)
    assert model.SerializeToString() == before
    assert (tmp_path / "two" / "model.onnx.data").stat().st_size > 1000
    assert not (tmp_path / "one" / "model.onnx.data").exists()
    for name in ("one", "two"):
        assert np.allclose(run(ONNX.load_model(str(tmp_path / name)), rows), run(model, rows))


def classifier(rows: pd.DataFrame, labels: Any, **options: Any) -> Any:
    """Return a pipeline that takes each column as a separate input."""
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough"), LogisticRegression()
    ).fit(rows, labels)
    types = [
        (name, StringTensorType([None, 1]) if name == "colour" else FloatTensorType([None, 1])) for name in rows.columns
    ]
    return model, skl2onnx.convert_sklearn(model, initial_types=types, options={id(model): options})


@pytest.mark.parametrize("zipmap", [True, False])
def test_columns_of_different_types_are_separate_inputs(zipmap: bool, tmp_path: Path) -> None:
    rows = pd.DataFrame({"colour": ["red", "blue", "red", "green"], "size": [1.0, 2.0, 4.0, 3.0]}, index=[7, 8, 9, 10])
    model, converted = classifier(rows, ["a", "b", "a", "b"], zipmap=zipmap)
    ONNX.save_model(converted, str(tmp_path / "m"), input_example=rows)
    function = nbtrack.pyfunc.load_model(str(tmp_path / "m"))
    found = function.predict(rows)
    assert list(found.index) == list(rows.index)
    label = converted.graph.output[0].name
    assert list(found[label]) == list(model.predict(rows))
    rows_of = [
        list(each.values()) if isinstance(each, dict) else each for each in found[converted.graph.output[1].name]
    ]
    assert np.allclose(np.asarray(rows_of, dtype="float64"), model.predict_proba(rows), atol=1e-5)
    arrays = {name: rows[[name]].to_numpy() for name in rows.columns}
    assert list(nbtrack.pyfunc.load_model(str(tmp_path / "m"))._model.predict(arrays)[label]) == [
        "a",
        "b",
        "a",
        "b",
    ]
    with pytest.raises(InvalidParameter, match="size"):
        function.predict(rows[["colour"]])


def test_session_options(tmp_path: Path) -> None:
    model, rows = regressor()
    options = {"intra_op_num_threads": 1, "execution_mode": "parallel", "graph_optimization_level": 99}
    ONNX.save_model(
        model, str(tmp_path / "m"), onnx_session_options=options, onnx_execution_providers=["CPUExecutionProvider"]
    )
    session = nbtrack.pyfunc.load_model(str(tmp_path / "m")).get_raw_model()
    assert session.get_session_options().execution_mode == runtime.ExecutionMode.ORT_PARALLEL
    assert session.get_session_options().intra_op_num_threads == 1
    loaded = pytest.importorskip("mlflow.pyfunc").load_model(str(tmp_path / "m"))
    assert np.allclose(np.asarray(loaded.predict(rows)).reshape(-1), run(model, rows), atol=1e-5)
    for wrong, word in (({"threads": 1}, "intra_op_num_threads"), ({"execution_mode": "fast"}, "sequential")):
        with pytest.raises(InvalidParameter, match=word):
            ONNX.save_model(model, str(tmp_path / "wrong"), onnx_session_options=wrong)


def test_an_unavailable_provider_is_replaced_with_a_warning(tmp_path: Path) -> None:
    model, rows = regressor()
    ONNX.save_model(model, str(tmp_path / "m"), onnx_execution_providers=["TensorrtExecutionProvider"])
    with pytest.warns(UserWarning, match=r"Tensorrt.*runs on CPU"):
        function = nbtrack.pyfunc.load_model(str(tmp_path / "m"))
    assert np.allclose(np.asarray(function.predict(rows)).reshape(-1), run(model, rows), atol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [
        {"onnx_execution_providers": [("CPUExecutionProvider", {"backend_path": "foreign.so"})]},
        {"onnx_session_options": {"extra_session_config": {"session.use_env_allocators": "1"}}},
    ],
)
def test_options_that_can_name_a_library_require_trust(arguments: dict[str, Any], tmp_path: Path) -> None:
    model, rows = regressor()
    ONNX.save_model(model, str(tmp_path / "m"), **arguments)
    with pytest.raises(InvalidParameter, match=r"options.*trust=True"):
        nbtrack.pyfunc.load_model(str(tmp_path / "m"))
    function = nbtrack.pyfunc.load_model(str(tmp_path / "m"), trust=True)
    assert np.allclose(np.asarray(function.predict(rows)).reshape(-1), run(model, rows), atol=1e-5)


def test_weights_come_from_the_models_folder_only(tmp_path: Path) -> None:
    model, _ = regressor()
    ONNX.save_model(model, str(tmp_path / "m"))
    (tmp_path / "m" / "model.onnx.data").rename(tmp_path / "elsewhere.data")
    proto = onnx.load(str(tmp_path / "m" / "model.onnx"), load_external_data=False)
    for tensor in proto.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../elsewhere.data"
    (tmp_path / "m" / "model.onnx").write_bytes(proto.SerializeToString())
    for load in (ONNX.load_model, nbtrack.pyfunc.load_model):
        with pytest.raises(Exception, match=r"elsewhere|escapes|outside"):
            load(str(tmp_path / "m"))
    manifest = yaml.safe_load((tmp_path / "m" / "MLmodel").read_text())
    manifest["flavors"]["onnx"]["data"] = "../m/model.onnx"
    (tmp_path / "m" / "MLmodel").write_text(yaml.safe_dump(manifest))
    for load in (ONNX.load_model, nbtrack.pyfunc.load_model):
        with pytest.raises(InvalidParameter, match="must not leave"):
            load(str(tmp_path / "m"))
