"""The Python packages that a project asks for, in a python_env.yaml, requirements.txt, conda.yaml or script."""

from __future__ import annotations

import os
import platform
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from ...errors import InvalidParameter, NotFound
from ..project import inline_metadata_blocks
from .base import shown
from .digest import Digest

_FILE_OPTION = re.compile(r"(-r|--requirement|-c|--constraint)(?:\s*=\s*|\s+|(?<=-[rc]))(?P<file>\S.*)")
_PATH_OPTION = re.compile(r"(?P<option>-e|--editable|-f|--find-links)(?:\s*=\s*|\s+|(?<=-[ef]))(?P<path>\S.*)")
_URL = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+://|git\+", re.IGNORECASE)
_ARCHIVE = re.compile(r"\.(whl|zip|tar\.gz|tgz|tar\.bz2)$")
_CONDA_PACKAGE = re.compile(r"(?:[^\s:]+::)?(?P<name>[A-Za-z0-9_.-]+)\s*(?P<version>[=<>!~ ].*)?")
_CONDA_BUILD_TOOLS = ("pip", "setuptools", "wheel")
_PLAIN_VERSION = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class PythonRequest:
    """Which Python an environment has. Without a version, it has the one of this process.

    Attributes:
        version: A version such as "3.11" or a specifier such as ">=3.10,<3.13".
    """

    version: str | None = None

    def matches(self, version: str) -> bool:
        """Return whether a Python with this full version is the one that is asked for."""
        return self.version is None or specifier(self.version).contains(version, prereleases=True)

    @property
    def is_this(self) -> bool:
        """Whether the Python of this process can be used."""
        return self.matches(platform.python_version())

    @property
    def decided(self) -> str:
        """What decides the Python of the environment: the full version of this one, or else what is asked for."""
        return platform.python_version() if self.is_this else str(self.version)

    def __str__(self) -> str:
        return f"Python {self.decided}"


def specifier(version: str) -> SpecifierSet:
    """Return "3.11" as the specifier of all its patch releases, and a specifier as it is. Raises InvalidSpecifier."""
    if not _PLAIN_VERSION.fullmatch(version):
        return SpecifierSet(version)
    is_exact = version.count(".") >= 2 or bool(re.search("[a-z]", version))
    return SpecifierSet(f"=={version}" if is_exact else f"=={version}.*")


def python_request(version: object, where: str) -> PythonRequest:
    """Return the Python that a file asks for. Raises InvalidParameter if it is not a version."""
    if version is None:
        return PythonRequest()
    if not isinstance(version, str):
        raise InvalidParameter(
            f'python in {where} must be a string such as "3.11", not {shown(version)}. Put the version in quotes: YAML '
            "reads 3.10 without quotes as the number 3.1."
        )
    try:
        specifier(version.strip())
    except InvalidSpecifier:
        raise InvalidParameter(
            f'python in {where} must be a version such as "3.11" or a specifier such as ">=3.10", not {shown(version)}.'
        ) from None
    return PythonRequest(version.strip())


@dataclass(frozen=True, slots=True)
class Requirements:
    """Packages to install with pip or uv, in the order in which they are installed.

    Attributes:
        source: The name of the file that lists them, for messages.
        base: The folder that relative paths in the lists start from.
        python: The Python that they are installed for.
        build: Packages that are installed first.
        dependencies: Lines as in a requirements.txt, options such as `-r FILE` among them.
        file: A requirements.txt that is installed as a whole, instead of lines.
    """

    source: str
    base: Path
    python: PythonRequest
    build: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    file: Path | None = None

    def installs(self, scratch: Path) -> Iterator[list[str]]:
        """Yield the arguments of each `pip install`. Lines are written to files whose names begin with `scratch`.

        Files that the lines include become arguments, which unlike lines can have spaces in their paths.
        """
        if self.file is not None:
            yield [f"--requirement={self.file}"]
        for number, lines in enumerate((self.build, self.dependencies)):
            plain, arguments = [], []
            for line in lines:
                option = _FILE_OPTION.fullmatch(line.strip())
                if option is None:
                    plain.append(line)
                else:
                    kind = "--constraint" if option[1] in ("-c", "--constraint") else "--requirement"
                    arguments.append(f"{kind}={_target(option['file'], self.base)}")
            if plain:
                file = scratch.with_name(f"{scratch.name}-{number}.txt")
                file.write_text("\n".join(plain) + "\n", encoding="utf-8")
                arguments.append(f"--requirement={file}")
            if arguments:
                yield arguments

    def add_to(self, digest: Digest) -> list[Path]:
        """Add everything that decides what is installed: the lines, the files that they include, local packages.

        Returns the folders of the local packages. Raises NotFound if an included file does not exist.
        """
        digest.add("python", self.python.decided)
        digest.add("build", "\n".join(self.build))
        digest.add("dependencies", "\n".join(self.dependencies))
        reading = _Reading(self, digest)
        for line in (*self.build, *self.dependencies):
            reading.line(line, self.base)
        if self.file is not None:
            reading.file(str(self.file), self.file.parent)
        return reading.packages


