"""The uncommitted changes of a working tree as a patch for `git apply`, without what looks like a secret."""

from __future__ import annotations

import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .git import Git, split_nul

MAX_PATCH = 5_000_000
"""The largest patch, in bytes. Changes of further files are left out."""
MAX_NEW_FILE = 256_000
"""The largest untracked file that is part of a patch, in bytes."""
MAX_NEW_FILES = 500
_MOST_LISTED = 20
_STORES = (".nbtrack", "mlruns")

_SECRET_FILE = re.compile(
    r"\.env(?:\..+)?|\.netrc|\.pgpass|\.npmrc|\.pypirc|\.git-credentials|credentials(?:\.\w+)?|secrets?\.\w+"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)|.+\.(?:pem|key|p12|pfx|keystore|jks|kdbx|ovpn)",
    re.IGNORECASE,
)
_EXAMPLE_FILE = re.compile(r".*\.(?:example|sample|template|dist)", re.IGNORECASE)
_WORD = r"passw(?:or)?d|passphrase|secret|token(?!i[sz])|credential|(?:api|access|private|auth)[_-]?key"
_NAME = rf"(?i:[\w.-]*(?:{_WORD})[\w.-]*)"
_LITERAL = r"[fbru]?\\?[\"'][^\"'\s<>|\[\]{}\\]{6,}\\?[\"']"
_SECRET = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z ]*PRIVATE KEY",
            r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
            r"\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{20,}",
            r"\bxox[abeprs]-[\w-]{10,}|\bsk-[\w-]{20,}|\bsk_live_\w{10,}|\bhf_\w{20,}|\bAIza[\w-]{30,}|\bpypi-\w{20,}",
            r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.",
            r"://[^\s/:@'\"]+:[^\s/@'\"]{3,}@",
            r"(?i:\b(?:bearer|basic)) +[\w+/=.-]{16,}",
            # `password = "…"`, `{"password": "…"}`, `os.environ["PASSWORD"] = "…"`, `password: str = "…"`
            rf"{_NAME}\\?[\"']?\]?(?: *: *\w+(?= *=))? *(?::|=|:=|=>) *{_LITERAL}",
        )
    ),
    re.MULTILINE,
)
_SETTING = re.compile(rf"^.(?: *export)? *[\"']?{_NAME}[\"']? *[=:] *[^\s\"'(){{}}\[\]<>$]{{6,}} *$", re.MULTILINE)
"""`PASSWORD=…` or `password: …`, without quotes. In a program, that is another variable."""
_PROGRAMS = (".py", ".ipynb", ".pyi", ".js", ".ts", ".tsx", ".r", ".jl", ".c", ".h", ".cpp", ".rs", ".go", ".java")


@dataclass(frozen=True, slots=True)
class Changes:
    """The uncommitted changes of a working tree.

    Attributes:
        files: How many files differ from the commit. New files count, unless git ignores them.
        patch: The patch. Its first lines say what it does not contain.
        left_out: What it does not contain, and why.
    """

    files: int
    patch: str
    left_out: tuple[str, ...]


def uncommitted_changes(root: Path, folder: Path) -> Changes | None:
    """Return the changes of the working tree with this root, or None if there are none.

    Of the untracked files, only those below `folder` count: the repository can be that of a home directory.
    """
    with tempfile.TemporaryDirectory(prefix="nbtrack-patch-") as temporary:
        return _changes(root, folder, Path(temporary))


