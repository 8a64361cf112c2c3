"""Wrong types in the public API: each is an error of nbtrack that says in a sentence what is allowed."""

from __future__ import annotations

import contextlib
import inspect
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import nbtrack
from nbtrack.names import new_id

WRONG: tuple[Any, ...] = (3, float("nan"), b"x", [[3]], {"a": 3}, object())
"""Values of which every parameter refuses most. Those that it accepts are no error of the test."""

ANYTHING = {
    # Parameter: why it takes any value.
    "value": "log_param and tags store anything as a string, and log_metric is checked on the hot path",
    "data": "log_table takes whatever has columns",
    "model": "a model is any object that a flavor can save",
    "models": "ignored, for code that was written for MLflow",
    "model_id": "ignored, for code that was written for MLflow",
    "await_creation_for": "ignored, for code that was written for MLflow",
    "await_registration_for": "ignored, for code that was written for MLflow",
    "backend_config": "ignored, for code that was written for MLflow",
    "shell": "IPython passes its shell, and nobody else calls these functions",
}
NOT_CALLED = {
    "run": "starts processes; its arguments have tests in tests/projects",
    "restore_backup": "replaces the database; the method of the client is called with the wrong types",
}
NAMED_AS = {
    # Parameter: words by which its messages call it.
    "artifact_file": ("artifact path",),
    "artifact_path": ("artifact path",),
    "by": ("a name must be",),
    "contexts": ("context",),
    "datasets": ("dataset",),
    "experiment_names": ("experiment name",),
    "extra_tags": ("tag key",),
    "filter_string": ("filter",),
    "keys": ("key",),
    "metrics": ("metric",),
    "mode": ("fsync",),
    "name": ("name must be",),
    "model_uri": ("model uri",),
    "new_name": ("name must be",),
    "dst_name": ("model name",),
    "order_by": ("order",),
    "params": ("param",),
    "parent_run_id": ("run_id", "run '"),
    "query": ("filter",),
    "rescue": ("rescue",),
    "run_ids": ("run_id",),
    "run_view_type": ("view type",),
    "src_model_uri": ("model uri",),
    "stages": ("stage",),
    "tags": ("tag key",),
    "tags_list": ("tag",),
    "uri": ("tracking uri", "registry uri"),
    "values": ("metric",),
}
SLOW_TO_TRY = {"timeout": (b"x", [3], object(), float("nan")), "rescue": (3, [3], object())}
"""Valid numbers would be waited for, and a doctor's check of the store takes a second."""


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the functions of the package and the methods of a client, with their names."""
    for name in sorted(nbtrack.__all__):
        found = getattr(nbtrack, name)
        if inspect.isfunction(found) and name not in NOT_CALLED:
            yield name, found
    client = nbtrack.MlflowClient()
    for name in sorted(name for name in dir(client) if not name.startswith("_")):
        if inspect.ismethod(method := getattr(client, name)):
            yield f"Client.{name}", method


def wrong(parameter: inspect.Parameter) -> tuple[Any, ...]:
    """Return the wrong values for a parameter. Flags take any object, because every object is true or false."""
    of_flag = "bool" in str(parameter.annotation)
    if parameter.name in ANYTHING or of_flag or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        return ()
    return SLOW_TO_TRY.get(parameter.name, WRONG)


def arguments(name: str, parameters: Iterable[inspect.Parameter], run_id: str) -> dict[str, Any]:
    """Return valid arguments for the required parameters of a function."""
    valid = {
        "alias": "best",
        "artifact_file": "file.txt",
        "data": {"a": [1]},
        "dataset": nbtrack.data.from_numpy(np.zeros(2)),
        "dictionary": {"a": 1},
        "experiment_id": "0",
        "figure": Figure(),
        "filter_string": "metrics.k > 0",
        "folder": new_id(),
        "image": np.zeros((2, 2, 3), np.uint8),
        "key": "k",
        "metric": "k",
        "metrics": {"a": 1.0},
        "mode": "auto",
        "model_uri": "models:/m/1",
        "name": "m",
        "params": {"a": 1},
        "parts": ["query"],
        "query": "SELECT $1",
        "run_id": run_id,
        "runs": [run_id],
        "src_model_uri": "models:/m/1",
        "stage": "Staging",
        "step": 0,
        "steps": [0],
        "tags": {"a": "b"},
        "target": new_id(),
        "value": 1,
        "values": [1.0],
        "version": 1,
        "view": {},
    }
    given = {
        one.name: valid.get(one.name, "x") for one in parameters if one.default is one.empty and one.kind not in (2, 4)
    }
    if "update_model_version" in name:
        given["description"] = "about"
    if name == "link":
        given = {"first": nbtrack.compare(), "second": nbtrack.compare(), "parts": ["query"]}
    suffix = {"log_figure": "png", "log_image": "png", "log_table": "json", "load_table": "json"}
    if name.split(".")[-1] in suffix:
        given["artifact_file"] = f"file.{suffix[name.split('.')[-1]]}"
    if name.split(".")[-1] in ("watch", "wait_for_stage"):
        given["timeout"] = 0.01
    if "log_batch" in name:
        given |= {one: [] for one in ("metrics", "params", "tags") if one in given}
    return given


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_wrong_types_are_errors_of_nbtrack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every parameter of every public function, but flags and those in ANYTHING."""
    monkeypatch.chdir(tmp_path)
    uri, called, problems = nbtrack.get_tracking_uri(), 0, []
    client = nbtrack.MlflowClient()
    with nbtrack.start_run() as run:
        nbtrack.log_metric("k", 1.0)
    client.create_registered_model("m")
    client.create_model_version("m", "runs:/x/model")
    for name, function in functions():
        parameters = inspect.signature(function).parameters.values()
        for parameter in parameters:
            for value in wrong(parameter):
                given = arguments(name, parameters, run.info.run_id) | {parameter.name: value}
                called += 1
                try:
                    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                        function(**given)
                except nbtrack.NbtrackError as error:
                    if problem := problem_of(parameter.name, error.message):
                        problems.append(f"{name}({parameter.name}={value!r}): {problem}: {error.message}")
                except Exception as error:
                    problems.append(f"{name}({parameter.name}={value!r}): {error!r}")
                finally:
                    while nbtrack.active_run():
                        nbtrack.end_run()
                    if name in ("set_tracking_uri", "set_registry_uri"):
                        nbtrack.set_tracking_uri(uri)
                    if name == "autolog":
                        nbtrack.autolog(disable=True)
            if name.endswith(("delete_run", "gc")):
                with contextlib.suppress(nbtrack.NbtrackError):
                    client.restore_run(run.info.run_id)
    assert not problems, "\n".join(problems)
    assert called > 1500


