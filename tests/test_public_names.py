"""Test the public names, and the cost of `import nbtrack`."""

from __future__ import annotations

import ast
import doctest
import importlib
import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import nbtrack

HEAVY = {"IPython", "anywidget", "duckdb", "ipywidgets", "lark", "numpy", "pandas", "psutil", "pyarrow", "sklearn"}

STUB = Path(nbtrack.__file__).with_suffix(".pyi")
"""The list of the public names. Adding or removing one is a decision, which this file shows."""

PUBLIC = [
    alias.asname
    for node in ast.parse(STUB.read_text()).body
    if isinstance(node, ast.ImportFrom) and node.level
    for alias in node.names
    if alias.asname
]

MODELS = [
    "MLMODEL",
    "AnyType",
    "Array",
    "ColSpec",
    "DataType",
    "Location",
    "Map",
    "Model",
    "ModelInfo",
    "ModelSignature",
    "ModelVersionUri",
    "Object",
    "ParamSchema",
    "ParamSpec",
    "Property",
    "RunUri",
    "Schema",
    "TensorSpec",
    "get_model_info",
    "infer_signature",
    "locate",
    "parse_uri",
    "register_model",
    "set_signature",
]


def test_public_names() -> None:
    assert len(PUBLIC) == 106
    assert nbtrack.__all__ == sorted(PUBLIC)
    assert set(nbtrack.models.__all__) == set(MODELS)


def test_every_import_in_the_stub_has_the_form_that_is_read() -> None:
    """`__init__.py` reads the stub line by line and would skip an import of another form."""
    imports = [line for line in STUB.read_text().splitlines() if line.startswith(("from .", "import ", "    "))]
    assert all(re.fullmatch(r"from \.[\w.]* import (\w+) as \1", line) for line in imports)
    assert len(imports) == len(PUBLIC)


def test_star_import_imports_the_public_names() -> None:
    given: dict[str, object] = {}
    exec("from nbtrack import *", given)
    assert set(PUBLIC) == set(given) - {"__builtins__"}


def test_the_version_equals_that_of_the_packages() -> None:
    """pyproject.toml reads the version from `_version.py`, and npm needs its own."""
    package = json.loads((Path(__file__).parents[1] / "package.json").read_text())
    assert nbtrack.__version__ == package["version"] == version("nbtrack")


@pytest.mark.slow
def test_type_checkers_see_the_names(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import nbtrack\n"
        "from nbtrack import *\n"
        "reveal_type(nbtrack.log_text)\n"
        "reveal_type(get_tracking_uri())\n"
        "reveal_type(nbtrack.MlflowClient())\n"
        "reveal_type(nbtrack.keras)\n"
    )
    # pandas and the like are most of what mypy would read.
    config = tmp_path / "mypy.ini"
    config.write_text(
        "[mypy]\nstrict = True\nfollow_imports = skip\nfollow_imports_for_stubs = True\n"
        + "".join(f"[mypy-{name}]\nfollow_imports = normal\n" for name in ("nbtrack.*", *sys.stdlib_module_names))
    )
    command = [sys.executable, "-m", "mypy", "--config-file", str(config), "--cache-dir", str(tmp_path), str(script)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "MYPYPATH": str(STUB.parents[1])})
    assert re.findall(r'Revealed type is "(.*)"', done.stdout) == [
        "def (text: str, artifact_file: str, run_id: str | None =)",
        "str",
        "nbtrack.client.Client",
        "Any",
    ], done.stdout + done.stderr
    assert done.returncode == 0


def test_every_public_name_exists_is_documented_and_listed() -> None:
    for name in PUBLIC:
        assert (getattr(nbtrack, name).__doc__ or "").strip(), name
    for name in MODELS:
        assert (getattr(nbtrack.models, name).__doc__ or "").strip(), name
    assert set(PUBLIC) <= set(dir(nbtrack))


@pytest.mark.slow
def test_the_examples_of_the_documentation_run() -> None:
    runner = doctest.DocTestRunner()
    homes = {"nbtrack", "nbtrack.data", *(getattr(getattr(nbtrack, name), "__module__", "nbtrack") for name in PUBLIC)}
    # An example uses the public names of other modules too, as `from nbtrack import *` gives them.
    names = {"nbtrack": nbtrack} | {name: getattr(nbtrack, name) for name in PUBLIC}
    for home in sorted(homes):
        for example in doctest.DocTestFinder().find(importlib.import_module(home), extraglobs=names):
            runner.run(example)
            # A log call starts a run where none is active.
            while nbtrack.active_run() is not None:
                nbtrack.end_run()
    assert runner.tries > 20
    assert runner.failures == 0, "what failed is printed above"


def test_import_loads_nothing_heavy() -> None:
    code = "import sys, json, nbtrack; print(json.dumps(sorted(name.partition('.')[0] for name in sys.modules)))"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not HEAVY & set(json.loads(imported))
