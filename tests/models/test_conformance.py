"""Tests of all flavors with the real frameworks. A new flavor only needs a case in CASES."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nbtrack
from nbtrack.errors import InvalidParameter
from nbtrack.models import get_model_info


@dataclass(frozen=True)
class Case:
    """How the models of one flavor are created, and how they differ from those of other flavors.

    `make` gives a fitted model and a batch of data for it; it calls `pytest.importorskip`. `argument` is the name of
    the model among save_model's arguments. `predict` is what the framework's own model answers. `options` are
    arguments of our save_model, `mlflow_options` of MLflow's, and `mlflow_model` makes the model that it saves. `asks`
    says whether a model from outside the store takes `trust=True`, `mlflow_asks` the same of what MLflow saves.
    `broken` makes data that the signature does not allow, and says which word names what is wrong. `package` is the
    distribution that must be among the requirements.
    """

    flavor: str
    argument: str
    make: Callable[[], tuple[Any, Any]]
    package: str
    predict: Callable[[Any, Any], Any] = lambda model, data: model.predict(data)
    asks: bool = False
    mlflow_asks: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    mlflow_options: Mapping[str, Any] = field(default_factory=dict)
    mlflow_model: Callable[[Any], Any] = lambda model: model
    broken: Callable[[Any], tuple[Any, str]] = lambda data: (data.drop(columns=data.columns[1]), str(data.columns[1]))


def _iris() -> tuple[pd.DataFrame, Any]:
    from sklearn.datasets import load_iris

    table = load_iris(as_frame=True)
    return table.data, table.target


def _sklearn() -> tuple[Any, Any]:
    from sklearn.linear_model import LogisticRegression

    rows, labels = _iris()
    return LogisticRegression(max_iter=500).fit(rows, labels), rows


class Heaviest(nbtrack.pyfunc.PythonModel):
    """A model in plain Python."""

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
        return model_input.to_numpy().argmax(axis=1)


def _heaviest_of_mlflow(model: Any) -> Any:
    import mlflow

    class Heaviest(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
            return model_input.to_numpy().argmax(axis=1)

    return Heaviest()


def _python_model() -> tuple[Any, Any]:
    return Heaviest(), _iris()[0]


def _longest(model_input: Any) -> Any:
    return np.abs(model_input).max(axis=1)


def _function() -> tuple[Any, Any]:
    return _longest, np.arange(-6, 6, dtype="float64").reshape(4, 3)


def _of_wrong_shape(data: Any) -> tuple[Any, str]:
    return data[:, :-1], "shape"


CASES = {
    "sklearn": Case("sklearn", "sk_model", _sklearn, "scikit-learn"),
    "sklearn-cloudpickle": Case(
        "sklearn",
        "sk_model",
        _sklearn,
        "scikit-learn",
        asks=True,
        mlflow_asks=True,
        options={"serialization_format": "cloudpickle"},
        mlflow_options={"serialization_format": "cloudpickle"},
    ),
    "pyfunc": Case(
        "pyfunc",
        "python_model",
        _python_model,
        "cloudpickle",
        predict=lambda model, data: model.predict(None, data),
        asks=True,
        mlflow_asks=True,
        mlflow_model=_heaviest_of_mlflow,
    ),
    "pyfunc-function": Case(
        "pyfunc",
        "python_model",
        _function,
        "numpy",
        predict=lambda model, data: model(data),
        asks=True,
        mlflow_asks=True,
        broken=_of_wrong_shape,
    ),
}

# A Python model is only ever loaded as a function.
NATIVE = [name for name in CASES if CASES[name].flavor != "pyfunc"]

_made = cache(lambda name: CASES[name].make())


def made(name: str) -> tuple[Case, Any, Any, Any]:
    """Return the case, its model, a batch of data and the predictions."""
    case = CASES[name]
    model, data = _made(name)
    return case, model, data, case.predict(model, data)


def ours(case: Case) -> Any:
    return importlib.import_module(f"nbtrack.{case.flavor}")


def theirs(case: Case) -> Any:
    pytest.importorskip("mlflow")
    return importlib.import_module(f"mlflow.{case.flavor}")


def save(module: Any, case: Case, model: Any, path: Path, **arguments: Any) -> str:
    module.save_model(path=str(path), **{case.argument: model}, **arguments)
    return str(path)


def same(found: Any, expected: Any) -> bool:
    """Return whether two predictions are equal except for rounding, in any container."""
    one, other = (np.asarray(getattr(each, "detach", lambda each=each: each)()) for each in (found, expected))
    return one.size == other.size and np.allclose(one.reshape(-1), other.reshape(-1), atol=1e-5)


@pytest.mark.parametrize("name", NATIVE)
def test_a_saved_model_predicts_the_same(name: str, tmp_path: Path) -> None:
    case, model, data, expected = made(name)
    path = save(ours(case), case, model, tmp_path / "m", **case.options)
    loaded = ours(case).load_model(path, trust=case.asks)
    assert same(case.predict(loaded, data), expected)
    ours(case).load_model(path, dst_path=str(tmp_path / "copy"), trust=case.asks)
    assert list((tmp_path / "copy").rglob("MLmodel"))


@pytest.mark.parametrize("name", CASES)
def test_a_logged_model_is_a_function_with_a_signature(name: str) -> None:
    case, model, data, expected = made(name)
    with nbtrack.start_run() as run, warnings.catch_warnings():
        warnings.simplefilter("error")
        info = ours(case).log_model(
            **{case.argument: model},
            name="m",
            input_example=data[:3],
            registered_model_name="conforming",
            metadata={"by": "me"},
            **case.options,
        )
    assert (info.run_id, info.registered_model_version, info.metadata) == (run.info.run_id, 1, {"by": "me"})
    assert info.signature.inputs is not None
    assert info.signature.outputs is not None
    assert get_model_info(info.model_uri).signature == info.signature
    files = {Path(file.path).name for file in nbtrack.artifacts.list_artifacts(info.model_uri)}
    assert {"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", "input_example.json"} <= files
    assert "serving_input_example.json" in files
    requirements = nbtrack.artifacts.load_text(f"{info.model_uri}/requirements.txt")
    assert f"\n{case.package}==" in f"\n{requirements}"
    for uri in (info.model_uri, "models:/conforming/1"):
        function = nbtrack.pyfunc.load_model(uri)
        assert same(function.predict(data), expected)
        assert same(function.predict(function.input_example), expected[:3])
    broken, word = case.broken(data)
    with pytest.raises(InvalidParameter, match=word.split("(")[0]):
        function.predict(broken)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_mlflow_loads_our_models(name: str, tmp_path: Path) -> None:
    case, model, data, expected = made(name)
    module = theirs(case)
    path = save(ours(case), case, model, tmp_path / "m", input_example=data[:3], **case.options)
    function = importlib.import_module("mlflow.pyfunc").load_model(path)
    assert same(function.predict(data), expected)
    assert function.metadata.get_input_schema() is not None
    if name in NATIVE:
        assert same(case.predict(module.load_model(path), data), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_we_load_models_of_mlflow(name: str, tmp_path: Path) -> None:
    case, model, data, expected = made(name)
    signature = importlib.import_module("mlflow.models").infer_signature(data[:3], expected[:3])
    path = save(
        theirs(case),
        case,
        case.mlflow_model(model),
        tmp_path / "m",
        input_example=data[:3],
        signature=signature,
        # Without a list, MLflow loads the model in another process to find its imports.
        pip_requirements=[],
        **case.mlflow_options,
    )
    for module in (ours(case), nbtrack.pyfunc):
        if case.mlflow_asks:
            with pytest.raises(InvalidParameter, match="trust=True"):
                module.load_model(path)
        if module is not nbtrack.pyfunc:
            assert same(case.predict(module.load_model(path, trust=case.mlflow_asks), data), expected)
    function = nbtrack.pyfunc.load_model(path, trust=case.mlflow_asks)
    assert same(function.predict(data), expected)
    assert function.signature is not None
    assert function.signature.to_dict() == signature.to_dict()


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_signature_inferred_from_an_example_is_that_of_mlflow(name: str, tmp_path: Path) -> None:
    case, model, data, _ = made(name)
    paths = [
        save(ours(case), case, model, tmp_path / "ours", input_example=data[:3], **case.options),
        save(
            theirs(case),
            case,
            case.mlflow_model(model),
            tmp_path / "theirs",
            input_example=data[:3],
            pip_requirements=[],
            **case.mlflow_options,
        ),
    ]
    found, expected = (get_model_info(path).signature for path in paths)
    assert found.to_dict() == expected.to_dict()


@pytest.mark.parametrize("name", CASES)
def test_models_that_can_run_code_require_trust(name: str, tmp_path: Path) -> None:
    case, model, _, _ = made(name)
    path = save(ours(case), case, model, tmp_path / "m", **case.options)
    code = tmp_path / "helper.py"
    code.write_text("raise SystemExit('foreign code was run')")
    with_code = save(ours(case), case, model, tmp_path / "code", code_paths=[str(code)], **case.options)
    for module in (ours(case), nbtrack.pyfunc):
        if case.asks:
            with pytest.raises(InvalidParameter, match="trust=True"):
                module.load_model(path)
        else:
            module.load_model(path)
        with pytest.raises(InvalidParameter, match=r"code of its own.*trust=True"):
            module.load_model(with_code)
