"""The documentation site: it builds without a warning, every reference in it leads somewhere, and it is complete."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import nbtrack
from nbtrack.cli import parser

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "src/nbtrack/guide"
PUBLIC = [
    alias.asname
    for node in ast.parse(Path(nbtrack.__file__).with_suffix(".pyi").read_text()).body
    if isinstance(node, ast.ImportFrom) and node.level
    for alias in node.names
    if alias.asname
]
DOCUMENTED_AS = {
    "Client": "MlflowClient",
    "client": "MlflowClient",
    "NbtrackError": "errors",
    "MlflowException": "exceptions",
    "run": "projects",
}
"""Names of objects that are documented under another name, or with their module."""


@pytest.mark.slow
def test_the_site_builds_strictly() -> None:
    done = subprocess.run([sys.executable, "tests/guide/build_site.py"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    # The inventory lists every name that has an anchor: four lines of head, then one name a line, compressed.
    inventory = zlib.decompress((ROOT / "build/site/objects.inv").read_bytes().split(b"\n", 4)[4]).decode()
    anchors = {line.split()[0] for line in inventory.splitlines()}
    modules = ["artifacts", "data", "models", "query", "serving", "tracking", "widgets"]
    names = {f"{path}.{name}" for path in modules for name in importlib.import_module(f"nbtrack.{path}").__all__}
    assert {name for name in names if f"nbtrack.{name}" not in anchors} == set()


def test_every_public_name_is_in_the_api_reference() -> None:
    documented = {
        name for page in (GUIDE / "api").glob("*.md") for name in re.findall(r"^::: ([\w.]+)$", page.read_text(), re.M)
    }
    assert {name for name in PUBLIC if f"nbtrack.{DOCUMENTED_AS.get(name, name)}" not in documented} == set()


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    listed = re.findall(r"([\w/]+\.md)$", navigation, re.MULTILINE)
    assert sorted(listed) == sorted(page.relative_to(GUIDE).as_posix() for page in GUIDE.rglob("*.md"))


def test_every_command_is_on_a_page() -> None:
    text = "\n".join(page.read_text() for page in GUIDE.glob("*.md"))
    [commands] = [action.choices for action in parser()._actions if isinstance(action.choices, dict)]
    assert [name for name in commands if f"nbtrack {name}" not in text] == []


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
    for page in ROOT.glob("*.md"):
        links = re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text())
        assert [link for link in links if not (ROOT / link).exists()] == [], page.name


def test_a_figure_of_the_readme_is_one_of_the_benchmarks() -> None:
    table = (ROOT / "README.md").read_text().partition("## How it compares")[2].partition("## Documentation")[0]
    figures = re.findall(r"[\d,.]*\d (?:µs|ms|MB)", table)
    benchmarks = (GUIDE / "benchmarks.md").read_text()
    assert len(figures) > 20
    assert [figure for figure in figures if figure not in benchmarks] == []


def test_every_environment_variable_is_on_a_page() -> None:
    text = (GUIDE / "settings.md").read_text()
    sources = "\n".join(file.read_text() for file in (ROOT / "src/nbtrack").rglob("*.py"))
    variables = {f"NBTRACK_{name}" for name in re.findall(r'(?:environment|is_on)\("(\w+)"\)', sources)}
    variables |= set(re.findall(r"\bNBTRACK_[A-Z_]+[A-Z]\b", sources))
    assert len(variables) > 10
    assert {name for name in variables if name not in text} == set()
