"""Log your own training loop with the hooks that torch provides. Nothing is patched.

with nbtrack.pytorch.track(model, optimizer) as training:
    for epoch in training.epochs(10):
        for x, y in loader:
            …
            optimizer.step()
        training.log_metrics({"val_loss": loss})
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from .. import autologging
from ..autologging import Settings, Training
from ..fluent.runs import active_run, start_run
from .pytorch_autolog import FLAVOR, FirstCall, log_module, optimizer_params

T = TypeVar("T")

_BUFFER = 256


class Tracked:
    """A training loop that is being logged. `track` creates it.

    Attributes:
        run: The run that the training is logged to.
        step: Number of optimizer steps so far.
        epoch: Index of the current epoch, from 0.
    """

    def __init__(self, training: Training, model: Any, optimizer: Any, every: int) -> None:
        self.run = training.run
        self.step = 0
        self.epoch = 0
        self._training = training
        self._model = model
        self._optimizer = optimizer
        self._every = every
        self._points: list[tuple[int, int, Any, list[Any]]] = []

    def epochs(self, epochs: int | Iterable[T]) -> Iterator[Any]:
        """Iterate over the epochs and log how long each one took, as `epoch_seconds`.

        Args:
            epochs: The number of epochs, or an iterable to go through.

        Yields:
            The index of each epoch, or the items of the iterable.
        """
        for self.epoch, item in enumerate(range(epochs) if isinstance(epochs, int) else epochs):
            begun = time.perf_counter()
            yield item
            self.log_metrics({"epoch_seconds": time.perf_counter() - begun})
            self._flush()

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log several metrics.

        Args:
            metrics: Numbers or tensors with one element, by the metrics' names.
            step: Step of the values. Defaults to the current epoch.
        """
        step = self.epoch if step is None else step
        for name, value in metrics.items():
            with self._training.guarded(f"log the metric {name}"):
                self.run.log_metric(name, value.item() if hasattr(value, "item") else value, step)

    def _watch(self, stack: ExitStack) -> None:
        for handle in (
            self._optimizer.register_step_pre_hook(self._before_step),
            self._optimizer.register_step_post_hook(self._after_step),
        ):
            stack.callback(handle.remove)

    @autologging.guarded(FLAVOR, "log the gradients")
    def _before_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        import torch

        if self.step % self._every:
            return
        groups = optimizer.param_groups
        gradients = [one.grad for group in groups for one in group["params"] if one.grad is not None]
        # It stays on its device, because converting it to a number would make the training wait.
        norm = torch.nn.utils.get_total_norm(gradients).detach() if gradients else None
        rates = [group.get("lr") for group in groups]
        self._points.append((self.step, int(time.time() * 1000), norm, [_copy(rate) for rate in rates]))
        if len(self._points) >= _BUFFER:
            self._flush()

    @autologging.guarded(FLAVOR, "count a step")
    def _after_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        self.step += 1

    @autologging.guarded(FLAVOR, "log the steps")
    def _flush(self) -> None:
        points, self._points = self._points, []
        series: dict[str, list[tuple[int, int, float]]] = {}
        for step, timestamp, norm, rates in points:
            values = {"lr" if len(rates) == 1 else f"lr_{index}": rate for index, rate in enumerate(rates)}
            for name, value in {"grad_norm": norm, **values}.items():
                if value is not None:
                    series.setdefault(name, []).append((step, timestamp, float(value)))
        for name, found in series.items():
            steps, timestamps, numbers = zip(*found, strict=True)
            self.run.log_series(name, list(steps), list(numbers), list(timestamps))


@contextmanager
def track(
    model: Any,
    optimizer: Any,
    *,
    log_every_n_steps: int = 1,
    log_models: bool = True,
    log_model_signatures: bool = True,
    log_input_examples: bool = False,
    registered_model_name: str | None = None,
) -> Iterator[Tracked]:
    """Log a training loop of your own to the active run, or to a new run that ends with the block.

    It logs the optimizer's name and settings, and the model's class and number of parameters, as params; the
    metrics `grad_norm` and `lr` (`lr_0`, `lr_1` and so on if there are several parameter groups) by optimizer step;
    and the model at the end. An error in the logging becomes a warning.

    Args:
        model: The `torch.nn.Module` that is trained.
        optimizer: Its optimizer. Hooks on its `step` method count the steps, from 0.
        log_every_n_steps: Log `grad_norm` and `lr` at every n-th step of the optimizer.
        log_models: Whether to log the model, as the artifact "model".
        log_model_signatures: Whether to store a signature with the model, inferred from the first batch. A compiled
            model gets none.
        log_input_examples: Whether to store the first five rows of the first batch with the model.
        registered_model_name: Registered model to which the model is added as its next version. None registers
            nothing.

    Yields:
        The training. Iterate over its `epochs` to log `epoch_seconds`, and call its `log_metrics` to log
            metrics by epoch.

    Example:
        ```python
        with nbtrack.pytorch.track(model, optimizer) as training:
            for epoch in training.epochs(10):
                train(model, optimizer)
                training.log_metrics({"val_loss": evaluate(model)})
        ```
    """
    options = Settings(
        log_models=log_models,
        log_model_signatures=log_model_signatures,
        log_input_examples=log_input_examples,
        registered_model_name=registered_model_name,
    )
    with ExitStack() as stack:
        active = active_run()
        run = active or stack.enter_context(start_run())
        training = Training(FLAVOR, run, options, is_own=active is None)
        tracked = Tracked(training, model, optimizer, max(1, log_every_n_steps))
        first = FirstCall()
        with training.guarded("watch the training"), ExitStack() as watching:
            training.log_params({**optimizer_params(optimizer), **_size(model)})
            tracked._watch(watching)
            first.watch(model)
            watching.callback(first.remove)
            stack.push(watching.pop_all())
        try:
            yield tracked
        finally:
            tracked._flush()
        log_module(training, model, first)


def _size(model: Any) -> dict[str, Any]:
    parameters = list(model.parameters())
    return {
        "model": type(model).__name__,
        "parameters": sum(one.numel() for one in parameters),
        "trainable_parameters": sum(one.numel() for one in parameters if one.requires_grad),
    }


def _copy(rate: Any) -> Any:
    """Return a copy of a learning rate. A scheduler changes a rate that is a tensor in place."""
    return rate.detach().clone() if hasattr(rate, "detach") else rate
