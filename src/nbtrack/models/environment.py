"""The files that say what a model needs, as MLflow's tools read them, and how what is here differs from them."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ..capture.packages import installed_version
from ..errors import InvalidParameter, NotFound

REQUIREMENTS = "requirements.txt"
PYTHON_ENV = "python_env.yaml"
CONDA = "conda.yaml"

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*==\s*([^\s;,#]+)\s*(?:[;#].*)?$")
_NAME = re.compile(r"^[A-Za-z0-9._-]+")


def pinned(packages: Sequence[str]) -> list[str]:
    """`name==version` of those distributions that are installed here."""
    # The part after '+' says how it was built (torch's "+cpu"), and no index may have that build.
    versions = {package: installed_version(package) for package in packages}
    return [f"{package}=={found.partition('+')[0]}" for package, found in versions.items() if found]


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


def with_extra(lines: Sequence[str], extra: Sequence[str]) -> list[str]:
    """Requirements and further ones, which replace those of the same package."""
    replaced = {_key(line) for line in extra}
    return [*(line for line in lines if _key(line) not in replaced), *extra]


def write_environment(folder: Path, requirements: Sequence[str]) -> dict[str, str]:
    """Write the three files; their names, as the `env` of the python_function flavor."""
    from .yaml_text import write_yaml

    python = platform.python_version()
    conda = {
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": list(requirements)}],
        "name": "nbtrack-env",
    }
    _write(folder / REQUIREMENTS, "".join(f"{line}\n" for line in requirements))
    _write(folder / CONDA, write_yaml(conda, sort_keys=False))
    _write(folder / PYTHON_ENV, _python_env())
    return {"conda": CONDA, "virtualenv": PYTHON_ENV}


@cache
def _python_env() -> str:
    """Python and what builds packages: the same for every model of this process."""
    from .yaml_text import write_yaml

    build = [*(pinned(["pip"]) or ["pip"]), *pinned(["setuptools", "wheel"])]
    return write_yaml(
        {"python": platform.python_version(), "build_dependencies": build, "dependencies": [f"-r {REQUIREMENTS}"]},
        sort_keys=False,
    )


def differences(folder: Path, python: str | None = None) -> list[str]:
    """What is otherwise here than where the model of a folder was saved: "numpy 2.1 (2.4 here)", …

    `python` is the version of Python that it was saved with. Only exact versions are compared, and mlflow's own is
    not: nbtrack stands in for it.
    """
    found = []
    here = platform.python_version()
    if python and python.split(".")[:2] != here.split(".")[:2]:
        found.append(f"Python {python} ({here} here)")
    try:
        lines = (folder / REQUIREMENTS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return found
    for line in lines:
        match = _PINNED.match(line.strip())
        if match is None or _key(match[1]) == "mlflow":
            continue
        installed = installed_version(match[1])
        if installed is None or installed.partition("+")[0] != match[2].partition("+")[0]:
            found.append(f"{match[1]} {match[2]} ({f'{installed} here' if installed else 'not installed here'})")
    return found


def _key(requirement: str) -> str:
    """The name of a requirement's package in the form that pip compares."""
    match = _NAME.match(requirement.strip())
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else requirement


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