def _changes(root: Path, folder: Path, temporary: Path) -> Changes | None:
    # With an index and objects of its own, nothing in the user's repository changes.
    git = Git(root)
    index = git.line("rev-parse", "--path-format=absolute", "--git-path", "index")
    objects = git.line("rev-parse", "--path-format=absolute", "--git-path", "objects")
    if index is None or objects is None:
        return None
    if Path(index).is_file():
        # With its time: git compares it with that of files, to find those that were changed in the same second.
        shutil.copy2(index, temporary / "index")
    aside = Git(
        root,
        {
            "GIT_INDEX_FILE": str(temporary / "index"),
            "GIT_OBJECT_DIRECTORY": str(temporary),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects,
        },
    )
    untracked = [
        name
        for name in split_nul(Git(folder)("ls-files", "-z", "--full-name", "--others", "--exclude-standard"))
        if PurePosixPath(name).parts[0] not in _STORES
    ]
    left_out: list[str] = []
    new = list(_new_files(root, untracked, left_out))
    if new:
        names = b"\0".join(name.encode("utf-8", "surrogateescape") for name in new)
        aside("add", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul", stdin=names)
    base = "HEAD"
    if git.line("rev-parse", "--verify", "--quiet", "HEAD^{commit}") is None:
        # Before the first commit, everything differs from the tree without files, whose name depends on the hash.
        base = git.line("hash-object", "-t", "tree", "--stdin") or base
    diff = aside(
        "diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules=dirty",
        "--src-prefix=a/", "--dst-prefix=b/", "--unified=3", base, "--", limit=MAX_PATCH + 1,
    )  # fmt: skip
    if not diff and not untracked:
        return None
    is_cut = len(diff) > MAX_PATCH
    files = _files(diff)
    if is_cut:
        files = files[:-1]
        left_out.append(f"further files (the patch would have more than {MAX_PATCH:,} bytes)")
    kept = "".join(text for file in files if (text := _without_secrets(file, left_out)))
    head = "".join(f"# Left out: {reason}\n" for reason in left_out)
    return Changes(len(files) + len(untracked) - len(new), head + kept, tuple(left_out))


def _new_files(root: Path, names: Iterable[str], left_out: list[str]) -> Iterator[str]:
    """Yield the untracked files that can be part of the patch: text, not large, and no links."""
    count = 0
    others = 0
    for name in names:
        is_full = count >= MAX_NEW_FILES
        reason = f"one of more than {MAX_NEW_FILES} new files" if is_full else _not_text(root / name)
        count += reason is None
        if reason is None:
            yield name
        elif len(left_out) < _MOST_LISTED:
            left_out.append(f"{_shown(name)} ({reason})")
        else:
            others += 1
    if others:
        left_out.append(f"{others:,} further new files")


def _not_text(file: Path) -> str | None:
    """Return why a file cannot be part of the patch, or None."""
    try:
        status = file.lstat()
        if not stat.S_ISREG(status.st_mode):
            return "not a regular file"
        if status.st_size > MAX_NEW_FILE:
            return f"{status.st_size:,} bytes"
        content = file.read_bytes()
        content.decode()
        return "binary" if b"\0" in content else None
    except UnicodeDecodeError:
        return "not UTF-8"
    except OSError as error:
        return str(error.strerror)


def _files(diff: bytes) -> list[str]:
    """Split a diff into the parts of its files."""
    # A line of a file's content begins with a space, a plus, a minus or a backslash.
    text = diff.decode("utf-8", "surrogateescape")
    return re.split(r"^(?=diff --git )", text, flags=re.MULTILINE)[1:]


def _without_secrets(file: str, left_out: list[str]) -> str:
    """Return a file's part of the diff without hunks that look like a secret, or an empty string."""
    header, *hunks = re.split(r"^(?=@@ )", file, flags=re.MULTILINE)
    name = _name_of(header)
    base = PurePosixPath(name).name
    if _SECRET_FILE.fullmatch(base) and not _EXAMPLE_FILE.fullmatch(base):
        left_out.append(f"{_shown(name)} (a file of that name usually has secrets)")
        return ""
    if "\nBinary files " in header:
        left_out.append(f"{_shown(name)} (binary)")
        return ""
    kept = []
    for hunk in hunks:
        first_line = re.search(r"\+(\d+)", hunk)
        where = f"{_shown(name)}, the change at line {first_line[1] if first_line else '?'}"
        is_setting = PurePosixPath(name).suffix.lower() not in _PROGRAMS and _SETTING.search(hunk)
        if is_setting or _SECRET.search(hunk):
            left_out.append(f"{where} (looks like a secret)")
        elif not _is_unicode(hunk):
            left_out.append(f"{where} (not UTF-8)")
        else:
            kept.append(hunk)
    return header + "".join(kept) if kept or (not hunks and _is_unicode(header)) else ""


def _name_of(header: str) -> str:
    for start in ("+++ b/", "--- a/", '+++ "b/', '--- "a/'):
        match = re.search(rf"^{re.escape(start)}(.*?)\"?\t?$", header, re.MULTILINE)
        if match:
            return match[1]
    return header.splitlines()[0].rpartition(" b/")[2]


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(name: str) -> str:
    """Return a name that fits into one line."""
    return repr(name)[1:-1] if name.isprintable() else ascii(name)[1:-1]
