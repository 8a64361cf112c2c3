"""The Keras flavor: the shared tests, names of several inputs and outputs, and trust."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import pandas as pd
import pytest
import yaml

import nbtrack
from nbtrack.errors import InvalidParameter, NotFound

from . import test_conformance as conformance

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")
torch.set_num_threads(1)

pytestmark = pytest.mark.slow

KERAS = nbtrack.keras
ROWS = np.random.default_rng(1).random((12, 4), dtype="float32")


def network() -> Any:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    return model


def predictions(model: Any, rows: Any = ROWS) -> Any:
    return model.predict(rows, verbose=0)


CASE = conformance.Case(
    "keras", "model", lambda: (network(), ROWS), "keras", predict=predictions, broken=conformance._of_wrong_shape
)


@pytest.mark.parametrize(
    "check",
    [
        conformance.test_a_saved_model_predicts_the_same,
        conformance.test_mlflow_loads_our_models,
        conformance.test_we_load_models_of_mlflow,
        conformance.test_models_that_can_run_code_require_trust,
    ],
    ids=lambda check: check.__name__,
)
def test_conforms(check: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(conformance.CASES, "keras", CASE)
    monkeypatch.setattr(conformance, "NATIVE", ["keras"])
    # MLflow's keras flavor saves an example to a folder that it expects to exist.
    (tmp_path / "m").mkdir()
    check("keras", tmp_path)


def test_conforms_in_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(conformance.CASES, "keras", CASE)
    # Keras creates arrays in a way that NumPy deprecates. No other warning is allowed.
    strict = lambda action: warnings.filterwarnings(action, category=UserWarning)  # noqa: E731
    stand_in = SimpleNamespace(catch_warnings=warnings.catch_warnings, simplefilter=strict)
    monkeypatch.setattr(conformance, "warnings", stand_in)
    conformance.test_a_logged_model_is_a_function_with_a_signature("keras")


def test_the_folder_matches_that_of_mlflow(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow.keras")
    KERAS.save_model(network(), str(tmp_path / "ours"))
    mlflow.save_model(network(), str(tmp_path / "theirs"), pip_requirements=["keras"])
    listed = [
        {str(file.relative_to(tmp_path / one)) for file in (tmp_path / one).rglob("*") if file.is_file()}
        for one in ("ours", "theirs")
    ]
    assert listed[0] == listed[1]
    ours, theirs = (yaml.safe_load((tmp_path / one / "MLmodel").read_text())["flavors"] for one in ("ours", "theirs"))
    assert {**theirs["keras"], "code": None} == ours["keras"]
    assert {**theirs["python_function"], "code": None} == ours["python_function"]


def test_a_loaded_model_can_be_trained_further(tmp_path: Path) -> None:
    model = network()
    targets = ROWS[:, :2]
    model.fit(ROWS, targets, verbose=0, shuffle=False)
    KERAS.save_model(model, str(tmp_path / "m"))
    loaded = KERAS.load_model(str(tmp_path / "m"))
    for each in (model, loaded):
        each.fit(ROWS, targets, verbose=0, shuffle=False)
    assert np.allclose(predictions(model), predictions(loaded), atol=1e-6)


def test_several_inputs_and_outputs_have_names(tmp_path: Path) -> None:
    left, right = keras.Input((2,), name="left"), keras.Input((3,), name="right")
    joined = keras.layers.Concatenate()([left, right])
    model = keras.Model(
        [left, right], [keras.layers.Dense(1, name="one")(joined), keras.layers.Dense(2, name="two")(joined)]
    )
    example = {"left": ROWS[:, :2], "right": ROWS[:, :3]}
    KERAS.save_model(model, str(tmp_path / "m"), input_example=example)
    function = nbtrack.pyfunc.load_model(str(tmp_path / "m"))
    found = function.predict(example)
    assert function.signature.outputs.input_names() == list(found) == ["one", "two"]
    for values, expected in zip(found.values(), predictions(model, list(example.values())), strict=True):
        assert np.allclose(values, expected, atol=1e-6)
    with pytest.raises(InvalidParameter, match="right"):
        function.predict({"left": ROWS[:, :2]})


def test_a_dataframe_gives_a_dataframe_with_its_index(tmp_path: Path) -> None:
    model = network()
    frame = pd.DataFrame(ROWS, columns=list("abcd"), index=range(100, 112))
    KERAS.save_model(model, str(tmp_path / "m"), input_example=frame)
    found = nbtrack.pyfunc.load_model(str(tmp_path / "m")).predict(frame)
    assert list(found.index) == list(frame.index)
    assert np.allclose(found, predictions(model), atol=1e-6)


@pytest.mark.parametrize("kind", ["lambda", "torch module"])
def test_a_layer_with_code_requires_trust_outside_the_store(kind: str, tmp_path: Path) -> None:
    if kind == "lambda":
        layer = keras.layers.Lambda(lambda values: values * 3)
    else:
        layer = keras.layers.TorchModuleWrapper(torch.nn.Linear(4, 2), output_shape=(None, 2))
    model = keras.Sequential([keras.Input((4,)), layer])
    KERAS.save_model(model, str(tmp_path / "m"))
    for load in (KERAS.load_model, nbtrack.pyfunc.load_model):
        with pytest.raises(InvalidParameter, match=r"code in it.*trust=True"):
            load(str(tmp_path / "m"))
        assert np.allclose(load(str(tmp_path / "m"), trust=True).predict(ROWS), predictions(model), atol=1e-6)
    with nbtrack.start_run():
        info = KERAS.log_model(model)
    assert np.allclose(predictions(KERAS.load_model(info.model_uri)), predictions(model), atol=1e-6)


class Doubled(keras.layers.Layer):
    """A layer of the user that is not registered."""

    def call(self, values: Any) -> Any:
        return values * 2


def test_custom_objects(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), Doubled()])
    bare, whole = str(tmp_path / "bare"), str(tmp_path / "whole")
    KERAS.save_model(model, bare)
    KERAS.save_model(model, whole, custom_objects={"Doubled": Doubled})
    with pytest.raises(InvalidParameter, match=r"Doubled.*custom_objects="):
        KERAS.load_model(bare)
    with pytest.raises(InvalidParameter, match=r"custom objects in a pickle.*trust=True"):
        nbtrack.pyfunc.load_model(whole)
    for loaded in (
        KERAS.load_model(bare, custom_objects={"Doubled": Doubled}),
        KERAS.load_model(whole, custom_objects={"Doubled": Doubled}),
        KERAS.load_model(whole, trust=True),
        pytest.importorskip("mlflow.keras").load_model(whole, custom_objects={"Doubled": Doubled}),
    ):
        assert np.allclose(predictions(loaded), ROWS * 2)


@pytest.mark.slow
def test_a_model_selects_its_backend_if_none_is_chosen(tmp_path: Path) -> None:
    KERAS.save_model(network(), str(tmp_path / "m"))
    code = (
        "import os, sys, nbtrack, numpy\n"
        "assert nbtrack.keras and 'keras' not in sys.modules\n"
        "print(nbtrack.pyfunc.load_model('m').predict(numpy.ones((1, 4), 'float32')).shape)\n"
        "import keras; print(keras.backend.backend(), os.environ.get('KERAS_BACKEND'))"
    )
    settings = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    settings |= {"KERAS_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    answer = subprocess.run([sys.executable, "-c", code], env=settings, cwd=tmp_path, capture_output=True, text=True)
    assert answer.stdout.split("\n")[:2] == ["(1, 2)", "torch None"], answer.stderr


def test_invalid_keras_models(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    KERAS.save_model(network(), str(folder))
    manifest = yaml.safe_load((folder / "MLmodel").read_text())
    manifest["flavors"]["keras"]["save_exported_model"] = True
    (folder / "MLmodel").write_text(yaml.safe_dump(manifest))
    with pytest.raises(InvalidParameter, match="exported as a TensorFlow graph"):
        KERAS.load_model(str(folder))
    manifest["flavors"]["keras"] |= {"save_exported_model": False, "data": "../m/data"}
    (folder / "MLmodel").write_text(yaml.safe_dump(manifest))
    with pytest.raises(InvalidParameter, match="must not leave"):
        KERAS.load_model(str(folder))
    manifest["flavors"]["keras"]["data"] = "elsewhere"
    (folder / "MLmodel").write_text(yaml.safe_dump(manifest))
    with pytest.raises(NotFound, match="elsewhere"):
        KERAS.load_model(str(folder))
