"""The PyTorch flavor: graphs and pickles, in nbtrack and in MLflow, and trust."""

from __future__ import annotations

import inspect
import json
import pickle
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import yaml

import nbtrack
from nbtrack.errors import InvalidParameter

from . import test_conformance as conformance

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.slow

PYTORCH = nbtrack.pytorch
save = partial(PYTORCH.save_model, pip_requirements=["torch"])


class Net(torch.nn.Module):  # type: ignore[name-defined,misc]
    """A network with a layer that behaves differently in evaluation mode."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 3)
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, x: Any, scale: float = 1.0) -> Any:
        return torch.relu(self.dropout(self.layer(x))) * scale


class Pair(torch.nn.Module):  # type: ignore[name-defined,misc]
    def forward(self, a: Any, b: Any) -> Any:
        return a + 2 * b


class Flat(torch.nn.Module):  # type: ignore[name-defined,misc]
    """A module whose graph is for a batch of three."""

    def forward(self, x: Any) -> Any:
        return x.reshape(3, 4) * 2


class Looking(torch.nn.Module):  # type: ignore[name-defined,misc]
    """A module whose control flow depends on the values, which a graph cannot represent."""

    def forward(self, x: Any) -> Any:
        return x + 1 if x.sum().item() > 0 else x - 1


class Touch:
    """A hostile pickle, which writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def net() -> Any:
    torch.manual_seed(1)
    return Net().train()


ROWS = np.random.default_rng(1).normal(size=(7, 4)).astype(np.float32)


def answers(model: Any, rows: np.ndarray[Any, Any] = ROWS) -> np.ndarray[Any, Any]:
    was_training = model.training
    with torch.no_grad():
        found: np.ndarray[Any, Any] = model.eval()(torch.from_numpy(rows)).numpy()
    model.train(was_training)
    return found


def _made() -> tuple[Any, Any]:
    torch.manual_seed(1)
    return Net().eval(), ROWS


def _called(model: Any, rows: np.ndarray[Any, Any]) -> Any:
    return model(torch.from_numpy(rows)).detach()


