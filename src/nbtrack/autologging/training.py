"""One call that trains: the run that it is logged to, and the two halves of a logger around it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeAlias

from ..artifact_store import writers as artifact_writers
from ..errors import NbtrackError
from ..fluent import runs as fluent_runs
from ..models import infer_signature
from ..names import storable
from ..runs import stack
from ..runs.active_run import ActiveRun
from ..tags import AUTOLOGGING
from . import guard
from .inputs import as_dataset
from .patches import Patches
from .settings import Settings, settings

if TYPE_CHECKING:
    from ..artifact_store.detour import RunArtifacts
    from ..client import Client
    from ..models import ModelInfo


class Call:
    """The call of a wrapped function. A logger may change `args` and `kwargs` before its `yield`, to add a callback."""

    def __init__(self, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], function: Any) -> None:
        self.instance = instance
        self.args = args
        self.kwargs = dict(kwargs)
        self.function = function

    def argument(self, name: str, default: Any = None) -> Any:
        """What the parameter `name` gets in this call, `default` where it gets nothing."""
        if name in self.kwargs:
            return self.kwargs[name]
        position = _position(self.function, name)
        return self.args[position] if position is not None and position < len(self.args) else default

    def set(self, name: str, value: Any) -> None:
        """Give the parameter `name` another value in this call."""
        position = _position(self.function, name)
        if name not in self.kwargs and position is not None and position < len(self.args):
            self.args = (*self.args[:position], value, *self.args[position + 1 :])
        else:
            self.kwargs[name] = value


def _position(function: Any, name: str) -> int | None:
    import inspect

    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None
    return list(parameters).index(name) if name in parameters else None


class Training:
    """The run that a logger writes to. Any method may raise; use `guarded` so that the rest is logged all the same."""

    def __init__(self, flavor: str, run: ActiveRun, options: Settings, *, is_ours: bool) -> None:
        self.flavor = flavor
        self.run = run
        self.settings = options
        self.is_ours = is_ours
        """Whether the run was started for this training, and ends with it."""

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.run.info.run_id

    @property
    def client(self) -> Client:
        """The client of the store that the run is in."""
        return self.run.client

    @cached_property
    def _artifacts(self) -> RunArtifacts:
        return self.client._artifacts(self.run_id)

    def guarded(self, what: str) -> AbstractContextManager[None]:
        """A block whose failure is a warning, and stops nothing else. `what` completes "could not …"."""
        return guard.guarded(self.flavor, what)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log params as they are, without looking into values that are dicts. One that has no text is left out."""
        texts = {}
        for key, value in params.items():
            with self.guarded("convert a param to a string"):
                texts[str(key)] = storable(str(value))
        self.run.recorder.params(texts, tell=partial(guard.warn, self.flavor))

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log a point of several metrics. One that is no number is left out, and said."""
        for key, value in metrics.items():
            with self.guarded(f"log the metric {key}"):
                self.run.log_metric(key, value, step)

    def log_dataset(self, features: Any, targets: Any = None, context: str = "train", name: str | None = None) -> Any:
        """Log a DataFrame, an array, a sparse matrix or lists as an input, where `log_datasets` is set; the dataset."""
        if not self.settings.log_datasets:
            return None
        dataset = None
        with self.guarded("log the dataset"):
            dataset = as_dataset(features, targets, name)
            if dataset is not None:
                self.run.log_input(dataset, context)
        return dataset

    def log_text(self, text: str, file: str) -> None:
        """Write a text as an artifact."""
        artifact_writers.log_text(self._artifacts, text, file)

    def log_dict(self, content: Any, file: str) -> None:
        """Write a dict or a list, of NumPy's numbers and arrays too, as JSON. NaN and infinities are null."""
        import orjson

        options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
        self.log_bytes(orjson.dumps(content, default=_plain, option=options), file)

    def log_bytes(self, content: bytes, file: str) -> None:
        """Write bytes as an artifact, such as a picture that `figures` drew."""
        self._artifacts.put(file, content)

    def log_model(
        self,
        log_model: Callable[..., ModelInfo],
        model: Any,
        *,
        example: Any = None,
        predict: Callable[[Any], Any] | None = None,
        name: str = "model",
        register: bool = True,
        **arguments: Any,
    ) -> ModelInfo | None:
        """Log the model by the flavor's `log_model` as the settings say: with a signature, an example, or not at all.

        `example` are some rows of the input (see `inputs.first_rows`), `predict` gives the outputs for them.
        """
        options = self.settings
        if not options.log_models:
            return None
        with self.guarded("log the model"):
            # As `log_model` takes it: False is none at all, None is to be inferred from the example.
            signature: Any = None if options.log_model_signatures else False
            if options.log_model_signatures and example is not None:
                with self.guarded("infer the model's signature"):
                    signature = infer_signature(example, predict(example) if predict else None)
            return log_model(
                model,
                name,
                signature=signature,
                input_example=example if options.log_input_examples else None,
                registered_model_name=options.registered_model_name if register else None,
                **arguments,
            )
        return None


