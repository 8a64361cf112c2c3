"""Autologging of XGBoost: runs equal those of mlflow, and trainings are the same as without autologging."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

import nbtrack
from nbtrack import autologging
from nbtrack.integrations import boosting

from . import boosted
from .boosted import MULTI, TRAININGS, X, Y, record_of, runs

pytestmark = pytest.mark.slow

FLAVOR = nbtrack.xgboost


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return boosted.mlflows_record("xgboost", tmp_path_factory.mktemp("mlflow"))


@pytest.fixture(autouse=True)
def off_again() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    autologging.switch_off()


@pytest.mark.parametrize("name", ["native", "early stop", "classifier", "ranker"])
def test_a_run_equals_the_one_that_mlflow_logs(name: str, expected: dict[str, Any]) -> None:
    FLAVOR.autolog(log_models=False)
    TRAININGS["xgboost"][name]()
    (run,) = runs()
    assert record_of(run) == expected[name]
    assert run.data.tags["mlflow.autologging"] == "xgboost"


@pytest.mark.parametrize("name", list(TRAININGS["xgboost"]))
def test_the_model_is_what_was_trained_with_a_signature_and_an_example(name: str) -> None:
    FLAVOR.autolog(log_input_examples=True, registered_model_name="trees")
    model = TRAININGS["xgboost"][name]()
    (run,) = runs()
    uri = f"runs:/{run.info.run_id}/model"
    loaded = FLAVOR.load_model("models:/trees/1")
    assert type(loaded) is type(model)
    rows = X[:5].to_numpy() if name == "early stop" else X[:5]
    outputs = nbtrack.pyfunc.load_model(uri).predict(rows)
    assert (outputs == model.predict(xgboost.DMatrix(rows) if isinstance(model, xgboost.Booster) else rows)).all()
    info = nbtrack.models.get_model_info(uri)
    assert info.signature.to_dict() == boosted.mlflows_signature(rows, outputs)
    assert info.saved_input_example_info is not None


@pytest.mark.parametrize("name", TRAININGS["xgboost"])
def test_without_signatures_an_example_gives_none(name: str) -> None:
    boosted.check_no_signature("xgboost", name)


def test_a_forest_is_logged_although_mlflow_does_not() -> None:
    FLAVOR.autolog(log_models=False)
    boosted.xgb_forest()
    (run,) = runs()
    assert run.data.params["num_parallel_tree"] == "3"


def test_early_stopping_by_a_callback_and_continuing_a_booster() -> None:
    data = xgboost.DMatrix(X, Y)
    FLAVOR.autolog(importance_types=["gain", "cover"])
    first = xgboost.train(MULTI, data, 2, evals=[(data, "train")], verbose_eval=False)
    stop = xgboost.callback.EarlyStopping(rounds=1, metric_name="mlogloss", save_best=True)
    callbacks = [stop]
    with nbtrack.start_run() as run:
        booster = xgboost.train(
            MULTI, data, 3, evals=[(data, "train")], verbose_eval=False, xgb_model=first, callbacks=callbacks
        )
    assert callbacks == [stop]
    assert booster.num_boosted_rounds() == 5
    found = record_of(nbtrack.get_run(run.info.run_id))
    assert [step for step, _ in found["metrics"]["train-mlogloss"]] == [2, 3, 4, 5]
    assert found["metrics"]["train-mlogloss"][-1][1] == found["metrics"]["train-mlogloss"][-2][1]
    assert found["metrics"]["best_iteration"] == [[0, 4]]
    assert {name for name in found["files"] if name.endswith("png")} == {
        "feature_importance_gain.png",
        "feature_importance_cover.png",
    }


def test_a_linear_booster_has_an_importance_for_each_class() -> None:
    FLAVOR.autolog(log_models=False)
    xgboost.train({**MULTI, "booster": "gblinear", "updater": "coord_descent"}, xgboost.DMatrix(X, Y), 2)
    (run,) = runs()
    files = record_of(run)["files"]
    assert {len(one) for one in files["feature_importance_weight.json"].values()} == {3}
    assert "feature_importance_weight.png" in files


def test_datasets_are_those_that_the_user_has() -> None:
    FLAVOR.autolog(log_models=False)
    array = X.to_numpy()
    for data in (xgboost.DMatrix(array), xgboost.QuantileDMatrix(array)):
        data.set_label(Y)
        xgboost.train(MULTI, data, 1)
    xgboost.XGBClassifier(n_estimators=1, n_jobs=1).fit(array, Y)
    digests = [run.inputs.dataset_inputs[0].dataset.digest for run in reversed(runs())]
    assert digests[:2] == [nbtrack.data.from_numpy(array).digest] * 2
    assert digests[2] == nbtrack.data.from_numpy(array, targets=Y).digest


def test_data_from_before_autologging_gives_no_signature_and_no_warning() -> None:
    data = xgboost.DMatrix(X, Y)
    FLAVOR.autolog()
    xgboost.train(MULTI, data, 1)
    (run,) = runs()
    assert nbtrack.models.get_model_info(f"runs:/{run.info.run_id}/model").signature is None
    assert [one.dataset.name for one in run.inputs.dataset_inputs] == ["dataset"]


def test_a_cross_validation_logs_nothing() -> None:
    FLAVOR.autolog()
    xgboost.cv(MULTI, xgboost.DMatrix(X, Y), 2, nfold=2, metrics="mlogloss")
    assert runs() == []


def test_with_sklearn_autologging_a_search_is_logged_by_sklearn_and_metrics_find_the_run() -> None:
    from sklearn import metrics
    from sklearn.model_selection import GridSearchCV

    nbtrack.sklearn.autolog(log_models=False)
    FLAVOR.autolog(log_models=False)
    model = xgboost.XGBClassifier(n_estimators=1, n_jobs=1)
    GridSearchCV(model, {"max_depth": [1, 2]}, cv=2).fit(X, Y)
    found = runs()
    assert {run.data.tags.get("estimator_name") for run in found} == {"GridSearchCV", "XGBClassifier"}
    assert not any("num_boost_round" in run.data.params for run in found)
    with nbtrack.start_run() as active:
        model.fit(X, Y)
    accuracy = metrics.accuracy_score(boosted.EVAL_Y, model.predict(boosted.EVAL_X))
    logged = nbtrack.get_run(active.info.run_id).data.metrics
    assert {key.split("_score")[0]: value for key, value in logged.items()} == {"accuracy": accuracy}


@pytest.mark.parametrize(("name", "kind"), [("classifier", "XGBClassifier"), ("forest", "XGBRFRegressor")])
def test_metrics_after_the_training_go_to_its_run(name: str, kind: str) -> None:
    FLAVOR.autolog(log_models=False)
    expected = [f"{kind}_score_held_out", "mean_absolute_error_held_out", "eval"]
    assert boosted.metrics_after(name, "xgboost") == expected


@pytest.mark.parametrize("order", [("xgboost", "sklearn"), ("sklearn", "xgboost")])
def test_metrics_are_logged_once_by_several_flavors_and_also_after_one_is_disabled(order: tuple[str, str]) -> None:
    import sklearn.base
    import sklearn.metrics

    expected = ["XGBClassifier_score_held_out", "mean_absolute_error_held_out", "eval"]
    originals = sklearn.metrics.mean_absolute_error, sklearn.base.ClassifierMixin.score
    for off in order:
        for name in order:
            getattr(nbtrack, name).autolog(log_models=False)
        assert boosted.metrics_after("classifier", "xgboost") == expected
        getattr(nbtrack, off).autolog(disable=True)
        assert boosted.metrics_after("classifier", "xgboost") == (expected if off == "sklearn" else [])
    for name in order:
        getattr(nbtrack, name).autolog(disable=True)
    assert (sklearn.metrics.mean_absolute_error, sklearn.base.ClassifierMixin.score) == originals
    assert "score" not in vars(xgboost.XGBClassifier)


def test_a_training_inside_a_user_metric_is_not_part_of_the_training() -> None:
    def metric(truth: Any, predicted: Any) -> float:
        xgboost.XGBClassifier(n_estimators=9, n_jobs=1).fit(X, Y, eval_set=[(X, Y)], verbose=False)
        return 0.5

    FLAVOR.autolog(log_models=False)
    model = xgboost.XGBClassifier(n_estimators=2, n_jobs=1, eval_metric=metric, disable_default_eval_metric=True)
    model.fit(X, Y, eval_set=[(X, Y)], verbose=False)
    (run,) = runs()
    assert record_of(run)["metrics"] == {"validation_0-metric": [[0, 0.5], [1, 0.5]]}
    assert run.data.params["num_boost_round"] == "2"


HOOKS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "params": lambda patch: patch.setattr(boosting, "log_params", _fail),
    "iterations": lambda patch: patch.setattr(boosting.Iterations, "record", _fail),
    "best iteration": lambda patch: patch.setattr(boosting.Iterations, "log_early_stop", _fail),
    "importances": lambda patch: patch.setattr("nbtrack.autologging.figures.bars", _fail),
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
    train = TRAININGS["xgboost"][training]
    plain = _text(train())
    FLAVOR.autolog()
    HOOKS[hook](monkeypatch)
    with pytest.warns(UserWarning, match="no space left") as caught:
        assert _text(train()) == plain
    assert len(caught) == 1
    (run,) = runs()
    assert run.info.status == "FINISHED"


def _text(model: Any) -> bytes:
    booster = model if isinstance(model, xgboost.Booster) else model.get_booster()
    return bytes(booster.save_raw("json"))


def test_an_error_of_the_training_is_raised_and_its_iterations_are_kept() -> None:
    class Stop(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            if epoch == 2:
                raise KeyError("mine")
            return False

    FLAVOR.autolog()
    data = xgboost.DMatrix(X, Y)
    with pytest.raises(KeyError, match="mine"):
        xgboost.train(MULTI, data, 9, evals=[(data, "train")], verbose_eval=False, callbacks=[Stop()])
    (run,) = runs()
    assert run.info.status == "FAILED"
    assert len(record_of(run)["metrics"]["train-merror"]) == 3


def test_disable_restores_everything() -> None:
    originals = xgboost.train, vars(xgboost.sklearn)["train"], xgboost.XGBClassifier.fit, xgboost.DMatrix.__init__
    FLAVOR.autolog()
    assert xgboost.train is not originals[0]
    FLAVOR.autolog(disable=True)
    assert (xgboost.train, vars(xgboost.sklearn)["train"]) == originals[:2]
    assert (xgboost.XGBClassifier.fit, xgboost.DMatrix.__init__) == originals[2:]
    model = xgboost.XGBClassifier(n_estimators=1, n_jobs=1).fit(X, Y)
    assert len(np.unique(model.predict(X))) > 1
    assert runs() == []


def test_data_from_an_iterator_is_skipped_without_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Parts(xgboost.DataIter):
        at = 0

        def __init__(self) -> None:
            super().__init__(cache_prefix=str(tmp_path / "cache"))

        def next(self, input_data: Callable[..., Any]) -> bool:
            if self.at == 2:
                return False
            half = slice(self.at, None, 2)
            input_data(data=X.to_numpy()[half], label=np.asarray(Y)[half])
            self.at += 1
            return True

        def reset(self) -> None:
            self.at = 0

    FLAVOR.autolog()
    matrix = xgboost.DMatrix(Parts())
    xgboost.train({"max_depth": 2}, matrix, num_boost_round=2, evals=[(matrix, "train")], verbose_eval=False)
    (run,) = runs()
    assert run.info.status == "FINISHED"
    assert run.inputs.dataset_inputs == []
    assert run.data.params["max_depth"] == "2"
    assert "could not" not in capsys.readouterr().err
