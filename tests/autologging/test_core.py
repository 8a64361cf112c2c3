"""What all autologgers have in common, tested with a small framework: a module with a function that trains."""

from __future__ import annotations

import copy
import importlib
import pickle
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import nbtrack
from nbtrack import autologging
from nbtrack.autologging import Call, Patches, Training

FRAMEWORK = """
__version__ = "2.5"

calls = []

def train(params, rounds=3, callback=None):
    if params.get("lr", 1) <= 0:
        raise ValueError("lr must be above 0")
    calls.append(params)
    for round in range(rounds):
        if callback:
            callback(round)
    return {"weights": rounds}

def tune(grid):
    return [train(params) for params in grid]

class Estimator:
    def fit(self, x):
        self.seen = x
        return self

class Child(Estimator):
    def fit(self, x):
        return super().fit(x)
"""

hooks: dict[str, Callable[..., Any]] = {}
"""Functions that a test adds to the logger below."""


def _install(patches: Patches) -> None:
    hooks.get("install", lambda: None)()
    import tinytrain

    autologging.log_training(patches, tinytrain, ["train", "tune"], _logger)
    autologging.log_training(patches, tinytrain.Estimator, "fit", _logger)
    autologging.log_training(patches, tinytrain.Child, "fit", _logger)


def _logger(training: Training, call: Call) -> Generator[None, Any, None]:
    params = call.argument("params", {})
    call.kwargs["callback"] = autologging.guarded("tiny", "log a round")(
        lambda round: (hooks.get("round", lambda: None)(), training.run.log_metric("loss", 1 / (round + 1)))
    )
    if call.function.__name__ != "train":
        call.kwargs.pop("callback")
    hooks.get("before", lambda: None)()
    training.log_params(params)
    result = yield
    hooks.get("after", lambda: None)()
    training.run.set_tag("result", str(result))


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "tinytrain.py").write_text(FRAMEWORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    autologging.autologger("tiny", module="tinytrain", supported=("2.0", "3"))(_install)
    yield
    hooks.clear()
    autologging.switch_off()
    sys.modules.pop("tinytrain", None)


def framework() -> ModuleType:
    return importlib.import_module("tinytrain")


def runs() -> list[Any]:
    return nbtrack.search_runs(output_format="list", search_all_experiments=True)


@pytest.mark.parametrize("order", ["framework first", "autolog first", "function taken over before", "exec"])
def test_the_order_of_imports_does_not_matter(order: str) -> None:
    if order == "autolog first":
        autologging.switch("tiny")
        train = framework().train
    elif order == "exec":
        names: dict[str, Any] = {}
        exec("from tinytrain import train\nfrom nbtrack import autologging\nautologging.switch('tiny')", names)
        train = names["train"]
    else:
        train = framework().train
        borrower = ModuleType("borrower")
        borrower.__dict__["renamed"] = train
        sys.modules["borrower"] = borrower
        autologging.switch("tiny")
        train = borrower.__dict__["renamed"] if "taken" in order else framework().train
        del sys.modules["borrower"]
    assert train({"lr": 0.1}) == {"weights": 3}
    (run,) = runs()
    assert run.data.params == {"lr": "0.1"}
    assert run.data.metrics == {"loss": pytest.approx(1 / 3)}
    assert run.data.tags["mlflow.autologging"] == "tiny"
    assert run.info.status == "FINISHED"
    assert nbtrack.active_run() is None


def test_the_active_run_is_used_and_stays_open() -> None:
    autologging.switch("tiny")
    with nbtrack.start_run() as run:
        framework().train({"lr": 0.1})
        assert run.is_open
    assert [one.info.run_id for one in runs()] == [run.info.run_id]
    assert "mlflow.autologging" not in runs()[0].data.tags


def test_exclusive_leaves_the_users_run_alone() -> None:
    autologging.switch("tiny", exclusive=True)
    with nbtrack.start_run() as run:
        framework().train({"lr": 0.1})
    assert run.data.params == {}
    framework().train({"lr": 0.2})
    assert len(runs()) == 2


def test_trainings_inside_a_training_are_part_of_it() -> None:
    autologging.switch("tiny")
    framework().tune([{"lr": 0.1}, {"lr": 0.2}])
    framework().Child().fit([1])
    assert len(runs()) == 2
    with autologging.suspended():
        framework().train({"lr": 0.3})
    assert len(runs()) == 2


def test_an_error_of_the_training_is_raised_and_fails_the_run() -> None:
    autologging.switch("tiny")
    with pytest.raises(ValueError, match="lr must be above 0"):
        framework().train({"lr": -1})
    (run,) = runs()
    assert run.info.status == "FAILED"
    assert "lr must be above 0" in run.data.tags["nbtrack.traceback"]
    assert nbtrack.active_run() is None
    with nbtrack.start_run() as own, pytest.raises(ValueError, match="lr"):
        framework().train({"lr": -1})
    assert nbtrack.get_run(own.info.run_id).info.status == "FINISHED"


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


ODD = [pytest.param(error, marks=pytest.mark.slow) for error in (Unspeakable(), RecursionError(), AssertionError())]


@pytest.mark.parametrize("error", [RuntimeError("ours"), *ODD])
@pytest.mark.parametrize("where", ["install", "before", "round", "after", "start_run", "end"])
def test_an_autologging_failure_is_one_warning_and_changes_nothing(
    where: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    if where == "start_run":
        monkeypatch.setattr("nbtrack.fluent.runs.start_run", fail)
    elif where == "end":
        monkeypatch.setattr("nbtrack.runs.active_run.ActiveRun.end", fail)
    else:
        hooks[where] = fail
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        autologging.switch("tiny")
        results = [framework().train({"lr": rate}) for rate in (0.1, 0.1)]
    assert results == [{"weights": 3}] * 2
    assert framework().calls == [{"lr": 0.1}] * 2
    (warning,) = caught
    assert "nbtrack autologging for tiny could not" in str(warning.message)
    monkeypatch.undo()


def test_the_warning_goes_to_stderr_if_warnings_are_errors(capsys: pytest.CaptureFixture[str]) -> None:
    hooks["after"] = lambda: 1 / 0
    autologging.switch("tiny")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert framework().train({"lr": 0.1}) == {"weights": 3}
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_silent_suppresses_warnings() -> None:
    hooks["after"] = lambda: 1 / 0
    autologging.switch("tiny", silent=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        framework().train({"lr": 0.1})


@pytest.mark.parametrize("silent", [True, False])
@pytest.mark.parametrize("action", ["always", "error"])
def test_a_changed_param_warns_unless_silent_and_never_raises(
    silent: bool, action: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    autologging.switch("tiny", silent=silent)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(action)
        with nbtrack.start_run():
            for rate in (0.1, 0.2, 0.3):
                framework().train({"lr": rate, f"of {rate}": 1})
    (run,) = runs()
    assert run.data.params == {"lr": "0.3", "of 0.1": "1", "of 0.2": "1", "of 0.3": "1"}
    assert run.data.tags["result"] == "{'weights': 3}"
    assert len(nbtrack.Client().get_metric_history(run.info.run_id, "loss")) == 9
    said = [str(one.message) for one in caught] + capsys.readouterr().err.splitlines()
    said = [text for text in said if "Param" in text]
    assert len(said) == (0 if silent else 1)
    assert silent or "'lr' changed from '0.1' to '0.2'" in said[0]


@pytest.mark.parametrize(("answer", "logged"), [(True, 1), (False, 0), (None, 1)])
def test_an_excluded_training_is_not_logged_nor_is_what_it_calls(
    answer: bool | None, logged: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    autologging.switch("tiny")
    module = framework()
    module.fill = lambda: module.train({"lr": 0.1})
    patches = Patches("tiny")
    autologging.log_training(patches, module, "fill", _logger, lambda instance: answer)
    module.fill()
    patches.undo()
    (found,) = {len(runs())}
    assert found == logged


def test_an_interrupt_inside_autologging_reaches_the_user() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    hooks["before"] = interrupt
    autologging.switch("tiny")
    with pytest.raises(KeyboardInterrupt):
        framework().train({"lr": 0.1})
    assert [run.info.status for run in runs()] == ["KILLED"]
    assert not autologging.is_suspended()


def test_disable_restores_the_functions() -> None:
    module = framework()
    before = dict(vars(module)), dict(vars(module.Child))
    autologging.switch("tiny")
    assert vars(module)["train"] is not before[0]["train"]
    kept = module.train
    autologging.switch("tiny", disable=True)
    assert (dict(vars(module)), dict(vars(module.Child))) == before
    kept({"lr": 0.1})
    assert runs() == []


def test_a_later_wrapper_of_another_library_stays_and_logs_nothing() -> None:
    autologging.switch("tiny")
    ours = framework().train

    def theirs(*args: Any) -> Any:
        return ours(*args)

    framework().train = theirs
    autologging.switch("tiny", disable=True)
    assert framework().train is theirs
    theirs({"lr": 0.1})
    assert runs() == []


def test_unsupported_versions(tmp_path: Path) -> None:
    (tmp_path / "tinytrain.py").write_text(FRAMEWORK.replace("2.5", "3.0.1"))
    framework()
    with pytest.warns(
        UserWarning, match=r"disabled for tinytrain 3.0.1. It is tested with version 2.0 or later, before 3"
    ):
        autologging.switch("tiny", disable_for_unsupported_versions=True)
    framework().train({"lr": 0.1})
    assert runs() == []
    with pytest.warns(UserWarning, match=r"may not work with tinytrain 3.0.1"):
        autologging.switch("tiny")
    framework().train({"lr": 0.1})
    assert len(runs()) == 1


def test_a_wrapped_function_is_copied_and_pickled_as_the_original() -> None:
    original = framework().train
    autologging.switch("tiny")
    wrapped = framework().train
    assert copy.copy(wrapped) is wrapped
    assert copy.deepcopy({"f": wrapped})["f"] is wrapped
    child = framework().Child()
    texts = [pickle.dumps(one) for one in (wrapped, child.fit, framework().Child.fit)]
    assert not any(b"nbtrack" in text or b"wrapt" in text for text in texts)
    assert copy.deepcopy(child.fit)([1]) is not child
    assert pickle.loads(texts[1])([1, 2]).seen == [1, 2]
    autologging.switch("tiny", disable=True)
    assert pickle.loads(texts[0]) is original
    assert pickle.loads(texts[2]) is framework().Child.fit


def test_trainings_in_threads_have_runs_of_their_own() -> None:
    autologging.switch("tiny")
    module = framework()
    ready = threading.Barrier(4)

    def work(rate: float) -> None:
        ready.wait()
        for _ in range(5):
            module.train({"lr": rate})

    threads = [threading.Thread(target=work, args=(rate,)) for rate in (1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = runs()
    assert sorted(run.data.params["lr"] for run in found) == sorted([*"1234"] * 5)
    assert {run.info.status for run in found} == {"FINISHED"}


def test_a_frameworks_own_settings_win_over_global_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    from nbtrack.autologging import everything, settings

    flavor = ModuleType("tiny_flavor")
    flavor.autolog = lambda **options: autologging.switch("tiny", **options)  # type: ignore[attr-defined]
    monkeypatch.setattr(everything, "integration_names", lambda: ["tiny"])
    monkeypatch.setattr(everything, "find_integration", lambda name: flavor)
    nbtrack.autolog(log_models=False)
    assert not settings("tiny").log_models
    assert not settings("tiny").disable
    flavor.autolog(log_datasets=False)
    nbtrack.autolog(disable=True)
    assert not settings("tiny").disable
    assert not settings("tiny").log_datasets
    with autologging.temporarily(silent=True):
        assert not settings("tiny").log_datasets
    autologging.switch_off()
    with autologging.temporarily(silent=True):
        assert settings("tiny").silent
        framework().train({"lr": 0.1})
    framework().train({"lr": 0.1})
    assert settings("tiny").disable
    assert len(runs()) == 1
    nbtrack.autolog(exclude_flavors=["tiny"])
    assert settings("tiny").disable
