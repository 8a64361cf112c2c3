"""Wrong types in the public API: each is an error of nbtrack that says in a sentence what is allowed."""

from __future__ import annotations

import contextlib
import inspect
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import nbtrack

WRONG: dict[str, tuple[Any, ...]] = {
    # parameter: values that are not valid for it, in whatever function has it
    "run_id": (3, 2.5, b"x", [3], ["x"], {"a": 3}, object(), int),
    "parent_run_id": ([3], object()),
    "run_name": (float("nan"), 3, ["x"]),
    "key": (3, 2.5, b"x", [3], ["x"], {"a": 3}, object()),
    "timeout": ("x", [3], object(), float("nan")),
    "order_by": (3, 2.5, object()),
    "by": (3, object()),
    "experiment_names": (3, object()),
    "stages": (3, object()),
    "run_ids": (3, object()),
    "local_path": (3, b"x", [3], object()),
    "local_dir": (3, b"x", [3], object()),
    "source": (3, b"x", [3], object()),
    "artifacts": (3, b"x", object()),
    "datasets": (3, "x", [3], object()),
    "tags_list": (3, "x", object()),
    "metrics": (3, "x", [3], [{"key": "a"}], object()),
    "params": (3, "x", [3], object()),
    "tags": (3, [3], object()),
}
NOT_CALLED = {
    # These change the settings of the whole process, or restore and serve.
    *("autolog", "set_tracking_uri", "restore_backup", "delete_run", "restore_run", "start_run", "sweep"),
}
GIVEN = {
    "key": "k",
    "value": 1,
    "metrics": {"a": 1.0},
    "params": {"a": 1},
    "name": "m",
    "stage": "Staging",
    "metric": "a",
}


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the functions of the package and the methods of a client, with their names."""
    for name in sorted(nbtrack.__all__):
        found = getattr(nbtrack, name)
        if inspect.isfunction(found) and name not in NOT_CALLED:
            yield name, found
    client = nbtrack.MlflowClient()
    for name in sorted(vars(type(client)).keys() | {name for name in dir(client) if not name.startswith("_")}):
        if not name.startswith("_") and inspect.ismethod(method := getattr(client, name)) and name not in NOT_CALLED:
            yield f"Client.{name}", method


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_wrong_types_are_errors_of_nbtrack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with nbtrack.start_run() as run:
        nbtrack.log_metric("k", 1.0)
    nbtrack.MlflowClient().create_registered_model("m")
    called, problems = 0, []
    for name, function in functions():
        parameters = inspect.signature(function).parameters.values()
        required = {one.name for one in parameters if one.default is one.empty and one.kind not in (2, 4)}
        for parameter in parameters:
            for value in WRONG.get(parameter.name, ()):
                given = {one: GIVEN.get(one, "x") for one in required} | {parameter.name: value}
                if "run_id" in required and parameter.name != "run_id":
                    given["run_id"] = run.info.run_id
                called += 1
                try:
                    with contextlib.redirect_stdout(io.StringIO()):
                        function(**given)
                except nbtrack.NbtrackError as error:
                    if not error.message.rstrip().endswith((".", "?")) or "DuckDB says" in error.message:
                        problems.append(f"{name}({parameter.name}={value!r}): {error.message}")
                except Exception as error:
                    problems.append(f"{name}({parameter.name}={value!r}): {error!r}")
                finally:
                    while nbtrack.active_run():
                        nbtrack.end_run()
    assert not problems, "\n".join(problems)
    assert called > 400


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
