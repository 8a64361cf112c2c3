"""Only the best model of a run is kept, across processes, resumed runs, registration and crashes."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nbtrack
from nbtrack.errors import InvalidParameter, NotFound
from nbtrack.models.best import Best, flavor_of

from .conftest import Fitted

FLAVOR = """
import os
from pathlib import Path

class Weather:
    def __init__(self, text, files=1, size=0):
        self.text, self.files, self.size = text, files, size

def save_model(model, path, *, mlflow_model, metadata=None):
    folder = Path(path)
    folder.mkdir()
    for i in range(model.files):
        (folder / f"part-{i}.txt").write_text(model.text + "." * model.size)
    (folder / "LICENSE").write_text("the same in each model" * 100)
    mlflow_model.metadata = dict(metadata or {})
    mlflow_model.add_flavor("weather", files=model.files)
    mlflow_model.save(folder)
"""


@pytest.fixture
def weather(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Install a flavor of another package, whose models are a string in a file, also for child processes."""
    package = tmp_path / "site"
    metadata = package / "weather-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: weather\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[nbtrack.flavors]\nweather = weather\n")
    (package / "weather.py").write_text(FLAVOR)
    monkeypatch.syspath_prepend(str(package))
    path = os.pathsep.join(part for part in (str(package), os.environ.get("PYTHONPATH")) if part)
    monkeypatch.setenv("PYTHONPATH", path)
    # Files that a killed child leaves there are deleted with the test.
    (tmp_path / "temp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temp"))
    import weather  # type: ignore[import-not-found]

    yield weather.Weather
    monkeypatch.delitem(sys.modules, "weather")


def text(run_id: str, name: str = "best") -> str:
    return nbtrack.artifacts.load_text(f"runs:/{run_id}/{name}/part-0.txt").rstrip(".")


def of(run_id: str) -> dict[str, str]:
    tags = nbtrack.get_run(run_id).data.tags
    return {key.removeprefix("nbtrack.best."): tag for key, tag in tags.items() if key.startswith("nbtrack.best.")}


@pytest.mark.slow
def test_the_best_of_a_training(digits: Fitted, capsys: pytest.CaptureFixture[str]) -> None:
    from sklearn.linear_model import RidgeClassifier

    models = [RidgeClassifier(alpha=c).fit(digits.rows, digits.predictions) for c in (1e-6, 1.0, 0.1)]
    kept = []
    with nbtrack.start_run() as run:
        for model, auc in zip(models, (0.5, 0.9, 0.8), strict=True):
            nbtrack.log_metric("val/auc", auc)
            kept.append(nbtrack.log_best(model, metric="val/auc", mode="max", metadata={"by": "test"}))
    assert [best.is_new for best in kept] == [True, True, False]
    assert [(best.value, best.step) for best in kept] == [(0.5, 0), (0.9, 1), (0.9, 1)]
    uri = f"runs:/{run.info.run_id}/best"
    assert {best.model_uri for best in kept} == {uri}
    loaded = nbtrack.sklearn.load_model(uri)
    np.testing.assert_array_equal(loaded.coef_, models[1].coef_)
    assert nbtrack.models.get_model_info(uri).metadata == {"by": "test"}
    assert of(run.info.run_id) == {"metric": "val/auc", "mode": "max", "value": "0.9", "step": "1"}
    assert len(nbtrack.search_runs(filter_string="tags.`nbtrack.best.value` > 0.8")) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"val/auc 0.5 at step 0 is the first value. The model was saved to {uri}."
    assert said[1].startswith(f"val/auc 0.9 at step 1 is better than 0.5. The model at {uri} was replaced. ")
    assert said[1].endswith(" saved so far.")
    assert len(said) == 2
    assert kept[1].freed_bytes > 1000
    assert kept[2].saved_bytes == kept[1].saved_bytes == kept[1].freed_bytes


