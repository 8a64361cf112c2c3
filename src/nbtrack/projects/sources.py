"""Fetches a project: a folder is used where it is, a git repository or an archive in a fresh copy for each run.

In the cache folder of projects:

    git/<digest of the URL>/<commit>.git    a bare repository with one commit, never changed once it is there
    git/<digest of the URL>.lock            held while one process fetches
    copies/<name>-<commit>-<random>         what a run works in, with the objects of the bare repository

Everything is created under a name that begins with `.partial-` and renamed when it is complete, so a process that is
killed leaves nothing that another one would use.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import secrets
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ExecutionException, InvalidParameter, NbtrackError, NotFound
from .archives import download, unpack
from .cache import cache_folder, new_folder, one_at_a_time
from .git import Git, GitFailed, is_installed, refs_of, with_credentials
from .output import show
from .patch import uncommitted_changes
from .uris import Location, parse, without_credentials

_CALLER_OF_RUN = 9
"""The caller of `nbtrack.projects.run` as `stacklevel` of a warning, seen from a function that `fetched` calls."""
_PARTIAL = ".partial-"
_DAY = 86_400.0
_MOST_SAID = 5
"""How much of what a patch does not contain the warning lists. The patch lists all of it."""
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT_COMMIT = re.compile(r"[0-9a-f]{4,63}")
_NOT_IN_A_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|^-|//|^/|/$|^$")
_FETCHED = "refs/nbtrack/fetched"
# Filters of the user, such as that of Git LFS, are not run because a fetched repository names them.
_ATTRIBUTES = "* -filter\n"
_LEFT_BY_PYTHON = ("__pycache__", ".git")


@dataclass(slots=True)
class _Copy:
    """Whether the copy that a run works in is kept."""

    keep: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A project that has been fetched.

    Attributes:
        uri: Where it comes from, without credentials. It is the tag `mlflow.source.name`.
        folder: The folder of the project, in which its commands run.
        commit: The commit, or None outside git.
        repo_url: The URL of the repository, for a folder that of its remote `origin`.
        branch: The branch, or None.
        version: The version that was asked for.
        patch: The uncommitted changes of a folder, or None if there are none.
        subfolder: The folder of the project below the root of the repository or the archive, or None for the root.
    """

    uri: str
    folder: Path
    commit: str | None = None
    repo_url: str | None = None
    branch: str | None = None
    version: str | None = None
    patch: str | None = None
    subfolder: str | None = None
    _copy: _Copy = field(default_factory=_Copy, repr=False, compare=False)

    def keep(self) -> None:
        """Keep the copy that the run works in, for example because the run has failed."""
        self._copy.keep = True


@contextmanager
def fetched(uri: str, version: str | None = None) -> Iterator[Source]:
    """Fetch a project, and clean up at the end of the block.

    A folder is used where it is. Otherwise, the block gets a copy of its own, which is deleted at the end. It is kept,
    and its path printed, if the run has written files into it or has failed: after `Source.keep`, and if the block
    raises an exception that is not an error of nbtrack, or an ExecutionException.

    Args:
        uri: A folder, a zip archive (a path, or an `https://` URL that ends with .zip) or a git repository, possibly
            followed by `#` and the folder of the project in it.
        version: A branch, a tag or a commit of a git repository. Defaults to its default branch, and for a folder to
            its files as they are.

    Yields:
        The source.

    Raises:
        InvalidParameter: If the URI or the version is not valid, or an archive cannot be unpacked.
        NotFound: If the folder, the subfolder or the version does not exist.
        ExecutionException: If the URI cannot be reached, or git is not installed.
    """
    if version is not None:
        _check_version(version)
    location = parse(uri, version)
    if location.kind == "folder":
        yield _folder(location)
        return
    if location.kind == "zip" and version is not None:
        raise InvalidParameter("A version can be chosen only in a git repository, not in a .zip file.")
    with _copy_of(location if location.kind == "zip" else _repository(location), version) as source:
        yield source