CASE = conformance.Case(
    "pytorch",
    "pytorch_model",
    _made,
    "torch",
    predict=_called,
    asks=True,
    mlflow_asks=True,
    broken=lambda data: (data[:, :-1], "shape"),
)
# Ours is a graph where there is an example, MLflow's a pickle, and then the other way round.
CASES = {
    "graph": replace(CASE, mlflow_options={"serialization_format": "pickle"}),
    "pickle": replace(CASE, options={"serialization_format": "pickle"}, mlflow_options={"serialization_format": "pt2"}),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("check", [name for name in dir(conformance) if name.startswith("test_")])
def test_it_conforms(check: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(conformance.CASES, name, CASES[name])
    monkeypatch.setattr(conformance, "NATIVE", [name])
    function = getattr(conformance, check)
    function(name, **({"tmp_path": tmp_path} if "tmp_path" in inspect.signature(function).parameters else {}))


@pytest.mark.parametrize("serialization_format", ["pickle", "pt2"])
def test_both_formats(net: Any, serialization_format: Any) -> None:
    with nbtrack.start_run():
        info = PYTORCH.log_model(
            net,
            name="m",
            input_example=ROWS[:1],
            serialization_format=serialization_format,
            pip_requirements=["torch"],
        )
    assert net.training
    assert net.dropout.training
    files = {"pickle": ["model.pth", "pickle_module_info.txt"], "pt2": ["model.pt2"]}[serialization_format]
    assert [Path(one.path).name for one in nbtrack.artifacts.list_artifacts(f"{info.model_uri}/data")] == files
    assert np.allclose(nbtrack.pyfunc.load_model(info.model_uri).predict(ROWS), answers(net))
    loaded = PYTORCH.load_model(info.model_uri, device="cpu")
    assert np.allclose(loaded(torch.from_numpy(ROWS)).detach().numpy(), answers(net))


def test_with_an_example_both_the_module_and_its_graph_are_saved(net: Any, tmp_path: Path) -> None:
    with nbtrack.start_run():
        info = PYTORCH.log_model(net, name="m", input_example=ROWS[:2], pip_requirements=["torch"])
    loaded = PYTORCH.load_model(info.model_uri)
    assert type(loaded) is type(net)
    loaded.train()
    loss = loaded(torch.from_numpy(ROWS)).sum()
    loss.backward()
    assert np.allclose(nbtrack.pyfunc.load_model(info.model_uri).predict(ROWS), answers(net))


def test_the_graph_predicts_if_the_class_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(
        "import torch\nclass Net(torch.nn.Linear):\n    def forward(self, x): return super().forward(x)\n"
    )
    made = "import sys; sys.path.insert(0, '.'); import nets, numpy, nbtrack.pytorch as p; "
    save_it = made + "p.save_model(nets.Net(4, 1), 'm', input_example=numpy.ones((2, 4), 'float32'))"
    load_it = "import torch, nbtrack.pytorch as p; print(p.load_model('m', trust=True)(torch.ones(3, 4)).shape)"
    subprocess.run([sys.executable, "-c", save_it], check=True, cwd=tmp_path)
    (tmp_path / "nets.py").unlink()
    done = subprocess.run([sys.executable, "-c", load_it], check=True, cwd=tmp_path, capture_output=True, text=True)
    assert "[3, 1]" in done.stdout


def test_the_manifest_matches_that_of_mlflow(net: Any) -> None:
    PYTORCH.save_model(net, "m", pip_requirements=["torch"])
    flavors = yaml.safe_load(Path("m/MLmodel").read_text())["flavors"]
    assert flavors["pytorch"] == {"code": None, "model_data": "data", "pytorch_version": torch.__version__}
    function = flavors["python_function"]
    assert {name: function[name] for name in ("loader_module", "data", "config", "pickle_module_name")} == {
        "loader_module": "mlflow.pytorch",
        "data": "data",
        "config": {"device": None},
        "pickle_module_name": "mlflow.pytorch.pickle_module",
    }


def test_requirements_are_the_packages_of_the_module(net: Any) -> None:
    PYTORCH.save_model(net, "m", extra_pip_requirements=["einops"])
    lines = Path("m/requirements.txt").read_text().split()
    assert [line.partition("=")[0] for line in lines if "torch" in line or "cloud" in line] == ["cloudpickle", "torch"]
    assert "einops" in lines


def test_tables_dicts_tensors_and_more_arguments(net: Any) -> None:
    table = pandas.DataFrame(ROWS.astype(float), columns=list("abcd"), index=list("tuvwxyz"))
    save(net, "table", input_example=table, serialization_format="pickle")
    found = nbtrack.pyfunc.load_model("table", trust=True).predict(table[list("dcba")])
    assert np.allclose(found.to_numpy(), answers(net))
    assert list(found.index) == list(table.index)
    save(net, "scaled", input_example=(torch.from_numpy(ROWS[:3]), {"scale": 3.0}))
    assert Path("scaled/data/model.pt2").is_file()
    function = nbtrack.pyfunc.load_model("scaled", trust=True)
    assert np.allclose(function.predict(ROWS, {"scale": 3.0}), answers(net) * 3)
    pair = {"a": torch.ones(2, 1), "b": torch.ones(2, 1)}
    save(Pair(), "pair", input_example=pair)
    assert Path("pair/data/model.pt2").is_file()
    found = nbtrack.pyfunc.load_model("pair", trust=True).predict({"b": ROWS[:, :1], "a": ROWS[:, 1:2]})
    assert np.allclose(found, ROWS[:, 1:2] + 2 * ROWS[:, :1])
    with pytest.raises(InvalidParameter, match="'b'"):
        nbtrack.pyfunc.load_model("pair", trust=True).predict({"a": ROWS[:, :1]})


def test_the_signature_is_enforced(net: Any) -> None:
    save(net, "m", input_example=ROWS[:2], serialization_format="pickle")
    function = nbtrack.pyfunc.load_model("m", trust=True, model_config={"device": "cpu"})
    with pytest.raises(InvalidParameter, match="shape"):
        function.predict(ROWS[:, :3])


@pytest.mark.parametrize("model", [Looking(), Flat()])
def test_a_module_that_cannot_be_exported_is_pickled(model: Any) -> None:
    with pytest.warns(UserWarning, match="pickled instead"):
        save(model, "m", input_example=ROWS[:3])
    assert [path.name for path in Path("m/data").glob("model.*")] == ["model.pth"]
    with pytest.raises(InvalidParameter, match=r"cannot be exported as a graph.*pickle"):
        save(model, "n", input_example=ROWS[:3], serialization_format="pt2")
    assert not Path("n").exists()


class _Raising(torch.nn.Module):  # type: ignore[name-defined,misc]
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def forward(self, x: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("One line\nand another"), r"RuntimeError: One line\. Pass"),
        (KeyError(), r"KeyError: KeyError\. Pass"),
    ],
)
def test_the_reason_for_a_failed_export_is_one_sentence(error: Exception, reason: str) -> None:
    with pytest.raises(InvalidParameter, match=reason):
        save(_Raising(error), "m", input_example=ROWS[:3], serialization_format="pt2")


