"""Log a call that trains: the run that it is logged to, and the two halves of the logger around it."""

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
    """The call of a wrapped function.

    A logger may change `args` and `kwargs` before its `yield`, for example to add a callback.

    Args:
        instance: The object whose method is called, or None for a function.
        args: Positional arguments, without the instance.
        kwargs: Keyword arguments.
        function: The original function or bound method.
    """

    def __init__(self, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], function: Any) -> None:
        self.instance = instance
        self.args = args
        self.kwargs = dict(kwargs)
        self.function = function

    def argument(self, name: str, default: Any = None) -> Any:
        """Return the value that a parameter has in this call.

        Args:
            name: The parameter's name.
            default: What to return if the call does not pass the parameter.

        Returns:
            The value, whether it is passed by position or by name.
        """
        if name in self.kwargs:
            return self.kwargs[name]
        position = _position(self.function, name)
        return self.args[position] if position is not None and position < len(self.args) else default

    def set(self, name: str, value: Any) -> None:
        """Change the value of a parameter in this call.

        Args:
            name: The parameter's name.
            value: The new value. It is passed by position if the parameter already is, and otherwise by name.
        """
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
    """The run that a training is logged to, as a logger sees it.

    Any method may raise. Use `guarded` so that the rest is logged all the same.

    Args:
        flavor: The framework that trains.
        run: The run to log to.
        options: The settings of the flavor's autologging.
        is_own: Whether the run was started for this training and ends with it.
    """

    def __init__(self, flavor: str, run: ActiveRun, options: Settings, *, is_own: bool) -> None:
        self.flavor = flavor
        self.run = run
        self.settings = options
        self.is_own = is_own
        """Whether the run was started for this training, and ends with it."""

    @property
    def run_id(self) -> str:
        """The ID of the run."""
        return self.run.info.run_id

    @property
    def client(self) -> Client:
        """The client of the store that the run is in."""
        return self.run.client

    @cached_property
    def _artifacts(self) -> RunArtifacts:
        return self.client._artifacts(self.run_id)

    def guarded(self, what: str) -> AbstractContextManager[None]:
        """Return a context manager that turns an exception of its block into a warning.

        Args:
            what: What the block does, as the end of a sentence that begins with "could not", such as "log the dataset".

        Returns:
            The context manager. There is one warning for each `what`.
        """
        return guard.guarded(self.flavor, what)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log params as they are, without flattening values that are dicts.

        A param that cannot be converted to a string is left out, with a warning.

        Args:
            params: Values by the params' names.
        """
        texts = {}
        for key, value in params.items():
            with self.guarded("convert a param to a string"):
                texts[str(key)] = storable(str(value))
        self.run.recorder.params(texts, warn=partial(guard.warn, self.flavor))

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log one value each of several metrics.

        A value that is not a number is left out, with a warning.

        Args:
            metrics: Values by the metrics' names.
            step: Step of the values. Defaults to one more than the highest step of the metric, starting at 0.
        """
        for key, value in metrics.items():
            with self.guarded(f"log the metric {key}"):
                self.run.log_metric(key, value, step)

    def log_dataset(self, features: Any, targets: Any = None, context: str = "train", name: str | None = None) -> Any:
        """Log training data as an input of the run, if `log_datasets` is set.

        Args:
            features: A DataFrame, an array, a sparse matrix or lists of numbers. Other data is not logged.
            targets: The labels, as an array or a list. They are not used if `features` is a DataFrame.
            context: What the data is used for, such as "train" or "eval".
            name: Name of the dataset. Defaults to "dataset".

        Returns:
            The dataset, or None if nothing was logged.
        """
        if not self.settings.log_datasets:
            return None
        dataset = None
        with self.guarded("log the dataset"):
            dataset = as_dataset(features, targets, name)
            if dataset is not None:
                self.run.log_input(dataset, context)
        return dataset

    def log_text(self, text: str, file: str) -> None:
        """Log a string as an artifact.

        Args:
            text: Content of the file.
            file: Path below the run's artifacts.
        """
        artifact_writers.log_text(self._artifacts, text, file)

    def log_dict(self, content: Any, file: str) -> None:
        """Log a dict or a list as a JSON artifact.

        Args:
            content: The dict or list, which may contain NumPy numbers and arrays. NaN and infinities become null.
            file: Path below the run's artifacts.
        """
        import orjson

        options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
        self.log_bytes(orjson.dumps(content, default=_to_json, option=options), file)

    def log_bytes(self, content: bytes, file: str) -> None:
        """Log bytes as an artifact, for example an image.

        Args:
            content: Content of the file.
            file: Path below the run's artifacts.
        """
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
        """Log the trained model as the settings ask for: with a signature, with an example, or not at all.

        Args:
            log_model: The flavor's `log_model`.
            model: The model.
            example: The first rows of the training data (see `inputs.first_rows`). None gives a model without signature
                and example.
            predict: Function that returns the model's outputs for the example. None leaves outputs out of the
                signature.
            name: The model's folder below the run's artifacts.
            register: Whether to register the model if `registered_model_name` is set.
            **arguments: Further arguments of the flavor's `log_model`.

        Returns:
            The description of the logged model, or None if it was not logged.
        """
        options = self.settings
        if not options.log_models:
            return None
        with self.guarded("log the model"):
            # For `log_model`, False means no signature, and None means one that is inferred from the example.
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


