"""Autologging of Keras: names and numbers are MLflow's, and the training is the same as without autologging."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import pandas as pd
import pytest

import nbtrack
from nbtrack import autologging
from nbtrack.errors import InvalidParameter

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")
torch.set_num_threads(1)

pytestmark = pytest.mark.slow

ROWS = np.random.default_rng(1).random((32, 4), dtype="float32")
LABELS = (ROWS.sum(axis=1) > 2).astype("float32")


@pytest.fixture(autouse=True)
def switched_off() -> Iterator[None]:
    yield
    autologging.switch_off()


def network(optimizer: Any = "adam") -> Any:
    # Keras numbers names across models.
    keras.utils.clear_session()
    keras.utils.set_random_seed(7)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(1, "sigmoid")])
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model


def fit(model: Any = None, *args: Any, **options: Any) -> Any:
    model = model or network()
    args = args or (ROWS, LABELS)
    return model.fit(*args, **{"epochs": 3, "batch_size": 8, "verbose": 0, **options})


def only_run() -> Any:
    (run,) = nbtrack.search_runs(output_format="list", search_all_experiments=True)
    return run


def curve(run: Any, key: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in nbtrack.MlflowClient().get_metric_history(run.info.run_id, key)]


def test_a_run_equals_the_one_that_mlflow_logs(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    theirs = pytest.importorskip("mlflow.keras")
    options = {"validation_split": 0.25, "class_weight": {0: 1.0, 1: 2.0}}
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    # Not silent, because mlflow goes on if it cannot log, and the last active run would be that of another test.
    theirs.autolog(log_models=False, silent=False)
    try:
        expected_history = fit(callbacks=[], **options)
    finally:
        theirs.autolog(disable=True)
    client = mlflow.MlflowClient()
    (expected,) = client.search_runs(["0"])

    nbtrack.keras.autolog()
    model = network()
    history = fit(model, **options)
    run = only_run()
    assert history.history == expected_history.history
    assert run.data.params == expected.data.params
    assert run.data.metrics == pytest.approx(expected.data.metrics)
    for key in expected.data.metrics:
        wanted = client.get_metric_history(expected.info.run_id, key)
        assert [value for _, value in curve(run, key)] == pytest.approx([point.value for point in wanted])
        assert [step for step, _ in curve(run, key)] == [0, 1, 2]
    summary = nbtrack.artifacts.load_text(f"runs:/{run.info.run_id}/model_summary.txt")
    assert (
        summary.split("\n")[1:]
        == mlflow.artifacts.load_text(f"{expected.info.artifact_uri}/model_summary.txt").split("\n")[1:]
    )
    (ours,), (mlflows,) = run.inputs.dataset_inputs, expected.inputs.dataset_inputs
    assert [tag.value for tag in ours.tags] == [tag.value for tag in mlflows.tags] == ["train"]
    assert ours.dataset.name == mlflows.dataset.name
    assert json.loads(ours.dataset.schema) == json.loads(mlflows.dataset.schema)
    signature = nbtrack.models.get_model_info(f"runs:/{run.info.run_id}/model").signature
    assert signature.to_dict() == theirs.utils.get_model_signature(model).to_dict()
    loaded = nbtrack.keras.load_model(f"runs:/{run.info.run_id}/model")
    assert np.allclose(loaded.predict(ROWS, verbose=0), model.predict(ROWS, verbose=0), atol=1e-6)
    assert run.data.tags["mlflow.autologging"] == "keras"


def test_names_equal_those_that_mlflow_logged() -> None:
    nbtrack.keras.autolog(log_models=False)
    fit(validation_split=0.25)
    run = only_run()
    assert set(run.data.metrics) == {
        *("loss", "accuracy", "val_loss", "val_accuracy", "validation_loss", "validation_accuracy")
    }
    assert {
        "epochs": "3",
        "batch_size": "8",
        "shuffle": "True",
        "validation_split": "0.25",
        "steps_per_epoch": "None",
    }.items() <= run.data.params.items()
    assert {
        "optimizer_name": "adam",
        "optimizer_beta_2": "0.999",
        "optimizer_amsgrad": "False",
    }.items() <= run.data.params.items()
    assert not {"x", "y", "verbose", "callbacks", "validation_data", "self"} & set(run.data.params)


def test_arguments_by_position_are_seen() -> None:
    nbtrack.keras.autolog(log_models=False)
    network().fit(ROWS, LABELS, 16, 2, 0, None, 0.0, (ROWS[:8], LABELS[:8]))
    run = only_run()
    assert (run.data.params["batch_size"], run.data.params["epochs"]) == ("16", "2")
    assert [each.tags[0].value for each in run.inputs.dataset_inputs] == ["train", "eval"]
    assert "val_loss" in run.data.metrics


def test_early_stopping() -> None:
    nbtrack.keras.autolog(log_models=False)
    # The model does not learn, so that the first epoch is the best.
    model = network(keras.optimizers.SGD(0.0))
    stopping = keras.callbacks.EarlyStopping("loss", min_delta=0.5, patience=2, restore_best_weights=True)
    history = fit(model, epochs=9, callbacks=stopping, shuffle=False)
    run = only_run()
    assert len(history.epoch) == 3
    assert (
        run.data.params.items()
        >= {
            "monitor": "loss",
            "min_delta": "0.5",
            "patience": "2",
            "baseline": "None",
            "restore_best_weights": "True",
        }.items()
    )
    assert (run.data.metrics["stopped_epoch"], run.data.metrics["restored_epoch"]) == (2, 0)
    losses = history.history["loss"]
    assert curve(run, "loss") == [(0, losses[0]), (1, losses[1]), (2, losses[2]), (3, losses[0])]


def test_early_stopping_that_did_not_stop() -> None:
    nbtrack.keras.autolog(log_models=False)
    fit(callbacks=[keras.callbacks.EarlyStopping("loss", patience=5)])
    run = only_run()
    assert run.data.params["patience"] == "5"
    assert not {"stopped_epoch", "restored_epoch"} & set(run.data.metrics)


def test_metrics_every_n_steps() -> None:
    nbtrack.keras.autolog(log_models=False, log_every_epoch=False, log_every_n_steps=2)
    fit(epochs=2)
    assert [step for step, _ in curve(only_run(), "loss")] == [2, 4, 6, 8]
    for wrong in ({"log_every_epoch": False}, {"log_every_n_steps": 2}):
        with pytest.raises(InvalidParameter, match="every n steps"):
            nbtrack.keras.autolog(**wrong)


def batches() -> Iterator[Any]:
    while True:
        for start in range(0, 32, 8):
            yield ROWS[start : start + 8], LABELS[start : start + 8]


def loader() -> Any:
    data = torch.utils.data.TensorDataset(torch.from_numpy(ROWS), torch.from_numpy(LABELS))
    return torch.utils.data.DataLoader(data, batch_size=8)


@pytest.mark.parametrize(
    ("data", "options"), [(loader, {}), (batches, {"steps_per_epoch": 4})], ids=["loader", "generator"]
)
def test_batches_from_loaders_are_not_changed(data: Callable[[], Any], options: dict[str, Any]) -> None:
    expected = fit(None, data(), batch_size=None, **options)
    nbtrack.keras.autolog()
    assert fit(None, data(), batch_size=None, **options).history == expected.history
    run = only_run()
    assert run.data.params["batch_size"] == "8"
    assert run.inputs.dataset_inputs == []
    assert nbtrack.pyfunc.load_model(f"runs:/{run.info.run_id}/model").predict(ROWS).shape == (32, 1)


def test_a_generator_continues_where_keras_left_it() -> None:
    taken: list[list[int]] = []
    for is_on in (False, True):
        numbers: list[int] = []

        def counted(numbers: list[int] = numbers) -> Iterator[Any]:
            for number, batch in enumerate(batches()):
                numbers.append(number)
                yield batch

        source = counted()
        if is_on:
            nbtrack.keras.autolog(log_models=False)
        for _ in range(2):
            fit(None, source, batch_size=None, steps_per_epoch=2, epochs=1)
        next(source)
        taken.append(numbers)
    assert taken[0] == taken[1]


def test_dataframes_and_several_inputs() -> None:
    nbtrack.keras.autolog(log_input_examples=True)
    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    model = keras.Model({"left": left, "right": right}, keras.layers.Dense(1)(keras.layers.Add()([left, right])))
    model.compile("sgd", "mse")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fit(model, {"left": ROWS[:, :2], "right": ROWS[:, 2:]}, LABELS)
    run = only_run()
    function = nbtrack.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert function.signature.inputs.input_names() == ["left", "right"]
    assert function.predict({"left": ROWS[:, :2], "right": ROWS[:, 2:]}).shape == (32, 1)
    assert len(run.inputs.dataset_inputs) == 1
    with nbtrack.start_run() as second:
        fit(None, pd.DataFrame(ROWS, columns=list("abcd")), LABELS)
    assert len(nbtrack.get_run(second.info.run_id).inputs.dataset_inputs) == 1


class Subclassed(keras.Model):
    """A model without known shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = keras.layers.Dense(1)

    def call(self, values: Any) -> Any:
        return self.inner(values)