def test_torchscript(net: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        save(torch.jit.trace(net.eval(), torch.from_numpy(ROWS)), "m")
        assert np.allclose(nbtrack.pyfunc.load_model("m", trust=True).predict(ROWS), answers(net))


def test_models_from_elsewhere_require_trust(net: Any, tmp_path: Path) -> None:
    save(net, "pickle")
    save(net, "graph", input_example=ROWS[:2])
    for folder in ("pickle", "graph"):
        for load in (PYTORCH.load_model, nbtrack.pyfunc.load_model):
            with pytest.raises(InvalidParameter, match=r"trust=True"):
                load(folder)
            load(folder, trust=True)


def test_a_graph_requires_trust_because_it_can_run_code(net: Any, tmp_path: Path) -> None:
    """If this fails because torch loads graphs without evaluating code, graphs no longer require trust."""
    save(net, "m", input_example=ROWS[:2], serialization_format="pt2")
    touched, file = tmp_path / "touched", Path("m/data/model.pt2")
    with zipfile.ZipFile(file) as archive:
        records = {info.filename: archive.read(info) for info in archive.infolist()}
    hostile = f"__import__('pathlib').Path({str(touched)!r}).touch() or Symbol('s77', positive=True, integer=True)"
    graph = next(name for name in records if name.endswith("models/model.json"))
    sizes = json.loads(records[graph])["graph_module"]["graph"]["tensor_values"]["x"]["sizes"]
    sizes = json.loads(records[graph])["graph_module"]["graph"]["tensor_values"]["x"]["sizes"]
    symbol = sizes[0]["as_expr"]["expr_str"]
    records[graph] = records[graph].replace(json.dumps(symbol).encode(), json.dumps(hostile).encode())
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in records.items():
            archive.writestr(name, content)
    with pytest.raises(InvalidParameter, match=r"archive.*trust=True"):
        PYTORCH.load_model("m")
    assert not touched.exists()
    try:
        PYTORCH.load_model("m", trust=True)
    finally:
        assert touched.exists()


def test_a_pickle_from_elsewhere_does_not_run_without_trust(net: Any, tmp_path: Path) -> None:
    save(net, "m")
    torch.save(Touch(tmp_path / "touched"), "m/data/model.pth", pickle_module=pickle)
    with pytest.raises(InvalidParameter, match=r"pickle.*trust=True"):
        PYTORCH.load_model("m")
    assert not (tmp_path / "touched").exists()
    with pytest.raises(InvalidParameter, match=r"must contain a torch\.nn\.Module"):
        PYTORCH.load_model("m", trust=True)
    assert (tmp_path / "touched").exists()


def test_bad_arguments(net: Any) -> None:
    for words, call in (
        ("torch.nn.Module, not int", lambda: save(1, "m")),
        ("'pickle' or 'pt2'", lambda: save(net, "m", serialization_format="onnx")),
        ("requires an input_example", lambda: save(net, "m", serialization_format="pt2")),
        ("cannot be pickled", lambda: save(_Unpicklable(), "m")),
    ):
        with pytest.raises(InvalidParameter, match=words):
            call()
        assert not Path("m").exists()


class _Unpicklable(Net):
    def __reduce__(self) -> Any:
        raise TypeError("it holds a connection")
