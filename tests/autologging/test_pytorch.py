"""Autologging of Lightning, and `track`: names are MLflow's, and trainings are the same as without them."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import pickle
import signal
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import pytest

import nbtrack
from nbtrack import autologging
from nbtrack.integrations import pytorch_autolog, pytorch_track

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

pytestmark = pytest.mark.slow

PACKAGES = ("lightning.pytorch", "pytorch_lightning")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    for package in PACKAGES:
        importlib.import_module(package)
        logging.getLogger(package).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        for words in (".*num_workers", ".*does not have many workers", ".*log_every_n_steps", ".*LeafSpec"):
            warnings.filterwarnings("ignore", words)
        yield
    autologging.switch_off()


class Rows(torch.utils.data.Dataset):  # type: ignore[name-defined,misc]
    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(1)
        self.x = torch.randn(48, 4, generator=generator)
        self.y = self.x.sum(1, keepdim=True)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Any:
        return self.x[index], self.y[index]


def loader(**options: Any) -> Any:
    return torch.utils.data.DataLoader(Rows(), batch_size=16, **options)


def module(package: str = PACKAGES[0], *, fails: bool = False) -> Any:
    """A module with a metric of steps and epochs, one of epochs, and one of the test."""

    class Net(importlib.import_module(package).LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Sequential(torch.nn.Linear(4, 1), torch.nn.Dropout(0.1))

        def forward(self, x: Any) -> Any:
            return self.layer(x)

        def _loss(self, batch: Any) -> Any:
            x, y = batch
            return torch.nn.functional.mse_loss(self(x), y)

        def training_step(self, batch: Any, index: int) -> Any:
            if fails and self.current_epoch == 1:
                raise ZeroDivisionError("the module's own")
            loss = self._loss(batch)
            self.log("train_loss", loss, on_step=True, on_epoch=True)
            return loss

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", self._loss(batch))

        def test_step(self, batch: Any, index: int) -> None:
            self.log("test_loss", self._loss(batch))

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=0.01)

    # As in a notebook. The requirements of a class in a package are found by reading all of the package.
    Net.__module__ = "__main__"
    torch.manual_seed(0)
    return Net()


def trainer(package: str = PACKAGES[0], epochs: int = 2, **options: Any) -> Any:
    options = {"logger": False, "enable_checkpointing": False} | options
    return importlib.import_module(package).Trainer(
        max_epochs=epochs, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False, **options
    )


def fit(package: str = PACKAGES[0], *, test: bool = False, data: Any = None, **options: Any) -> Any:
    """Run a training that always has the same result."""
    model, one = module(package), trainer(package, **options)
    one.fit(model, data or loader(), loader())
    if test:
        one.test(model, loader(), verbose=False)
    return model


def runs() -> list[Any]:
    return nbtrack.search_runs(output_format="list", search_all_experiments=True)


def logged(client: Any, run_id: str) -> dict[str, Any]:
    def files(folder: str | None = None) -> Iterator[str]:
        for one in client.list_artifacts(run_id, folder):
            if one.is_dir:
                yield from files(one.path)
            else:
                yield one.path

    data = client.get_run(run_id).data
    histories = {
        name: [(point.step, pytest.approx(point.value)) for point in client.get_metric_history(run_id, name)]
        for name in data.metrics
    }
    tags = {name: data.tags.get(name) for name in ("Mode", "mlflow.latest_checkpoint_artifact")}
    return {"params": data.params, "histories": histories, "tags": tags, "files": sorted(files())}


# -- Lightning ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def in_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """MLflow with one store for the whole file, because creating one takes seconds."""
    import mlflow

    before, folder = mlflow.get_tracking_uri(), tmp_path_factory.mktemp("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("e", f"{folder}/artifacts"))
    yield mlflow
    mlflow.set_tracking_uri(before)


@pytest.mark.parametrize(
    ("package", "options"),
    [
        (PACKAGES[0], {}),
        (PACKAGES[1], {"log_every_n_step": 2, "log_every_n_epoch": 2, "checkpoint_save_best_only": False}),
        (
            PACKAGES[0],
            {"checkpoint_save_best_only": False, "checkpoint_save_freq": 3, "checkpoint_save_weights_only": True},
        ),
        (PACKAGES[1], {"checkpoint_monitor": "train_loss", "checkpoint_mode": "max"}),
    ],
)
def test_a_run_equals_the_one_that_mlflow_logs(package: str, options: dict[str, Any], in_mlflow: Any) -> None:
    def train() -> None:
        # MLflow knows early stopping in one of the packages only.
        stopping = importlib.import_module(f"{package}.callbacks").EarlyStopping("val_loss", patience=1, min_delta=9)
        fit(package, test=True, epochs=3, callbacks=[stopping] if package == PACKAGES[1] else [])

    nbtrack.pytorch.autolog(log_models=False, **options)
    with nbtrack.start_run() as run:
        train()
    nbtrack.pytorch.autolog(disable=True)
    ours = logged(nbtrack.MlflowClient(), run.info.run_id)
    try:
        in_mlflow.pytorch.autolog(log_models=False, silent=True, **options)
        with in_mlflow.start_run() as theirs:
            train()
        assert ours == logged(in_mlflow.MlflowClient(), theirs.info.run_id)
    finally:
        in_mlflow.pytorch.autolog(disable=True, silent=True)


class Data(importlib.import_module(PACKAGES[0]).LightningDataModule):  # type: ignore[misc]
    """The rows as a DataModule, in batches that are pairs or dicts."""

    def __init__(self, *, as_dict: bool) -> None:
        super().__init__()
        self.as_dict = as_dict

    def train_dataloader(self) -> Any:
        rows = torch.utils.data.default_collate
        return torch.utils.data.DataLoader(
            Rows(),
            batch_size=8,
            collate_fn=(lambda items: dict(zip("xy", rows(items), strict=True))) if self.as_dict else rows,
        )


@pytest.mark.parametrize(("how", "as_dict"), [("call", False), ("forward", False), ("forward", True), ("layer", True)])
def test_a_data_module_gives_a_signature(how: str, as_dict: bool) -> None:
    """As in MLflow, of the first call of `forward`, direct or not. A module that never calls it has none."""
    lightning = importlib.import_module(PACKAGES[0])

    class Net(lightning.LightningModule):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)

        def forward(self, x: Any) -> Any:
            return self.layer(x)

        def training_step(self, batch: Any, index: int) -> Any:
            x, y = (batch["x"], batch["y"]) if isinstance(batch, dict) else batch
            return torch.nn.functional.mse_loss({"call": self, "forward": self.forward, "layer": self.layer}[how](x), y)

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.01)

    forward, net = Net.forward, Net()
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    nbtrack.pytorch.autolog()
    with nbtrack.start_run() as run:
        lightning.Trainer(max_epochs=1, **quiet).fit(net, datamodule=Data(as_dict=as_dict))
    signature = nbtrack.models.get_model_info(f"runs:/{run.info.run_id}/model").signature
    shapes = None if signature is None else [spec.shape for spec in (*signature.inputs, *signature.outputs)]
    assert shapes == (None if how == "layer" else [(-1, 4), (-1, 1)])
    assert Net.forward is forward
    assert "forward" not in vars(net)


@pytest.mark.parametrize("mode", [None, "max"])
def test_the_best_checkpoint_follows_the_definition_of_its_metric(mode: Literal["max"] | None) -> None:
    """Without one, a loss is better if it is lower, as its name says."""
    if mode is not None:
        nbtrack.define_metric("train_loss", mode)
    nbtrack.pytorch.autolog(checkpoint_monitor="train_loss", log_models=False)
    fit(epochs=3)
    (run,) = runs()
    assert run.info.status == "FINISHED"
    values = [each.value for each in nbtrack.MlflowClient().get_metric_history(run.info.run_id, "train_loss")]
    assert len(set(values)) == 3
    kept = nbtrack.artifacts.load_dict(f"runs:/{run.info.run_id}/checkpoints/latest_checkpoint_metrics.json")
    assert kept["train_loss"] == (max if mode else min)(values)


def test_the_model_is_logged_with_its_signature() -> None:
    nbtrack.pytorch.autolog(registered_model_name="net", log_input_examples=True)
    model = fit(test=True)
    (run,) = runs()
    assert run.info.status == "FINISHED"
    uri = f"runs:/{run.info.run_id}/model"
    rows = np.ones((7, 4), np.float32)
    loaded = nbtrack.pyfunc.load_model(uri)
    assert np.allclose(loaded.predict(rows), model.eval()(torch.from_numpy(rows)).detach().numpy())
    assert [spec.shape for spec in (*loaded.signature.inputs, *loaded.signature.outputs)] == [(-1, 4), (-1, 1)]
    assert nbtrack.MlflowClient().get_model_version("net", 1).run_id == run.info.run_id
    assert run.data.metrics["test_loss"] > 0


def test_each_training_has_its_run_and_the_callback_is_removed() -> None:
    nbtrack.pytorch.autolog(log_models=False)
    model, one = module(), trainer()
    callbacks = list(one.callbacks)
    one.fit(model, loader())
    one.fit_loop.max_epochs = 3
    one.fit(model, loader())
    assert one.callbacks == callbacks
    assert not model._forward_hooks
    assert [len(found.data.params) for found in runs()] == [13, 13]
    nbtrack.pytorch.autolog(disable=True)
    fit()
    assert len(runs()) == 2


def test_an_error_of_the_module_is_raised_and_fails_the_run() -> None:
    nbtrack.pytorch.autolog()
    one = trainer()
    callbacks = list(one.callbacks)
    with pytest.raises(ZeroDivisionError, match="own"):
        one.fit(module(fails=True), loader(), loader())
    assert one.callbacks == callbacks
    (run,) = runs()
    assert run.info.status == "FAILED"
    assert len(nbtrack.MlflowClient().get_metric_history(run.info.run_id, "val_loss")) == 1


def test_an_interrupted_training_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: Any, *args: Any) -> None:
        raise KeyboardInterrupt

    nbtrack.pytorch.autolog(log_models=False)
    net = module()
    monkeypatch.setattr(type(net), "training_step", interrupt)
    handler = signal.getsignal(signal.SIGINT)
    try:
        # Lightning turns the interrupt into an exit.
        with pytest.raises(SystemExit):
            trainer().fit(net, loader())
    finally:
        signal.signal(signal.SIGINT, handler)
    (run,) = runs()
    assert run.info.status == "KILLED"


@pytest.mark.parametrize("silent", [True, False])
def test_a_param_that_a_second_training_changes_warns_unless_silent(silent: bool) -> None:
    nbtrack.pytorch.autolog(log_models=False, silent=silent)
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", "Param")
        with nbtrack.start_run() as run:
            for epochs in (1, 2):
                trainer(epochs=epochs).fit(module(), loader())
    said = [str(one.message) for one in caught if str(one.message).startswith("Param")]
    assert [text[:14] for text in said] == ([] if silent else ["Param 'epochs'"])
    params = nbtrack.get_run(run.info.run_id).data.params
    assert params["epochs"] == "2"
    assert params["optimizer_name"] == "Adam"


def test_the_callback_can_be_pickled_for_other_processes() -> None:
    nbtrack.pytorch.autolog(log_models=False)
    kept: list[Any] = []
    base = importlib.import_module(PACKAGES[0]).Callback

    class Spy(base):  # type: ignore[misc,valid-type]
        def on_train_start(self, one: Any, model: Any) -> None:
            kept.append(pickle.loads(pickle.dumps(one.callbacks[-1])))

    with nbtrack.start_run() as run:
        fit(callbacks=[Spy()])
        (copy,) = kept
        assert isinstance(copy, base)
        copy.state.log({"from_afar": torch.tensor(1.5)}, 7)
    assert nbtrack.get_run(run.info.run_id).data.metrics["from_afar"] == 1.5


def test_a_missing_monitor_warns_once() -> None:
    nbtrack.pytorch.autolog(log_models=False, checkpoint_monitor="f1")
    with pytest.warns(UserWarning, match="does not log checkpoint_monitor 'f1'") as told:
        fit(epochs=3)
    assert len([one for one in told if "nbtrack" in str(one.message)]) == 1


def fail(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("ours")


@pytest.mark.parametrize(
    ("owner", "name", "kinds"),
    [
        (pytorch_autolog, "_callback", 1),
        (pytorch_autolog, "optimizer_params", 1),
        (pytorch_autolog._State, "log", 2),  # of steps, and of epochs
        (pytorch_autolog, "_first_rows", 1),
        (pytorch_autolog.tempfile, "TemporaryDirectory", 2),  # for checkpoints, and for the model
        (pytorch_autolog, "_summary", 1),
        (pytorch_autolog, "_stopped", 1),
        (pytorch_autolog, "log_module", 1),
        (nbtrack.pytorch, "save_model", 1),
        (nbtrack.client.Client, "log_artifact", 1),
        (nbtrack.client.Client, "log_metric", 4),  # of each metric
    ],
)
def test_an_autologging_failure_is_one_warning_of_its_kind_and_changes_nothing(
    owner: Any, name: str, kinds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train() -> Any:
        stopping = importlib.import_module(PACKAGES[0]).callbacks.EarlyStopping("val_loss", patience=1, min_delta=9)
        return fit(callbacks=[stopping], epochs=3).state_dict()

    expected = train()
    nbtrack.pytorch.autolog(log_every_n_step=1)
    monkeypatch.setattr(owner, name, fail)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = train()
    assert all(torch.equal(found[key], expected[key]) for key in expected)
    ours = [str(one.message).splitlines()[0] for one in told if "nbtrack" in str(one.message)]
    assert len(ours) == len(set(ours)) == kinds, ours


# -- track() -----------------------------------------------------------------------------------------------------


def loop(epochs: int = 3, *, watched: bool = True, data: Any = None, model: Any = None, **options: Any) -> Any:
    torch.manual_seed(0)
    if model is None:
        model = torch.nn.Sequential(torch.nn.Linear(4, 1), torch.nn.Dropout(0.1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.1)

    def train() -> None:
        for x, y in data or loader():
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
        schedule.step()
        norms.append(float(torch.nn.utils.get_total_norm([one.grad for one in model.parameters()])))

    norms: list[float] = []
    if not watched:
        for _ in range(epochs):
            train()
        return model, norms
    with nbtrack.pytorch.track(model, optimizer, **options) as training:
        for epoch in training.epochs(epochs):
            train()
            training.log_metrics({"loss": torch.tensor(1.0 / (epoch + 1))})
    return model, norms


def test_track_logs_a_loop() -> None:
    model, norms = loop()
    (run,) = runs()
    assert run.info.status == "FINISHED"
    params = {"optimizer_name": "SGD", "lr": "0.5", "momentum": "0", "model": "Sequential", "parameters": "5"}
    assert params.items() <= run.data.params.items()
    assert run.data.params["trainable_parameters"] == "5"
    client = nbtrack.MlflowClient()

    def points(name: str) -> list[tuple[int, float]]:
        return [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, name)]

    rates = [0.5] * 3 + [0.05] * 3 + [0.005] * 3
    assert points("lr") == [(step, pytest.approx(rate)) for step, rate in enumerate(rates)]
    assert [step for step, _ in points("grad_norm")] == list(range(9))
    assert [value for _, value in points("grad_norm")][2::3] == pytest.approx(norms)
    assert [step for step, _ in points("epoch_seconds")] == [0, 1, 2]
    assert points("loss") == [(0, 1.0), (1, 0.5), (2, pytest.approx(1 / 3))]
    rows = np.ones((7, 4), np.float32)
    loaded = nbtrack.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert np.allclose(loaded.predict(rows), model.eval()(torch.from_numpy(rows)).detach().numpy())
    assert [spec.shape for spec in loaded.signature.inputs] == [(-1, 4)]
    assert not model._forward_hooks


def test_track_uses_the_active_run_and_options() -> None:
    with nbtrack.start_run() as run:
        loop(log_models=False, log_every_n_steps=4)
        assert run.is_open
    (found,) = runs()
    history = nbtrack.MlflowClient().get_metric_history(found.info.run_id, "grad_norm")
    assert [point.step for point in history] == [0, 4, 8]
    assert nbtrack.artifacts.list_artifacts(run_id=found.info.run_id) == []


def test_a_compiled_module_is_compiled_once() -> None:
    graphs: list[Any] = []
    compiled = torch.compile(
        torch.nn.Linear(4, 1), backend=lambda graph, inputs: graphs.append(graph) or graph.forward, dynamic=True
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        loop(model=compiled)
    assert len(graphs) == 1
    loaded = nbtrack.pytorch.load_model(f"runs:/{runs()[0].info.run_id}/model")
    assert torch.equal(loaded.weight, compiled.weight)


def test_an_error_in_the_loop_is_raised_and_fails_the_run() -> None:
    def broken() -> Iterator[Any]:
        yield from loader()
        raise ZeroDivisionError("the loop's own")

    with pytest.raises(ZeroDivisionError, match="own"):
        loop(data=broken())
    (run,) = runs()
    assert run.info.status == "FAILED"
    assert len(nbtrack.MlflowClient().get_metric_history(run.info.run_id, "grad_norm")) == 3


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (pytorch_track, "optimizer_params"),
        (pytorch_track, "_copy"),
        (pytorch_autolog, "_first_rows"),
        (nbtrack.pytorch, "save_model"),
        (nbtrack.runs.active_run.ActiveRun, "log_series"),
    ],
)
def test_a_failure_of_track_is_one_warning(owner: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = loop(watched=False)
    autologging.guard.forget("pytorch")
    monkeypatch.setattr(owner, name, fail)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model, _ = loop()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), expected.parameters(), strict=True))
    assert len([one for one in told if "nbtrack" in str(one.message)]) == 1


# -- workers -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
@pytest.mark.parametrize("train", [fit, loop])
def test_forked_workers_keep_working(train: Callable[..., Any]) -> None:
    nbtrack.pytorch.autolog(log_models=False)
    with nbtrack.start_run() as run:
        train(data=loader(num_workers=2, multiprocessing_context="fork"))
        nbtrack.log_metric("after", 1)
        assert run.is_open
    found = nbtrack.get_run(run.info.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.metrics["after"] == 1
    assert len(runs()) == 1