def test_which_values_are_better(weather: Any) -> None:
    cases: list[tuple[str, float, bool]] = [
        ("nan", math.nan, False),
        ("first", 3.0, True),
        ("equal", 3.0, False),
        ("worse", 3.5, False),
        ("nan again", math.nan, False),
        ("better", 2.0, True),
        ("infinite", -math.inf, True),
        ("no better than that", -math.inf, False),
    ]
    with nbtrack.start_run() as run:
        for i, (name, value, is_new) in enumerate(cases):
            best = nbtrack.log_best(weather(name), "loss", "min", value=value, step=i * 10, silent=True)
            assert (name, best.is_new, bool(best)) == (name, is_new, is_new)
            if name == "nan":
                assert str(best) == f"loss nan at step 0 is not a number, so no model was saved to {best.model_uri}."
    assert text(run.info.run_id) == "infinite"
    assert of(run.info.run_id) == {"metric": "loss", "mode": "min", "value": "-inf", "step": "60"}


@pytest.mark.slow
def test_replaced_models_free_their_disk_space_at_once(own_store: Path, weather: Any) -> None:
    def room() -> int:
        return sum(path.stat().st_size for path in own_store.glob("blobs/*/*"))

    with nbtrack.start_run():
        nbtrack.log_best(weather("0", files=3, size=100_000), "m", value=0, silent=True)
        before = room()
        freed = 0
        for value in range(1, 6):
            best = nbtrack.log_best(weather(str(value), files=3, size=100_000), "m", value=value, silent=True)
            freed += best.freed_bytes
            assert abs(room() - before) < 200
    # Three equal files are stored once.
    assert 5 * 100_000 < freed < 5 * 101_000
    assert best.saved_bytes == freed
    assert nbtrack.MlflowClient().gc().unnamed == (0, 0)


@pytest.mark.slow
def test_files_missing_from_the_new_model_are_deleted_everywhere(own_store: Path, weather: Any) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_best(weather("many", files=4), "m", value=1, silent=True)
        nbtrack.log_best(weather("few", files=2), "m", value=2, silent=True)
    run_id = run.info.run_id
    listed = {Path(info.path).name for info in nbtrack.artifacts.list_artifacts(run_id=run_id, artifact_path="best")}
    assert listed == {"part-0.txt", "part-1.txt", "LICENSE", "MLmodel", "nbtrack-best.json"}
    rows = nbtrack.sql("SELECT path FROM artifacts ORDER BY path")["path"]
    assert {Path(path).name for path in rows} == listed
    assert nbtrack.doctor().is_healthy
    assert not list(own_store.rglob(".nbtrack-partial-*"))
    history = json.loads(nbtrack.get_run(run_id).data.tags["mlflow.log-model.history"])
    assert [entry["artifact_path"] for entry in history] == ["best"]


def test_several_best_models_in_one_run(weather: Any) -> None:
    with nbtrack.start_run() as run:
        for i, (acc, loss) in enumerate([(0.5, 1.0), (0.9, 2.0), (0.7, 0.5)]):
            nbtrack.log_metrics({"acc": acc, "loss": loss})
            nbtrack.log_best(weather(f"{i}"), "acc", silent=True)
            nbtrack.log_best(weather(f"{i}"), "loss", "min", name="models/calmest", silent=True)
        with pytest.raises(
            InvalidParameter, match=r"'best' holds the run's best model by the max of 'acc', not .*'loss'"
        ):
            nbtrack.log_best(weather("x"), "loss", "min")
    assert (text(run.info.run_id), text(run.info.run_id, "models/calmest")) == ("1", "2")