def problem_of(parameter: str, message: str) -> str:
    """Return what is wrong with the message about a parameter."""
    if not message.rstrip().endswith((".", "?")) or "DuckDB says" in message:
        return "not a sentence of nbtrack"
    words = (parameter.lower(), parameter.replace("_id", " ID").replace("_", " ").lower(), *NAMED_AS.get(parameter, ()))
    if " must be a" in message and not any(word in message.lower() for word in words):
        return "names another parameter"
    return ""


def test_entities_of_a_batch() -> None:
    with nbtrack.start_run() as run:
        pass
    client = nbtrack.MlflowClient()
    for given, message in (
        ({"metrics": [3]}, r"metrics must contain Metric objects, not int \(3\)\."),
        ({"params": [{"key": "a", "value": 1}]}, r"params must contain Param objects, not dict"),
        ({"tags": {"a": "b"}}, r"tags must contain RunTag objects, not str \('a'\)\."),
        ({"metrics": 3}, r"metrics must be a list, not int \(3\)\."),
        ({"params": "lr"}, r"params must be a list, not str \('lr'\)\."),
    ):
        with pytest.raises(nbtrack.errors.InvalidParameter, match=message):
            client.log_batch(run.info.run_id, **given)
    assert client.get_run(run.info.run_id).data.params == {}
