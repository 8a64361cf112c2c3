"""The parts of saving and loading that all flavors share: examples, requirements, code, signatures, Python models."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import threading
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars
import pytest
import yaml
from sklearn.linear_model import LinearRegression

import nbtrack
from nbtrack.errors import InvalidParameter, InvalidState, NotFound, NotSupported, StoreLocked
from nbtrack.models import ColSpec, ModelSignature, Schema, get_model_info, infer_signature, set_signature
from nbtrack.models.environment import differences
from nbtrack.models.requirements import required_by

PYFUNC, SKLEARN = nbtrack.pyfunc, nbtrack.sklearn

FRAME = pd.DataFrame({"size": [1.0, 2.0, 3.0], "age": [3.0, 1.0, 2.0]})
MODEL = LinearRegression().fit(FRAME, [1.0, 2.0, 3.0])


class Scaled(PYFUNC.PythonModel):
    """A model that multiplies by a number from a file and by a param."""

    calls = 0

    def load_context(self, context: Any) -> None:
        self.factor = float(Path(context.artifacts["factor"]).read_text())
        self.offset = context.model_config.get("offset", 0)

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        Scaled.calls += 1
        return model_input["size"] * self.factor * (params or {}).get("times", 1) + self.offset

    def doubled(self) -> float:
        return self.factor * 2


@pytest.fixture
def factor(tmp_path: Path) -> str:
    (tmp_path / "factor.txt").write_text("10")
    return str(tmp_path / "factor.txt")


def test_the_signature_of_a_python_function_is_read_again_if_the_function_is_replaced(tmp_path: Path) -> None:
    PYFUNC.save_model(str(tmp_path / "m"), python_model=lambda rows: len(rows), pip_requirements=[])
    loaded = PYFUNC.load_model(str(tmp_path / "m"), trust=True)
    assert [loaded.predict([1, 2]), loaded.predict([1, 2, 3])] == [2, 3]
    loaded.unwrap_python_model().predict = lambda context, rows, params: (type(context).__name__, rows, params)
    assert loaded.predict([1]) == ("PythonModelContext", [1], None)
    assert loaded.predict([2]) == ("PythonModelContext", [2], None)


@pytest.mark.slow
def test_a_python_model_with_artifacts_params_and_configuration(factor: str, tmp_path: Path) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_text("20", "factors/factor.txt")
        info = PYFUNC.log_model(
            "scaled",
            python_model=Scaled(),
            artifacts={"factor": factor, "other": f"runs:/{run.info.run_id}/factors/factor.txt"},
            input_example=(FRAME, {"times": 2}),
            model_config={"offset": 1},
        )
    Path(factor).unlink()
    function = PYFUNC.load_model(info.model_uri)
    assert list(function.predict(FRAME)) == [21, 41, 61]
    assert list(function.predict(FRAME, {"times": 1})) == [11, 21, 31]
    assert list(PYFUNC.load_model(info.model_uri, model_config={"offset": 0}).predict(FRAME, {"times": 1})) == [
        10,
        20,
        30,
    ]
    assert function.unwrap_python_model().doubled() == 20
    PYFUNC.save_model(str(tmp_path / "told"), python_model=lambda rows, params: repr(params))
    assert PYFUNC.load_model(str(tmp_path / "told"), trust=True).predict(FRAME) == "None"
    kept = function.metadata.flavors["python_function"]["artifacts"]
    assert (kept["factor"]["path"], kept["other"]["path"]) == ("artifacts/factor.txt", "artifacts/other/factor.txt")
    data, params = function.input_example
    assert (list(data["age"]), params) == ([3.0, 1.0, 2.0], {"times": 2})
    with pytest.raises(InvalidParameter, match="'times'"):
        function.predict(FRAME, {"times": "often"})
    SKLEARN.save_model(MODEL, str(tmp_path / "m"))
    with pytest.raises(InvalidState, match="does not contain a PythonModel"):
        PYFUNC.load_model(str(tmp_path / "m")).unwrap_python_model()
    assert isinstance(PYFUNC.load_model(str(tmp_path / "m")).get_raw_model(), LinearRegression)


def test_wrong_data_never_reaches_the_model(factor: str) -> None:
    with nbtrack.start_run():
        info = PYFUNC.log_model(
            python_model=Scaled(), artifacts={"factor": factor}, signature=infer_signature(FRAME, [1.0])
        )
    function = PYFUNC.load_model(info.model_uri)
    before = Scaled.calls
    for data, word in (
        (FRAME[["size"]], "'age'"),
        (FRAME.assign(age="old"), "'age' has dtype str"),
        (7, "'size', 'age'"),
    ):
        with pytest.raises(InvalidParameter, match=word):
            function.predict(data)
    assert Scaled.calls == before
    # Columns in another order, of other packages, and additional ones.
    with pytest.warns(UserWarning, match="'more'"):
        assert list(function.predict(FRAME.assign(more=1)[["more", "age", "size"]])) == [10, 20, 30]
    assert list(function.predict(polars.DataFrame({"age": [1.0], "size": [2.0]}))) == [20]


@pytest.mark.slow
def test_functions_with_and_without_hints(tmp_path: Path) -> None:
    def shout(texts: list[str]) -> list[str]:
        return [text.upper() for text in texts]

    def scaled(rows, params=None):  # type: ignore[no-untyped-def]
        return rows * params["by"]

    def ages(rows: list[dict[str, int]]) -> list[int]:
        return [row["age"] for row in rows]

    mlflow = pytest.importorskip("mlflow.pyfunc")
    for function, example, answer in ((shout, ["a", "b"], ["A", "B"]), (ages, [{"age": 3}, {"age": 4}], [3, 4])):
        for module in (PYFUNC, mlflow):
            path = str(tmp_path / f"{function.__name__} by {module.__name__}")
            more = {} if module is PYFUNC else {"pip_requirements": []}
            module.save_model(path, python_model=function, input_example=example, **more)
            assert PYFUNC.load_model(path, trust=True).predict(example) == answer
            assert mlflow.load_model(path).predict(example) == answer
    PYFUNC.save_model(str(tmp_path / "scaled"), python_model=scaled, input_example=(np.ones((1, 2)), {"by": 2.0}))
    loaded = PYFUNC.load_model(str(tmp_path / "scaled"), trust=True)
    assert loaded.predict(np.ones((2, 2)), {"by": 3}).tolist() == [[3, 3], [3, 3]]


@pytest.mark.slow
def test_a_python_model_loads_in_mlflow_without_nbtrack(factor: str, tmp_path: Path) -> None:
    PYFUNC.save_model(str(tmp_path / "m"), python_model=lambda rows: rows * 2, input_example=np.ones((2, 2)))
    code = """