def test_wrong_arguments_of_log_best(weather: Any) -> None:
    with nbtrack.start_run():
        with pytest.raises(NotFound, match=r"no metric 'auc'.*value=0\.9"):
            nbtrack.log_best(weather("x"), "auc")
        with pytest.raises(InvalidParameter, match="mode must be 'max' or 'min'"):
            nbtrack.log_best(weather("x"), "auc", "maximum", value=1)  # type: ignore[arg-type]
        with pytest.raises(InvalidParameter, match="value must be a number"):
            nbtrack.log_best(weather("x"), "auc", value="high")
        with pytest.raises(InvalidParameter, match=r"leave the run's artifact folder"):
            nbtrack.log_best(weather("x"), "auc", value=1, name="../best")
        with pytest.raises(InvalidParameter, match=r"No installed flavor saves models of type builtins\.dict.*sklearn"):
            nbtrack.log_best({}, "auc", value=1)
        with pytest.raises(NotFound, match=r"'clouds' does not exist.*weather"):
            nbtrack.log_best(weather("x"), "auc", value=1, flavor="clouds")
        assert nbtrack.log_best(weather("named"), "auc", value=1, flavor="weather", silent=True)


@pytest.mark.parametrize(
    ("packages", "flavor"),
    [
        (["sklearn.pipeline"], "sklearn"),
        (["xgboost.sklearn", "sklearn.base"], "xgboost"),
        (["__main__", "lightgbm.sklearn", "sklearn.base"], "lightgbm"),
        (["__main__", "lightning.pytorch.core.module", "torch.nn.modules.module"], "pytorch"),
        (["keras.src.models.sequential", "torch.nn.modules.module"], "keras"),
        (["weather"], "weather"),
    ],
)
def test_the_flavor_is_that_of_the_nearest_framework(
    weather: Any, monkeypatch: pytest.MonkeyPatch, packages: list[str], flavor: str
) -> None:
    from nbtrack.models import best

    installed = {"sklearn", "xgboost", "lightgbm", "pytorch", "keras", "pyfunc", "onnx", *best.flavor_names()}
    monkeypatch.setattr(best, "flavor_names", lambda: sorted(installed))
    kind: type = object
    for package in reversed(packages):
        kind = type("Model", (kind,), {"__module__": package})
    assert flavor_of(kind()) == flavor
    assert flavor_of(lambda x: x) == "pyfunc"