class _Reading:
    """Reads lines of requirements and the files that they include into a digest."""

    def __init__(self, requirements: Requirements, digest: Digest) -> None:
        self._source = requirements.source
        self._base = requirements.base
        self._digest = digest
        self._open: list[Path] = []
        self._read: set[Path] = set()
        self.packages: list[Path] = []

    def file(self, name: str, folder: Path) -> None:
        target = _target(name, folder)
        if isinstance(target, str):
            # A file at a URL can change. Its content is not known before the tool reads it.
            return
        target = Path(os.path.normpath(target))
        if not target.is_file():
            raise NotFound(
                f"{self._source} includes the file {name!r:.200}, which does not exist. Relative paths start from "
                f"{str(folder)!r}."
            )
        if target in self._open or len(self._open) > _MAX_DEPTH:
            raise InvalidParameter(f"{self._source} includes the file {name!r:.200} in itself, or in too many levels.")
        if target in self._read:
            return
        self._read.add(target)
        self._open.append(target)
        text = target.read_text(encoding="utf-8", errors="surrogateescape")
        self._digest.add("included", text)
        for line in re.sub(r"\\\r?\n", "", text).splitlines():
            self.line(re.sub(r"(^|\s)#.*", "", line), target.parent)
        self._open.pop()

    def line(self, line: str, folder: Path) -> None:
        line = line.strip()
        if included := _FILE_OPTION.fullmatch(line):
            self.file(included["file"], folder)
            return
        option = _PATH_OPTION.fullmatch(line)
        if option and option["option"] in ("-f", "--find-links"):
            # Like pip and uv: relative to the file if it exists there.
            path = _local_path(option["path"], folder) or _local_path(option["path"], self._base)
        else:
            path = _local_path(option["path"] if option else line, self._base)
        if path is None:
            return
        if option and option["option"] in ("-e", "--editable"):
            # The environment contains the path of this folder, so it cannot be used for a copy of the project.
            self._digest.add("editable", str(path.resolve()))
            for name in ("pyproject.toml", "setup.py", "setup.cfg"):
                self._digest.add_file(f"editable/{name}", path / name)
        else:
            self._digest.add_path("local", path)
            if path.is_dir() and option is None:
                self.packages.append(path)


def _target(name: str, folder: Path) -> Path | str:
    name = name.strip().strip("\"'")
    return name if _URL.match(name) else folder / name.removeprefix("file://")


def _local_path(requirement: str, folder: Path) -> Path | None:
    """Return the file or folder that a requirement names, or None if it names a package of an index or a URL."""
    name = re.split(r"\s+;|\s+--", requirement)[0].strip()
    name = name.partition(" @ ")[2].strip() or name
    name = re.sub(r"\[[^\]]*\]$", "", name).strip("\"'")
    if not name or _URL.match(name) or not ("/" in name or name.startswith(".") or _ARCHIVE.search(name)):
        return None
    path = folder / re.sub(r"^file:(//)?", "", name)
    return path if path.exists() else None


def package_name(folder: Path) -> str | None:
    """Return the name of the package in a folder, or None if only a program that builds it can tell."""
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
        name = project.get("name") if isinstance(project, dict) else None
    except (OSError, ValueError):
        return None
    return name if isinstance(name, str) and _NAME.fullmatch(name) else None


