"""A small classifier, trained once, and digits that it was not trained on."""

from __future__ import annotations

import importlib.metadata
from typing import Any, NamedTuple

import numpy as np
import pytest


class Fitted(NamedTuple):
    model: Any
    rows: np.ndarray[Any, Any]
    predictions: np.ndarray[Any, Any]


@pytest.fixture(scope="session")
def digits() -> Fitted:
    """Return an MLPClassifier behind a scaler, trained briefly with `partial_fit` as in the quickstart."""
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, labels = load_digits(return_X_y=True)
    scaler = StandardScaler().fit(rows)
    network = MLPClassifier(hidden_layer_sizes=(16,), random_state=1)
    for _ in range(3):
        network.partial_fit(scaler.transform(rows[:600]), labels[:600], classes=np.unique(labels))
    model = make_pipeline(scaler, network)
    return Fitted(model, rows[600:900], model.predict(rows[600:900]))


@pytest.fixture(scope="session", autouse=True)
def installed() -> None:
    """Check that nbtrack is installed, because flavors are found by the entry points of packages."""
    if not importlib.metadata.entry_points(group="nbtrack.flavors", name="sklearn"):
        pytest.fail("nbtrack is not installed here, so its flavors cannot be found. Run: pip install -e .")