def test_a_function_and_a_model_written_in_python() -> None:
    class Twice(nbtrack.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return [2 * value for value in model_input]

    with nbtrack.start_run():
        for value, model in enumerate([lambda model_input: model_input, Twice()]):
            best = nbtrack.log_best(model, "m", value=value, silent=True)
    assert list(nbtrack.pyfunc.load_model(best.model_uri).predict([1, 2])) == [2, 4]


def test_a_model_that_is_not_better_costs_microseconds(
    weather: Any, monkeypatch: pytest.MonkeyPatch, measured: Callable[[str, float], None]
) -> None:
    with nbtrack.start_run():
        nbtrack.log_metric("acc", 0.9)
        nbtrack.log_best(weather("x"), "acc", silent=True)
        nbtrack.log_metric("acc", 0.8)
        store = nbtrack.MlflowClient()._store

        def no(*_: object) -> None:
            raise AssertionError("the store was asked")

        with monkeypatch.context() as patch:
            patch.setattr(type(store), "reading", no)
            patch.setattr(Path, "open", no)
            start = time.perf_counter()
            for _ in range(1000):
                nbtrack.log_best(weather("x"), "acc")
            measured("log_best of a model that is not better, µs", (time.perf_counter() - start) * 1e3)


CHILD = """
import nbtrack, sys
from weather import Weather
run_id, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for value in range(first, last):
    # In a random order, which differs in each child.
    value = value * 7919 % 101 if first % 2 else last - value
    nbtrack.MlflowClient()
    best = nbtrack.log_best(Weather(str(value), files=3), "m", value=value, step=value, run_id=run_id, silent=True)
    assert best.value >= value
"""


def start(code: str, *args: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


@pytest.mark.slow
def test_resume_in_another_process(weather: Any) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_best(weather("mine"), "m", value=50, step=7, silent=True)
    run_id = run.info.run_id
    child = start(CHILD, run_id, 0, 40)
    go(child)
    assert child.wait() == 0
    assert (text(run_id), of(run_id)["step"]) == ("mine", "7")
    child = start(CHILD, run_id, 0, 60)
    go(child)
    assert child.wait() == 0
    # This process notices it, although it knew a worse one.
    assert not nbtrack.log_best(weather("late"), "m", value=55, run_id=run_id)
    assert text(run_id) == "60"
    nbtrack.log_metric("m", 61.0, run_id=run_id)
    nbtrack.MlflowClient()._store.forget_recorder(run_id)
    assert nbtrack.log_best(weather("from the store"), "m", run_id=run_id, silent=True).step == 0


@pytest.mark.slow
def test_concurrent_processes_and_threads_keep_the_best_model(weather: Any) -> None:
    with nbtrack.start_run() as run:
        run_id = run.info.run_id
        children = [start(CHILD, run_id, first, last) for first, last in ((0, 40), (1, 60))]
        go(*children)

        def work(offset: int) -> None:
            for value in range(offset, 100, 4):
                best = nbtrack.log_best(weather(str(value), files=3), "m", value=value, step=value, run_id=run_id)
                assert best.value >= value

        threads = [threading.Thread(target=work, args=[offset]) for offset in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [child.wait() for child in children] == [0, 0]
    tried = {value * 7919 % 101 for value in range(1, 60)} | set(range(100)) | set(range(41))
    assert text(run_id) == str(max(tried))
    assert of(run_id)["value"] == repr(float(max(tried)))
    parts = {nbtrack.artifacts.load_text(f"runs:/{run_id}/best/part-{i}.txt") for i in range(3)}
    assert parts == {str(max(tried))}


@pytest.mark.slow
def test_a_registered_version_keeps_its_replaced_model(own_store: Path, weather: Any) -> None:
    client = nbtrack.MlflowClient()
    with nbtrack.start_run() as run:
        run_id = run.info.run_id
        best = nbtrack.log_best(weather("first"), "m", value=1, step=3, silent=True)
        nbtrack.register_model(best.model_uri, "w")
        # MLflow's clients name a source by its path.
        client.create_model_version("w", f"{run.info.artifact_uri}/best", run_id)
        replaced = nbtrack.log_best(weather("second"), "m", value=2, step=3, silent=True)
        assert replaced.kept_for == ("w/1", "w/2")
        assert replaced.freed_bytes == 0
        assert "The previous model is kept for w/1, w/2." in str(replaced)
        nbtrack.register_model(best.model_uri, "w")
        for value in (3, 4):
            nbtrack.log_best(weather(f"value {value}"), "m", value=value, step=3, silent=True)
    texts = [nbtrack.artifacts.load_text(f"models:/w/{version}/part-0.txt") for version in (1, 2, 3)]
    assert texts == ["first", "first", "second"]
    assert text(run_id) == "value 4"
    sources = [client.get_model_version("w", version).source for version in (1, 2, 3)]
    assert sources == [f"runs:/{run_id}/best-3", f"runs:/{run_id}/best-3", f"runs:/{run_id}/best-3-2"]
    moved = [event for event in client.get_history("w") if event.kind == "source_moved"]
    assert [(event.version, event.old, event.new) for event in reversed(moved)] == [
        (1, f"runs:/{run_id}/best", f"runs:/{run_id}/best-3"),
        (2, f"{run.info.artifact_uri}/best", f"runs:/{run_id}/best-3"),
        (3, f"runs:/{run_id}/best", f"runs:/{run_id}/best-3-2"),
    ]
    logged = json.loads(nbtrack.get_run(run_id).data.tags["mlflow.log-model.history"])
    assert {entry["artifact_path"] for entry in logged} == {"best", "best-3", "best-3-2"}
    assert nbtrack.doctor(contents=True).is_healthy


LOGGER = """
import nbtrack, sys
from weather import Weather
run_id = sys.argv[1]
print("ready", flush=True)
sys.stdin.readline()
value = int(sys.argv[2])
while True:
    value += 1
    nbtrack.log_best(Weather(str(value), files=5), "m", value=value, step=value, run_id=run_id, silent=True)
    print(value, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_kill_at_a_random_moment_leaves_one_complete_best_model(own_store: Path, weather: Any, seed: int) -> None:
    client = nbtrack.MlflowClient()
    run_id = client.create_run("0").info.run_id
    value = 0
    for turn in range(5):
        child = start(LOGGER, run_id, value)
        go(child)
        assert child.stdout is not None
        said = [child.stdout.readline()]
        time.sleep(0.037 * (seed * 5 + turn))
        child.send_signal(signal.SIGKILL)
        said += child.stdout.read().split("\n")[:-1]
        child.wait()
        kept = int(text(run_id))
        # The stored model is at least as good as the last one that the child reported.
        assert kept >= max([value, *(int(line) for line in said)])
        state = json.loads(nbtrack.artifacts.load_text(f"runs:/{run_id}/best/nbtrack-best.json"))
        assert (float(state["value"]), state["step"]) == (kept, kept)
        parts = [nbtrack.artifacts.load_text(f"runs:/{run_id}/best/part-{i}.txt") for i in range(5)]
        assert parts == [str(kept)] * 5
        value = kept
    assert value >= 5
    # A process that resumes the run knows the best model, and corrects the tags.
    assert not nbtrack.log_best(weather("x"), "m", value=value, run_id=run_id)
    assert of(run_id)["step"] == str(value)
    for leftover in own_store.rglob(".nbtrack-partial-*"):
        os.utime(leftover, (0, 0))
    client.doctor(repair=True)
    client.gc(dry_run=False)
    assert nbtrack.doctor(contents=True).is_healthy


@pytest.mark.slow
@pytest.mark.parametrize("step", ["copied", "moved", "swapped"])
def test_a_kill_at_each_step_of_a_replacement(weather: Any, step: str) -> None:
    """Whichever step was the last, a version keeps its model, and the best model is the old or the new one."""
    with nbtrack.start_run() as run:
        best = nbtrack.log_best(weather("old"), "m", value=1, step=1, silent=True)
        nbtrack.register_model(best.model_uri, "w")
    run_id = run.info.run_id
    die = "os.kill(os.getpid(), signal.SIGKILL)"
    patch = {
        "copied": f"Tables.move_sources = lambda *a, **k: {die}",
        "moved": f"real = Tables.move_sources; Tables.move_sources = lambda *a, **k: (real(*a, **k), {die})",
        "swapped": f"real = artifact_store.swap; artifact_store.swap = lambda *a: (real(*a), {die})",
    }[step]
    code = f"""
import os, signal, nbtrack
from nbtrack.artifact_store import local as artifact_store
from nbtrack.store.sql.registry.lineage import ModelLineageTables as Tables
from weather import Weather
{patch}
nbtrack.log_best(Weather("new"), "m", value=2, step=2, run_id={run_id!r})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert nbtrack.artifacts.load_text("models:/w/1/part-0.txt") == "old"
    assert text(run_id) == ("new" if step == "swapped" else "old")
    again: Best = nbtrack.log_best(weather("newer"), "m", value=3, step=3, run_id=run_id, silent=True)
    assert again.previous == (2.0 if step == "swapped" else 1.0)
    assert nbtrack.artifacts.load_text("models:/w/1/part-0.txt") == "old"
    assert (text(run_id), of(run_id)["value"]) == ("newer", "3.0")


@pytest.mark.slow
def test_replacement_without_an_atomic_exchange_of_names(weather: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbtrack.artifact_store import swap

    monkeypatch.setattr(swap, "_swap_at_once", lambda one, other: False)
    with nbtrack.start_run() as run:
        for value in range(3):
            nbtrack.log_best(weather(str(value)), "m", value=value, silent=True)
    assert text(run.info.run_id) == "2"
    assert nbtrack.doctor().is_healthy