def _folder(location: Location) -> Source:
    """Return a folder as it is. A warning reports uncommitted changes."""
    folder = _inside(Path(location.uri), location)
    git = Git(folder)
    root = git.line("rev-parse", "--show-toplevel") if is_installed() else None
    if root is None:
        return Source(str(folder), folder, subfolder=location.subfolder or None)
    relative = _relative(folder, Path(root))
    patch = None
    try:
        changes = uncommitted_changes(Path(root), folder)
    except (GitFailed, OSError) as error:
        warnings.warn(f"The uncommitted changes of {root!r} cannot be read: {error}", stacklevel=_CALLER_OF_RUN)
        changes = None
    if changes is not None:
        patch = changes.patch
        further = len(changes.left_out) - _MOST_SAID
        listed = [*changes.left_out[:_MOST_SAID], *([f"{further} more, which the patch lists"] if further > 0 else [])]
        left_out = f" The patch does not contain: {'; '.join(listed)}." if listed else ""
        warnings.warn(
            f"{root!r} has uncommitted changes in {changes.files:,} file{'s' * (changes.files != 1)}. The run uses "
            f"them, and keeps them as a patch.{left_out}",
            stacklevel=_CALLER_OF_RUN,
        )
    remote = git.line("config", "--get", "remote.origin.url")
    return Source(
        f"file://{root}" + (f"#{relative}" if relative else ""),
        folder,
        git.line("rev-parse", "--verify", "--quiet", "HEAD^{commit}"),
        without_credentials(remote)[0] if remote else None,
        git.line("symbolic-ref", "--quiet", "--short", "HEAD"),
        patch=patch,
        subfolder=relative or None,
    )


@contextmanager
def _copy_of(location: Location, version: str | None) -> Iterator[Source]:
    """Yield a repository or an archive in a fresh copy."""
    copies = cache_folder("projects", "copies")
    _remove_abandoned(copies)
    partial = new_folder(copies, _PARTIAL)
    root = None
    try:
        fetch = _unpacked if location.kind == "zip" else _checked_out
        source = fetch(location, version, partial)
        # The subfolder is checked before the copy gets its name.
        folder = _inside(_top(partial, location), location)
        relative = folder.relative_to(partial)
        root = copies / f"{_name(location)}-{source.commit[:12] if source.commit else 'zip'}-{secrets.token_hex(4)}"
        partial.rename(root)
    finally:
        if root is None:
            shutil.rmtree(partial, ignore_errors=True)
    source = Source(
        location.shown, root / relative, source.commit, source.repo_url, source.branch, version,
        subfolder=location.subfolder or None,
    )  # fmt: skip
    before = _files(root)
    try:
        yield source
    except BaseException as error:
        # With any other error of nbtrack, such as a wrong parameter, nothing has been run.
        if isinstance(error, ExecutionException) or not isinstance(error, NbtrackError):
            source.keep()
        raise
    finally:
        written = sorted(_files(root).items() - before.items())
        if source._copy.keep or written:
            files = "a file" if len(written) == 1 else f"{len(written):,} files"
            reason = f", with {files} that the run has written" if written else ""
            show(f"the project's copy is kept in {root}{reason}")
        else:
            shutil.rmtree(root, ignore_errors=True)


def _unpacked(location: Location, version: str | None, folder: Path) -> Source:
    archive = Path(location.uri)
    if not location.uri.startswith(("http://", "https://")):
        unpack(archive, folder, location.shown)
    else:
        with tempfile.TemporaryDirectory(prefix="nbtrack-zip-") as temporary:
            archive = Path(temporary, "archive.zip")
            download(location, archive)
            unpack(archive, folder, location.shown)
    return Source(location.shown, folder)


def _top(folder: Path, location: Location) -> Path:
    """Return where a project begins. Archives of code hosts have one folder, with the repository in it."""
    entries = list(folder.iterdir())
    if location.kind == "zip" and not location.subfolder and len(entries) == 1 and entries[0].is_dir():
        return entries[0]
    return folder


# ---------------------------------------------------------------- git


def _checked_out(location: Location, version: str | None, folder: Path) -> Source:
    """Check a version out into an empty folder, with the objects of the cache."""
    git = with_credentials(location.uri, location.url)
    try:
        cached, branch = _cached(location, version, git)
        commit = cached.name.removesuffix(".git")
        copy = Git(folder)
        copy("init", "--quiet", "--template=", _object_format(commit), ".")
        inner = folder / ".git"
        (inner / "objects" / "info").mkdir(exist_ok=True)
        (inner / "objects" / "info" / "alternates").write_bytes(os.fsencode(cached / "objects") + b"\n")
        (inner / "info").mkdir(exist_ok=True)
        (inner / "info" / "attributes").write_text(_ATTRIBUTES)
        if (cached / "shallow").is_file():
            shutil.copyfile(cached / "shallow", inner / "shallow")
        copy("config", "remote.origin.url", location.uri)
        # The runs of the project record the branch that is checked out.
        head = ["-B", branch] if branch and not branch.startswith("-") else ["--detach"]
        copy("checkout", "--quiet", "--force", *head, commit)
    except GitFailed as error:
        raise ExecutionException(f"Project {location.shown!r:.200} cannot be fetched. Git says: {error}") from None
    _warn_of_missing_parts(folder, location)
    return Source(location.shown, folder, commit, _repository_url(location), branch)


