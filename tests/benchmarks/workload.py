"""A team's work, the same for every tracker: what its runs hold, as formulas that Python and SQL work out alike.

A run has 20 params, 10 metrics of 100 steps and 8 tags; 50 long runs have one metric of 10,000 steps.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TEAM, LONG = "team", "long"
"""The two experiments."""
STEPS = 100
QUICK = os.environ.get("NBTRACK_BENCH") == "quick"
"""A look at whether all of it works, with figures that say nothing."""
LONG_RUNS, LONG_STEPS = (20, 1_500) if QUICK else (50, 10_000)
SAMPLED = 1_000
"""Points that a down-sampled curve may have."""
TOP = 20
ACCURACY, ACTIVATION = 0.85, "relu"
FILTER = f"metrics.`val/accuracy` > {ACCURACY} and params.activation = '{ACTIVATION}'"
ORDER = "metrics.`val/accuracy` DESC"

EPOCH_MS = 1_750_000_000_000
RUN_MS, STEP_MS = 60_000, 500


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a metric begins and ends, and how much it shakes."""

    begin: float
    end: float
    noise: float


METRICS = {
    "train/loss": Shape(2.3, 0.1, 0.02),
    "val/loss": Shape(2.4, 0.2, 0.04),
    "train/accuracy": Shape(0.1, 1.0, 0.01),
    "val/accuracy": Shape(0.1, 0.98, 0.02),
    "val/f1": Shape(0.1, 0.97, 0.02),
    "val/auc": Shape(0.5, 0.99, 0.01),
    "grad/norm": Shape(9.0, 0.5, 0.8),
    "learning_rate": Shape(0.1, 0.001, 0.0),
    "time/step": Shape(0.5, 0.4, 0.1),
    "memory/peak": Shape(1500.0, 8000.0, 50.0),
}
KEYS = tuple(METRICS)
SEARCHED = "val/accuracy"
LONG_KEY = KEYS[0]

PARAMS = {
    "activation": ("relu", "tanh", "gelu"),
    "learning_rate": ("0.1", "0.03", "0.01", "0.003", "0.001", "3e-4", "1e-4"),
    "optimizer": ("adam", "adamw", "sgd", "lion"),
    "width": ("64", "128", "256", "512", "1024"),
    "depth": ("2", "4", "8", "12", "24"),
    "batch_size": ("16", "32", "64", "128"),
    "dropout": ("0.0", "0.1", "0.2", "0.5"),
    "weight_decay": ("0.0", "0.01", "0.1"),
    "warmup_steps": ("0", "100", "1000"),
    "schedule": ("cosine", "linear", "constant"),
    "beta1": ("0.9", "0.95"),
    "beta2": ("0.98", "0.99", "0.999"),
    "clip": ("None", "0.5", "1.0"),
    "augment": ("True", "False"),
    "mixup": ("0.0", "0.2", "0.4"),
    "label_smoothing": ("0.0", "0.1"),
    "precision": ("fp32", "bf16", "fp16"),
    "init": ("kaiming_normal", "xavier_uniform", "orthogonal"),
    "normalisation": ("batch", "layer", "group", "none"),
    "seed": tuple(str(seed) for seed in range(100)),
}
TAGS = {
    "team": ("vision", "language", "speech"),
    "dataset": ("imagenet-1k", "cifar-100", "c4", "librispeech"),
    "stage": ("sweep", "baseline", "final"),
    "mlflow.user": ("ada", "grace", "alan", "edsger", "barbara"),
    "mlflow.source.name": ("train.py", "sweep.py", "notebooks/explore.ipynb"),
    "mlflow.source.type": ("LOCAL", "NOTEBOOK"),
}
"""And two that differ from run to run: mlflow.runName and mlflow.source.git.commit."""

_GOLDEN, _PLASTIC, _SQUARED = 0.6180339887498949, 0.7548776662466927, 0.5698402909980532