import sys
sys.modules["nbtrack"] = None
import mlflow, numpy
print(mlflow.pyfunc.load_model(sys.argv[1]).predict(numpy.ones((1, 2))).tolist())
"""
    answer = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m")], capture_output=True, text=True, check=True
    )
    assert answer.stdout.splitlines()[-1] == "[[2.0, 2.0]]"


@pytest.mark.slow
def test_a_model_that_fails_on_its_example_is_kept_with_a_warning(factor: str) -> None:
    with (
        nbtrack.start_run(),
        pytest.warns(UserWarning, match=r"cannot predict its own input example.*KeyError.*'size'"),
    ):
        info = PYFUNC.log_model(python_model=Scaled(), artifacts={"factor": factor}, input_example=FRAME[["age"]])
    assert info.signature.inputs == Schema([ColSpec("double", "age")])
    assert info.signature.outputs is None
    assert get_model_info(info.model_uri).saved_input_example_info["type"] == "dataframe"
    with pytest.warns(UserWarning, match=r"input example.*'age'"):
        SKLEARN.save_model(MODEL, "other", input_example=FRAME[["size"]], signature=infer_signature(FRAME))
    assert get_model_info("other").signature == infer_signature(FRAME)
    for number, example in enumerate(({1, 2}, (FRAME, {"k": {}}), FRAME.assign(size=[object()] * 3))):
        with pytest.warns(UserWarning, match="example cannot be stored"):
            SKLEARN.save_model(MODEL, f"kept {number}", input_example=example)
        kept = get_model_info(f"kept {number}")
        assert (kept.saved_input_example_info, kept.signature) == (None, None)
        assert not list(Path(f"kept {number}").glob("*example*"))
        assert SKLEARN.load_model(f"kept {number}").predict(FRAME).shape == (3,)


EXAMPLES = [
    FRAME,
    FRAME.rename(columns={"size": 0, "age": 1}),
    pd.DataFrame(
        {
            "time": pd.to_datetime(["2020-01-01", "2021-01-01"]),
            "raw": [b"a", b"\xff"],
            "small": np.array([1, 2], "int32"),
            "single": np.array([1, 2.5], "float32"),
            "gap": [1.5, np.nan],
            "text": ["a", None],
            "list": [[1, 2], [3]],
            "truth": [True, False],
        }
    ),
    np.arange(6, dtype="float32").reshape(2, 3),
    np.array([[1.0, np.nan]]),
    {"x": np.ones((2, 2), "float32"), "y": np.arange(2)},
    ["a", "b"],
    {"question": "why?", "k": [1, 2]},
    [{"a": 1, "b": "x"}, {"a": 2, "b": None}],
    (np.ones((1, 2)), {"k": 1}),
]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_comes_back_with_its_types(number: int, tmp_path: Path) -> None:
    example = EXAMPLES[number]
    data, params = example if isinstance(example, tuple) else (example, None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PYFUNC.save_model(str(tmp_path / "m"), python_model=lambda rows: rows, input_example=example)
    function = PYFUNC.load_model(str(tmp_path / "m"), trust=True)
    again = function.input_example
    again = again if params is None else again[0]
    again = function.enforced(again)[0]
    expected = function.enforced(data)[0]
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(again, expected, check_dtype=False)
        assert [str(a) for a in again.dtypes if a.kind in "iufbM"] == [
            str(a) for a in expected.dtypes if a.kind in "iufbM"
        ]
    elif isinstance(expected, dict):
        for name, values in expected.items():
            np.testing.assert_array_equal(again[name], values)
            assert again[name].dtype == values.dtype
    else:
        np.testing.assert_array_equal(again, expected)
        assert again.dtype == expected.dtype
    mlflow = pytest.importorskip("mlflow")
    assert mlflow.models.Model.load(str(tmp_path / "m")).load_input_example(str(tmp_path / "m")) is not None


def test_requirements_are_what_the_model_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "features.py").write_text("import json, polars\ndef add(x):\n    return x\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    features = __import__("features")

    def model(rows: Any) -> Any:
        import yaml

        return features.add(np.asarray(rows)), yaml

    assert {"numpy", "features", "polars", "yaml"} <= required_by(model)
    assert not {"json", "nbtrack", "sklearn"} & required_by(lambda rows: rows)
    PYFUNC.save_model(
        str(tmp_path / "m"),
        python_model=model,
        code_paths=[str(tmp_path / "features.py")],
        extra_pip_requirements=["numpy>=1", "some-thing==3"],
    )
    lines = (tmp_path / "m" / "requirements.txt").read_text().splitlines()
    assert set(lines) == {
        f"cloudpickle=={version('cloudpickle')}",
        f"polars=={version('polars')}",
        f"PyYAML=={version('PyYAML')}",
        "numpy>=1",
        "some-thing==3",
    }
    assert yaml.safe_load((tmp_path / "m" / "conda.yaml").read_text())["dependencies"][-1]["pip"] == lines
    PYFUNC.save_model(str(tmp_path / "n"), python_model=model, pip_requirements=["a==1"], code_paths=[])
    assert (tmp_path / "n" / "requirements.txt").read_text() == "a==1\n"
    for module in [name for name in sys.modules if name == "features"]:
        del sys.modules[module]


@pytest.mark.slow
def test_code_saved_with_a_model_is_imported(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("from .inner import FACTOR\n")
    (tmp_path / "pack" / "inner.py").write_text("FACTOR = 7\n")

    def model(rows: Any) -> Any:
        import pack  # type: ignore[import-not-found]

        return rows * pack.FACTOR

    PYFUNC.save_model(str(tmp_path / "m"), python_model=model, code_paths=[str(tmp_path / "pack")])
    (tmp_path / "pack").rename(tmp_path / "gone")
    code = """