def requirements_of(file: Path, folder: Path) -> Requirements:
    """Read a python_env.yaml or a requirements.txt. Raises InvalidParameter if it has another form."""
    if file.suffix == ".txt":
        return Requirements(file.name, folder, PythonRequest(), file=file)
    content = _yaml_mapping(file)
    unknown = sorted(str(key) for key in content.keys() - {"python", "build_dependencies", "dependencies"})
    if unknown:
        raise InvalidParameter(
            f"{file.name} has unknown keys: {', '.join(unknown):.200}. It can have python, build_dependencies and "
            "dependencies."
        )
    return Requirements(
        file.name,
        folder,
        python_request(content.get("python"), file.name),
        _lines(content.get("build_dependencies"), "build_dependencies", file.name),
        _lines(content.get("dependencies"), "dependencies", file.name),
    )


def requirements_of_conda(file: Path) -> tuple[Requirements, list[str]]:
    """Read a conda.yaml as what pip can install, and the list of the dependencies that only conda can.

    Raises InvalidParameter if the file has another form.
    """
    python = None
    build: list[str] = []
    pip: list[str] = []
    others: list[str] = []
    dependencies = _yaml_mapping(file).get("dependencies") or []
    if not isinstance(dependencies, list):
        raise InvalidParameter(f"dependencies in {file.name} must be a list, not {shown(dependencies)}.")
    for dependency in dependencies:
        if isinstance(dependency, dict) and dependency.keys() == {"pip"}:
            pip += _lines(dependency["pip"], "pip", file.name)
            continue
        found = _CONDA_PACKAGE.fullmatch(dependency.strip()) if isinstance(dependency, str) else None
        if found is None:
            raise InvalidParameter(
                f"{file.name} has a dependency that is not valid: {shown(dependency)}. It must be a string such as "
                '"scipy=1.11", or {pip: […]}.'
            )
        version = (found["version"] or "").replace(" ", "")
        if found["name"] == "python":
            python = _conda_version(version) or None
        elif found["name"] in _CONDA_BUILD_TOOLS:
            build.append(found["name"] + _conda_specifier(version))
        else:
            others.append(dependency.strip())
    request = python_request(python, file.name)
    return Requirements(file.name, file.parent, request, tuple(build), tuple(pip)), others


def _conda_version(version: str) -> str:
    """Return conda's "=3.10", "==3.10.4" or "=3.10.*" as a version, and other specifiers unchanged."""
    plain = version.lstrip("=").split("=")[0] if version.startswith("=") else version
    return plain.removesuffix(".*")


def _conda_specifier(version: str) -> str:
    if not version or version[0] in "<>!~":
        return version
    # In conda, one "=" or none means all versions that begin like this.
    exact = version.startswith("==")
    plain = version.lstrip("=").split("=")[0].removesuffix("*").removesuffix(".")
    return f"=={plain}" if exact else f"=={plain}.*"


def inline_metadata(script: Path) -> str:
    """Return the block `script` of a script's inline metadata (PEP 723) as TOML.

    Raises InvalidParameter if the script has none, or more than one.
    """
    blocks = inline_metadata_blocks(script)
    if len(blocks) != 1:
        raise InvalidParameter(
            f"{script.name} must have one block of inline metadata that begins with '# /// script' (PEP 723), not "
            f"{len(blocks)}."
        )
    return blocks[0]


def requirements_of_script(script: Path) -> Requirements:
    """Read the inline metadata of a script (PEP 723). Raises InvalidParameter if it is not valid."""
    content = parsed_toml(inline_metadata(script), f"The inline metadata of {script.name}")
    python = python_request(content.get("requires-python"), script.name)
    dependencies = _lines(content.get("dependencies"), "dependencies", script.name)
    return Requirements(script.name, script.parent, python, (), dependencies)


def parsed_toml(text: str, what: str) -> dict[str, Any]:
    """Parse TOML. Raises InvalidParameter, whose message begins with `what`, if that fails."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidParameter(f"{what} is not valid TOML: {error}.") from None


def _yaml_mapping(file: Path) -> dict[Any, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise InvalidParameter(f"{file.name} cannot be read as YAML: {problem:.300}.") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InvalidParameter(f"{file.name} must contain keys with values, not {shown(content)}.")
    return content


def _lines(value: Any, key: str, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(each, str) for each in value):
        raise InvalidParameter(f"{key} in {where} must be a list of strings, not {shown(value)}.")
    if any("\0" in each for each in value):
        raise InvalidParameter(f"{key} in {where} must not contain NUL characters.")
    return tuple(value)
