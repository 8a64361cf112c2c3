"""Which packages a model needs: those that it really imports, with the versions that are installed."""

from __future__ import annotations

import ast
import dis
import io
import sys
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..capture.packages import distributions_of


def required_by(*objects: Any) -> set[str]:
    """The top-level modules that pickles of the objects import, and the functions in them. The objects are not changed.

    What cannot be pickled counts as needing the module of its type.
    """
    import cloudpickle

    class Recorder(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            modules.update(_modules_of(obj))
            return super().reducer_override(obj)

    modules: set[str] = set()
    for each in objects:
        modules.update(_modules_of(each))
        try:
            Recorder(_Nowhere()).dump(each)
        except Exception:  # whatever an object's own methods raise: what was found until then counts
            continue
    return with_local_imports(modules)


def with_local_imports(modules: Iterable[str], files: Iterable[Path] = ()) -> set[str]:
    """The modules, without Python's own, and what those of them import that belong to no package: the user's files."""
    found: set[str] = set()
    waiting = {name.partition(".")[0] for name in modules}
    for file in files:
        waiting |= _imports(file)
    while waiting:
        name = waiting.pop()
        # What a model in plain Python is made of is kept in the model: it loads without nbtrack.
        if name in found or name in sys.stdlib_module_names or name in ("", "__main__", "nbtrack"):
            continue
        found.add(name)
        place = getattr(sys.modules.get(name), "__file__", None)
        if place and not distributions_of(name):
            home = Path(place)
            sources = home.parent.rglob("*.py") if home.name == "__init__.py" else iter([home])
            waiting |= {each for source in sources for each in _imports(source)}
    return found


def distributions(modules: Iterable[str]) -> list[str]:
    """The installed distributions that modules belong to, by name."""
    names = {name for module in modules for name in distributions_of(module)}
    return sorted(names, key=str.lower)


def _modules_of(obj: Any) -> set[str]:
    if isinstance(obj, types.ModuleType):
        return {obj.__name__}
    if isinstance(obj, types.CodeType):
        return _imports_of_code(obj)
    found = {str(getattr(obj, "__module__", None) or ""), str(type(obj).__module__)}
    code = getattr(obj, "__code__", None)
    if isinstance(code, types.CodeType):
        found |= _imports_of_code(code)
    return {name for name in found if name and name != "__main__"}


def _imports_of_code(code: types.CodeType) -> set[str]:
    """What a function's own import statements name."""
    found = {
        str(step.argval)
        for step in dis.get_instructions(code)
        if step.opname == "IMPORT_NAME" and not str(step.argval).startswith(".")
    }
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _imports_of_code(constant)
    return {name for name in found if name}


def _imports(file: Path) -> set[str]:
    """The top-level modules that a source file imports by name."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


class _Nowhere(io.RawIOBase):
    """A file that keeps nothing."""

    def writable(self) -> bool:
        return True

    def write(self, content: Any, /) -> int:
        return memoryview(content).nbytes
