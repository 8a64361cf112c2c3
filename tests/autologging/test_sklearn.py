"""Autologging of scikit-learn: what is logged, and that the training does not change."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse  # type: ignore[import-untyped]
import sklearn.metrics
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_selection import SelectorMixin
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import nbtrack
from nbtrack import autologging
from nbtrack.integrations import sklearn_autolog

# test_core.py has what every framework has in common, in less time.
pytestmark = pytest.mark.slow

OBSERVED = json.loads((Path(__file__).parent / "observed.json").read_text())


@pytest.fixture(autouse=True)
def autolog_off() -> Iterator[None]:
    yield
    autologging.switch_off()


@pytest.fixture(scope="module")
def iris() -> tuple[pd.DataFrame, pd.Series]:
    return load_iris(as_frame=True, return_X_y=True)


@pytest.fixture(scope="module")
def cancer() -> tuple[Any, Any]:
    return load_breast_cancer(return_X_y=True)


def runs() -> list[Any]:
    found = nbtrack.search_runs(output_format="list", search_all_experiments=True)
    return sorted(found, key=lambda run: run.info.run_id)


def only_run() -> Any:
    (run,) = runs()
    return run


def artifacts(run: Any) -> list[str]:
    return sorted(file.path for file in nbtrack.Client().list_artifacts(run.info.run_id))


def artifact(run: Any, path: str) -> Any:
    text = Path(nbtrack.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=path)).read_text()
    return json.loads(text) if path.endswith(".json") else text


def contexts(run: Any) -> list[str]:
    return [one.tags[0].value for one in run.inputs.dataset_inputs]


def check_as_observed(run: Any, observed: dict[str, Any]) -> None:
    assert run.data.params == observed["params"]
    assert sorted(run.data.metrics) == observed["metrics"]
    assert observed["tags"].items() <= run.data.tags.items()
    assert set(observed["artifacts"]) <= set(artifacts(run))
    assert contexts(run) == observed["inputs"]


def test_a_forest_is_logged_as_mlflow_does(iris: Any) -> None:
    nbtrack.sklearn.autolog(log_models=False)
    x, y = iris
    RandomForestClassifier(n_estimators=5).fit(x, y)
    check_as_observed(only_run(), OBSERVED["sk_auto"][0])
    assert {"training_confusion_matrix.json", "feature_importance.json", "feature_importance.png"} <= set(
        artifacts(only_run())
    )


def test_metrics_after_the_training_go_to_the_models_run(iris: Any) -> None:
    nbtrack.sklearn.autolog(log_models=False)
    x, y = iris
    b, yb = x[::2], y[::2]
    with nbtrack.start_run():
        model = RandomForestClassifier(n_estimators=5).fit(x, y)
    predicted = model.predict(b)
    model.score(b, yb)
    value = sklearn.metrics.f1_score(yb, predicted, average="weighted")
    run = only_run()
    check_as_observed(run, OBSERVED["sk_auto"][1])
    assert run.data.metrics["f1_score_b"] == value
    assert run.info.status == "FINISHED"
    assert artifact(run, "metric_info.json") == {
        "RandomForestClassifier_score_b": "RandomForestClassifier.score(X=b, y=yb)",
        "f1_score_b": "f1_score(y_true=yb, y_pred=predicted, average='weighted')",
    }


def test_names_of_metrics_after_the_training(cancer: Any) -> None:
    nbtrack.sklearn.autolog(log_models=False)
    x, y = cancer
    model = LogisticRegression(max_iter=20).fit(x, y)
    first, other = x[:50], x[50:90]

    def evaluate(data: Any, truth: Any) -> Any:
        # The name of the dataset is that of the caller's variable.
        return sklearn.metrics.accuracy_score(truth, model.predict(data))

    evaluate(first, y[:50])
    evaluate(other, y[50:90])
    data = x[:20]
    sklearn.metrics.roc_auc_score(y[:20], model.predict_proba(data)[:, 1])
    data = x[5:30]
    sklearn.metrics.log_loss(y[5:30], model.predict_proba(data))
    sklearn.metrics.accuracy_score(y_true=y[:7], y_pred=model.predict(x[:7]))
    sklearn.metrics.confusion_matrix(y, model.predict(x))
    sklearn.metrics.accuracy_score(y, y)
    later = [key for key in only_run().data.metrics if not key.startswith("training_")]
    assert sorted(later) == [
        "accuracy_score-2_other",
        "accuracy_score-3_unknown_dataset",
        "accuracy_score_first",
        "log_loss_data-2",
        "roc_auc_score_data",
    ]


def test_a_view_of_a_prediction_is_recognized(cancer: Any) -> None:
    nbtrack.sklearn.autolog(log_models=False)
    x, y = cancer
    model = DecisionTreeClassifier(max_depth=2).fit(x, y)
    assert model.predict_proba(x).base is not None
    sklearn.metrics.roc_auc_score(y, model.predict_proba(x)[:, 1])
    assert "roc_auc_score_x" in only_run().data.metrics


def test_a_transformation_that_returns_a_view_of_user_data_is_not_a_prediction(cancer: Any) -> None:
    nbtrack.sklearn.autolog(log_models=False)
    x, y = np.array(cancer[0]), cancer[1]
    keeps = FunctionTransformer(lambda data: data[:, :2])
    pipeline = make_pipeline(keeps).fit(x, y)
    for data in (x, x[:, :5], pd.DataFrame(x).to_numpy()):
        result = pipeline.transform(data)
        assert result.base is not None
        sklearn.metrics.mean_absolute_error(y, data[:, 4])
    assert not [key for run in runs() for key in run.data.metrics if "absolute" in key]


def test_metric_functions_imported_earlier_are_logged(iris: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[__name__]
    monkeypatch.setattr(module, "borrowed", sklearn.metrics.accuracy_score, raising=False)
    nbtrack.sklearn.autolog(log_models=False)
    x, y = iris
    model = SGDClassifier().fit(x, y)
    module.borrowed(y, model.predict(x))  # type: ignore[attr-defined]
    assert "accuracy_score_x" in only_run().data.metrics
    autologging.switch_off()
    assert module.borrowed is sklearn.metrics.accuracy_score  # type: ignore[attr-defined]
    assert not isinstance(sklearn.metrics.accuracy_score, autologging.patches._Wrapped)


def test_a_search_has_a_nested_run_for_each_of_the_best_candidates(iris: Any) -> None:
    nbtrack.sklearn.autolog(log_models=False, max_tuning_runs=3)
    x, y = iris
    with nbtrack.start_run() as parent:
        search = GridSearchCV(SVC(), {"C": [1, 10], "kernel": ["rbf", "linear"]}, cv=3).fit(x, y)
    parent_run, *children = runs()
    observed = {**OBSERVED["sk_grid"][3]}
    check_as_observed(parent_run, observed)
    assert len(children) == 3
    # They may have started in the same millisecond.
    assert sorted(run.data.metrics["rank_test_score"] for run in children) == [1, 2, 2]
    for run in children:
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.info.status == "FINISHED"
        like = next(one for one in OBSERVED["sk_grid"][:3] if {**one["params"]} == run.data.params)
        check_as_observed(run, like)
    lines = artifact(parent_run, "cv_results.csv").splitlines()
    assert lines[0].split(",") == list(search.cv_results_)
    assert len(lines) == 5


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_a_search_in_parallel_logs_once(iris: Any, backend: str) -> None:
    nbtrack.sklearn.autolog(log_models=False, max_tuning_runs=None)
    x, y = iris
    scorer = sklearn.metrics.make_scorer(sklearn.metrics.f1_score, average="macro")
    search = RandomizedSearchCV(
        make_pipeline(StandardScaler(), SVC()),
        {"svc__C": [1, 10, 100]},
        n_iter=3,
        cv=2,
        n_jobs=2,
        scoring=scorer,
        random_state=0,
    )
    with warnings.catch_warnings(), joblib.parallel_config(backend):
        warnings.simplefilter("error", UserWarning)
        search.fit(x, y)
    parent, *children = runs()
    assert len(children) == 3
    assert parent.data.params["best_svc__C"] == str(search.best_params_["svc__C"])
    assert parent.data.metrics["best_cv_score"] == search.best_score_


def test_the_users_own_threads_and_jobs_have_runs_of_their_own(iris: Any) -> None:
    nbtrack.sklearn.autolog(log_models=False)
    x, y = iris

    def fit(alpha: float) -> Any:
        return SGDClassifier(alpha=alpha).fit(x, y)

    joblib.Parallel(n_jobs=2, prefer="threads")(joblib.delayed(fit)(alpha) for alpha in (1, 2, 3, 4))
    threads = [threading.Thread(target=fit, args=(alpha,)) for alpha in (5, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(run.data.params["alpha"] for run in runs()) == [*"123456"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: make_pipeline(PolynomialFeatures(2), StandardScaler(), LogisticRegression(max_iter=30)),
        lambda: BaggingClassifier(LogisticRegression(max_iter=30), n_estimators=3, n_jobs=2, random_state=0),
        lambda: VotingClassifier([("a", SGDClassifier(random_state=0)), ("b", LogisticRegression(max_iter=30))]),
    ],
)
def test_a_meta_estimator_logs_once_with_nested_params(iris: Any, make: Any) -> None:
    nbtrack.sklearn.autolog(log_models=False)
    model = make().fit(*iris)
    run = only_run()
    assert run.data.params == {key: str(value) for key, value in model.get_params(deep=True).items()}
    assert run.data.metrics["training_score"] == model.score(*iris)


def test_the_diagram_shows_every_part(iris: Any) -> None:
    nbtrack.sklearn.autolog(log_models=False)
    pipeline = make_pipeline(StandardScaler(), SVC(kernel=lambda a, b: a @ b.T, class_weight={0: 2.0}))
    GridSearchCV(pipeline, {"svc__C": [1]}, cv=2).fit(*iris)
    page = artifact(runs()[0], "estimator.html")
    for text in ("GridSearchCV", "estimator: Pipeline", "standardscaler: StandardScaler", "svc: SVC", "{0: 2.0}"):
        assert f">{text}<" in page
    assert "&lt;function" in page
    assert "<function" not in page


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
def test_a_sparse_matrix_is_logged_without_making_it_dense(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = scipy.sparse.random(50, 4000, 0.01, kind, random_state=0)
    y = np.arange(50) % 2
    sizes = []
    dense = scipy.sparse.csr_matrix.toarray

    def to_array(matrix: Any, *args: Any, **kwargs: Any) -> Any:
        sizes.append(matrix.shape[0])
        return dense(matrix.tocsr(), *args, **kwargs)

    for one in ("csr", "csc", "coo"):
        monkeypatch.setattr(getattr(scipy.sparse, f"{one}_matrix"), "toarray", to_array)
    nbtrack.sklearn.autolog(log_input_examples=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MultinomialNB().fit(x, y)
    dataset = only_run().inputs.dataset_inputs[0].dataset
    assert json.loads(dataset.profile)["features_shape"] == [50, 4000]
    assert "[-1, 4000]" in dataset.schema.replace("\\", "")
    assert dataset.digest == nbtrack.data.from_numpy(x.tocsr(), targets=y).digest
    assert set(sizes) <= {5}
    info = nbtrack.models.get_model_info(f"runs:/{only_run().info.run_id}/model")
    assert info.signature.inputs.inputs[0].shape == (-1, 4000)


def test_preprocessors_and_cross_validations_are_not_logged(iris: Any) -> None:
    nbtrack.sklearn.autolog(log_models=False)
    x, y = iris
    StandardScaler().fit_transform(x)
    cross_val_score(LogisticRegression(max_iter=20), x, y, cv=2)

    class Own(ClassifierMixin, BaseEstimator):
        def fit(self, x: Any, y: Any) -> Own:
            self.classes_ = np.unique(y)
            return self

    Own().fit(x, y)
    assert runs() == []


def _preparations() -> list[Any]:
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.feature_selection import RFE, RFECV, SelectFromModel
    from sklearn.impute import IterativeImputer
    from sklearn.preprocessing import KBinsDiscretizer

    class Fewer(RFE):
        pass

    tree = DecisionTreeClassifier(max_depth=2)
    return [
        IterativeImputer(max_iter=2),
        KBinsDiscretizer(n_bins=2, strategy="kmeans", encode="ordinal"),
        RFE(tree, n_features_to_select=2),
        RFECV(tree, cv=2),
        SelectFromModel(tree),
        Fewer(tree, n_features_to_select=2),
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("index", range(6))
def test_trainings_inside_a_preprocessor_are_part_of_it(index: int, iris: Any) -> None:
    nbtrack.sklearn.autolog(log_models=False)
    step = _preparations()[index]
    step.fit(*iris)
    step.fit_transform(*iris)
    if hasattr(step, "predict"):
        step.predict(iris[0])
    assert runs() == []
    make_pipeline(step, GaussianNB()).fit(*iris)
    GridSearchCV(make_pipeline(step, GaussianNB()), {"gaussiannb__var_smoothing": [1e-9]}, cv=2).fit(*iris)
    names = [run.data.tags["estimator_name"] for run in runs()]
    assert sorted(names) == ["GridSearchCV", "Pipeline", "Pipeline"]


@pytest.mark.parametrize("base", [TransformerMixin, SelectorMixin])
@pytest.mark.parametrize("call", ["fit", "fit_transform"])
def test_trainings_inside_a_user_defined_preprocessor_are_logged(base: Any, call: str, iris: Any) -> None:
    nbtrack.sklearn.autolog(log_models=False)

    class Own(base, BaseEstimator):  # type: ignore[misc]
        def fit(self, x: Any, y: Any) -> Own:
            self.model_ = GaussianNB().fit(x, y)
            return self

        def transform(self, x: Any) -> Any:
            return self.model_.predict_proba(x)

        def _get_support_mask(self) -> Any:
            return np.ones(4, bool)

    getattr(Own(), call)(*iris)
    assert only_run().data.tags["estimator_name"] == "GaussianNB"


def test_classes_defined_later_are_logged(iris: Any) -> None:
    nbtrack.sklearn.autolog(log_models=False)

    class Derived(LogisticRegression):
        pass

    with sklearn.config_context(enable_metadata_routing=True):
        model = Derived(max_iter=20).set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        weights = np.ones(len(iris[1]))
        GridSearchCV(model, {"C": [1.0]}, cv=2).fit(*iris, sample_weight=weights)
    Derived(max_iter=20).fit(*iris)
    assert [run.data.tags["estimator_name"] for run in runs()] == ["GridSearchCV", "Derived", "Derived"]


def test_regressors_clusterers_and_networks() -> None:
    nbtrack.sklearn.autolog(log_models=False)
    x, y = load_diabetes(return_X_y=True, as_frame=True)
    model = LinearRegression().fit(x, y)
    KMeans(3, n_init=1).fit_predict(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        MLPClassifier(max_iter=5).fit(x, y > 100)
    regression, clusters, network = runs()
    assert regression.data.metrics == pytest.approx(
        {
            "training_mean_absolute_error": sklearn.metrics.mean_absolute_error(y, model.predict(x)),
            "training_mean_squared_error": sklearn.metrics.mean_squared_error(y, model.predict(x)),
            "training_r2_score": model.score(x, y),
            "training_root_mean_squared_error": sklearn.metrics.root_mean_squared_error(y, model.predict(x)),
            "training_score": model.score(x, y),
        }
    )
    importance = artifact(regression, "feature_importance.json")
    assert importance == dict(zip(x.columns, model.coef_.tolist(), strict=True))
    assert clusters.data.metrics == {}
    assert clusters.data.params["n_clusters"] == "3"
    assert len(artifact(network, "learning_curve.json")["training_loss"]) == 5
    assert "learning_curve.png" in artifacts(network)


def test_models_are_logged_with_signature_and_example(iris: Any) -> None:
    nbtrack.sklearn.autolog(log_input_examples=True, registered_model_name="flowers")
    x, y = iris
    with nbtrack.start_run() as run:
        search = GridSearchCV(LogisticRegression(max_iter=20), {"C": [1.0, 2.0]}, cv=2).fit(x, y)
    for name in ("model", "best_estimator"):
        uri = f"runs:/{run.info.run_id}/{name}"
        assert (nbtrack.sklearn.load_model(uri).predict(x) == search.predict(x)).all()
        info = nbtrack.models.get_model_info(uri)
        assert [column["name"] for column in json.loads(info.signature_dict["inputs"])] == list(x.columns)
        assert info.saved_input_example_info is not None
    assert (nbtrack.sklearn.load_model("models:/flowers/1").predict(x) == search.predict(x)).all()
    assert len(nbtrack.Client().search_model_versions("name = 'flowers'")) == 1


def test_without_signatures_an_example_gives_none(iris: Any) -> None:
    nbtrack.sklearn.autolog(log_input_examples=True, log_model_signatures=False)
    LogisticRegression(max_iter=20).fit(*iris)
    info = nbtrack.models.get_model_info(f"runs:/{only_run().info.run_id}/model")
    assert info.signature is None
    assert info.saved_input_example_info is not None


def test_models_that_skops_cannot_write_are_pickled(iris: Any) -> None:
    from sklearn.preprocessing import FunctionTransformer

    nbtrack.sklearn.autolog(log_model_signatures=False)
    x, y = iris
    model = make_pipeline(FunctionTransformer(lambda x: x * 2), SGDClassifier()).fit(x, y)
    run = only_run()
    info = nbtrack.models.get_model_info(f"runs:/{run.info.run_id}/model")
    assert info.flavors["sklearn"]["serialization_format"] == "cloudpickle"
    assert info.signature is None
    loaded = nbtrack.sklearn.load_model(f"runs:/{run.info.run_id}/model")
    assert (loaded.predict(x) == model.predict(x)).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: RandomForestClassifier(4, max_depth=2, random_state=0),
        lambda: make_pipeline(StandardScaler(), RandomForestClassifier(4, max_depth=2, random_state=0)),
        lambda: make_pipeline(StandardScaler(), make_pipeline(PolynomialFeatures(1), LogisticRegression(C=1e-4))),
    ],
    ids=["forest", "pipeline with a forest", "pipeline in a pipeline"],
)
def test_computing_metrics_faster_does_not_change_them(cancer: Any, make: Any) -> None:
    x, y = cancer
    texts = np.array(["benign", "malign"])[y]
    nbtrack.sklearn.autolog(log_models=False, log_post_training_metrics=False)
    model = make().fit(x, texts)
    predicted = model.predict(x)
    found = only_run().data.metrics
    assert found["training_score"] == found["training_accuracy_score"] == model.score(x, texts) < 1
    f1 = sklearn.metrics.f1_score(texts, predicted, average="weighted")
    assert found["training_f1_score"] == pytest.approx(f1)
    auc = sklearn.metrics.roc_auc_score(texts, model.predict_proba(x)[:, 1])
    assert found["training_roc_auc"] == pytest.approx(auc)


def test_a_forest_of_two_outputs_is_logged(cancer: Any) -> None:
    x, y = cancer
    nbtrack.sklearn.autolog(log_models=False)
    RandomForestClassifier(2, max_depth=2).fit(x, np.column_stack([y, 1 - y]))
    assert "feature_importance.json" in artifacts(only_run())


@pytest.mark.parametrize("make", [lambda: SelfTrainingClassifier(LogisticRegression(max_iter=50)), LabelSpreading])
def test_labels_without_a_class_give_no_probability_metrics(make: Any) -> None:
    nbtrack.sklearn.autolog(log_models=False)
    x = np.random.default_rng(0).normal(size=(60, 2))
    y = (x[:, 0] > 0).astype(int)
    y[::3] = -1
    model = make().fit(x, y)
    run = only_run()
    assert run.data.metrics["training_accuracy_score"] == np.mean(model.predict(x) == y)
    assert not {"training_log_loss", "training_roc_auc"} & set(run.data.metrics)
    assert not [path for path in artifacts(run) if "curve" in path]
    assert "training_confusion_matrix.json" in artifacts(run)


def test_curves_of_two_classes_as_data_and_images(cancer: Any) -> None:
    from PIL import Image

    nbtrack.sklearn.autolog(log_models=False)
    x, y = cancer
    model = LogisticRegression(max_iter=20).fit(x, y)
    run = only_run()
    scores = model.predict_proba(x)[:, 1]
    false_rate, true_rate, _ = sklearn.metrics.roc_curve(y, scores, drop_intermediate=False)
    logged = artifact(run, "training_roc_curve.json")
    np.testing.assert_allclose(logged["false_positive_rate"], false_rate)
    np.testing.assert_allclose(logged["true_positive_rate"], true_rate)
    assert logged["threshold"][0] is None
    precision, recall, thresholds = sklearn.metrics.precision_recall_curve(y, scores)
    logged = artifact(run, "training_precision_recall_curve.json")
    np.testing.assert_allclose(logged["precision"], precision)
    np.testing.assert_allclose(logged["recall"], recall)
    np.testing.assert_allclose(logged["threshold"], thresholds)
    matrix = artifact(run, "training_confusion_matrix.json")
    assert matrix == {"labels": [0, 1], "counts": sklearn.metrics.confusion_matrix(y, model.predict(x)).tolist()}
    folder = Path(nbtrack.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=""))
    for name in ("training_roc_curve", "training_precision_recall_curve", "training_confusion_matrix"):
        with Image.open(folder / f"{name}.png") as picture:
            picture.load()
            assert picture.size == (560, 420)
            assert len(picture.getcolors()) > 3


# -- the training does not change --------------------------------------------------------------------------------


FAILING = [
    "_data",
    "_tags",
    "_log_metrics",
    "_classifier_metrics",
    "_score",
    "_log_diagram",
    "_log_importance",
    "_log_learning_curve",
    "_log_search",
    "_log_candidates",
    "_is_search",
    "_overwrites",
    "_log_model",
    "first_rows",
    "evaluation.remember_model",
    "evaluation.remember_prediction",
    "evaluation.log_metric_call",
    "evaluation.log_score",
    "figures.confusion_matrix",
    "figures.bars",
    "metrics.log_loss",
]


@pytest.mark.parametrize("name", FAILING)
def test_each_part_of_autologging_may_fail(iris: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("ours")

    x, y = iris

    def train() -> Any:
        search = GridSearchCV(RandomForestClassifier(2, random_state=1), {"max_depth": [1, 2]}, cv=2).fit(x, y)
        predicted = search.predict(x)
        return predicted.tolist(), search.best_params_, search.score(x, y), sklearn.metrics.accuracy_score(y, predicted)

    expected = train()
    monkeypatch.setattr(f"nbtrack.integrations.sklearn_autolog.{name}", fail)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nbtrack.sklearn.autolog(log_models=name in ("_log_model", "first_rows"))
        results = [train(), train()]
    assert results == [expected, expected]
    ours = [one for one in caught if "nbtrack autologging for sklearn" in str(one.message)]
    assert len(ours) == 1, [str(one.message) for one in caught]
    assert {run.info.status for run in runs()} == {"FINISHED"}
    assert nbtrack.active_run() is None


def test_a_store_that_cannot_be_written_does_not_stop_a_training(iris: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    nbtrack.set_tracking_uri(str(tmp_path / "file" / "store"))
    nbtrack.sklearn.autolog()
    with pytest.warns(UserWarning, match="could not start a run"):
        model = LogisticRegression(max_iter=20).fit(*iris)
    assert model.predict(iris[0]).shape == (150,)


def test_the_model_and_random_numbers_are_the_same_as_without_autologging(cancer: Any) -> None:
    x, y = cancer

    def train() -> tuple[bytes, float]:
        np.random.seed(3)
        model = RandomForestClassifier(3).fit(x, y)
        return pickle.dumps(model), np.random.random()

    expected = train()
    nbtrack.sklearn.autolog(log_models=False)
    assert train() == expected


def test_data_that_a_training_overwrites_is_logged_as_it_was() -> None:
    nbtrack.sklearn.autolog(log_models=False)
    x, y = load_diabetes(return_X_y=True)
    given = np.asfortranarray(x) * 100 + 7
    LinearRegression(copy_X=False).fit(given, y)
    good = LinearRegression().fit(x * 100 + 7, y)
    overwritten, whole = runs()
    assert overwritten.data.metrics == pytest.approx(whole.data.metrics)
    assert overwritten.data.metrics["training_score"] == pytest.approx(good.score(x * 100 + 7, y))


class _DropsLastColumn(TransformerMixin, BaseEstimator):
    def fit(self, x: Any, y: Any = None) -> _DropsLastColumn:
        return self

    def transform(self, x: Any) -> Any:
        x.pop(x.columns[2])
        return x


def _logarithm(x: Any) -> Any:
    return np.log1p(x, out=x)


@pytest.mark.parametrize("searched", [False, True])
@pytest.mark.parametrize("step", [FunctionTransformer(_logarithm), StandardScaler(copy=False)])
def test_metrics_are_of_the_data_as_it_was_before_a_step_changed_it(step: Any, searched: bool) -> None:
    nbtrack.sklearn.autolog(log_models=False, max_tuning_runs=0)
    rng = np.random.default_rng(1)
    x = rng.uniform(1, 100, (60, 2))
    y = (np.log1p(x[:, 0]) > 3.5).astype(int)
    model = make_pipeline(step, LogisticRegression())
    if searched:
        model = GridSearchCV(model, {"logisticregression__C": [1.0]}, cv=2)
    model.fit(x.copy(), y)
    logged = only_run().data.metrics
    nbtrack.sklearn.autolog(disable=True)
    assert logged["training_accuracy_score"] == pytest.approx(model.score(x.copy(), y))
    assert logged["training_log_loss"] == pytest.approx(sklearn.metrics.log_loss(y, model.predict_proba(x.copy())))


def test_metrics_are_logged_if_a_step_removes_a_column_in_place() -> None:
    nbtrack.sklearn.autolog(log_models=False)
    frame = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3.0, 1.0, 2.0], "id": ["x", "y", "z"]})
    make_pipeline(_DropsLastColumn(), LinearRegression()).fit(frame, [1.0, 2.0, 4.0])
    assert only_run().data.metrics["training_r2_score"] == pytest.approx(1.0)


def test_an_error_of_the_training_is_raised(iris: Any) -> None:
    nbtrack.sklearn.autolog()
    with pytest.raises(ValueError, match="Negative values"):
        MultinomialNB().fit(-iris[0], iris[1])
    assert only_run().info.status == "FAILED"
    assert "Negative values" in only_run().data.tags["nbtrack.traceback"]


def test_estimators_are_not_changed(iris: Any) -> None:
    before = inspect.signature(SVC.fit), hasattr(SVC(), "predict_proba"), SVC.fit.__doc__
    nbtrack.sklearn.autolog(log_models=False)
    assert (inspect.signature(SVC.fit), hasattr(SVC(), "predict_proba"), SVC.fit.__doc__) == before
    search = GridSearchCV(SGDClassifier(), {"alpha": [1.0]}, cv=2)
    assert not hasattr(search, "predict_proba")
    assert not hasattr(search, "transform")
    model = clone(search).fit(*iris)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert (copied.predict(iris[0]) == model.predict(iris[0])).all()
    assert b"nbtrack" not in pickle.dumps(model)
    predict = joblib.Parallel(n_jobs=2)(joblib.delayed(model.predict)(iris[0]) for _ in range(2))
    assert (predict[0] == model.predict(iris[0])).all()


def test_disable_restores_every_class(iris: Any) -> None:
    classes = {*sklearn_autolog._subclasses(BaseEstimator), BaseEstimator, ClassifierMixin}
    before = {one: dict(vars(one)) for one in classes}
    functions = dict(vars(sklearn.metrics)), dict(vars(sklearn.model_selection))
    nbtrack.sklearn.autolog()
    assert vars(LogisticRegression)["fit"] is not before[LogisticRegression]["fit"]
    nbtrack.sklearn.autolog(disable=True)
    assert {one: dict(vars(one)) for one in classes} == before
    assert (dict(vars(sklearn.metrics)), dict(vars(sklearn.model_selection))) == functions
    SVC().fit(*iris)
    assert runs() == []


def test_before_the_first_import(tmp_path: Path) -> None:
    """Run in a new process, in which scikit-learn is not imported yet."""
    program = textwrap.dedent(
        """
        import sys
        import nbtrack
        nbtrack.autolog(log_models=False)
        assert "sklearn" not in sys.modules
        assert "xgboost" not in sys.modules
        from sklearn.metrics import accuracy_score
        from sklearn.svm import SVC
        held_out = [[0.0], [3.0], [1.0]]
        model = SVC().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
        accuracy_score([0, 1, 0], model.predict(held_out))
        (run,) = nbtrack.search_runs(output_format="list")
        assert run.data.metrics["accuracy_score_held_out"] == 1.0, run.data.metrics
        assert run.data.metrics["training_score"] == 1.0
        """
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, cwd=tmp_path)
