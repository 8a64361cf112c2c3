"""Show the doctests of a docstring as code, wherever they stand: Markdown would read `>>>` as a quotation."""

from __future__ import annotations

import re
from typing import Any

import griffe

DOCTEST = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?P=indent).*\S.*)*", re.MULTILINE)
FLAGS = re.compile(r" *# doctest: .*$", re.MULTILINE)


class DoctestBlocks(griffe.Extension):
    """Put each doctest into a fenced block, without the flags that are meant for the doctest module."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one docstring before it is parsed."""
        if obj.docstring is not None:
            obj.docstring.value = DOCTEST.sub(_fenced, obj.docstring.value)


def _fenced(doctest: re.Match[str]) -> str:
    indent = doctest["indent"]
    return f"{indent}```pycon\n{FLAGS.sub('', doctest[0])}\n{indent}```"
