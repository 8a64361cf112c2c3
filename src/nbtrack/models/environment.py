"""Write the files that list a model's requirements, in MLflow's form, and compare them with this environment."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ..capture.packages import installed_version
from ..errors import InvalidParameter, NotFound
from .yaml_text import write_yaml

REQUIREMENTS = "requirements.txt"
PYTHON_ENV = "python_env.yaml"
CONDA = "conda.yaml"

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*==\s*([^\s;,*]+)$")
_COMMENT = re.compile(r"(?:^|\s)(?:#|--).*$")
_CONDA_PYTHON = re.compile(r"^python\s*={1,2}\s*([0-9][0-9.]*)$")
_NAME = re.compile(r"^[A-Za-z0-9._-]+")


def pinned(packages: Sequence[str]) -> list[str]:
    """Return `name==version` for each of the distributions that is installed."""
    # The part after '+' names the build (torch's "+cpu"), which a package index may not have.
    versions = {package: installed_version(package) for package in packages}
    return [f"{package}=={found.partition('+')[0]}" for package, found in versions.items() if found]


def requirement_lines(requirements: Sequence[str] | str, name: str = "pip_requirements") -> list[str]:
    """Return a list of requirements unchanged, or the lines of a requirements file.

    Raises:
        InvalidParameter: If it is neither. The message has the name of the parameter.
        NotFound: If the file does not exist.
    """
    if isinstance(requirements, str | os.PathLike):
        try:
            lines = Path(requirements).read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, IsADirectoryError):
            raise NotFound(
                f"Requirements file {os.fspath(requirements)!r:.200} does not exist. Pass single requirements as a "
                "list."
            ) from None
        return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    valid = isinstance(requirements, Iterable) and not isinstance(requirements, bytes | Mapping)
    lines = list(requirements) if valid else []
    if not valid or not all(isinstance(line, str) for line in lines):
        raise InvalidParameter(
            f"{name} must be a list of strings such as ['scikit-learn==1.9'], or the path of a requirements file, not "
            f"{requirements!r:.80}."
        )
    return lines


def with_extra(lines: Sequence[str], extra: Sequence[str]) -> list[str]:
    """Return the requirements and the extra ones, which replace those for the same package."""
    replaced = {_key(line) for line in extra}
    return [*(line for line in lines if _key(line) not in replaced), *extra]


def conda_environment(conda_env: Mapping[str, Any] | str) -> dict[str, Any]:
    """Return a conda environment, given as a mapping or as the path of a YAML file, as a dict."""
    if isinstance(conda_env, str | os.PathLike):
        import yaml

        try:
            loaded = yaml.safe_load(Path(conda_env).read_text(encoding="utf-8"))
        except (FileNotFoundError, IsADirectoryError):
            raise NotFound(f"Conda environment file {conda_env!r:.200} does not exist.") from None
        except yaml.YAMLError as error:
            raise InvalidParameter(f"Conda environment file {conda_env!r:.200} is not valid YAML: {error}") from error
    else:
        loaded = conda_env
    lines = loaded.get("dependencies", []) if isinstance(loaded, Mapping) else None
    pip = [line.get("pip") for line in lines if isinstance(line, Mapping)] if isinstance(lines, list) else [3]
    if not all(each is None or isinstance(each, list) for each in pip):
        raise InvalidParameter(
            "conda_env must be a dict such as {'dependencies': ['python=3.11', {'pip': ['scikit-learn==1.9']}]}, or "
            f"the path of a YAML file with one, not {loaded!r:.80}."
        )
    return dict(loaded)


def conda_pip_packages(conda: Mapping[str, Any]) -> list[str] | None:
    """Return the packages that a conda environment installs with pip, or None if it has no such list."""
    lists = [one["pip"] for one in conda.get("dependencies", []) if isinstance(one, Mapping) and "pip" in one]
    return [str(line) for lines in lists for line in lines or []] if lists else None


def write_environment(
    folder: Path, requirements: Sequence[str], conda: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Write the three files, and return their names as the `env` of the python_function flavor."""
    # `conda` is the conda environment if the user gave one.
    python = platform.python_version()
    if conda is None:
        conda = {
            "channels": ["conda-forge"],
            "dependencies": [f"python={python}", "pip", {"pip": list(requirements)}],
            "name": "nbtrack-env",
        }
    for line in conda.get("dependencies", []):
        if isinstance(line, str) and (match := _CONDA_PYTHON.match(line)):
            python = match[1]
    _write(folder / REQUIREMENTS, "".join(f"{line}\n" for line in requirements))
    _write(folder / CONDA, write_yaml(dict(conda), sort_keys=False))
    _write(folder / PYTHON_ENV, _python_env(python))
    return {"conda": CONDA, "virtualenv": PYTHON_ENV}


@cache
def _python_env(python: str) -> str:
    """Return the versions of Python and of the build tools, which are the same for every model of this process."""
    build = [*(pinned(["pip"]) or ["pip"]), *pinned(["setuptools", "wheel"])]
    return write_yaml(
        {"python": python, "build_dependencies": build, "dependencies": [f"-r {REQUIREMENTS}"]},
        sort_keys=False,
    )


def differences(folder: Path, python: str | None = None) -> list[str]:
    """Return how this environment differs from the one that a model was saved in.

    Each difference is a string such as "numpy 2.1 (installed: 2.4)" or "scipy>=2 (not installed)". `python` is the
    version of Python that the model was saved with. The version of mlflow is not compared, because nbtrack takes its
    place.
    """
    found = []
    here = platform.python_version()
    if python and python.split(".")[:2] != here.split(".")[:2]:
        found.append(f"Python {python} (running: {here})")
    try:
        lines = (folder / REQUIREMENTS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return found
    return [*found, *(text for line in lines if (text := _difference(_COMMENT.sub("", line).strip())))]


def _difference(line: str) -> str | None:
    """Return how the environment differs from a line of a requirements file, or None if it does not differ."""
    exact = _PINNED.match(line)
    if exact is None:
        return None if not line or line.startswith("-") else _range_difference(line)
    name, wanted = exact.groups()
    installed = installed_version(name)
    fits = installed is not None and installed.partition("+")[0] == wanted.partition("+")[0]
    return None if fits or _key(name) == "mlflow" else _compared(f"{name} {wanted}", installed)


def _range_difference(line: str) -> str | None:
    # Imported only for such lines, because by default a model is saved with exact versions.
    from packaging.requirements import Requirement

    try:
        wanted = Requirement(line)
        if wanted.url or _key(wanted.name) == "mlflow" or not (wanted.marker is None or wanted.marker.evaluate()):
            return None
        text = f"{wanted.name}{wanted.specifier}"
        if _PINNED.match(text):
            return _difference(text)
        installed = installed_version(wanted.name)
        fits = installed is not None and wanted.specifier.contains(installed, prereleases=True)
    except ValueError:  # a path, or an invalid version
        return None
    return None if fits else _compared(text, installed)


def _compared(wanted: str, installed: str | None) -> str:
    return f"{wanted} ({f'installed: {installed}' if installed else 'not installed'})"


def _key(requirement: str) -> str:
    """Return the name of a requirement's package in the form that pip compares."""
    match = _NAME.match(requirement.strip())
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else requirement


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
