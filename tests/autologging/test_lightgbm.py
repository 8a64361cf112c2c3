"""Autologging of LightGBM: runs equal those of mlflow, and trainings are the same as without autologging."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import lightgbm
import pytest

import nbtrack
from nbtrack import autologging
from nbtrack.integrations import boosting

from . import boosted
from .boosted import LGB, TRAININGS, X, Y, record_of, runs

pytestmark = pytest.mark.slow

FLAVOR = nbtrack.lightgbm
BINARY = {**LGB, "objective": "binary"}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return boosted.mlflows_record("lightgbm", tmp_path_factory.mktemp("mlflow"))


@pytest.fixture(autouse=True)
def off_again() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # `eval_set`, which works in all versions.
        warnings.filterwarnings("ignore", "The argument 'eval_set'")
        yield
    autologging.switch_off()


@pytest.mark.parametrize("name", TRAININGS["lightgbm"])
def test_a_run_equals_the_one_that_mlflow_logs(name: str, expected: dict[str, Any]) -> None:
    FLAVOR.autolog(log_models=False)
    TRAININGS["lightgbm"][name]()
    (run,) = runs()
    assert record_of(run) == expected[name]
    assert run.data.tags["mlflow.autologging"] == "lightgbm"


@pytest.mark.parametrize("name", TRAININGS["lightgbm"])
def test_the_model_is_what_was_trained_with_a_signature_and_an_example(name: str) -> None:
    FLAVOR.autolog(log_input_examples=True, registered_model_name="trees")
    model = TRAININGS["lightgbm"][name]()
    (run,) = runs()
    uri = f"runs:/{run.info.run_id}/model"
    assert type(FLAVOR.load_model("models:/trees/1")) is type(model)
    rows = X[:5].to_numpy() if name in ("early stop", "regressor") else X[:5]
    outputs = nbtrack.pyfunc.load_model(uri).predict(rows)
    assert (outputs == model.predict(rows)).all()
    info = nbtrack.models.get_model_info(uri)
    assert info.signature.to_dict() == boosted.mlflows_signature(rows, outputs)
    assert info.saved_input_example_info is not None


@pytest.mark.parametrize("name", TRAININGS["lightgbm"])
def test_without_signatures_an_example_gives_none(name: str) -> None:
    boosted.check_no_signature("lightgbm", name)


@pytest.mark.parametrize(("name", "kind"), [("classifier", "LGBMClassifier"), ("regressor", "LGBMRegressor")])
def test_metrics_after_the_training_go_to_its_run(name: str, kind: str) -> None:
    FLAVOR.autolog(log_models=False)
    expected = [f"{kind}_score_held_out", "mean_absolute_error_held_out", "eval"]
    assert boosted.metrics_after(name, "lightgbm") == expected


def test_continuing_a_booster_continues_the_steps() -> None:
    FLAVOR.autolog(log_models=False)
    data = lightgbm.Dataset(X, Y > 0, free_raw_data=False)
    first = lightgbm.train(BINARY, data, 2, valid_sets=data, valid_names="train")  # type: ignore[arg-type]
    with nbtrack.start_run() as run:
        stop = lightgbm.early_stopping(5, verbose=False)
        other = lightgbm.Dataset(boosted.EVAL_X, boosted.EVAL_Y > 0, reference=data)
        callbacks: list[Any] = [stop]
        lightgbm.train(BINARY, data, 3, valid_sets=[data, other], init_model=first, callbacks=callbacks)
    assert callbacks == [stop]
    found = record_of(nbtrack.get_run(run.info.run_id))["metrics"]
    assert [step for step, _ in found["valid_1-binary_logloss"]] == [2, 3, 4, 5]
    assert found["stopped_iteration"] == [[0, 5]]
    best = int(found["best_iteration"][0][1])
    assert found["valid_1-binary_logloss"][-1][1] == found["valid_1-binary_logloss"][best - 3][1]


def test_an_iteration_is_logged_before_a_user_callback_stops_the_training() -> None:
    def stop(env: Any) -> None:
        if env.iteration == 1:
            raise lightgbm.callback.EarlyStopException(1, env.evaluation_result_list)

    stop.order = -100  # type: ignore[attr-defined]
    FLAVOR.autolog(log_models=False)
    data = lightgbm.Dataset(X, Y > 0)
    lightgbm.train(BINARY, data, 5, valid_sets=[data], valid_names=["train"], callbacks=[stop])
    (run,) = runs()
    assert [step for step, _ in record_of(run)["metrics"]["train-binary_logloss"]] == [0, 1, 2]


def test_models_that_skops_cannot_write_are_pickled() -> None:
    FLAVOR.autolog()
    objective = lambda truth, predicted: (predicted - truth, predicted * 0 + 1)  # noqa: E731
    model = lightgbm.LGBMRegressor(n_estimators=2, n_jobs=1, verbosity=-1, objective=objective).fit(X, Y)
    (run,) = runs()
    uri = f"runs:/{run.info.run_id}/model"
    assert nbtrack.models.get_model_info(uri).flavors["lightgbm"]["serialization_format"] == "cloudpickle"
    assert (FLAVOR.load_model(uri).predict(X) == model.predict(X)).all()


def test_a_dataset_that_is_already_binned_gives_an_example() -> None:
    FLAVOR.autolog()
    data = lightgbm.Dataset(X.to_numpy(), Y > 0)
    for _ in range(2):
        lightgbm.train({**BINARY, "feature_pre_filter": False}, data, 1)
    for run in runs():
        assert nbtrack.models.get_model_info(f"runs:/{run.info.run_id}/model").signature is not None


def test_a_cross_validation_logs_nothing() -> None:
    FLAVOR.autolog()
    lightgbm.cv(BINARY, lightgbm.Dataset(X, Y > 0), 2, nfold=2)
    assert runs() == []


HOOKS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "params": lambda patch: patch.setattr(boosting, "log_params", _fail),
    "iterations": lambda patch: patch.setattr(boosting.Iterations, "record", _fail),
    "best iteration": lambda patch: patch.setattr(boosting.Iterations, "log_early_stop", _fail),
    "importances": lambda patch: patch.setattr("nbtrack.integrations.lightgbm._importances", _fail),
    "data": lambda patch: patch.setattr(boosting, "first_rows", _fail),
    "dataset": lambda patch: patch.setattr("nbtrack.autologging.training.as_dataset", _fail),
    "model": lambda patch: patch.setattr(FLAVOR, "log_model", _fail),
    "signature": lambda patch: patch.setattr("nbtrack.autologging.training.infer_signature", _fail),
}


def _fail(*args: Any, **kwargs: Any) -> Any:
    raise OSError("no space left")


@pytest.mark.parametrize(
    ("hook", "training"),
    [*((hook, "early stop") for hook in HOOKS), *((hook, "classifier") for hook in HOOKS if hook != "best iteration")],
)
def test_an_autologging_failure_is_one_warning_and_changes_no_training(
    hook: str, training: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = TRAININGS["lightgbm"][training]
    plain = _text(train())
    FLAVOR.autolog()
    HOOKS[hook](monkeypatch)
    with pytest.warns(UserWarning, match="no space left") as caught:
        assert _text(train()) == plain
    assert len([one for one in caught if "no space left" in str(one.message)]) == 1
    (run,) = runs()
    assert run.info.status == "FINISHED"


def _text(model: Any) -> str:
    booster = model if isinstance(model, lightgbm.Booster) else model.booster_
    return str(booster.model_to_string())


def test_disable_restores_everything() -> None:
    originals = lightgbm.train, vars(lightgbm.sklearn)["train"], lightgbm.LGBMClassifier.fit, lightgbm.Dataset.__init__
    FLAVOR.autolog()
    assert lightgbm.train is not originals[0]
    FLAVOR.autolog(disable=True)
    assert (lightgbm.train, vars(lightgbm.sklearn)["train"]) == originals[:2]
    assert (lightgbm.LGBMClassifier.fit, lightgbm.Dataset.__init__) == originals[2:]
    lightgbm.LGBMRegressor(n_estimators=1, n_jobs=1, verbosity=-1).fit(X, Y)
    assert runs() == []