def _repository(location: Location) -> Location:
    """Return the location of the repository that a local folder belongs to, with the folder in it."""
    path = Path(location.uri)
    if not path.is_absolute():
        return location
    root = Git(path).line("rev-parse", "--show-toplevel")
    if root is not None:
        subfolder = "/".join(part for part in (_relative(path, Path(root)), location.subfolder) if part)
        return Location("git", root, subfolder)
    if Git(path).line("rev-parse", "--git-dir") == ".":
        # A bare repository, or the folder .git of another one.
        return location
    raise InvalidParameter(
        f"A version can be chosen only in a git repository, and {location.uri!r:.200} is not in one."
    )


def _repository_url(location: Location) -> str:
    """Return the URL that is recorded: for a local working tree that of its remote, if it has one."""
    remote = None
    if (Path(location.uri) / ".git").exists():
        remote = Git(Path(location.uri)).line("config", "--get", "remote.origin.url")
    return without_credentials(remote)[0] if remote else location.address


def _cached(location: Location, version: str | None, git: Git) -> tuple[Path, str | None]:
    """Return the bare repository of a version in the cache, and the branch. It is fetched if it is not there."""
    digest = hashlib.sha256(os.fsencode(location.uri)).hexdigest()[:32]
    if version is not None and _COMMIT.fullmatch(version):
        known = cache_folder("projects", "git") / digest / f"{version}.git"
        if known.is_dir():
            return known, None
    refs, head = refs_of(git, location.uri)
    ref, commit = _find_version(refs, head, version, location)
    folder = cache_folder("projects", "git", digest)
    branch = ref.removeprefix("refs/heads/") if ref and ref.startswith("refs/heads/") else None

    def waiting() -> None:
        show(f"waiting for another process that fetches {location.shown}")

    with one_at_a_time(folder.with_name(f"{digest}.lock"), waiting):
        for abandoned in folder.glob(f"{_PARTIAL}*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        found = folder / f"{commit}.git"
        if commit is None or not found.is_dir():
            partial = new_folder(folder, _PARTIAL)
            try:
                kind = _object_format(next(iter(refs.values()), ""))
                commit = _fetch(git, location, ref, commit or version or "", kind, partial)
                found = folder / f"{commit}.git"
                if not found.is_dir():
                    partial.rename(found)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return found, branch


def _find_version(
    refs: dict[str, str], head: str | None, version: str | None, location: Location
) -> tuple[str | None, str | None]:
    """Return the ref and the commit of a version. A short commit is not among the refs, and has neither."""
    if version is None:
        if "HEAD" not in refs:
            raise NotFound(f"Project {location.shown!r:.200} has no commits on its default branch. Pass a version.")
        return head if head in refs else "HEAD", refs["HEAD"]
    names = [name for name in (version, f"refs/tags/{version}", f"refs/heads/{version}") if name in refs]
    names = names or [name for name in (f"refs/{version}", f"refs/remotes/{version}") if name in refs]
    # The commit of an annotated tag is listed under the tag's name and `^{}`.
    found = {name: refs.get(f"{name}^{{}}", refs[name]) for name in names}
    if len(set(found.values())) > 1:
        raise InvalidParameter(f"Version {version!r:.80} is ambiguous. Pass one of {', '.join(names)}.")
    if names:
        return names[-1], found[names[-1]]
    if _COMMIT.fullmatch(version):
        return None, version
    if _SHORT_COMMIT.fullmatch(version):
        return None, None
    raise _no_version(version, refs, location)


def _no_version(version: str, refs: dict[str, str], location: Location) -> NotFound:
    names = [
        re.sub(r"^refs/(?:heads|tags)/", "", name) for name in refs if name.startswith(("refs/heads", "refs/tags"))
    ]
    names = [name for name in names if not name.endswith("^{}")]
    near = difflib.get_close_matches(version, names, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
    return NotFound(
        f"Version {version!r:.80} does not exist in {location.shown!r:.200}.{hint} "
        f"A version is a branch, a tag or a commit. Branches and tags: {listed or 'none'}."
    )


def _object_format(commit: str) -> str:
    """Return the option of `git init` for a repository with commits of this length."""
    return f"--object-format={'sha256' if len(commit) == 64 else 'sha1'}"


def _fetch(git: Git, location: Location, ref: str | None, commit: str, kind: str, folder: Path) -> str:
    """Fetch one version into an empty folder as a bare repository, and return the commit."""
    there = Git(folder, git.variables, git.secrets)
    there("init", "--quiet", "--bare", "--template=", kind, ".")
    fetch = ("fetch", "--quiet", "--no-tags")
    try:
        if ref is None and not _COMMIT.fullmatch(commit):
            raise GitFailed("a short commit cannot be fetched by its name")
        there(*fetch, "--depth=1", "--", location.uri, f"+{ref or commit}:{_FETCHED}")
    except GitFailed:
        # Not every server gives a part of the history, or a commit by its name. It can be that of any branch or tag.
        wanted = [f"+{ref}:{_FETCHED}"] if ref else ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
        there(*fetch, "--", location.uri, *wanted)
    name = there.line("rev-parse", "--verify", "--quiet", f"{_FETCHED}^{{commit}}")
    name = name or there.line("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
    if name is None:
        raise _no_version(commit, refs_of(git, location.uri)[0], location)
    # All of the commit must be there before others use it.
    there("update-ref", "--no-deref", "HEAD", name)
    return name


def _warn_of_missing_parts(folder: Path, location: Location) -> None:
    if (folder / ".gitmodules").is_file():
        warnings.warn(
            f"Project {location.shown!r:.200} has submodules, which are not fetched. Their folders are empty.",
            stacklevel=_CALLER_OF_RUN + 3,
        )
    with suppress(OSError):
        attributes = folder / ".gitattributes"
        if not attributes.is_symlink() and "filter=lfs" in attributes.read_text("utf-8", "replace"):
            warnings.warn(
                f"Files of project {location.shown!r:.200} are in Git LFS and are not downloaded. They are pointers.",
                stacklevel=_CALLER_OF_RUN + 3,
            )


# ---------------------------------------------------------------- checks and files


def _check_version(version: object) -> None:
    if not isinstance(version, str):
        raise InvalidParameter(f"version must be a string, not {type(version).__name__}.")
    if _NOT_IN_A_REF.search(version):
        raise InvalidParameter(f"version must be the name of a branch, a tag or a commit, not {version!r:.80}.")


def _inside(root: Path, location: Location) -> Path:
    """Return the folder of the project below the root of what was fetched. Links do not lead out of it."""
    folder = root / location.subfolder
    if not folder.is_dir():
        raise NotFound(
            f"Folder {location.subfolder!r:.200} does not exist in {location.shown.partition('#')[0]!r:.200}."
        )
    if not folder.resolve().is_relative_to(root.resolve()):
        raise InvalidParameter(f"Subfolder {location.subfolder!r:.200} is a link that leads out of the project.")
    return folder


def _relative(folder: Path, root: Path) -> str:
    with suppress(ValueError):
        relative = folder.resolve().relative_to(root.resolve()).as_posix()
        return "" if relative == "." else relative
    return ""


def _name(location: Location) -> str:
    last = re.split(r"[/:]", location.uri.rstrip("/"))[-1].removesuffix(".git").removesuffix(".zip")
    return re.sub(r"[^\w.-]", "_", last).lstrip(".-")[:40] or "project"


def _files(root: Path) -> dict[str, tuple[int, int]]:
    """Return the size and the time of change of each file, without what git and Python write."""
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _LEFT_BY_PYTHON]
        for name in files:
            with suppress(OSError):
                status = os.lstat(os.path.join(folder, name))
                found[os.path.relpath(os.path.join(folder, name), root)] = (status.st_size, status.st_mtime_ns)
    return found


def _remove_abandoned(
    copies: Path, is_old: Callable[[float], bool] = lambda changed: time.time() - changed > _DAY
) -> None:
    """Delete copies that a process which was killed has not completed."""
    for partial in copies.glob(f"{_PARTIAL}*"):
        with suppress(OSError):
            if is_old(partial.stat().st_mtime):
                shutil.rmtree(partial, ignore_errors=True)
