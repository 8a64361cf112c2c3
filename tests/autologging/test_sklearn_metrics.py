"""The metrics computed with NumPy equal those of scikit-learn."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.integrations import sklearn_metrics as metrics


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@st.composite
def labelled(draw: st.DrawFn, classes: int | None = None) -> tuple[Any, Any, Any]:
    """True classes, of which each occurs, scores of coarse steps (so that many are equal), and weights or None."""
    size = classes or draw(st.integers(2, 5))
    rest = draw(st.lists(st.integers(0, size - 1), max_size=30))
    codes = np.array([*range(size), *rest])
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scores = random.integers(1, draw(st.sampled_from([2, 5, 1000])) + 1, (len(codes), size)).astype(float)
    weights = random.uniform(0.1, 3, len(codes)) if draw(st.booleans()) else None
    return codes, scores / scores.sum(axis=1, keepdims=True), weights


@settings(max_examples=60)
@given(labelled(), st.sampled_from([None, "b"]))
def test_metrics_of_predicted_classes(data: tuple[Any, Any, Any], pos_label: str | None) -> None:
    codes, scores, weights = data
    names = np.array(["c", "b", "a", "e", "d"])
    y, predicted = names[codes], names[scores.argmax(axis=1)]
    found = metrics.Confusion.of(y, predicted, weights).metrics(pos_label)
    precision, recall, f1, _ = reference.precision_recall_fscore_support(
        y, predicted, average="weighted", sample_weight=weights, zero_division=0
    )
    if pos_label is not None:
        precision, recall, f1 = (
            each[0]
            for each in reference.precision_recall_fscore_support(
                y, predicted, labels=[pos_label], sample_weight=weights, zero_division=0
            )[:3]
        )
    assert found == pytest.approx(
        {
            "precision_score": precision,
            "recall_score": recall,
            "f1_score": f1,
            "accuracy_score": reference.accuracy_score(y, predicted, sample_weight=weights),
        }
    )


@pytest.mark.slow
@settings(max_examples=60)
@given(labelled())
def test_metrics_of_probabilities(data: tuple[Any, Any, Any]) -> None:
    codes, scores, weights = data
    size = scores.shape[1]
    assert metrics.log_loss(codes, scores, weights) == pytest.approx(
        reference.log_loss(codes, scores, sample_weight=weights, labels=range(size))
    )
    if size > 2:
        assert metrics.roc_auc_one_vs_one(codes, scores) == pytest.approx(
            reference.roc_auc_score(codes, scores, average="weighted", multi_class="ovo")
        )


@settings(max_examples=60)
@given(labelled(classes=2))
def test_metrics_of_two_classes(data: tuple[Any, Any, Any]) -> None:
    codes, scores, weights = data
    positive, score = codes == 1, scores[:, 1]
    ranking = metrics.Ranking.of(positive, score, weights)
    assert ranking.roc_auc() == pytest.approx(reference.roc_auc_score(codes, score, sample_weight=weights))
    curves = (
        (ranking.roc_curve, reference.roc_curve, {"drop_intermediate": False}),
        (ranking.precision_recall_curve, reference.precision_recall_curve, {}),
    )
    for ours, theirs, options in curves:
        expected = theirs(codes, score, sample_weight=weights, **options)
        for found, wanted in zip(ours(), expected, strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-12)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.booleans(), st.booleans())
def test_metrics_of_regression(seed: int, outputs: int, is_weighted: bool, is_constant: bool) -> None:
    random = np.random.default_rng(seed)
    y = random.normal(size=(20, outputs))
    if is_constant:
        y[:, 0] = 3.0
    predicted = y + random.normal(size=y.shape) * random.integers(0, 2, outputs)
    weights = random.uniform(0.1, 3, 20) if is_weighted else None
    if outputs == 1:
        y, predicted = y.ravel(), predicted.ravel()
    squared = reference.mean_squared_error(y, predicted, sample_weight=weights)
    assert metrics.regression(y, predicted, weights) == pytest.approx(
        {
            "mean_squared_error": squared,
            "mean_absolute_error": reference.mean_absolute_error(y, predicted, sample_weight=weights),
            "r2_score": reference.r2_score(y, predicted, sample_weight=weights),
            "root_mean_squared_error": squared**0.5,
        }
    )


def test_r2_of_one_sample_is_not_defined() -> None:
    assert np.isnan(metrics.regression(np.array([3.0]), np.array([3.0]))["r2_score"])