import sys, numpy, nbtrack
print(nbtrack.pyfunc.load_model(sys.argv[1], trust=True).predict(numpy.ones(2)).tolist())
"""
    answer = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m")], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[7.0, 7.0]"
    with pytest.raises(NotFound, match="in code_paths does not exist"):
        PYFUNC.save_model(str(tmp_path / "n"), python_model=model, code_paths=["nowhere.py"])
    assert not (tmp_path / "n").exists()


@pytest.mark.slow
def test_a_different_environment_warns(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    SKLEARN.save_model(MODEL, str(folder), pip_requirements=["numpy==1.0", "not-here==2", "pandas>=1", "mlflow==9.9"])
    manifest = yaml.safe_load((folder / "MLmodel").read_text())
    manifest["flavors"]["python_function"]["python_version"] = "2.7.18"
    (folder / "MLmodel").write_text(yaml.safe_dump(manifest))
    said = rf"Python 2\.7\.18 .*numpy 1\.0 \(installed: {version('numpy')}\), not-here 2 \(not installed\)\. It may"
    for load in (SKLEARN.load_model, PYFUNC.load_model):
        with pytest.warns(UserWarning, match=said):
            load(str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PYFUNC.load_model(str(folder), suppress_warnings=True)
        SKLEARN.save_model(MODEL, str(tmp_path / "same"))
        SKLEARN.load_model(tmp_path / "same")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("numpy>=99", [f"numpy>=99 (installed: {version('numpy')})"]),
        ("numpy >= 1, < 2  # the old one", [f"numpy<2,>=1 (installed: {version('numpy')})"]),
        ("not-here", ["not-here (not installed)"]),
        ("not-here[extra]~=1.0", ["not-here~=1.0 (not installed)"]),
        ("numpy==1.0 ; python_version >= '3'", [f"numpy 1.0 (installed: {version('numpy')})"]),
        ("numpy==1.0 --hash=sha256:0", [f"numpy 1.0 (installed: {version('numpy')})"]),
        ("numpy==1.*", [f"numpy==1.* (installed: {version('numpy')})"]),
        ("numpy==1.0 ; python_version < '3'", []),
        ("numpy>=99 ; sys_platform == 'amiga'", []),
        (f"numpy=={version('numpy').split('.')[0]}.*", []),
        ("numpy>=1", []),
        ("numpy", []),
        ("mlflow>=99", []),
        ("not-here @ https://example.org/not_here-1-py3-none-any.whl", []),
        ("https://example.org/not_here-1-py3-none-any.whl", []),
        ("-r others.txt", []),
        ("-e ./not-here", []),
        ("./not-here.whl", []),
        ("# numpy>=99", []),
        ("", []),
    ],
)
def test_requirements_are_compared_with_the_installed_versions(line: str, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"{line}\n")
    assert differences(tmp_path) == said


@pytest.mark.slow
def test_set_signature_of_a_saved_model(tmp_path: Path) -> None:
    signature = infer_signature(FRAME, MODEL.predict(FRAME))
    with nbtrack.start_run():
        info = SKLEARN.log_model(MODEL, "m", registered_model_name="r", metadata={"a": 1})
    assert get_model_info(info.model_uri).signature is None
    with pytest.raises(InvalidParameter, match="cannot be changed"):
        set_signature("models:/r/1", signature)
    set_signature(info.model_uri, signature)
    SKLEARN.save_model(MODEL, str(tmp_path / "m"))
    mlflow = pytest.importorskip("mlflow")
    set_signature(str(tmp_path / "m"), mlflow.models.infer_signature(FRAME, MODEL.predict(FRAME)))
    for uri in (info.model_uri, str(tmp_path / "m")):
        assert get_model_info(uri).signature == signature
        assert get_model_info(uri).signature_dict == signature.to_dict()
        with pytest.raises(InvalidParameter, match="'age'"):
            PYFUNC.load_model(uri).predict(FRAME[["size"]])
    assert get_model_info(info.model_uri).metadata == {"a": 1}
    SKLEARN.save_model(MODEL, str(tmp_path / "none"), input_example=FRAME, signature=False)
    assert get_model_info(str(tmp_path / "none")).signature is None


def test_a_signature_that_cannot_be_read_is_kept_as_it_is(tmp_path: Path) -> None:
    SKLEARN.save_model(MODEL, str(tmp_path / "m"), signature=ModelSignature(Schema([ColSpec("double", "size")])))
    text = (tmp_path / "m" / "MLmodel").read_text()
    (tmp_path / "m" / "MLmodel").write_text(text.replace("double", "quaternion"))
    assert "quaternion" in get_model_info(str(tmp_path / "m")).signature_dict["inputs"]
    assert PYFUNC.load_model(str(tmp_path / "m")).predict(FRAME).shape == (3,)


def test_models_that_cannot_be_saved_or_loaded(tmp_path: Path) -> None:
    SKLEARN.save_model(MODEL, str(tmp_path / "m"))
    manifest = yaml.safe_load((tmp_path / "m" / "MLmodel").read_text())
    touched, lock = tmp_path / "touched", threading.Lock()
    (tmp_path / "evil.py").write_text(f"open({str(touched)!r}, 'w')")

    def edited(name: str, **pyfunc: Any) -> str:
        (tmp_path / name).mkdir()
        function = {**manifest["flavors"]["python_function"], **pyfunc}
        (tmp_path / name / "MLmodel").write_text(yaml.safe_dump({"flavors": {"python_function": function}}))
        return str(tmp_path / name)

    for error, words, call in (
        (
            InvalidParameter,
            "must be an instance, not the class Scaled",
            lambda: PYFUNC.save_model("x", python_model=Scaled),
        ),
        (InvalidParameter, "or a function, not str", lambda: PYFUNC.save_model("x", python_model="model.py")),
        (InvalidParameter, "load_context", lambda: PYFUNC.save_model("x", python_model=lambda rows: lock)),
        (InvalidParameter, "signature must be a ModelSignature", lambda: SKLEARN.save_model(MODEL, "x", signature=7)),
        (
            NotFound,
            "No installed flavor can load",
            lambda: PYFUNC.load_model(edited("evil", loader_module="evil"), trust=True),
        ),
        (
            NotSupported,
            "script",
            lambda: PYFUNC.load_model(
                edited("script", loader_module="mlflow.pyfunc.model", model_code_path="evil.py"), trust=True
            ),
        ),
    ):
        with pytest.raises(error, match=words):
            call()
        assert not Path("x").exists()
    assert not touched.exists()


@pytest.mark.slow
def test_the_list_of_a_runs_models(tmp_path: Path) -> None:
    """Paths keep the order of their first log, each with its last model, also with concurrent writers."""

    def paths(run_id: str) -> list[str]:
        entries = json.loads(nbtrack.get_run(run_id).data.tags["mlflow.log-model.history"])
        assert {entry["run_id"] for entry in entries} == {run_id}
        return [entry["artifact_path"] for entry in entries]

    def log(name: str, number: int = 0) -> str:
        return str(nbtrack.pyfunc.log_model(name=name, python_model=lambda model_input: number).model_uuid)

    with nbtrack.start_run() as run:
        log("b")
        first = log("a")
        run_id = run.info.run_id
        assert paths(run_id) == ["b", "a"]
        script = """
