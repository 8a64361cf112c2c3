"""The same small trainings, logged by nbtrack and by the real mlflow, so that tests can compare the runs.

`python -m tests.autologging.boosted FRAMEWORK FOLDER` writes mlflow's record to FOLDER/observed.json.
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_RANDOM = np.random.default_rng(0)
TABLE = pd.DataFrame(_RANDOM.normal(size=(90, 3)), columns=["length", "width", "noise"]).assign(count=range(90))
CLASSES = ((TABLE["length"] + TABLE["width"] > 0).astype(int) + (TABLE["length"] > 1)).to_numpy()
VALUES = TABLE["length"] * 2 + _RANDOM.normal(size=90)
X, Y = TABLE[:60], CLASSES[:60]
EVAL_X, EVAL_Y = TABLE[60:], CLASSES[60:]
MULTI = {"objective": "multi:softprob", "num_class": 3, "eval_metric": ["mlogloss", "merror"], "nthread": 1}
LGB = {"num_threads": 1, "verbosity": -1, "min_child_samples": 5}


def xgb_native() -> Any:
    import xgboost

    data, other = xgboost.DMatrix(X, Y), xgboost.DMatrix(EVAL_X, EVAL_Y)
    return xgboost.train(MULTI, data, 4, evals=[(data, "train"), (other, "val")], verbose_eval=False)


def xgb_early_stop() -> Any:
    import xgboost

    data, other = xgboost.DMatrix(X.to_numpy(), Y), xgboost.DMatrix(EVAL_X.to_numpy(), EVAL_Y)
    params = {**MULTI, "eta": 1.0}
    return xgboost.train(params, data, 30, evals=[(other, "val")], early_stopping_rounds=3, verbose_eval=False)


def xgb_classifier() -> Any:
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=4, max_depth=3, n_jobs=1, eval_metric="mlogloss")
    return model.fit(X, Y, eval_set=[(EVAL_X, EVAL_Y)], verbose=False)


def xgb_forest() -> Any:
    import xgboost

    return xgboost.XGBRFRegressor(n_estimators=3, n_jobs=1).fit(X, VALUES[:60])


def xgb_ranker() -> Any:
    import xgboost

    model = xgboost.XGBRanker(n_estimators=3, n_jobs=1, eval_metric="ndcg@3")
    groups = np.repeat(range(6), 10)
    return model.fit(X, Y, qid=groups, eval_set=[(X, Y)], eval_qid=[groups], verbose=False)


def lgb_native() -> Any:
    import lightgbm

    data = lightgbm.Dataset(X, Y)
    other = lightgbm.Dataset(EVAL_X, EVAL_Y, reference=data)
    params = {**LGB, "objective": "multiclass", "num_class": 3}
    return lightgbm.train(params, data, 4, valid_sets=[data, other], valid_names=["train", "val"])


def lgb_early_stop() -> Any:
    import lightgbm

    data = lightgbm.Dataset(X.to_numpy(), Y > 0)
    other = lightgbm.Dataset(EVAL_X.to_numpy(), EVAL_Y > 0, reference=data)
    params = {**LGB, "objective": "binary", "learning_rate": 1.0, "metric": ["binary_logloss", "auc"]}
    stop = lightgbm.early_stopping(3, verbose=False)
    return lightgbm.train(params, data, 30, valid_sets=[other], callbacks=[stop])


def lgb_classifier() -> Any:
    import lightgbm

    model = lightgbm.LGBMClassifier(n_estimators=4, n_jobs=1, verbosity=-1, min_child_samples=5)
    return model.fit(X, Y, eval_set=[(EVAL_X, EVAL_Y)], eval_names=["val"])


def lgb_regressor() -> Any:
    import lightgbm

    model = lightgbm.LGBMRegressor(n_estimators=3, n_jobs=1, verbosity=-1, min_child_samples=5)
    return model.fit(X.to_numpy(), VALUES[:60].to_numpy())


def lgb_ranker() -> Any:
    import lightgbm

    model = lightgbm.LGBMRanker(n_estimators=3, n_jobs=1, verbosity=-1, min_child_samples=5)
    return model.fit(X, Y, group=[30, 30], eval_set=[(EVAL_X, EVAL_Y)], eval_group=[[30]], eval_at=[3])


TRAININGS: dict[str, dict[str, Callable[[], Any]]] = {
    "xgboost": {
        "native": xgb_native,
        "early stop": xgb_early_stop,
        "classifier": xgb_classifier,
        "forest": xgb_forest,
        "ranker": xgb_ranker,
    },
    "lightgbm": {
        "native": lgb_native,
        "early stop": lgb_early_stop,
        "classifier": lgb_classifier,
        "regressor": lgb_regressor,
        "ranker": lgb_ranker,
    },
}


def mlflows_record(framework: str, folder: Path) -> dict[str, Any]:
    """Return what the real mlflow logs for each training, in its own process."""
    command = [sys.executable, "-m", __name__, framework, str(folder)]
    result = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    record: dict[str, Any] = json.loads((folder / "observed.json").read_text())
    return record


def mlflows_signature(rows: Any, outputs: Any) -> Any:
    """The signature that the real mlflow logs with a model, as a dict."""
    from mlflow.models import infer_signature

    with warnings.catch_warnings():
        # It warns about columns of integers.
        warnings.simplefilter("ignore")
        return infer_signature(rows, outputs).to_dict()


def record_of(run: Any) -> dict[str, Any]:
    """Return what nbtrack logged for a training, in the form of `mlflows_record`, without the model."""
    import nbtrack

    client, run_id = nbtrack.MlflowClient(), run.info.run_id
    files = [file.path for file in client.list_artifacts(run_id) if not file.is_dir]
    load_dict = nbtrack.artifacts.load_dict
    return {
        "params": run.data.params,
        "metrics": {
            key: [[point.step, point.value] for point in client.get_metric_history(run_id, key)]
            for key in run.data.metrics
        },
        "files": {path: load_dict(f"runs:/{run_id}/{path}") if path.endswith("json") else None for path in files},
        "datasets": [
            [one.dataset.name, *(tag.value for tag in one.tags if tag.key == "mlflow.data.context")]
            for one in run.inputs.dataset_inputs
        ],
    }


def check_no_signature(framework: str, name: str) -> None:
    """Check that an input example does not add a signature if signatures are switched off."""
    import nbtrack

    getattr(nbtrack, framework).autolog(log_input_examples=True, log_model_signatures=False)
    TRAININGS[framework][name]()
    (run,) = runs()
    info = nbtrack.models.get_model_info(f"runs:/{run.info.run_id}/model")
    assert info.signature is None
    assert info.saved_input_example_info is not None


def metrics_after(name: str, framework: str) -> list[str]:
    """The names of what is measured after a training is logged to its run, with the datasets beside them."""
    import sklearn.metrics

    import nbtrack

    with nbtrack.start_run() as active:
        model = TRAININGS[framework][name]()
    held_out, truth = EVAL_X[:], EVAL_Y
    before = set(nbtrack.get_run(active.info.run_id).data.metrics)
    sklearn.metrics.mean_absolute_error(truth, model.predict(held_out))
    model.score(held_out, truth)
    run = nbtrack.get_run(active.info.run_id)
    contexts = [tag.value for one in run.inputs.dataset_inputs for tag in one.tags if tag.key == "mlflow.data.context"]
    return sorted(set(run.data.metrics) - before) + contexts[-1:]


def runs() -> list[Any]:
    """Return all runs of the store."""
    import nbtrack

    found: list[Any] = nbtrack.search_runs(output_format="list", search_all_experiments=True)
    return found


def _observed(framework: str, folder: Path) -> dict[str, Any]:
    import importlib

    import mlflow

    warnings.simplefilter("ignore")
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("e", (folder / "artifacts").as_uri()))
    # Without models, because mlflow starts a process of several seconds for each.
    importlib.import_module(f"mlflow.{framework}").autolog(log_models=False, silent=True)
    return {name: _record(training) for name, training in TRAININGS[framework].items()}


def _record(training: Callable[[], Any]) -> dict[str, Any]:
    import mlflow

    with mlflow.start_run() as active:
        training()
    client: Any = mlflow.MlflowClient()
    run_id = active.info.run_id
    run = client.get_run(run_id)
    files = [file.path for file in client.list_artifacts(run_id)]
    return {
        "params": run.data.params,
        "metrics": {
            key: [(point.step, point.value) for point in client.get_metric_history(run_id, key)]
            for key in run.data.metrics
        },
        "files": {
            path: json.loads(mlflow.artifacts.load_text(f"runs:/{run_id}/{path}")) if path.endswith("json") else None
            for path in files
        },
        "datasets": [
            [one.dataset.name, *(tag.value for tag in one.tags if tag.key == "mlflow.data.context")]
            for one in run.inputs.dataset_inputs
        ],
    }


if __name__ == "__main__":
    target = Path(sys.argv[2])
    (target / "observed.json").write_text(json.dumps(_observed(sys.argv[1], target)))
