"""Write `js/contract.ts` from `contract.py` and the table of views, so that screens and kernel agree on every field.

python -m nbtrack.views.typescript > js/contract.ts
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

# The package's modules fill the table of views.
from . import VIEWS

COMMAND = "python -m nbtrack.views.typescript > js/contract.ts"

_NAMES = {"str": "string", "int": "number", "float": "number", "bool": "boolean", "None": "null"}
_INDENT = "  "


def render() -> str:
    """Return the content of `js/contract.ts`: each bound and type of `contract.py` in its order, with
    docstrings as JSDoc."""
    module = ast.parse((Path(__file__).parent / "contract.py").read_text(encoding="utf-8"))
    parts = [f"// Generated from src/nbtrack/views/contract.py; do not edit. Regenerate with\n//   {COMMAND}"]
    for node, doc in _documented(module.body):
        match node:
            case ast.ClassDef():
                parts.append(_interface(node))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                parts.append(f"{_jsdoc(doc)}export type {name} = {_type(value)};")
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int(bound))):
                parts.append(f"{_jsdoc(doc)}export const {name} = {bound};")
    parts.append(_requests())
    return "\n\n".join(parts) + "\n"


def _interface(node: ast.ClassDef) -> str:
    parents = [base.id for base in node.bases if isinstance(base, ast.Name) and base.id != "TypedDict"]
    head = f"export interface {node.name}{' extends ' + ', '.join(parents) if parents else ''} {{"
    lines = [
        f"{_jsdoc(doc, _INDENT)}{_INDENT}{_field(field)}"
        for field, doc in _documented(node.body)
        if isinstance(field, ast.AnnAssign)
    ]
    return "\n".join([_jsdoc(ast.get_docstring(node)) + head, *lines, "}"])


def _field(node: ast.AnnAssign) -> str:
    assert isinstance(node.target, ast.Name)
    annotation = node.annotation
    optional = isinstance(annotation, ast.Subscript) and _name(annotation.value) == "NotRequired"
    if optional and isinstance(annotation, ast.Subscript):
        annotation = annotation.slice
    return f"{node.target.id}{'?' if optional else ''}: {_type(annotation)};"


def _requests() -> str:
    lines = []
    # Not in the order of the table, which is that in which the views were imported.
    for view in sorted(VIEWS.values(), key=lambda view: view.name):
        lines.append(_jsdoc("Changes the store." if view.writes else None, _INDENT))
        types = f"payload: {view.request.__name__}; reply: {view.reply.__name__}"
        lines.append(f"{_INDENT}{view.name}: {{ {types} }};\n")
    head = _jsdoc("The types of the payload and of the reply of each request.")
    return f"{head}export interface Requests {{\n{''.join(lines)}}}"


def _type(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return _NAMES.get(name, name)
        case ast.Constant(value=None):
            return "null"
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return f"{_type(left)} | {_type(right)}"
        case ast.Subscript(value=container, slice=inside):
            return _subscript(_name(container), list(inside.elts) if isinstance(inside, ast.Tuple) else [inside])
    raise TypeError(f"contract.py, line {node.lineno}: {ast.unparse(node)} has no form in TypeScript.")


def _subscript(container: str, arguments: Sequence[ast.expr]) -> str:
    match container, arguments:
        case "Annotated", [item, _]:
            return _type(item)
        case "Literal", values:
            return " | ".join(f'"{item.value!s}"' for item in values if isinstance(item, ast.Constant))
        case "list", [item]:
            inside = _type(item)
            return f"({inside})[]" if " | " in inside else f"{inside}[]"
        case "dict", [key, value]:
            return f"Record<{_type(key)}, {_type(value)}>"
    raise TypeError(f"contract.py: {container}[…] has no form in TypeScript.")


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ast.unparse(node)


def _documented(body: Sequence[ast.stmt]) -> Iterator[tuple[ast.stmt, str | None]]:
    """Yield each statement with the string that follows it, which documents it."""
    for index, node in enumerate(body):
        following = body[index + 1] if index + 1 < len(body) else None
        match following:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield node, text
            case _:
                yield node, None


def _jsdoc(text: str | None, indent: str = "") -> str:
    if not text:
        return ""
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    return "\n".join([f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */"]) + "\n"


if __name__ == "__main__":
    print(render(), end="")
