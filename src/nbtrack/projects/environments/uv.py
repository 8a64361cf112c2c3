"""Environments that uv creates: from a lock file, from lists of requirements, or from a script's inline metadata."""

from __future__ import annotations

import shutil
import sys
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import ExecutionException, InvalidParameter, NotFound, NotSupported
from .base import outside_variables, python_in
from .cached import CachedEnvironment
from .digest import Digest
from .requirements import PythonRequest, Requirements, inline_metadata, package_name, parsed_toml, python_request
from .tools import ToolFailed, run_tool

LOCK = "uv.lock"
_FAILURE = "The environment could not be created"
_OUTDATED = "needs to be updated"
_CONFIGURATION = ("pyproject.toml", "uv.toml")


def uv_program() -> str:
    """Return the path of uv. Raises NotSupported if it is not installed."""
    try:
        import uv

        return uv.find_uv_bin()
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise NotSupported(
            "uv is not installed, and this project's environment is created by uv. Install it with "
            '`pip install "nbtrack[projects]"`, or choose another env_manager: virtualenv, or local for the '
            "environment of this process."
        )
    return found


class _UvEnvironment(CachedEnvironment):
    manager = "uv"

    def __init__(self, digest: Digest, folder: Path, source: str, python: PythonRequest) -> None:
        self._program = uv_program()
        self._request = python
        digest.add("manager", self.manager)
        digest.add_platform()
        super().__init__(digest.hexdigest(), folder, source, str(python))

    @abstractmethod
    def _create(self, prefix: Path, progress: Callable[[str], None]) -> None: ...

    @property
    def _python_argument(self) -> str:
        # The interpreter of this process is not searched for, so it is always found, and nothing is downloaded for it.
        return sys.executable if self._request.is_this else str(self._request.version)

    def _uv(self, progress: Callable[[str], None], *arguments: str, **variables: str) -> None:
        run_tool(
            [self._program, *arguments],
            progress,
            failure=_FAILURE,
            folder=self.folder,
            variables={**outside_variables(), "UV_NO_PROGRESS": "1", **variables},
        )

    def _venv(self, prefix: Path, progress: Callable[[str], None]) -> None:
        self._uv(progress, "venv", "--quiet", "--no-project", f"--python={self._python_argument}", str(prefix))


class UvRequirements(_UvEnvironment):
    """An environment with requirements, as python_env.yaml and requirements.txt list them."""

    def __init__(self, requirements: Requirements, folder: Path) -> None:
        digest = Digest()
        self._rebuilt = _rebuilt(package_name(path) for path in requirements.add_to(digest))
        for name in _CONFIGURATION:
            # uv reads the indexes and constraints of the project from here.
            digest.add_file(name, folder / name)
        _add_variables(digest)
        self._requirements = requirements
        super().__init__(digest, folder, requirements.source, requirements.python)

    def _create(self, prefix: Path, progress: Callable[[str], None]) -> None:
        self._venv(prefix, progress)
        for arguments in self._requirements.installs(prefix / "requirements"):
            self._uv(progress, "pip", "install", f"--python={python_in(prefix)}", *self._rebuilt, *arguments)


class UvScript(_UvEnvironment):
    """An environment for a script with inline metadata (PEP 723), by its lock file if there is one."""

    def __init__(self, script: Path, requirements: Requirements, folder: Path) -> None:
        metadata = inline_metadata(script)
        self._script = script
        self._lock = script.with_name(f"{script.name}.lock")
        self._is_locked = self._lock.is_file()
        digest = Digest()
        requirements.add_to(digest)
        digest.add("metadata", metadata)
        if self._is_locked:
            digest.add_file("lock", self._lock)
        else:
            _add_variables(digest)
        tool = parsed_toml(metadata, script.name).get("tool", {})
        sources = dict(_paths_of_sources(tool.get("uv", {}) if isinstance(tool, dict) else {}))
        for path in sources.values():
            digest.add_path("local", script.parent / path)
        self._rebuilt = _rebuilt(sources)
        super().__init__(digest, folder, self._lock.name if self._is_locked else script.name, requirements.python)

    def _create(self, prefix: Path, progress: Callable[[str], None]) -> None:
        self._venv(prefix, progress)
        # `uv sync --script` would choose the folder of the environment itself, and `uv pip install` ignore [tool.uv].
        exported = prefix / "pylock.toml"
        command = f"uv lock --script {self._script.name}"
        with _explained(self._lock.name, command):
            self._uv(
                progress,
                *("export", "--quiet", f"--script={self._script}", "--no-header", f"--python={self._python_argument}"),
                *("--format=pylock.toml", f"--output-file={exported}"),
                *(["--locked"] if self._is_locked else []),
            )
        install = ("pip", "sync", f"--python={python_in(prefix)}", *self._rebuilt, str(exported))
        # Without the variable, uv warns that files of this form are new.
        self._uv(progress, *install, UV_PREVIEW_FEATURES="pylock")


