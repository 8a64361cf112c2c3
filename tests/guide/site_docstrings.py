"""Prepare the docstrings for the site, before Zensical reads them."""

from __future__ import annotations

import re
from typing import Any

import griffe

ERRORS = "nbtrack.errors"
DOCTEST = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?P=indent).*\S.*)*", re.MULTILINE)
FLAGS = re.compile(r" *# doctest: .*$", re.MULTILINE)


class DoctestBlocks(griffe.Extension):
    """Put each doctest into a fenced block, wherever it stands: Markdown would read `>>>` as a quotation."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one docstring. The flags for the doctest module are left out."""
        if obj.docstring is not None:
            obj.docstring.value = DOCTEST.sub(_fenced, obj.docstring.value)


class ErrorLinks(griffe.Extension):
    """Let a docstring name an exception that its module does not import, because a function that it calls raises it."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Make the exceptions known in every module, as if each imported them."""
        names = [name for name, member in pkg["errors"].members.items() if not member.is_alias and member.is_class]
        for module in _modules(pkg):
            for name in names:
                if module.path != ERRORS and name not in module.members:
                    module.imports[name] = f"{ERRORS}.{name}"
                    module.set_member(name, griffe.Alias(name, f"{ERRORS}.{name}"))


def _modules(module: griffe.Module) -> list[griffe.Module]:
    below = [member for member in module.members.values() if not member.is_alias and member.is_module]
    return [module, *(found for child in below for found in _modules(child))]


def _fenced(doctest: re.Match[str]) -> str:
    indent = doctest["indent"]
    return f"{indent}```pycon\n{FLAGS.sub('', doctest[0])}\n{indent}```"
