"""A training loop of one's own, watched by the hooks that torch has for it: nothing is patched.

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
    """A training under way: which step and which epoch it is in."""

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
        """Go through the epochs, a number of them or their own items, and log how long each took."""
        for self.epoch, item in enumerate(range(epochs) if isinstance(epochs, int) else epochs):
            begun = time.perf_counter()
            yield item
            self.log_metrics({"epoch_seconds": time.perf_counter() - begun})
            self._flush()

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log metrics, tensors too, at the present epoch where no step is given."""
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
        # Left on its device: to ask for the number would make the training wait for it.
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
    """Log a training loop of your own to the active run, or to one that ends with the block.

    Logged are the optimizer's settings and the model's size; `grad_norm` and the learning rate `lr` (`lr_0`, … for
    several groups of parameters) at each `log_every_n_steps`th step of the optimizer, counted from 0; the model at the
    end. What goes wrong in it is a warning. Without `epochs` the time of the epochs is not known, and all else is.

    >>> with track(model, optimizer) as training:
    ...     for epoch in training.epochs(10):
    ...         train(model, optimizer)
    ...         training.log_metrics({"val_loss": evaluate(model)})
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
        training = Training(FLAVOR, run, options, is_ours=active is None)
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
    """A rate that is a tensor is changed in place by its scheduler."""
    return rate.detach().clone() if hasattr(rate, "detach") else rate