def test_without_shapes_the_signature_is_inferred_from_the_data() -> None:
    nbtrack.keras.autolog()
    model = Subclassed()
    model.compile("sgd", "mse")
    fit(model)
    info = nbtrack.models.get_model_info(f"runs:/{only_run().info.run_id}/model")
    assert info.signature.inputs.to_dict() == [
        {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 4]}}
    ]
    assert info.signature.outputs is not None


def _layers(built: bool, dtype: str = "float32") -> Any:
    first = [keras.Input((4,), dtype=dtype)] if built else []
    model = keras.Sequential([*first, keras.layers.Dense(1, dtype=dtype)])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("built", [True, False])
def test_the_signature_has_the_dtypes_of_the_model(built: bool, dtype: str) -> None:
    """Keras converts the data to them. A model that its first batch builds takes batches of any size all the same."""
    nbtrack.keras.autolog()
    fit(_layers(built), ROWS.astype(dtype), LABELS)
    function = nbtrack.pyfunc.load_model(f"runs:/{only_run().info.run_id}/model")
    wanted = [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 4]}}]
    assert function.signature is not None
    assert function.signature.inputs.to_dict() == wanted
    assert function.predict(ROWS[:7].astype("float32")).shape == (7, 1)
    if built:
        theirs = pytest.importorskip("mlflow.keras.utils").get_model_signature(_layers(built))
        assert function.signature.to_dict() == theirs.to_dict()


