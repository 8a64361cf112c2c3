"""Features that mlflow's server does not have: the model's headers, checked answers, limits, the OpenAPI document."""

from __future__ import annotations

import http.client
import json
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

import nbtrack
from nbtrack.cli import main
from nbtrack.errors import InvalidParameter, NotFound
from nbtrack.models import Array, ColSpec, DataType, ModelSignature, Schema, TensorSpec, infer_signature, locate
from nbtrack.serving import ModelServer
from nbtrack.serving.outputs import check_answer

from .conftest import EXAMPLE, log

Client = Callable[..., TestClient]
BODY = {"dataframe_records": [{"x": 1.0, "n": 2}]}


def test_the_answer_names_the_model(sums: str, ours: Client) -> None:
    client = ours(sums)
    answer = client.post("/invocations", json=BODY)
    assert answer.json() == {"predictions": [103.0]}
    version = nbtrack.MlflowClient().get_model_version("sums", 1)
    told = {name: value for name, value in answer.headers.items() if name.startswith("nbtrack-model-")}
    assert told == {"nbtrack-model-name": "sums", "nbtrack-model-version": "1", "nbtrack-model-run-id": version.run_id}
    health = client.get("/health").json()
    assert (health["status"], health["model"]["version"], health["model"]["uri"]) == ("ok", 1, "models:/sums/1")
    assert client.get("/version").text == nbtrack.__version__
    refused = client.post("/invocations", json={"dataframe_records": [{"x": 1.0}]})
    assert refused.headers["nbtrack-model-version"] == "1"


def test_answers_may_differ_in_container_and_width_of_numbers() -> None:
    array = np.array([1.0, 2.0])
    answers: list[tuple[Any, Any]] = [
        # The data that the signature was inferred from, and the answer of the model.
        (pd.Series([1.0], name="target"), array),
        (pd.Series([1], name="count"), array.astype("float32")),
        (pd.Series([1]), pd.Series(array, name="other")),
        (pd.DataFrame({"y": [1.0]}), array.reshape(-1, 1)),
        (pd.DataFrame({"y": [1.0], "z": [1]}), [[1, 2.5], [3, 4]]),
        (pd.DataFrame({"y": [1.0]}), pd.DataFrame({"more": ["a"], "y": [1]})),
        (pd.Series([1.0]), pd.DataFrame({"0": [1.0]})),
        (array, array.astype("float32")),
        (array, [1, 2]),
        ({"a": array}, {"a": [1, 2], "b": None}),
        ([1.5], [2]),
        ([{"score": 1.5, "near": [0.5]}], [{"score": 2, "near": [1, 2]}]),
        ({"score": 1.5}, {"score": 2}),
        ("a", "b"),
    ]
    for example, answer in answers:
        check_answer(answer, infer_signature(None, example).outputs)


def test_lists_instead_of_strings_are_bad_requests(ours: Client) -> None:
    uri = log(lambda rows: [1] * len(rows), signature=ModelSignature(Schema([ColSpec(Array(DataType.string), "c")])))
    told = ours(uri).post("/invocations", json={"dataframe_records": [{"c": [[1], [2, 3]]}]})
    assert (told.status_code, "'c' is not a valid Array(string): [1] is not a valid string" in told.text) == (400, True)


@pytest.mark.slow
def test_an_answer_that_does_not_match_the_signature(ours: Client) -> None:
    inputs = Schema([ColSpec("double", "x")])
    answers: list[tuple[Schema, Any]] = [
        (Schema([TensorSpec("float64", (-1,))]), np.array(["a"])),
        (Schema([TensorSpec("float64", (-1, 2))]), np.zeros((1, 3))),
        (Schema([ColSpec("string", "label")]), pd.DataFrame({"other": ["a"]})),
        (Schema([ColSpec("long", "label")]), pd.DataFrame({"label": ["1.5"]})),
        (Schema([ColSpec("long", "label"), ColSpec("long", "other")]), np.array([1])),
        (Schema([ColSpec(Array(DataType.double), "spectrum")]), [["a"]]),
    ]
    for outputs, answer in answers:
        uri = log(lambda rows, answer=answer: answer, signature=ModelSignature(inputs, outputs))
        told = ours(uri).post("/invocations", json={"inputs": {"x": [1.0]}})
        assert (told.status_code, told.json()["error_code"]) == (500, "INTERNAL_ERROR")
        assert "signature" in told.json()["message"]
    fine = pd.DataFrame({"label": ["a"], "more": [1]})
    uri = log(lambda rows: fine, signature=ModelSignature(inputs, Schema([ColSpec("string", "label")])))
    assert ours(uri).post("/invocations", json={"inputs": {"x": [1.0]}}).json() == {
        "predictions": [{"label": "a", "more": 1}]
    }