def _to_json(value: Any) -> Any:
    """Convert what orjson cannot serialize: arrays, such as views, to lists, and the rest to strings."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


Logger: TypeAlias = Callable[[Training, Call], Generator[None, Any, None]]
"""A generator that logs a training. It runs up to its `yield` before the call, and continues with the result after it.
Its `finally` block always runs."""


def log_training(
    patches: Patches,
    owner: Any,
    names: str | Sequence[str],
    logger: Logger,
    when: Callable[[Any], bool | None] | None = None,
) -> None:
    """Wrap functions or methods that train, so that `logger` logs the outermost call.

    Whatever a training calls in turn, of any framework, is part of it and is not logged on its own.

    Args:
        patches: The patches of the autologger.
        owner: The module or class that has the functions.
        names: One name or several. Names that `owner` does not have are skipped.
        logger: Generator function that logs up to its `yield` before the training, and after it with the result.
        when: Function that is called with the instance. If it returns False, neither the training nor anything that
            it calls is logged. If it returns None, the training is not logged, but what it calls is. Defaults to
            logging every training.

    Example:
        ```python
        def log_train(training, call):
            training.log_params(call.argument("params"))
            model = yield
            training.log_metrics({"rounds": model.rounds})

        log_training(patches, framework, "train", log_train)
        ```
    """

    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if guard.is_suspended() or settings(patches.flavor).disable:
            return wrapped(*args, **kwargs)
        is_logged = True if when is None else when(instance)
        if is_logged:
            return _run_training(patches.flavor, logger, wrapped, instance, args, kwargs)
        with nullcontext() if is_logged is None else guard.suspended():
            return wrapped(*args, **kwargs)

    patches.wrap_all(owner, [names] if isinstance(names, str) else names, wrapper)


def log_call(patches: Patches, owner: Any, names: str | Sequence[str], after: Callable[[Call, Any], None]) -> None:
    """Wrap functions or methods that do not train, such as `predict`.

    Calls from inside a training, or from inside another call that is logged, are not logged.

    Args:
        patches: The patches of the autologger.
        owner: The module or class that has the functions.
        names: One name or several. Names that `owner` does not have are skipped.
        after: Function that gets the call and its result. It cannot change either.
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
    """Wrap functions or methods whose inner trainings must not be logged, such as a cross-validation.

    Args:
        patches: The patches of the autologger.
        owner: The module or class that has the functions.
        names: One name or several. Names that `owner` does not have are skipped.
    """

    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with guard.suspended():
            return wrapped(*args, **kwargs)

    patches.wrap_all(owner, [names] if isinstance(names, str) else names, wrapper)


def log_part(patches: Patches, owner: Any, names: str | Sequence[str], logger: Logger) -> None:
    """Wrap functions that a training of the same flavor calls, so that `logger` adds to that training's run.

    This is for a framework with two interfaces, in which for example the `fit` of an estimator calls `train`. Other
    calls are not logged.

    Args:
        patches: The patches of the autologger.
        owner: The module or class that has the functions.
        names: One name or several. Names that `owner` does not have are skipped.
        logger: Generator function, as for `log_training`.
    """

    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        training = _current_training.get()
        if training is None or training.flavor != patches.flavor:
            return wrapped(*args, **kwargs)
        token = _current_training.set(None)
        try:
            return _log_around(training, logger, wrapped, instance, args, kwargs)
        finally:
            _current_training.reset(token)

    patches.wrap_all(owner, [names] if isinstance(names, str) else names, wrapper)


_current_training: ContextVar[Training | None] = ContextVar("nbtrack_autologging_under_way", default=None)
"""The training that is being logged in this context. It is None within the parts that `log_part` logs."""


def _run_training(
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
        token = _current_training.set(training)
        try:
            result = _log_around(training, logger, wrapped, instance, args, kwargs)
        except BaseException as error:
            _end(training, error)
            raise
        finally:
            _current_training.reset(token)
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
            # Only now, because a logger that fails may have changed the call only in part.
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
    """Return the training in the active run or a new one, or None if no run can be started or logged to."""
    with guard.guarded(flavor, "start a run"):
        options = settings(flavor)
        run = stack.current()
        if run is not None:
            return None if options.exclusive else Training(flavor, run, options, is_own=False)
        tags = {AUTOLOGGING: flavor, **(options.extra_tags or {})}
        return Training(flavor, fluent_runs.start_run(tags=tags), options, is_own=True)
    return None


def _end(training: Training, error: BaseException | None) -> None:
    """End a run that was started for the training, as FAILED if the training raised."""
    if not training.is_own:
        return
    with guard.guarded(training.flavor, "end the run"):
        status = "FINISHED"
        if error is not None:
            try:
                status = training.run.fail(error)
            except NbtrackError:
                status = "FAILED"
        training.run.end(status)