def test_the_signature_of_wide_floats_and_of_several_outputs() -> None:
    nbtrack.keras.autolog()
    with nbtrack.start_run() as wide:
        fit(_layers(True, "float64"), ROWS.astype("float64"), LABELS)
    signature = nbtrack.models.get_model_info(f"runs:/{wide.info.run_id}/model").signature
    assert [spec.dtype for spec in (*signature.inputs, *signature.outputs)] == ["float64", "float64"]
    rows = keras.Input((4,))
    model = keras.Model(rows, [keras.layers.Dense(1, name="p")(rows), keras.layers.Dense(2, name="q")(rows)])
    model.compile("sgd", "mse")
    with nbtrack.start_run() as two:
        fit(model, ROWS, [LABELS, np.ones((len(ROWS), 2))])
    signature = nbtrack.models.get_model_info(f"runs:/{two.info.run_id}/model").signature
    assert [(spec.name, spec.shape) for spec in signature.outputs] == [("p", (-1, 1)), ("q", (-1, 2))]


@pytest.mark.parametrize("built", [True, False])
def test_a_model_that_was_trained_on_a_table_predicts_it(built: bool) -> None:
    nbtrack.keras.autolog()
    table = pd.DataFrame(ROWS.astype("float64"), columns=list("abcd"))
    fit(_layers(built), table, LABELS)
    function = nbtrack.pyfunc.load_model(f"runs:/{only_run().info.run_id}/model")
    assert function.signature is not None
    assert function.signature.inputs.input_names() == list("abcd")
    assert len(function.predict(table[:7])) == 7


def test_a_loader_gives_the_signature_of_the_model() -> None:
    torch = pytest.importorskip("torch")
    nbtrack.keras.autolog()
    data = torch.utils.data.TensorDataset(torch.tensor(ROWS), torch.tensor(LABELS))
    _layers(False).fit(torch.utils.data.DataLoader(data, batch_size=8), epochs=1, verbose=0)
    info = nbtrack.models.get_model_info(f"runs:/{only_run().info.run_id}/model")
    assert [spec.shape for spec in (*info.signature.inputs, *info.signature.outputs)] == [(-1, 4), (-1, 1)]


@pytest.mark.parametrize("examples", [False, True])
@pytest.mark.parametrize("signatures", [False, True])
def test_example_and_signature_as_set(examples: bool, signatures: bool) -> None:
    nbtrack.keras.autolog(log_input_examples=examples, log_model_signatures=signatures, registered_model_name="net")
    fit(epochs=1)
    info = nbtrack.models.get_model_info("models:/net/1")
    assert (info.signature is not None) is signatures
    assert (info.saved_input_example_info is not None) is examples