def test_nan_and_infinity_become_null(ours: Client) -> None:
    uri = log(lambda rows: np.array([np.nan, np.inf, 1.0]))
    assert ours(uri).post("/invocations", json={"inputs": [1]}).text == '{"predictions":[null,null,1.0]}'


@pytest.mark.slow
def test_a_body_can_be_too_large(sums: str, ours: Client) -> None:
    client = ours(sums, max_body=1_000)
    assert client.post("/invocations", json=BODY).status_code == 200
    large = b" " * 1_001

    def parts() -> Any:
        yield from (large[:500], large[:500], large[:1])

    for content in (large, parts()):
        told = client.post("/invocations", content=content, headers={"content-type": "application/json"})
        assert (told.status_code, told.json()["error_code"]) == (413, "BAD_REQUEST")


def test_unknown_endpoints_and_methods_are_refused_in_json(sums: str, ours: Client) -> None:
    client = ours(sums)
    for method, path, status in (("GET", "/", 404), ("GET", "/invocations", 405), ("POST", "/ping", 405)):
        told = client.request(method, path)
        assert told.status_code == status
        assert "POST /invocations" in told.json()["message"]


def _row_forms(document: dict[str, Any]) -> dict[str, Any]:
    return dict(document["paths"]["/invocations"]["post"]["requestBody"]["content"]["application/json"])


@pytest.mark.slow
def test_the_openapi_document_describes_inputs_and_outputs(ours: Client) -> None:
    # The imports of the command take a second.
    import jsonschema

    table = pd.DataFrame({"d": [0.5, None], "l": [1, 2], "s": ["a", "b"], "t": pd.to_datetime(["2024-01-01"] * 2)})
    examples: list[tuple[Any, Any, dict[str, Any]]] = [
        (table, np.array([1, 2]), {"k": 1}),
        (np.zeros((2, 3), "float32"), np.zeros((2, 2)), {}),
        ({"ids": np.array([1, 2]), "x": np.zeros((2, 4))}, pd.DataFrame({"y": [1.0, 2.0]}), {}),
        ([{"tags": ["a"], "at": {"x": 1.5}}], ["a"], {}),
        (["a", "b"], [1, 2], {}),
    ]
    for data, answer, params in examples:
        example = (data, params) if params else data
        signature = infer_signature(data, answer, params or None)
        uri = log(lambda rows, params=None, answer=answer: answer, signature=signature, input_example=example)
        client = ours(uri)
        document = client.get("/openapi.json").json()
        described = _row_forms(document)
        sent = json.loads((locate(uri).folder() / "serving_input_example.json").read_text())
        assert described["example"] == sent
        jsonschema.Draft202012Validator.check_schema(described["schema"])
        jsonschema.validate(sent, described["schema"])
        answered = client.post("/invocations", json=sent)
        assert answered.status_code == 200, answered.text
        given = document["paths"]["/invocations"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(answered.json(), given)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"inputs": {"nothing": 1}, "instances": 3}, described["schema"])
    assert _row_forms(ours(log(lambda rows: rows)).get("/openapi.json").json())["schema"]["oneOf"]


def test_the_openapi_document_describes_records_by_column(ours: Client) -> None:
    table = pd.DataFrame({"d": [0.5, None], "l": [1, 2]})
    described = _row_forms(ours(log(lambda rows: rows, signature=infer_signature(table))).get("/openapi.json").json())
    form = next(each for each in described["schema"]["oneOf"] if "dataframe_records" in each["required"])
    row = form["properties"]["dataframe_records"]["items"]
    assert row["required"] == ["l"]
    assert row["properties"] == {
        "d": {"type": ["number", "null"], "format": "double"},
        "l": {"type": "integer", "format": "int64"},
    }