def _plain(value: Any) -> Any:
    """An array that orjson does not take as it is (a view, of texts) as a list; everything else as its text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


Logger: TypeAlias = Callable[[Training, Call], Generator[None, Any, None]]
"""What logs a training: up to its `yield` before the call, after it with the result. Its `finally` runs in any case."""


def log_training(
    patches: Patches,
    owner: Any,
    names: str | Sequence[str],
    logger: Logger,
    when: Callable[[Any], bool | None] | None = None,
) -> None:
    """Wrap functions or methods that train, so that `logger` logs the outermost of them.

    What a training calls in its turn, of any framework, is a part of it and logs nothing of its own. `when` is asked
    with the instance: where it is False, neither the training nor what it calls is logged; where None, only the latter.
    """

    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if guard.is_suspended() or settings(patches.flavor).disable:
            return wrapped(*args, **kwargs)
        is_logged = True if when is None else when(instance)
        if is_logged:
            return _train(patches.flavor, logger, wrapped, instance, args, kwargs)
        with nullcontext() if is_logged is None else guard.suspended():
            return wrapped(*args, **kwargs)

    patches.wrap_all(owner, [names] if isinstance(names, str) else names, wrapper)


def log_call(patches: Patches, owner: Any, names: str | Sequence[str], after: Callable[[Call, Any], None]) -> None:
    """Wrap functions or methods that do not train; `after` gets the call and its result, and cannot change either.

    Calls from inside a training, or from inside another call that is logged, are left alone.
    """

    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if guard.is_suspended() or settings(patches.flavor).disable:
            return wrapped(*args, **kwargs)
        with guard.suspended():
            result = wrapped(*args, **kwargs)
            with guard.guarded(patches.flavor, f"log a call to {getattr(wrapped, '__name__', 'a function')}"):
                after(Call(instance, args, kwargs, wrapped), result)
        return result

    patches.wrap_all(owner, [names] if isinstance(names, str) else names, wrapper)


def not_logged(patches: Patches, owner: Any, names: str | Sequence[str]) -> None:
    """Wrap functions or methods that train on the side, such as a cross-validation: nothing in them is logged."""

    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with guard.suspended():
            return wrapped(*args, **kwargs)

    patches.wrap_all(owner, [names] if isinstance(names, str) else names, wrapper)


def log_part(patches: Patches, owner: Any, names: str | Sequence[str], logger: Logger) -> None:
    """Wrap functions that a training of the same flavor calls in its turn; `logger` writes to that training's run.

    They are where a framework's second interface meets its first, such as `fit` of an estimator and `train`. Other
    calls are left alone.
    """

    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        training = _under_way.get()
        if training is None or training.flavor != patches.flavor:
            return wrapped(*args, **kwargs)
        token = _under_way.set(None)
        try:
            return _log_around(training, logger, wrapped, instance, args, kwargs)
        finally:
            _under_way.reset(token)

    patches.wrap_all(owner, [names] if isinstance(names, str) else names, wrapper)


_under_way: ContextVar[Training | None] = ContextVar("nbtrack_autologging_under_way", default=None)
"""The training that is logged here and now, outside of its parts."""


def _train(
    flavor: str,
    logger: Logger,
    wrapped: Callable[..., Any],
    instance: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    with guard.suspended():
        training = _begin(flavor)
        if training is None:
            return wrapped(*args, **kwargs)
        token = _under_way.set(training)
        try:
            result = _log_around(training, logger, wrapped, instance, args, kwargs)
        except BaseException as error:
            _end(training, error)
            raise
        finally:
            _under_way.reset(token)
        _end(training, None)
        return result


def _log_around(
    training: Training,
    logger: Logger,
    wrapped: Callable[..., Any],
    instance: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Call the original between the two halves of a logger."""
    flavor = training.flavor
    call = Call(instance, args, kwargs, wrapped)
    steps = None
    try:
        with guard.random_state_kept(), guard.guarded(flavor, "log the start of the training"):
            started = logger(training, call)
            next(started)
            # Only now: a logger that failed half way may have left half a change in the call.
            steps, args, kwargs = started, call.args, call.kwargs
        result = wrapped(*args, **kwargs)
        if steps is not None:
            with guard.random_state_kept(), guard.guarded(flavor, "log the training"):
                _finish(steps, result)
    except BaseException:
        _close(flavor, steps)
        raise
    return result


def _finish(steps: Generator[None, Any, None], result: Any) -> None:
    try:
        steps.send(result)
    except StopIteration:
        return
    steps.close()


def _close(flavor: str, steps: Generator[None, Any, None] | None) -> None:
    if steps is not None:
        with guard.guarded(flavor, "log the training"):
            steps.close()


def _begin(flavor: str) -> Training | None:
    """The active run, or a new one; None where it cannot be, or where the active one must not be logged to."""
    with guard.guarded(flavor, "start a run"):
        options = settings(flavor)
        run = stack.current()
        if run is not None:
            return None if options.exclusive else Training(flavor, run, options, is_ours=False)
        tags = {AUTOLOGGING: flavor, **(options.extra_tags or {})}
        return Training(flavor, fluent_runs.start_run(tags=tags), options, is_ours=True)
    return None


def _end(training: Training, error: BaseException | None) -> None:
    """End a run that was started for the training, as FAILED where the training raised."""
    if not training.is_ours:
        return
    with guard.guarded(training.flavor, "end the run"):
        status = "FINISHED"
        if error is not None:
            try:
                status = training.run.fail(error)
            except NbtrackError:
                status = "FAILED"
        training.run.end(status)
