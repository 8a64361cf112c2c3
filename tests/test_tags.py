"""Each tag that nbtrack reads or writes itself is named in `tags.py`, and nowhere else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbtrack
from nbtrack import tags
from nbtrack.store.folder.sql_views import VIEWS

PACKAGE = Path(nbtrack.__file__).parent
MODULES = {path.stem for path in PACKAGE.iterdir()}
FLAVORS = {path.stem for path in (PACKAGE / "integrations").iterdir()}
OTHERS = {
    # What a string may name that is no tag: MLflow's loader modules, …
    "mlflow": FLAVORS | {"db"},
    # … our names and modules, the views that people's SQL reads, and the groups of entry points.
    "nbtrack": MODULES | FLAVORS | set(nbtrack.__all__) | set(VIEWS) | {"flavors", "stores", "artifact_stores"},
}
NAMED = {value for name, value in vars(tags).items() if name.isupper()}


def test_no_other_module_spells_a_tag() -> None:
    spelled = []
    for file in sorted(PACKAGE.rglob("*.py")):
        if file.name == "tags.py":
            continue
        for line, text in _strings(ast.parse(file.read_text(encoding="utf-8"))):
            for owner, name in re.findall(r"(?<![\w./])(mlflow|nbtrack)\.([a-zA-Z][\w.-]*)", text):
                if f"{owner}.{name}" in NAMED or name.partition(".")[0] not in OTHERS[owner]:
                    spelled.append(f"{file.relative_to(PACKAGE)}:{line}: {owner}.{name}")
    assert spelled == []


def test_each_tag_is_named_once_and_says_what_it_means() -> None:
    body = ast.parse(Path(tags.__file__).read_text(encoding="utf-8")).body
    for one, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(one, ast.Assign):
            assert isinstance(following, ast.Expr), ast.unparse(one)
            assert isinstance(following.value, ast.Constant), ast.unparse(one)
    assert len(NAMED) == sum(isinstance(one, ast.Assign) for one in body)


def _strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The strings of a module with their lines, parts of f-strings among them, without its docstrings."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.lineno, node.value
