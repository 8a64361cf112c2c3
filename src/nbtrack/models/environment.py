"""The files that say what a model needs, as MLflow's tools read them."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..errors import InvalidParameter, NotFound

REQUIREMENTS = "requirements.txt"
PYTHON_ENV = "python_env.yaml"
CONDA = "conda.yaml"


def pinned(packages: Sequence[str]) -> list[str]:
    """`name==version` of those distributions that are installed here."""
    found = []
    for package in packages:
        try:
            found.append(f"{package}=={version(package)}")
        except PackageNotFoundError:
            continue
    return found


def requirement_lines(requirements: Sequence[str] | str) -> list[str]:
    """A list of requirements as it is, or the lines of a requirements file."""
    if isinstance(requirements, str):
        try:
            lines = Path(requirements).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            raise NotFound(
                f"There is no requirements file {requirements!r:.200}. Single requirements go into a list."
            ) from None
        return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not all(isinstance(line, str) for line in requirements):
        raise InvalidParameter("pip_requirements is a list of texts such as ['scikit-learn==1.9'], or a file's path.")
    return list(requirements)


def write_environment(folder: Path, requirements: Sequence[str]) -> dict[str, str]:
    """Write the three files; their names, as the `env` of the python_function flavor."""
    import yaml

    python = platform.python_version()
    pip = pinned(["pip"]) or ["pip"]
    conda = {
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": list(requirements)}],
        "name": "nbtrack-env",
    }
    build = [*pip, *pinned(["setuptools", "wheel"])]
    python_env = {"python": python, "build_dependencies": build, "dependencies": [f"-r {REQUIREMENTS}"]}
    _write(folder / REQUIREMENTS, "".join(f"{line}\n" for line in requirements))
    _write(folder / CONDA, yaml.safe_dump(conda, sort_keys=False))
    _write(folder / PYTHON_ENV, yaml.safe_dump(python_env, sort_keys=False))
    return {"conda": CONDA, "virtualenv": PYTHON_ENV}


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
