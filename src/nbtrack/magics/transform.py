"""Transforms a `%%track` cell into plain code, so that IPython itself runs the body.

    %%track digits            ->    get_ipython().magics_manager.registry['TrackMagics'].begin('digits', '…')
    lr = 0.1                        lr = 0.1
    train(lr)                       train(lr)

The body is then the cell's own code and not a string that a magic executes. So tracebacks, line numbers, syntax errors,
the last expression, a top-level `await`, breakpoints and magics are handled by IPython itself.
"""

from __future__ import annotations

import ast
from typing import Any

from .arguments import is_sql

MAGIC = "track"
REGISTERED = "TrackMagics"
"""The name of the object with the method `begin` in the shell's registry of magics."""

_CALL = f"get_ipython().run_cell_magic('{MAGIC}', "


class CellTransformer:
    """An entry of `shell.input_transformers_post`."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def __call__(self, lines: list[str]) -> list[str]:
        """Return the lines of a `%%track` cell transformed, and those of other cells unchanged."""
        if not lines or not lines[0].startswith(_CALL):
            return lines
        arguments = _call_arguments("".join(lines))
        if arguments is None:
            return lines
        line, body = arguments
        if is_sql(line):
            # The body is SQL, which the magic itself handles.
            return lines
        if not body.strip():
            # IPython reports this itself: "The cell body is empty, did you mean to use the line magic?"
            return [f"{_CALL}{line!r}, '')\n"]
        # IPython drops leading blank lines, but the line numbers must be those of the editor.
        blank = next(number for number, text in enumerate(body.splitlines()) if text.strip())
        begin = f"get_ipython().magics_manager.registry[{REGISTERED!r}].begin({line!r}, {body!r})\n"
        transformed: str = self._shell.transform_cell(body)
        return [begin, *(["\n"] * blank), *transformed.splitlines(keepends=True)]


def _call_arguments(code: str) -> tuple[str, str] | None:
    """Return the line and the body if the code is only a call of the cell magic, or None."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return None
    match tree.body:
        case [ast.Expr(value=ast.Call(args=[_, ast.Constant(value=str(line)), ast.Constant(value=str(body))]))]:
            return line, body
    return None
