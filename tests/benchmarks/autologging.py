"""What autologging adds to a training, models off: nbtrack's and mlflow's, each in a process of its own.

    python -m tests.benchmarks.autologging [FRAMEWORK …]

Each training runs with autologging off and on in turn; the figure is the median of the differences. A framework's
trainings are one function below that yields their names and calls.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from tests.benchmarks import beside_mlflow
from tests.benchmarks.beside_mlflow import TRACKERS
from tests.benchmarks.table import markdown, rounded

MODULE = "tests.benchmarks.autologging"
REPEAT = 9
WARM_UP = 2

Case = tuple[str, Callable[[], Any]]


def sklearn() -> Iterator[Case]:
    """Trainings of about ten milliseconds, and a search of eight."""
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    iris, kinds = load_iris(return_X_y=True)
    cells, tumors = load_breast_cancer(return_X_y=True)
    people, progress = load_diabetes(return_X_y=True)
    yield "LogisticRegression, 3 classes", lambda: LogisticRegression(max_iter=1000).fit(iris, kinds)
    yield "RandomForestClassifier, 2 classes", lambda: RandomForestClassifier(8, max_depth=3).fit(cells, tumors)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    yield "Pipeline, 2 classes", lambda: pipeline.fit(cells, tumors)
    polynomial = make_pipeline(PolynomialFeatures(3), Ridge())
    yield "Pipeline, regression", lambda: polynomial.fit(people, progress)
    search = GridSearchCV(LogisticRegression(max_iter=1000), {"C": [0.1, 1.0, 10.0, 100.0]}, cv=2)
    yield "GridSearchCV, 8 fits", lambda: search.fit(iris, kinds)


def xgboost() -> Iterator[Case]:
    """Twenty iterations that are evaluated, by either API."""
    import xgboost
    from sklearn.datasets import load_breast_cancer

    cells, tumors = load_breast_cancer(return_X_y=True, as_frame=True)
    data, other = xgboost.DMatrix(cells[:400], tumors[:400]), xgboost.DMatrix(cells[400:], tumors[400:])
    params = {"objective": "binary:logistic", "nthread": 1}
    yield "train, 20 iterations", lambda: xgboost.train(params, data, 20, [(other, "val")], verbose_eval=False)
    model = xgboost.XGBClassifier(n_estimators=20, n_jobs=1)
    held_out = [(cells[400:], tumors[400:])]
    yield "XGBClassifier, 20 iterations", lambda: model.fit(cells[:400], tumors[:400], eval_set=held_out, verbose=False)


def lightgbm() -> Iterator[Case]:
    """The same."""
    import lightgbm
    from sklearn.datasets import load_breast_cancer

    cells, tumors = load_breast_cancer(return_X_y=True, as_frame=True)
    params = {"objective": "binary", "num_threads": 1, "verbosity": -1}

    def train() -> Any:
        data = lightgbm.Dataset(cells[:400], tumors[:400])
        return lightgbm.train(params, data, 20, valid_sets=[data.create_valid(cells[400:], tumors[400:])])

    yield "train, 20 iterations", train
    model = lightgbm.LGBMClassifier(n_estimators=20, n_jobs=1, verbosity=-1)
    yield "LGBMClassifier, 20 iterations", lambda: model.fit(cells[:400], tumors[:400])


def keras() -> Iterator[Case]:
    """Ten epochs of ten batches, on Keras' torch backend."""
    import keras
    import numpy

    keras.utils.set_random_seed(0)
    rows, answers = numpy.random.default_rng(0).normal(size=(320, 8)), numpy.arange(320.0)
    model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    yield "fit, 10 epochs", lambda: model.fit(rows, answers, epochs=10, verbose=0)


def pytorch() -> Iterator[Case]:
    """Ten epochs of ten batches with Lightning."""
    import logging

    import lightning
    import torch

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Net(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(8, 1)

        def training_step(self, batch: Any, index: int) -> Any:
            loss = torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
            self.log("loss", loss, on_epoch=True)
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters())

    rows = torch.utils.data.TensorDataset(torch.randn(320, 8), torch.randn(320, 1))

    def fit() -> None:
        trainer = lightning.Trainer(
            max_epochs=10,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(Net(), torch.utils.data.DataLoader(rows, batch_size=32))

    yield "Lightning, 10 epochs", fit


FRAMEWORKS: dict[str, Callable[[], Iterator[Case]]] = {
    one.__name__: one for one in (sklearn, xgboost, lightgbm, keras, pytorch)
}


def measure(tracker_name: str, framework: str) -> dict[str, dict[str, float]]:
    """Milliseconds of each training with autologging off, and how many it takes more with it on.

    The processor's, of the thread that trains: they hardly depend on what else the machine does.
    """
    warnings.simplefilter("ignore")
    tracker: Any = importlib.import_module(tracker_name)
    autolog = getattr(tracker, framework).autolog
    found = {}
    for name, train in FRAMEWORKS[framework]():
        plain, more = [], []
        for round in range(WARM_UP + REPEAT):
            autolog(disable=True, silent=True)
            off = _milliseconds(train)
            autolog(log_models=False, silent=True)
            on = _milliseconds(train)
            if round >= WARM_UP:
                plain.append(off)
                more.append(on - off)
        autolog(disable=True, silent=True)
        found[name] = {"off": statistics.median(plain), "more": statistics.median(more)}
    return found


def _milliseconds(call: Callable[[], Any]) -> float:
    start = time.thread_time()
    call()
    return (time.thread_time() - start) * 1e3


def in_own_process(tracker: str, framework: str) -> dict[str, dict[str, float]]:
    """`measure` in a process of its own."""
    # Threads that wait for a core make a training's time anything.
    return beside_mlflow.in_own_process(MODULE, tracker, framework, OMP_NUM_THREADS="1", KERAS_BACKEND="torch")


def render(report: dict[str, dict[str, dict[str, dict[str, float]]]]) -> str:
    """The figures as a Markdown table; `report` has a framework's figures by tracker and training."""
    rows = []
    for framework, trackers in report.items():
        ours, theirs = (trackers[name] for name in TRACKERS)
        for name, one in ours.items():
            own, other = one["more"], theirs[name]["more"]
            ratio = f" ({rounded(other / own)}×)" if own > 0 else ""
            cells = [f"{rounded(figure)} ms" for figure in (one["off"], own, other)]
            rows.append([f"{framework}: {name}", *cells[:2], cells[2] + ratio])
    return "\n".join(markdown(["training", "without", "nbtrack's autologging adds", "mlflow's"], rows))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(*sys.argv[2:4])))
    else:
        chosen = sys.argv[1:] or list(FRAMEWORKS)
        print(render({one: {tracker: in_own_process(tracker, one) for tracker in TRACKERS} for one in chosen}))
