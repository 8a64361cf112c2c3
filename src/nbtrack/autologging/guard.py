"""Keep failures of autologging away from the user's training.

An exception raised by autologging becomes one warning of its kind. An exception raised by the training itself passes
through unchanged.
"""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .settings import settings

_warned: set[tuple[str, str]] = set()
"""The flavors and kinds of failure that a warning was issued for."""
_inside: ContextVar[bool] = ContextVar("nbtrack_autologging_inside", default=False)


@contextmanager
def guarded(flavor: str, what: str) -> Iterator[None]:
    """Turn an exception of a block or of a decorated function into a warning.

    There is one warning for each `what` of a flavor. A decorated function that fails returns None. KeyboardInterrupt
    and the like pass through, because they belong to the user.

    Args:
        flavor: The flavor whose autologging runs in the block.
        what: What the block does, as the end of a sentence that begins with "could not", such as "log the dataset".

    Yields:
        Nothing.

    Example:
        ```python
        with guarded("sklearn", "log the dataset"):
            run.log_input(dataset, "train")
        ```
    """
    try:
        yield
    except Exception as error:
        warn_once(flavor, what, f"could not {what}", error)


def warn_once(flavor: str, kind: str, message: str, error: BaseException | None = None) -> None:
    """Warn once for each kind of problem of a flavor, unless the flavor is silent.

    Args:
        flavor: The flavor that has the problem. The warning begins with its name.
        kind: Name of the kind of problem. A second warning of the same kind is not issued.
        message: The rest of the sentence, such as "could not log the dataset".
        error: The exception that caused it, whose type and message are added.
    """
    try:
        if (flavor, kind) in _warned or settings(flavor).silent:
            return
        _warned.add((flavor, kind))
        cause = "" if error is None else f": {type(error).__name__}: {_message_of(error):.1000}"
        warn(flavor, f"nbtrack autologging for {flavor} {message}{cause}\nThe training continues and is not affected.")
    except Exception:  # settings that fail
        return


def warn(flavor: str, message: str) -> None:
    """Issue a warning, unless the flavor is silent.

    Args:
        flavor: The flavor that has the problem.
        message: The whole text of the warning.
    """
    try:
        if settings(flavor).silent:
            return
        try:
            warnings.warn(message, stacklevel=3)
        except Warning:
            # Warnings are turned into errors here. One of autologging's must not end a training.
            print(message, file=sys.stderr)
    except Exception:  # a closed stderr, or a warnings filter that fails
        return


def _message_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # __str__ of a class outside nbtrack
        return "(its message cannot be shown)"


def forget(flavor: str) -> None:
    """Forget the warnings of a flavor, so that each is issued again."""
    for kind in [kind for kind in list(_warned) if kind[0] == flavor]:
        _warned.discard(kind)


def is_suspended() -> bool:
    """Return whether a training or a suspended block is running in this context, so that calls are not logged.

    Returns:
        True inside a training that is being logged, whose inner calls are part of it, and inside `suspended()`.
    """
    return _inside.get()


@contextmanager
def suspended() -> Iterator[None]:
    """Log no training and no call within the block, in this thread and context.

    Yields:
        Nothing.
    """
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Restore the global random state of Python and NumPy after the block."""
    numpy = sys.modules.get("numpy.random")
    before = random.getstate()
    numpy_before = numpy.get_state() if numpy else None
    try:
        yield
    finally:
        random.setstate(before)
        if numpy:
            numpy.set_state(numpy_before)