def test_the_users_callbacks_are_not_changed() -> None:
    nbtrack.keras.autolog(log_models=False)
    seen: list[int] = []
    theirs = [keras.callbacks.LambdaCallback(on_epoch_end=lambda number, logs: seen.append(number))]
    model = network()
    fit(model, callbacks=theirs)
    assert (len(theirs), seen) == (1, [0, 1, 2])
    container = keras.callbacks.CallbackList(theirs, add_history=True, model=model, epochs=3, steps=4)
    before = list(container.callbacks)
    fit(model, callbacks=container)
    assert container.callbacks == before
    assert len(nbtrack.search_runs(output_format="list")) == 2
    assert all("loss" in run.data.metrics for run in nbtrack.search_runs(output_format="list"))


def test_training_is_the_same_as_without_autologging() -> None:
    """Train twice, shuffling by PyTorch's global generator, which logging after a training must not advance."""
    weights = []
    for is_on in (False, True):
        if is_on:
            nbtrack.keras.autolog(log_input_examples=True)
        model = network()
        fit(model)
        fit(model, validation_split=0.25)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        assert (one == other).all()


def test_disable_restores_fit() -> None:
    before = keras.Model.fit
    nbtrack.keras.autolog()
    assert keras.Model.fit is not before
    nbtrack.keras.autolog(disable=True)
    assert keras.Model.fit is before
    assert "fit" not in vars(keras.Model)


HOOKS = [
    "nbtrack.integrations.keras._params",
    "nbtrack.integrations.keras._early_stopping",
    "nbtrack.integrations.keras._log_dataset",
    "nbtrack.integrations.keras._callback",
    "nbtrack.integrations.keras._add_callback",
    "nbtrack.integrations.keras._log_stopping",
    "nbtrack.integrations.keras._signature_of",
    "nbtrack.integrations.keras._example",
    "nbtrack.integrations.keras._log_trained_model",
    "nbtrack.integrations.keras.log_model",
    "nbtrack.autologging.Training.log_params",
    "nbtrack.autologging.Training.log_metrics",
    "nbtrack.autologging.Training.log_text",
    "nbtrack.autologging.Training.log_model",
]


def stopped_early() -> Any:
    model = network()
    stopping = keras.callbacks.EarlyStopping("loss", min_delta=9.0, patience=1)
    return fit(model, callbacks=[stopping]).history, model.get_weights()


untouched = cache(stopped_early)


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.rpartition(".")[2])
def test_an_autologging_failure_is_a_warning_and_changes_nothing(hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("ours")

    expected = untouched()
    nbtrack.keras.autolog(log_input_examples=True)
    monkeypatch.setattr(hook, fail)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = stopped_early()
    monkeypatch.undo()
    assert found[0] == expected[0]
    assert all((one == other).all() for one, other in zip(found[1], expected[1], strict=True))
    ours = [str(warning.message) for warning in caught if "autologging for keras" in str(warning.message)]
    kinds = {message.partition(":")[0] for message in ours}
    assert len(ours) == len(kinds)
    # Params and metrics are logged at two points each: one warning for each point.
    assert len(ours) == (2 if hook.endswith(("log_params", "log_metrics")) else 1)


def test_an_error_of_the_training_is_raised() -> None:
    nbtrack.keras.autolog()
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        with pytest.raises(ValueError, match="compile"):
            model.fit(ROWS, LABELS)
    assert only_run().info.status == "FAILED"


@pytest.mark.slow
def test_the_summary_leaves_no_output_in_a_notebook(own_store: Path) -> None:
    """Where rich is in a notebook, it makes an empty output even of what it prints to a text."""
    import nbformat
    from nbclient import NotebookClient

    program = """
    import nbtrack
    from tests.autologging.test_keras import fit
    nbtrack.set_tracking_uri(STORE)
    nbtrack.keras.autolog(log_models=False)
    fit();
    """
    cell = nbformat.v4.new_code_cell(dedent(program).replace("STORE", repr(str(own_store))))
    root = str(Path(__file__).parents[2])
    NotebookClient(nbformat.v4.new_notebook(cells=[cell]), kernel_name="python3").execute(cwd=root)
    assert [output for output in cell.outputs if output.output_type != "stream"] == []
    assert "dense" in nbtrack.artifacts.load_text(f"runs:/{only_run().info.run_id}/model_summary.txt")
