"""The training metrics that autologging logs, computed with NumPy alone.

They equal scikit-learn's functions of the same names. Those check every argument again, so that they take about ten
times as long on small data, which is more than many trainings. A test compares the results. What is not covered here
is computed by scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass
class Confusion:
    """How often each label (row) was predicted as each label (column), weighted by sample."""

    labels: Array
    counts: Array

    @classmethod
    def of(cls, y_true: Array, y_pred: Array, weights: Array | None = None) -> Confusion:
        """Count the pairs of labels. Both arrays have one dimension and the same length."""
        import numpy as np

        labels, codes = np.unique(np.concatenate([y_true, y_pred]), return_inverse=True)
        size = len(labels)
        pairs = codes[: len(y_true)] * size + codes[len(y_true) :]
        counts = np.bincount(pairs, weights=weights, minlength=size * size).reshape(size, size)
        return cls(labels, counts)

    def metrics(self, pos_label: Any = None) -> dict[str, float]:
        """Return precision, recall, F1 and accuracy.

        They are averages weighted by the number of samples, or those of `pos_label` alone. 0 / 0 counts as 0.
        """
        import numpy as np

        right = np.diag(self.counts).astype(float)
        actual, predicted = self.counts.sum(axis=1), self.counts.sum(axis=0)

        def ratio(part: Array, whole: Array) -> Array:
            return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)

        each = {
            "precision_score": ratio(right, predicted),
            "recall_score": ratio(right, actual),
            "f1_score": ratio(2 * right, actual + predicted),
        }
        if pos_label is None:
            found = {name: float(np.average(values, weights=actual)) for name, values in each.items()}
        else:
            (at,) = np.flatnonzero(self.labels == pos_label)
            found = {name: float(values[at]) for name, values in each.items()}
        return {**found, "accuracy_score": float(right.sum() / actual.sum())}


def log_loss(codes: Array, probabilities: Array, weights: Array | None = None) -> float:
    """Return the log loss. `codes` are the indexes of the true columns of `probabilities`."""
    import numpy as np

    eps = np.finfo(probabilities.dtype).eps
    of_the_true = np.clip(probabilities[np.arange(len(codes)), codes], eps, 1 - eps)
    return float(np.average(-np.log(of_the_true), weights=weights))


@dataclass
class Ranking:
    """Two classes sorted by score.

    For each threshold, from the highest on, the weight of the positives and of the negatives that reach it.
    """

    positives: Array
    negatives: Array
    thresholds: Array

    @classmethod
    def of(cls, is_positive: Array, scores: Array, weights: Array | None = None) -> Ranking:
        """Count the samples. All arrays have one dimension and the same length."""
        import numpy as np

        order = np.argsort(scores, kind="stable")[::-1]
        scores, is_positive = scores[order], is_positive[order].astype(float)
        weights = np.ones(len(scores)) if weights is None else weights[order]
        last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
        positives, negatives = is_positive * weights, (1 - is_positive) * weights
        return cls(np.cumsum(positives)[last], np.cumsum(negatives)[last], scores[last])

    def roc_curve(self) -> tuple[Array, Array, Array]:
        """Return false positive rates, true positive rates, and their thresholds, from the highest threshold on."""
        import numpy as np

        positives, negatives = np.append(0.0, self.positives), np.append(0.0, self.negatives)
        return negatives / negatives[-1], positives / positives[-1], np.append(np.inf, self.thresholds)

    def precision_recall_curve(self) -> tuple[Array, Array, Array]:
        """Return precision and recall, from the lowest threshold on, and the thresholds.

        The last point, with precision 1 and recall 0, has no threshold.
        """
        import numpy as np

        precision = self.positives / (self.positives + self.negatives)
        recall = self.positives / self.positives[-1]
        return np.append(precision[::-1], 1.0), np.append(recall[::-1], 0.0), self.thresholds[::-1]

    def roc_auc(self) -> float:
        """Return the area under the ROC curve."""
        false_rate, true_rate, _ = self.roc_curve()
        return float(((false_rate[1:] - false_rate[:-1]) * (true_rate[1:] + true_rate[:-1]) / 2).sum())


def roc_auc_one_vs_one(codes: Array, probabilities: Array) -> float:
    """Return the mean of the ROC AUC over all pairs of classes, weighted by the number of samples in a pair.

    It equals `roc_auc_score` with `multi_class="ovo"` and `average="weighted"`.
    """
    import numpy as np

    size = probabilities.shape[1]
    members = np.bincount(codes, minlength=size).astype(float)
    won = np.zeros((size, size))
    for positive in range(size):
        is_other = codes != positive
        own = np.sort(probabilities[~is_other, positive])
        others = probabilities[is_other, positive]
        lower, upper = np.searchsorted(own, others, "left"), np.searchsorted(own, others, "right")
        # A sample of the class that ranks higher counts as one, and a tie as one half.
        points = (len(own) - upper) + 0.5 * (upper - lower)
        won[positive] = np.bincount(codes[is_other], weights=points, minlength=size)
    first, second = np.triu_indices(size, 1)
    of_pairs = (won[first, second] + won[second, first]) / (2 * members[first] * members[second])
    return float(np.average(of_pairs, weights=members[first] + members[second]))


def regression(y_true: Array, y_pred: Array, weights: Array | None = None) -> dict[str, float]:
    """Return the mean squared and absolute errors, the root of the former, and R², averaged over several outputs.

    R² of fewer than two samples is not defined, and is NaN.
    """
    import numpy as np

    y_true, y_pred = (np.asarray(values, float).reshape(len(values), -1) for values in (y_true, y_pred))
    squares = np.average((y_true - y_pred) ** 2, axis=0, weights=weights)
    spread = np.average((y_true - np.average(y_true, axis=0, weights=weights)) ** 2, axis=0, weights=weights)
    # For a constant output, R² is 1 if every prediction equals it, and otherwise 0.
    explained = np.where(spread > 0, 1 - squares / np.where(spread > 0, spread, 1), np.where(squares > 0, 0.0, 1.0))
    squared = float(squares.mean())
    return {
        "mean_squared_error": squared,
        "mean_absolute_error": float(np.average(np.abs(y_true - y_pred), axis=0, weights=weights).mean()),
        "r2_score": float(explained.mean()) if len(y_true) > 1 else float("nan"),
        "root_mean_squared_error": squared**0.5,
    }
