"""What stands between our failures and the user's training.

Whatever of ours raises is one warning of its kind, and nothing else. What the training itself raises passes unchanged.
"""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from .settings import settings

P = ParamSpec("P")
T = TypeVar("T")

_told: set[tuple[str, str]] = set()
_inside: ContextVar[bool] = ContextVar("nbtrack_autologging_inside", default=False)


@contextmanager
def safely(flavor: str, what: str) -> Iterator[None]:
    """Turn what the block raises into a warning, once for each `what` of a flavor. `what` completes "could not …".

    An interrupt passes: it is the user's.
    """
    try:
        yield
    except Exception as error:
        tell(flavor, what, f"could not {what}", error)


def guarded(flavor: str, what: str, default: Any = None) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """The same for a function of ours that a framework calls back; on a failure it returns `default`."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            with safely(flavor, what):
                return function(*args, **kwargs)
            return default

        return call

    return decorate


def tell(flavor: str, kind: str, message: str, error: BaseException | None = None) -> None:
    """Warn, once for each kind of a flavor; nothing where the flavor is silent."""
    try:
        if (flavor, kind) in _told or settings(flavor).silent:
            return
        _told.add((flavor, kind))
        why = "" if error is None else f": {type(error).__name__}: {_text(error):.1000}"
        say(flavor, f"nbtrack's autologging of {flavor} {message}{why}\nThe training goes on as it would without it.")
    except Exception:  # settings that fail
        return


def say(flavor: str, text: str) -> None:
    """Warn, each time; nothing where the flavor is silent."""
    try:
        if settings(flavor).silent:
            return
        try:
            warnings.warn(text, stacklevel=3)
        except Warning:
            # Warnings are errors here. Ours must not become one in the middle of a training.
            print(text, file=sys.stderr)
    except Exception:  # a closed stderr, a warnings filter that fails
        return


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # the text is made by code of whoever wrote the class
        return "(its text cannot be shown)"


def forget(flavor: str) -> None:
    """Warn anew from now on."""
    for kind in [kind for kind in list(_told) if kind[0] == flavor]:
        _told.discard(kind)


def is_suspended() -> bool:
    """Whether a training is under way here, or logging was suspended: what is called now is a part of that."""
    return _inside.get()


@contextmanager
def suspended() -> Iterator[None]:
    """Nothing in the block is logged, in this thread and context."""
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


@contextmanager
def random_state_kept() -> Iterator[None]:
    """The block leaves the global generators of random numbers, Python's and NumPy's, as they were."""
    numpy = sys.modules.get("numpy.random")
    before = random.getstate()
    numpy_before = numpy.get_state() if numpy else None
    try:
        yield
    finally:
        random.setstate(before)
        if numpy:
            numpy.set_state(numpy_before)
