"""Log a training by Lightning: params, metrics of epochs and steps, checkpoints, and the module with a summary.

`lightning` and `pytorch_lightning` are two copies of one package. Each gets a callback derived from its own class.
"""

from __future__ import annotations

import functools
import importlib
import tempfile
import weakref
from collections.abc import Callable, Generator, Mapping
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

from .. import autologging
from ..autologging import Call, Patches, Training
from ..autologging.inputs import EXAMPLE_ROWS
from ..autologging.registration import accepts_untested
from ..client import Client
from ..models.flavors import flavor
from ..tags import LATEST_CHECKPOINT

FLAVOR = "pytorch"

_PACKAGES = ("lightning.pytorch", "pytorch_lightning")
_EARLY_STOPPING = ("monitor", "mode", "patience", "min_delta", "stopped_epoch")

_run_of: weakref.WeakKeyDictionary[Any, tuple[Client, str]] = weakref.WeakKeyDictionary()
"""The run to which the last `fit` of a Trainer was logged."""


def install(patches: Patches) -> None:
    """Wrap the Trainer of each of the two packages once it is imported."""
    for package in _PACKAGES:
        patches.when_imported(package, lambda module: _wrap(patches, module))


def _wrap(patches: Patches, package: ModuleType) -> None:
    name, version = package.__name__, package.__version__
    if not version.startswith("2.") and not accepts_untested(FLAVOR, name, version, "2"):
        return
    autologging.log_training(patches, package.Trainer, "fit", _log_fit, _is_first_process)
    autologging.log_call(patches, package.Trainer, "test", _log_test)


def _is_first_process(trainer: Any) -> bool:
    """Return whether this is the process of a distributed training that logs."""
    return bool(getattr(trainer, "is_global_zero", True))


def _log_fit(training: Training, call: Call) -> Generator[None, Any, None]:
    trainer = call.instance
    package = _package_of(trainer)
    stopping = next((one for one in trainer.callbacks if _is_a(one, "EarlyStopping")), None)
    if stopping is not None:
        training.log_params({name: getattr(stopping, name) for name in _EARLY_STOPPING if hasattr(stopping, name)})
    _run_of[trainer] = (training.client, training.run_id)
    callback = _callback(package, _State(training))
    trainer.callbacks = [*trainer.callbacks, callback]
    try:
        yield
    finally:
        trainer.callbacks = [one for one in trainer.callbacks if one is not callback]
        callback.state.first.remove()
    model = trainer.lightning_module
    with training.guarded("log why the training stopped"):
        if stopping is not None and stopping.stopped_epoch:
            training.log_metrics(_stopped(stopping), 0)
    with training.guarded("log a summary of the model"):
        training.log_text(_summary(package, model), "model_summary.txt")
    log_module(training, model, callback.state.first)
    best = getattr(trainer.checkpoint_callback, "best_model_path", "")
    if training.settings.log_models and stopping is not None and best:
        with training.guarded("log the restored checkpoint"):
            training.client.log_artifact(training.run_id, best, "restored_model_checkpoint")


def _summary(package: str, model: Any) -> str:
    return str(importlib.import_module(f"{package}.utilities.model_summary").ModelSummary(model, max_depth=-1))


def _stopped(stopping: Any) -> dict[str, Any]:
    epoch = stopping.stopped_epoch
    metrics = {"stopped_epoch": epoch, "restored_epoch": epoch - max(1, stopping.patience)}
    return metrics | {
        name: float(getattr(stopping, name)) for name in ("best_score", "wait_count") if hasattr(stopping, name)
    }


def _log_test(call: Call, result: Any) -> None:
    """Log the metrics of `Trainer.test` to the run of the trainer's last `fit`.

    Their step is 0, as in MLflow.
    """
    client, run_id = _run_of.get(call.instance, (None, ""))
    if client is not None and _is_first_process(call.instance):
        client.set_tag(run_id, "Mode", "testing")
        for name, value in call.instance.callback_metrics.items():
            client.log_metric(run_id, name, float(value), step=0)


# -- the callback ------------------------------------------------------------------------------------------------


