"""Find the packages that a model needs: those that it actually imports, with the installed versions."""

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
    """Return the top-level modules that pickles of the objects, and the functions in them, import.

    An object that cannot be pickled requires the module of its type. The objects are not changed.
    """
    import cloudpickle

    class Recorder(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            modules.update(_modules_of(obj))
            return super().reducer_override(obj)

    modules: set[str] = set()
    for each in objects:
        modules.update(_modules_of(type(each)))
        try:
            Recorder(_NullFile()).dump(each)
        except Exception:  # whatever an object's own methods raise; the modules found before that count
            continue
    return with_local_imports(modules)


def with_local_imports(modules: Iterable[str], files: Iterable[Path] = ()) -> set[str]:
    """Return the top-level modules of these, and of the modules that the user's own files among them import.

    A file that belongs to no distribution is the user's own. `files` are further ones. Modules of Python's standard
    library are left out.
    """
    seen: set[str] = set()
    waiting = set(modules).union(*(_imports(file) for file in files))
    while waiting:
        name = waiting.pop()
        top = name.partition(".")[0]
        # The classes of a model in plain Python are stored in the model, which therefore loads without nbtrack.
        if name in seen or top in sys.stdlib_module_names or top in ("", "__main__", "nbtrack"):
            continue
        seen.add(name)
        place = getattr(sys.modules.get(name), "__file__", None)
        if place and not distributions_of(top):
            package = name if Path(place).name == "__init__.py" else name.rpartition(".")[0]
            waiting |= {name.rpartition(".")[0], *_imports(Path(place), package)}
    return {name.partition(".")[0] for name in seen}


def distributions(modules: Iterable[str]) -> list[str]:
    """Return the names of the installed distributions that the modules belong to."""
    names = {name for module in modules for name in distributions_of(module)}
    return sorted(names, key=str.lower)


def _modules_of(obj: Any) -> set[str]:
    """Return the modules that one object of a pickle needs, without those of the objects in it."""
    if isinstance(obj, types.ModuleType):
        return {obj.__name__}
    if isinstance(obj, types.CodeType):
        return _imports_of_code(obj)
    code = getattr(obj, "__code__", None)
    found = _imports_of_code(code) if isinstance(code, types.CodeType) else set()
    module, name = getattr(obj, "__module__", None), getattr(obj, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str):
        there: Any = sys.modules.get(module)
        for part in name.split("."):
            there = getattr(there, part, None)
        # An object that cannot be imported by its name is stored in the pickle by value.
        if there is obj:
            found.add(module)
    return found


def _imports_of_code(code: types.CodeType) -> set[str]:
    """Return the modules that a function's own import statements name."""
    found = {
        str(step.argval)
        for step in dis.get_instructions(code)
        if step.opname == "IMPORT_NAME" and not str(step.argval).startswith(".")
    }
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _imports_of_code(constant)
    return {name for name in found if name}


def _imports(file: Path, package: str = "") -> set[str]:
    """Return the modules that a source file in a package imports."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join(part for part in (*parents, node.module) if part)
            # The imported names may be modules too.
            found |= {base, *(name for alias in node.names if (name := f"{base}.{alias.name}") in sys.modules)}
    return found


class _NullFile(io.RawIOBase):
    """A file that discards what is written to it."""

    def writable(self) -> bool:
        return True

    def write(self, content: Any, /) -> int:
        return memoryview(content).nbytes
