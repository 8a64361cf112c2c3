"""Wrap functions and methods of a framework, and restore them."""

from __future__ import annotations

import copy
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import FrameType, ModuleType
from typing import Any

import wrapt

from .guard import guarded

Wrapper = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]
"""A wrapper as wrapt calls it: with the original (bound, for a method), the instance, and the arguments."""

_ABSENT = object()


class _Bound(wrapt.BoundFunctionWrapper[Any, Any]):
    """A wrapped method of an object. It is pickled as a method is: as the object and the method's name."""

    def __copy__(self) -> _Bound:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        instance = self._self_instance
        return self if instance is None else getattr(copy.deepcopy(instance, memo), self.__name__)

    def __reduce_ex__(self, protocol: Any) -> Any:
        holder = self._self_owner if self._self_instance is None else self._self_instance
        return getattr, (holder, self.__name__)


class _Wrapped(wrapt.FunctionWrapper[Any, Any]):
    """A wrapped function.

    It is copied as a function is, and pickled as the original, so that a model that contains one needs no nbtrack.
    """

    __bound_function_wrapper__ = _Bound

    def __copy__(self) -> _Wrapped:
        return self

    def __deepcopy__(self, memo: Any) -> _Wrapped:
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        name = self.__qualname__
        if getattr(sys.modules.get(self.__module__), name, None) is self:
            return name
        # The name belongs to the original. copy.copy() of a function returns the function itself.
        return copy.copy, (self.__wrapped__,)


class Patches:
    """What one autologger has wrapped. `undo` restores all of it.

    Args:
        flavor: Name of the flavor, for warnings.
    """

    def __init__(self, flavor: str) -> None:
        self.flavor = flavor
        self._undo: list[Callable[[], None]] = []
        self._lock = threading.RLock()

    def wrap(self, owner: Any, name: str, wrapper: Wrapper) -> None:
        """Wrap a function of a module, or a method of a class.

        Modules that imported the function earlier with `from … import` get the wrapped one as well. A descriptor that
        makes a method available only under some condition stays one. Nothing happens if `owner` does not have the name,
        or if it is already wrapped.

        Args:
            owner: The module or class.
            name: Name of the function or method.
            wrapper: Function that is called instead, with the original, the instance, and the positional and keyword
                arguments (see wrapt).
        """
        self.wrap_all(owner, [name], wrapper)

    def wrap_all(self, owner: Any, names: Iterable[str], wrapper: Wrapper) -> None:
        """Wrap several functions or methods of one module or class, as `wrap` does.

        Args:
            owner: The module or class.
            names: Names of the functions or methods.
            wrapper: Function that is called instead, with the original, the instance, and the positional and keyword
                arguments (see wrapt).
        """
        with self._lock:
            pairs = [pair for name in names if (pair := self._wrap(owner, name, wrapper))]
            if pairs and not isinstance(owner, type):
                self._wrap_imported_names(owner, pairs)

    def _wrap(self, owner: Any, name: str, wrapper: Wrapper) -> tuple[Any, Any] | None:
        here = vars(owner).get(name, _ABSENT)
        original = getattr(owner, name, _ABSENT) if here is _ABSENT else here
        if original is _ABSENT or isinstance(original, _Wrapped):
            return None
        wrapped = _Wrapped(original, wrapper)
        setattr(owner, name, wrapped)
        self._undo.append(lambda: _put_back(owner, name, wrapped, here))
        return original, wrapped

    def replace(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute until `undo`.

        Args:
            owner: The module or class.
            name: Name of the attribute.
            value: Its new value.
        """
        with self._lock:
            original = vars(owner).get(name, _ABSENT)
            setattr(owner, name, value)
            self._undo.append(lambda: _put_back(owner, name, value, original))

    def _wrap_imported_names(self, owner: Any, pairs: Sequence[tuple[Any, Any]]) -> None:
        wrapped_of = {id(original): wrapped for original, wrapped in pairs}
        for names in _namespaces(owner.__name__.partition(".")[0]):
            for name, value in list(names.items()):
                if (wrapped := wrapped_of.get(id(value))) is not None:
                    names[name] = wrapped
                    self._undo.append(partial(_put_back_name, names, name, wrapped, value))

    def when_imported(self, module: str, wrap: Callable[[ModuleType], None]) -> None:
        """Call a function once a module is imported, or at once if it already is. After `undo`, do nothing.

        Args:
            module: Name of the module.
            wrap: Function that gets the module.
        """
        if module in sys.modules:
            wrap(sys.modules[module])
            return
        pending = [wrap]
        self._undo.append(pending.clear)

        def imported(found: ModuleType) -> None:
            for wrap in pending:
                with guarded(self.flavor, f"patch {module}"):
                    wrap(found)

        wrapt.register_post_import_hook(imported, module)

    def when_undone(self, call: Callable[[], None]) -> None:
        """Register a function to call at `undo`.

        Args:
            call: Function without arguments.
        """
        self._undo.append(call)

    def undo(self) -> None:
        """Restore everything, the last patch first. What another library has wrapped since then stays as it is."""
        with self._lock:
            while self._undo:
                self._undo.pop()()


def _put_back(owner: Any, name: str, replacement: Any, original: Any) -> None:
    if vars(owner).get(name) is not replacement:
        return
    if original is _ABSENT:
        delattr(owner, name)
    else:
        setattr(owner, name, original)


def _put_back_name(names: dict[str, Any], name: str, replacement: Any, original: Any) -> None:
    if names.get(name) is replacement:
        names[name] = original


def _namespaces(package: str) -> Iterator[dict[str, Any]]:
    """Yield namespaces in which user code may hold functions of a package: modules, and the globals of running frames.

    The framework's own modules keep the originals, because their calls are not calls of the user.
    """
    seen = set()
    for name, module in list(sys.modules.items()):
        # A library of cffi claims to be a module but is not one.
        if issubclass(type(module), ModuleType):
            # Not getattr, which would import a module that is imported lazily.
            names = ModuleType.__getattribute__(module, "__dict__")
            seen.add(id(names))
            if name.partition(".")[0] not in (package, "nbtrack"):
                yield names
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if id(frame.f_globals) not in seen:
            # Code run by exec has globals without a module.
            seen.add(id(frame.f_globals))
            yield frame.f_globals
        frame = frame.f_back