@pytest.mark.slow
def test_ping_is_answered_while_a_model_predicts(tmp_path: Path) -> None:
    answered = str(tmp_path / "the ping is answered")

    def slow(rows: Any) -> Any:
        import os
        import time

        while not os.path.exists(answered):
            time.sleep(0.01)
        return rows

    with ModelServer(log(slow), port=0, threads=2) as server:
        waiting = [threading.Thread(target=_post, args=(server.url, {"inputs": [1]})) for _ in range(4)]
        for thread in waiting:
            thread.start()
        time.sleep(0.2)
        assert urlopen(f"{server.url}/ping", timeout=60).read() == b"\n"
        assert all(thread.is_alive() for thread in waiting)
        Path(answered).touch()
        for thread in waiting:
            thread.join()


@pytest.mark.parametrize("setting", ["max_body", "threads"])
def test_limits_must_be_at_least_1(sums: str, setting: str) -> None:
    for number in (0, -1):
        with pytest.raises(InvalidParameter, match=f"{setting} must be at least 1, not {number}"):
            ModelServer(sums, port=0, **{setting: number})  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_port_in_use_and_a_model_that_does_not_exist(sums: str) -> None:
    with ModelServer(sums, port=0) as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(InvalidParameter, match="Choose another port"):
            ModelServer(sums, port=port)
    with pytest.raises(NotFound, match="no version in stage Staging"):
        ModelServer("models:/sums/Staging", port=0)
    for uri in ("models:/sums/1", "models:/sums/latest", "somewhere"):
        with pytest.raises(InvalidParameter, match="the URI must name one"):
            ModelServer(uri, port=0, follow=True)


@pytest.mark.slow
def test_a_missing_package_error_says_what_to_install(
    sums: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["models", "serve", "-m", sums, "--port", "0"]) == 1
    assert "pip install 'nbtrack[serve]'" in capsys.readouterr().err


def test_a_pickle_from_elsewhere_requires_trust(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nbtrack.pyfunc.save_model("elsewhere", python_model=lambda rows: rows)
    assert main(["models", "serve", "-m", "elsewhere", "--port", "0"]) == 1
    assert "trust=True" in capsys.readouterr().err


@pytest.mark.slow
def test_requests_are_answered_while_the_command_stops(own_store: Path) -> None:
    def slow(rows: Any) -> Any:
        import time

        time.sleep(1.5)
        return rows

    uri = log(slow, input_example=None)
    command = [sys.executable, "-m", "tests.serving.command", "models", "serve", "-m", uri, "--port", "0"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split(" at ")[1].split()[0]
        answers: list[Any] = []
        thread = threading.Thread(target=lambda: answers.append(_post(url, {"inputs": [7]})))
        thread.start()
        time.sleep(0.7)
        process.send_signal(signal.SIGTERM)
        thread.join(timeout=20)
        assert process.wait(timeout=20) == 0
        assert answers == [{"predictions": [7]}]
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    with pytest.raises(OSError, match="refused"):
        http.client.HTTPConnection(url.removeprefix("http://"), timeout=2).request("GET", "/ping")


def _post(url: str, body: Any) -> Any:
    request = Request(f"{url}/invocations", json.dumps(body).encode(), {"content-type": "application/json"})
    with urlopen(request, timeout=20) as response:
        return json.load(response)


def test_the_input_example_warms_up_the_model(ours: Client) -> None:
    def picky(rows: pd.DataFrame) -> Any:
        raise ValueError("never")

    with pytest.warns(UserWarning, match="never"):
        uri = log(picky, input_example=EXAMPLE)
    with pytest.warns(UserWarning, match="cannot predict its own input example: .*never"):
        ours(uri)


def test_logging_of_the_program_is_not_changed(sums: str) -> None:
    """uvicorn's configuration would close all handlers: a user's log file, or the stream of absl's handler."""
    closed: list[logging.Handler] = []

    class Handler(logging.Handler):
        def close(self) -> None:
            closed.append(self)
            super().close()

    handler = Handler()
    with ModelServer(sums, port=0) as server, urlopen(f"{server.url}/ping") as answer:
        assert answer.status == 200
    assert closed == []
    handler.close()
