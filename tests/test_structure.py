"""How the modules of nbtrack import each other: in no cycle, and inside functions only for a reason that is given.

The two lists of exceptions may only get shorter. Where a test fails, it shows what its list should be now.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import nbtrack

PACKAGE = Path(nbtrack.__file__).parent

KNOWN_CYCLES: list[set[str]] = []
"""Modules that reach each other by imports, wherever these stand: at the top, inside functions, for types only."""

WITHOUT_A_REASON: dict[str, int] = {}
"""How many imports of nbtrack inside functions a module has that no comment explains."""


class Import(NamedTuple):
    """An import statement: what it imports, and whether it stands inside a function, and is explained there."""

    imported: tuple[str, ...]
    in_function: bool
    has_comment: bool


@cache
def modules() -> dict[str, Path]:
    found = {}
    for file in PACKAGE.rglob("*.py"):
        parts = (PACKAGE.name, *file.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@cache
def imports() -> dict[str, list[Import]]:
    """The imports of nbtrack by each of its modules."""
    return {name: list(imports_in(name, file)) for name, file in modules().items()}


def imports_in(module: str, file: Path) -> Iterator[Import]:
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]

    def walk(node: ast.AST, in_function: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                imported = tuple(name for name in with_packages(targets(child, package), module) if name != module)
                if imported:
                    # The comment is on the line above, or at the end of the statement.
                    above, last = lines[child.lineno - 2].strip(), lines[(child.end_lineno or child.lineno) - 1]
                    yield Import(imported, in_function, above.startswith("#") or "  # " in last)
            else:
                yield from walk(child, in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))

    return walk(ast.parse(text), False)


def targets(statement: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    """The modules of nbtrack that a statement in a package imports."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names if alias.name in modules())
        return
    above = package.split(".")[: package.count(".") + 2 - statement.level] if statement.level else []
    base = ".".join(part for part in (*above, statement.module) if part)
    for alias in statement.names:
        for name in (f"{base}.{alias.name}", base):
            if name in modules():
                yield name
                break


def with_packages(names: Iterable[str], module: str) -> Iterator[str]:
    """The modules and the packages that they are in, which are imported first; those of `module` itself are already."""
    for name in names:
        parts = name.split(".")
        for count in range(2, len(parts) + 1):
            if not f"{module}.".startswith(f"{'.'.join(parts[:count])}.") or count == len(parts):
                yield ".".join(parts[:count])


def cycles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The sets of modules, two or more, that all reach each other."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        seen: set[str] = set()
        waiting = list(graph[start])
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting.extend(graph.get(name, ()))
        reached[start] = seen
    found: list[set[str]] = []
    for name, others in sorted(reached.items()):
        if name in others and not any(name in cycle for cycle in found):
            found.append({other for other in others if name in reached.get(other, ())})
    return found


def test_modules_import_each_other_in_no_cycle() -> None:
    graph = {name: {each for one in found for each in one.imported} for name, found in imports().items()}
    assert cycles(graph) == KNOWN_CYCLES


def test_imports_inside_functions_say_why() -> None:
    found = Counter(
        name for name, statements in imports().items() for one in statements if one.in_function and not one.has_comment
    )
    assert dict(sorted(found.items())) == WITHOUT_A_REASON, (
        "Move an import of nbtrack to the top of its module. Where it would start slowly by that, say so in a comment "
        "above it. Take what is done off the list."
    )


def test_cycles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"e"}}
    assert cycles(graph) == [{"b", "c"}, {"e"}]
