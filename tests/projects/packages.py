"""Tiny packages that the tests of environments install, so that they need no network."""

from __future__ import annotations

import zipfile
from pathlib import Path

BACKEND = '''
"""A build backend without dependencies: packages the module beside it."""

import os
import time
import zipfile
from pathlib import Path

NAME = {name!r}
INFO = f"{{NAME}}-1.0.dist-info"


def build_wheel(folder, config_settings=None, metadata_directory=None):
    block = os.environ.get("TEST_BLOCK")
    if block and Path(block).exists():
        Path(f"{{block}}.pid").write_text(str(os.getpid()))
        while Path(block).exists():
            time.sleep(0.02)
    wheel = f"{{NAME}}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder, wheel), "w") as file:
        file.write(f"{{NAME}}.py")
        file.writestr(f"{{INFO}}/METADATA", f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: 1.0\\n")
        file.writestr(f"{{INFO}}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        file.writestr(f"{{INFO}}/RECORD", "")
    return wheel
'''


def write_wheel(folder: Path, name: str, version: str = "1.0", code: str = "") -> Path:
    """Write a wheel with one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n{code}",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        for member, text in {**files, f"{info}/RECORD": record}.items():
            file.writestr(member, text)
    return path


def write_package(folder: Path, name: str, dependencies: str = "[]") -> None:
    """Write the sources of a package with one module and its own build backend."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text("VALUE = 1\n", encoding="utf-8")
    (folder / f"{name}_backend.py").write_text(BACKEND.format(name=name), encoding="utf-8")
    (folder / "pyproject.toml").write_text(
        f"""\
[project]
name = "{name}"
version = "1.0"
requires-python = ">=3.11"
dependencies = {dependencies}

[build-system]
requires = []
build-backend = "{name}_backend"
backend-path = ["."]

[tool.uv]
find-links = ["wheels"]
no-index = true
""",
        encoding="utf-8",
    )
