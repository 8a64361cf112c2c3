"""Trains with scikit-learn while `mlflow` or `nbtrack` logs, and prints what the runs then hold.

python sklearn_cases.py nbtrack FOLDER
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_multilabel_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import accuracy_score, mean_absolute_error, roc_auc_score
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def two_classes() -> None:
    x, y = load_breast_cancer(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=50).fit(x, y)
    held_out = x[:100]
    predicted = model.predict(held_out)
    accuracy_score(y[:100], predicted)
    accuracy_score(y[:100], predicted, normalize=False)
    model.score(held_out, y[:100])


def weighted() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    RandomForestClassifier(4, random_state=1).fit(x, y, np.linspace(0.1, 2, len(y)))


def weighted_three() -> None:
    x, y = load_iris(return_X_y=True)
    LogisticRegression(max_iter=50).fit(x, y, sample_weight=np.linspace(0.1, 2, len(y)))


def names_as_classes() -> None:
    x, y = load_iris(return_X_y=True)
    SVC().fit(x, np.array(["red", "green", "blue"])[y])


def without_probabilities() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    RidgeClassifier().fit(x, y)


def pipeline() -> None:
    x, y = load_iris(return_X_y=True, as_frame=True)
    make_pipeline(StandardScaler(), KNeighborsClassifier()).fit(x, y)


def regression() -> None:
    x, y = load_diabetes(return_X_y=True)
    model = make_pipeline(StandardScaler(), GradientBoostingRegressor(n_estimators=5, random_state=0)).fit(x, y)
    test = x[:50]
    mean_absolute_error(y[:50], model.predict(test))


def two_outputs() -> None:
    x, y = load_diabetes(return_X_y=True)
    Ridge().fit(x, np.column_stack([y, y**2]))


def clusters() -> None:
    x, _ = load_iris(return_X_y=True)
    KMeans(3, n_init=1, random_state=0).fit(x)


def transformer() -> None:
    x, _ = load_iris(return_X_y=True)
    PCA(2).fit_transform(x)


def several_labels() -> None:
    x, y = make_multilabel_classification(random_state=0)
    OneVsRestClassifier(LogisticRegression()).fit(x, y)


def grid() -> None:
    x, y = load_iris(return_X_y=True)
    GridSearchCV(make_pipeline(StandardScaler(), SVC()), {"svc__C": [1, 2, 3, 4, 5, 6, 7]}, cv=2).fit(x, y)


def several_scores() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    RandomizedSearchCV(
        LogisticRegression(max_iter=5),
        {"C": [0.1, 1, 10]},
        n_iter=2,
        scoring=["accuracy", "roc_auc"],
        refit="roc_auc",
        cv=2,
        random_state=0,
        return_train_score=True,
    ).fit(x, y)


def lists() -> None:
    LinearRegression().fit([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])


def probabilities() -> None:
    x, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=50).fit(x, y)
    roc_auc_score(y, model.predict_proba(x), multi_class="ovr")


CASES: list[Callable[[], None]] = [
    two_classes,
    weighted,
    weighted_three,
    names_as_classes,
    without_probabilities,
    pipeline,
    regression,
    two_outputs,
    clusters,
    transformer,
    several_labels,
    grid,
    several_scores,
    lists,
    probabilities,
]


def main(tracker_name: str, folder: str) -> None:
    """Run every case in an experiment of its own and print the runs as JSON."""
    os.chdir(folder)
    if tracker_name == "mlflow":
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
    tracker: Any = importlib.import_module(tracker_name)
    warnings.simplefilter("ignore")
    tracker.sklearn.autolog(log_models=False)
    found = {}
    for case in CASES:
        tracker.set_experiment(case.__name__)
        # For mlflow, autologging must be on before a metric is imported, but these already were.
        for name in ("accuracy_score", "mean_absolute_error", "roc_auc_score"):
            globals()[name] = getattr(importlib.import_module("sklearn.metrics"), name)
        case()
        client = tracker.MlflowClient()
        runs = tracker.search_runs(experiment_names=[case.__name__], output_format="list")
        found[case.__name__] = [
            {
                "parent": "mlflow.parentRunId" in run.data.tags,
                "params": run.data.params,
                "metrics": run.data.metrics,
                "tags": {key: run.data.tags.get(key) for key in ("estimator_name", "estimator_class")},
                "autologging": run.data.tags.get("mlflow.autologging"),
                "artifacts": sorted(file.path for file in client.list_artifacts(run.info.run_id)),
                "info": _metric_info(tracker, run.info.run_id, folder),
                "contexts": sorted(one.tags[0].value for one in run.inputs.dataset_inputs),
                "status": run.info.status,
            }
            for run in runs
        ]
    print(json.dumps(found))


def _metric_info(tracker: Any, run_id: str, folder: str) -> Any:
    try:
        path = tracker.artifacts.download_artifacts(run_id=run_id, artifact_path="metric_info.json")
    except Exception:
        return None
    with open(path) as file:
        return json.load(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
