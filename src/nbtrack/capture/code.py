"""Analyzes the source of a cell without running it: literal params, assigned names, and a hash of the other code."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from typing import TypeAlias

Literal: TypeAlias = "str | complex | tuple[Literal, ...] | list[Literal] | dict[Literal, Literal] | None"
"""To Python's type checkers, complex includes int, float and bool."""

# Lines of IPython that Python cannot parse: `%magic`, `!command`, `name = %magic`, `name = !command`, `?name`.
_SPECIAL = re.compile(r"^(?P<start>[ \t]*(?:[\w, ]+=[ \t]*)?)(?P<rest>[%!?].*|[^#'\"\n]*\?{1,2}[ \t]*)$", re.MULTILINE)


def literal_assignments(source: str) -> dict[str, Literal]:
    """Return the literals that are assigned to names at the top level of `source`. The last literal of a name counts.

    Literals are numbers, strings, booleans, None, and tuples, lists and dicts of them. Names that start with `_` are
    left out. The result is empty if the source is not valid Python.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return {target.id: ast.literal_eval(value) for target, value in _literal_pairs(tree)}


def assigned_names(source: str) -> set[str]:
    """Return the names that running `source` can bind, at any depth."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
    return names


def code_hash(source: str) -> str:
    """Return a hash that does not depend on comments, layout, options of magics and literal params."""
    return hashlib.sha256(_skeleton(source).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _skeleton(source: str) -> str:
    text = re.sub(r"\A(?:\s*%%.*(?:\n|\Z))+", "", source)
    text = _SPECIAL.sub(lambda match: f"{match['start']}{('ipython', match['rest'])!r}", text)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())
    values = {id(value) for _, value in _literal_pairs(tree)}

    class Blank(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            if id(node) in values:
                return ast.copy_location(ast.Constant(...), node)
            visited: ast.AST = super().visit(node)
            return visited

    return ast.dump(Blank().visit(tree))


def _literal_pairs(tree: ast.Module) -> Iterator[tuple[ast.Name, ast.expr]]:
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                yield from _pairs(target, statement.value)
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            yield from _pairs(statement.target, statement.value)


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.Name, ast.expr]]:
    if isinstance(target, ast.Name):
        if not target.id.startswith("_") and _is_literal(value):
            yield target, value
    elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        starred = any(isinstance(node, ast.Starred) for node in (*target.elts, *value.elts))
        if not starred and len(target.elts) == len(value.elts):
            for inner_target, inner_value in zip(target.elts, value.elts, strict=True):
                yield from _pairs(inner_target, inner_value)


def _is_literal(node: ast.expr) -> bool:
    """Return whether the node is a literal, and every leaf is a string, a number, a boolean or None."""
    try:
        return _is_plain(ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float | complex)