@dataclass(frozen=True, slots=True)
class TeamRun:
    """One run as it is logged; the points of a metric are its values at steps 0, 1, …"""

    experiment: str
    name: str
    params: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, list[float]]


def team_run(run: int) -> TeamRun:
    metrics = {key: values(run, i, STEPS).tolist() for i, key in enumerate(KEYS)}
    return TeamRun(TEAM, name(run), texts(PARAMS, run), tags(run), metrics)


def long_run(run: int) -> TeamRun:
    return TeamRun(LONG, name(run), {}, {}, {LONG_KEY: values(run, 0, LONG_STEPS).tolist()})


def texts(table: dict[str, tuple[str, ...]], run: int) -> dict[str, str]:
    """The params or the tags of a run."""
    return {
        key: values[(run * 7919 + i * 104_729) // 16 % len(values)] for i, (key, values) in enumerate(table.items())
    }


def name(run: int) -> str:
    return f"run-{run}"


def tags(run: int) -> dict[str, str]:
    commit = hashlib.sha1(str(run // 10).encode(), usedforsecurity=False).hexdigest()
    return texts(TAGS, run) | {"mlflow.runName": name(run), "mlflow.source.git.commit": commit}


def values(run: int, key: int, steps: int) -> NDArray[np.float64]:
    """The points of a run's metric at steps 0, 1, …"""
    import numpy as np

    step = np.arange(steps, dtype=np.int64)
    shape = METRICS[KEYS[key]]
    reach = 0.8 + 0.2 * _fraction(run * _PLASTIC)
    half = 1.0 + 10.0 * _fraction(run * _SQUARED)
    shaken: Any = (run * 1_000_003 + key * 100_003 + step) * _GOLDEN
    return (
        shape.begin
        + (shape.end - shape.begin) * (reach * step / (step + half))
        + shape.noise * (shaken - np.floor(shaken) - 0.5)
    )


def value_sql(run: str, key: str, step: str) -> str:
    """The same in DuckDB's SQL, of three integer expressions; `key` counts from 0."""
    begin, span, noise = (
        f"list_extract({list(column)}::DOUBLE[], {key} + 1)"
        for column in zip(*((s.begin, s.end - s.begin, s.noise) for s in METRICS.values()), strict=True)
    )
    reach = f"(0.8::DOUBLE + 0.2::DOUBLE * {_fraction_sql(f'{run} * {_PLASTIC}::DOUBLE')})"
    half = f"(1.0::DOUBLE + 10.0::DOUBLE * {_fraction_sql(f'{run} * {_SQUARED}::DOUBLE')})"
    shaken = _fraction_sql(f"({run} * 1000003 + {key} * 100003 + {step})::DOUBLE * {_GOLDEN}::DOUBLE")
    return f"{begin} + {span} * ({reach} * {step} / ({step} + {half})) + {noise} * ({shaken} - 0.5::DOUBLE)"


def text_sql(table: dict[str, tuple[str, ...]], key: str, run: str) -> str:
    """The value of `texts` in DuckDB's SQL."""
    cases = "".join(
        f" WHEN '{name}' THEN list_extract({list(options)}, ({run} * 7919 + {i * 104_729}) // 16 % {len(options)} + 1)"
        for i, (name, options) in enumerate(table.items())
    )
    return f"CASE {key}{cases} END"


def last_values(runs: int) -> list[float]:
    """What the searched metric came to in each run, worked out without any tracker."""
    return [float(values(run, KEYS.index(SEARCHED), STEPS)[-1]) for run in range(runs)]


def best(runs: int) -> list[float]:
    """Those that the search must find, the best first."""
    found = (
        value
        for run, value in enumerate(last_values(runs))
        if value > ACCURACY and texts(PARAMS, run)["activation"] == ACTIVATION
    )
    return sorted(found, reverse=True)[:TOP]


def _fraction(x: float) -> float:
    return x - x // 1


def _fraction_sql(x: str) -> str:
    return f"({x} - floor({x}))"