class _State:
    """The state of the callback. It is pickled with the callback if processes are spawned for a training."""

    def __init__(self, training: Training) -> None:
        self.client = training.client
        self.run_id = training.run_id
        self.uri = training.client.tracking_uri
        self.options = dict(training.settings.own)
        self.first = FirstCall()
        self.of_steps: set[str] = set()
        self.of_epochs: set[str] = set()
        self.optimizers = 1
        self.best: float | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "client"}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        self.client = Client(self.uri)

    def __deepcopy__(self, memo: Any) -> _State:
        return self

    def log(self, metrics: Mapping[str, Any], step: int) -> None:
        for name, value in metrics.items():
            with autologging.guarded(FLAVOR, f"log the metric {name}"):
                self.client.log_metric(self.run_id, name, float(value), step=step)


class _Logging:
    """The hooks of the callback. Lightning calls them in the process that trains."""

    def __init__(self, state: _State) -> None:
        super().__init__()
        self.state = state

    def __reduce__(self) -> Any:
        return _callback, (_package_of(self), self.state)

    @autologging.guarded(FLAVOR, "log the optimizer")
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        if not trainer.is_global_zero:
            return
        state = self.state
        state.first.watch(pl_module, direct=True)
        state.client.set_tag(state.run_id, "Mode", "training")
        params = {"epochs": trainer.max_epochs}
        if trainer.optimizers:
            state.optimizers = len(trainer.optimizers)
            params |= optimizer_params(trainer.optimizers[0])
        recorder = state.client.recorder(state.run_id)
        recorder.params(params, warn=partial(autologging.warn, FLAVOR))

    @autologging.guarded(FLAVOR, "log a step")
    def on_train_batch_end(self, trainer: Any, *args: Any) -> None:
        options, step = self.state.options, trainer.global_step
        every, checkpoint_every = options.get("log_every_n_step"), options.get("checkpoint_save_freq")
        if not trainer.is_global_zero:
            return
        if every:
            metrics = trainer.callback_metrics
            # A metric of both steps and epochs also appears under its bare name, which belongs to the epoch.
            chosen = {
                name: value
                for name, value in metrics.items()
                if name not in self.state.of_epochs and f"{name}_step" not in metrics
            }
            self.state.of_steps.update(chosen)
            if (step // self.state.optimizers + 1) % every == 0:
                self.state.log(chosen, step)
        if isinstance(checkpoint_every, int) and step > 0 and step % checkpoint_every == 0:
            self._save_checkpoint(trainer)

    @autologging.guarded(FLAVOR, "log an epoch")
    def on_train_epoch_end(self, trainer: Any, *args: Any) -> None:
        if not trainer.is_global_zero:
            return
        metrics = {name: value for name, value in trainer.callback_metrics.items() if name not in self.state.of_steps}
        self.state.of_epochs.update(metrics)
        if (trainer.current_epoch + 1) % self.state.options.get("log_every_n_epoch", 1) == 0:
            self.state.log(metrics, trainer.current_epoch)
        if self.state.options.get("checkpoint_save_freq") == "epoch":
            self._save_checkpoint(trainer)

    @autologging.guarded(FLAVOR, "save a checkpoint")
    def _save_checkpoint(self, trainer: Any) -> None:
        state, options = self.state, self.state.options
        if not options.get("checkpoint"):
            return
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        best_only, monitor = options["checkpoint_save_best_only"], options["checkpoint_monitor"]
        if best_only:
            if monitor not in metrics:
                message = f"saves no checkpoint, because the module does not log checkpoint_monitor {monitor!r:.80}."
                autologging.warn_once(FLAVOR, "monitor", message)
                return
            value = metrics[monitor]
            mode = options["checkpoint_mode"] or state.client.directions.mode(monitor)
            if state.best is not None and not (value < state.best if mode == "min" else value > state.best):
                return
            state.best = value
        weights_only = options["checkpoint_save_weights_only"]
        folder, prefix = "checkpoints", "latest_"
        if not best_only:
            by_epoch = options["checkpoint_save_freq"] == "epoch"
            number = f"epoch_{trainer.current_epoch}" if by_epoch else f"global_step_{trainer.global_step}"
            folder, prefix = f"checkpoints/{number}", ""
        name = f"{prefix}checkpoint{'.weights' if weights_only else ''}.pth"
        client, run_id = state.client, state.run_id
        with tempfile.TemporaryDirectory() as temporary:
            file = Path(temporary) / name
            # Not trainer.save_checkpoint(), which would wait for the other processes, but those do not save.
            trainer.strategy.save_checkpoint(trainer._checkpoint_connector.dump_checkpoint(weights_only), file)
            client.log_artifact(run_id, file, folder)
        progress = {"epoch": trainer.current_epoch, "global_step": trainer.global_step}
        client.log_dict(run_id, metrics | progress, f"{folder}/{prefix}checkpoint_metrics.json")
        client.set_tag(run_id, LATEST_CHECKPOINT, f"{folder}/{name}")


def _callback(package: str, state: _State) -> Any:
    return _callback_class(package)(state)


@cache
def _callback_class(package: str) -> Any:
    return type("NbtrackCallback", (_Logging, importlib.import_module(package).Callback), {})


def _package_of(trainer: Any) -> str:
    """Return the package, of the two, that a Trainer or a callback belongs to."""
    homes = [one.__module__ for one in type(trainer).__mro__]
    return next(package for package in _PACKAGES if any(home.startswith(f"{package}.") for home in homes))


def _is_a(callback: Any, name: str) -> bool:
    """Return whether a callback is of one of Lightning's classes, in either package, or derived from it."""
    return any(one.__name__ == name and one.__module__.startswith(_PACKAGES) for one in type(callback).__mro__)


# -- also used by track() ----------------------------------------------------------------------------------------


class FirstCall:
    """The first rows of a module's first input in a training, and its output for them."""

    def __init__(self) -> None:
        self.inputs: Any = None
        self.outputs: Any = None
        self._handle: Any = None
        self._restore: Callable[[], None] | None = None

    def watch(self, module: Any, *, direct: bool = False) -> None:
        """Wait for the first call of the module.

        A compiled module is not watched, because it would be compiled again for the hook. If `direct` is True, a call
        of the method `forward` counts too, which runs no hooks. It is wrapped in the class, so that copies and pickles
        of the module contain nothing of ours.
        """
        if _is_compiled(module):
            return
        self._handle = module.register_forward_hook(self)
        if direct:
            self._restore = _wrap_forward(module, self)

    def remove(self) -> None:
        """Stop waiting."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.remove()
        restore, self._restore = self._restore, None
        if restore is not None:
            restore()

    @autologging.guarded(FLAVOR, "take an input example")
    def __call__(self, module: Any, args: tuple[Any, ...], output: Any) -> None:
        """Keep the inputs and outputs of the first call, as the forward hook of the module."""
        import torch

        if self._handle is None:
            return
        self.remove()
        if len(args) == 1 and isinstance(args[0], torch.Tensor) and isinstance(output, torch.Tensor):
            self.inputs, self.outputs = _first_rows(args[0]), _first_rows(output)

    def __deepcopy__(self, memo: Any) -> FirstCall:
        # A copy of the module is not the one that is being trained.
        return FirstCall()

    def __reduce__(self) -> Any:
        return FirstCall, ()


def _wrap_forward(module: Any, called: Callable[[Any, tuple[Any, ...], Any], None]) -> Callable[[], None]:
    """Report calls of a module's `forward`, and return the function that ends this."""
    owner = type(module)
    original, function = vars(owner).get("forward"), owner.forward

    @functools.wraps(function)
    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        output = function(self, *args, **kwargs)
        if self is module:
            called(self, args, output)
        return output

    def restore() -> None:
        # Another tool may have replaced it since.
        if vars(owner).get("forward") is forward:
            if original is None:
                del owner.forward
            else:
                owner.forward = original

    owner.forward = forward
    return restore


def _is_compiled(module: Any) -> bool:
    marks = ("_orig_mod", "_compiled_call_impl", "_compiler_ctx")
    return any(getattr(module, name, None) is not None for name in marks)


def _first_rows(tensor: Any) -> Any:
    rows = tensor.detach()
    return (rows[:EXAMPLE_ROWS] if rows.dim() else rows).cpu().numpy().copy()


def log_module(training: Training, module: Any, first: FirstCall) -> None:
    """Log the module as the settings ask for, with a signature if its first call was seen."""
    training.log_model(
        flavor(FLAVOR).log_model,
        # The module that was passed to torch.compile: the compiled one works in this process only.
        getattr(module, "_orig_mod", module),
        example=first.inputs,
        predict=lambda _: first.outputs,
        # Exporting a graph takes seconds, and MLflow does not log one.
        serialization_format="pickle",
    )


def optimizer_params(optimizer: Any) -> dict[str, Any]:
    """Return the name and the default settings of an optimizer, under MLflow's names."""
    inner = getattr(optimizer, "_optimizer", optimizer)
    return {"optimizer_name": type(inner).__name__, **getattr(inner, "defaults", {})}