import sys, nbtrack
with nbtrack.start_run(run_id=sys.argv[1]):
    nbtrack.pyfunc.log_model(name="of another process", python_model=lambda model_input: 1)
"""
        subprocess.run([sys.executable, "-c", script, run_id], check=True, capture_output=True)
        log("b", 2)
        log("c")
        second = log("a", 3)
    entries = json.loads(nbtrack.get_run(run_id).data.tags["mlflow.log-model.history"])
    assert sorted(paths(run_id)) == ["a", "b", "c", "of another process"]
    assert [entry["model_uuid"] for entry in entries if entry["artifact_path"] == "a"] == [second] != [first]
    nbtrack.MlflowClient().set_tag(run_id, "mlflow.log-model.history", "no list")
    with nbtrack.start_run(run_id=run_id):
        log("d")
    assert paths(run_id) == ["d"]


def test_a_model_is_logged_while_the_database_is_held(tmp_path: Path, own_store: Path) -> None:
    with nbtrack.start_run() as run:
        nbtrack.search_runs()
        code = f"import duckdb; c = duckdb.connect({str(own_store / 'runs.duckdb')!r}); print(flush=True); input()"
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            with pytest.raises(StoreLocked):
                nbtrack.search_runs()
            info = nbtrack.pyfunc.log_model(name="model", python_model=lambda model_input: 7)
            assert nbtrack.pyfunc.load_model(info.model_uri).predict([1]) == 7
            holder.kill()
    assert "mlflow.log-model.history" in nbtrack.get_run(run.info.run_id).data.tags


CONDA = {
    "name": "env",
    "channels": ["defaults"],
    "dependencies": ["python=3.11", "numpy=1.26", "pip", {"pip": ["scikit-learn==1.5.0", "humanize==4.9.0"]}],
}


def test_a_conda_environment_is_kept_and_its_pip_packages_are_the_requirements(tmp_path: Path) -> None:
    (tmp_path / "conda.yaml").write_text(yaml.safe_dump(CONDA))
    for number, conda in enumerate((CONDA, str(tmp_path / "conda.yaml"))):
        folder = tmp_path / f"m{number}"
        SKLEARN.save_model(MODEL, str(folder), conda_env=conda)
        assert (folder / "requirements.txt").read_text() == "scikit-learn==1.5.0\nhumanize==4.9.0\n"
        assert yaml.safe_load((folder / "conda.yaml").read_text()) == CONDA
        assert yaml.safe_load((folder / "python_env.yaml").read_text())["python"] == "3.11"
    SKLEARN.save_model(MODEL, str(tmp_path / "n"), conda_env={"dependencies": ["python=3.11"]})
    assert "scikit-learn==" in (tmp_path / "n" / "requirements.txt").read_text()
    for wrong, error in (
        ({"conda_env": CONDA, "pip_requirements": []}, InvalidParameter),
        ({"conda_env": {"dependencies": "numpy"}}, InvalidParameter),
        ({"conda_env": "nowhere.yaml"}, NotFound),
    ):
        with pytest.raises(error, match=r"conda_env|does not exist"):
            SKLEARN.save_model(MODEL, str(tmp_path / "wrong"), **wrong)


def test_every_flavor_takes_the_arguments_of_mlflows_log_model() -> None:
    for name in ("sklearn", "pyfunc", "xgboost", "lightgbm", "pytorch", "keras", "onnx"):
        module = pytest.importorskip(f"nbtrack.{name}")
        assert {"conda_env", "await_registration_for"} <= inspect.signature(module.log_model).parameters.keys()
        assert "conda_env" in inspect.signature(module.save_model).parameters


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"pip_requirements": 3}, "pip_requirements must be a list of strings"),
        ({"pip_requirements": True}, "pip_requirements must be a list of strings"),
        ({"pip_requirements": {"a": 1}}, "pip_requirements must be a list of strings"),
        ({"pip_requirements": [3]}, "pip_requirements must be a list of strings"),
        ({"pip_requirements": ""}, "Requirements file '' does not exist"),
        ({"extra_pip_requirements": 3}, "extra_pip_requirements must be a list of strings"),
        ({"extra_pip_requirements": 0}, "extra_pip_requirements must be a list of strings"),
        ({"code_paths": 3}, "code_paths must be a list of paths"),
        ({"code_paths": [None]}, "code_paths must be a list of paths"),
        ({"metadata": 3}, "metadata must be a dict, not int"),
        ({"metadata": [1]}, "metadata must be a dict, not list"),
        ({"metadata": {"a": object()}}, "metadata must contain only strings"),
        ({"conda_env": 3}, "conda_env must be a dict"),
        ({"conda_env": {"dependencies": 3}}, "conda_env must be a dict"),
        ({"conda_env": {"dependencies": [{"pip": 3}]}}, "conda_env must be a dict"),
        ({"conda_env": ""}, "Conda environment file '' does not exist"),
        ({"model_config": 3}, "model_config must be a dict, not int"),
        ({"artifacts": 3}, "artifacts must be a dict with a path"),
        ({"artifacts": {"a": 3}}, "artifacts must be a dict with a path"),
        ({"artifacts": {"a": "no.txt"}}, "Artifact 'a' of the model does not exist"),
        ({"signature": 3}, "signature must be a ModelSignature"),
    ],
)
def test_arguments_of_a_wrong_type_are_named(arguments: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises((InvalidParameter, NotFound), match=words) as caught:
        PYFUNC.save_model(str(tmp_path / "m"), python_model=_same, **arguments)
    assert str(caught.value).endswith(".")
    assert not (tmp_path / "m").exists()
    with pytest.raises(InvalidParameter, match="path must be a string"):
        PYFUNC.save_model(3, python_model=_same)
    with pytest.raises(InvalidParameter, match="path must be the path"):
        nbtrack.models.Model.load(3)  # type: ignore[arg-type]


def _same(rows: Any) -> Any:
    return rows