class UvProject(_UvEnvironment):
    """An environment from a pyproject.toml and its uv.lock.

    The project itself and local packages are installed as copies and not as links, because another copy of the same
    project uses this environment too. So their files are part of the digest.
    """

    def __init__(self, pyproject: Path, folder: Path) -> None:
        self._project = pyproject.parent
        lock = self._project / LOCK
        if not lock.is_file():
            raise NotFound(
                f"{LOCK} does not exist beside {pyproject.name}. Create it with `uv lock` and commit it: an "
                "environment is created from the versions that it pins."
            )
        content = parsed_toml(_read(pyproject), pyproject.name)
        locked = parsed_toml(_read(lock), LOCK)
        digest = Digest()
        digest.add_file(LOCK, lock)
        digest.add("pyproject", _read(pyproject))
        digest.add_file("uv.toml", self._project / "uv.toml")
        sources = list(_local_sources(locked))
        for _, path in sources:
            digest.add_path(f"local {path}", self._project / path)
        self._rebuilt = _rebuilt({name for name, path in sources if (self._project / path).is_dir()})
        pinned = self._project / ".python-version"
        if pinned.is_file():
            self._pinned: str | None = _read(pinned).strip()
            digest.add("python", str(self._pinned))
            python = PythonRequest()
        else:
            self._pinned = None
            table = content.get("project")
            python = python_request(table.get("requires-python") if isinstance(table, dict) else None, pyproject.name)
            digest.add("python", python.decided)
        super().__init__(digest, folder, LOCK, python)
        if self._pinned:
            self._python = f"Python {self._pinned:.40} (.python-version)"

    def _create(self, prefix: Path, progress: Callable[[str], None]) -> None:
        # uv itself reads the .python-version, in all its forms.
        python = [] if self._pinned else [f"--python={self._python_argument}"]
        with _explained(LOCK, "uv lock"):
            self._uv(
                progress,
                *("sync", "--locked", "--no-editable", f"--project={self._project}", *python, *self._rebuilt),
                UV_PROJECT_ENVIRONMENT=str(prefix),
            )


@contextmanager
def _explained(lock: str, command: str) -> Iterator[None]:
    """Say what to do if uv refuses a lock file that is out of date."""
    try:
        yield
    except ToolFailed as error:
        if _OUTDATED not in error.output:
            raise
        raise ExecutionException(
            f"{lock} is out of date: it does not match the dependencies that the project declares. Update it with "
            f"`{command}` and commit it."
        ) from error


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"{file.name} cannot be read: {error}.") from None


def _add_variables(digest: Digest) -> None:
    # Which index packages come from is not part of the digest: a mirror has the same ones.
    files = ("UV_CONSTRAINT", "UV_OVERRIDE", "UV_BUILD_CONSTRAINT", "UV_EXCLUDE")
    digest.add_variables(files, ("UV_EXCLUDE_NEWER", "UV_PRERELEASE", "UV_RESOLUTION"))


def _rebuilt(names: Iterable[str | None]) -> list[str]:
    """Return the options that let uv build local packages anew.

    uv would otherwise use what it once built, also if only the code of a package has changed since then. A name is None
    if it is not known.
    """
    names = set(names)
    if None in names:
        return ["--reinstall"]
    return sorted(f"--reinstall-package={name}" for name in names)


def _local_sources(locked: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the names and paths in a uv.lock of packages that are built or read from local files."""
    packages = locked.get("package", [])
    for package in packages if isinstance(packages, list) else ():
        source = package.get("source") if isinstance(package, dict) else None
        if not isinstance(source, dict):
            continue
        # A `virtual` source is the project itself, if it is not installed.
        name = str(package.get("name"))
        yield from ((name, str(source[key])) for key in ("editable", "directory", "path") if key in source)
        index = str(source.get("registry", "://"))
        if "://" not in index:
            # The lock has no hashes of the files of a local index.
            files = [*package.get("wheels", []), package.get("sdist")]
            yield from (
                (name, f"{index}/{file['path']}") for file in files if isinstance(file, dict) and "path" in file
            )


def _paths_of_sources(settings: Any) -> Iterator[tuple[str, str]]:
    """Yield the names and paths of local packages in a table [tool.uv]."""
    sources = settings.get("sources") if isinstance(settings, dict) else None
    for name, source in sources.items() if isinstance(sources, dict) else ():
        for each in source if isinstance(source, list) else [source]:
            if isinstance(each, dict) and isinstance(each.get("path"), str):
                yield str(name), each["path"]
