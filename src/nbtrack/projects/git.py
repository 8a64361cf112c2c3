"""Runs git on repositories that may be hostile: no prompt, no hook, no filter, no transport that runs a command."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..errors import ExecutionException
from .uris import GIT_PROTOCOLS

# Options on the command line take precedence over the repository's and the user's configuration.
_OPTIONS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=true",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "advice.detachedHead=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "init.defaultBranch=main",
    "protocol.ext.allow=never",
    # A connection on which nothing arrives for a minute has failed.
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=60",
)
_LOCAL_VARIABLES = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_PREFIX"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS"),
    *("GIT_GRAFT_FILE", "GIT_SHALLOW_FILE", "GIT_REPLACE_REF_BASE", "GIT_NO_REPLACE_OBJECTS"),
    *("GIT_EXTERNAL_DIFF", "GIT_TEMPLATE_DIR", "GIT_CEILING_DIRECTORIES"),
)
"""Variables that point git to another repository, as those do under which a hook runs."""


class GitFailed(Exception):
    """A git command has failed. The message is what git printed."""


@dataclass(frozen=True, slots=True)
class Git:
    """Git for one repository.

    Attributes:
        folder: The folder in which it runs, or None for commands that need no repository.
        variables: Further environment variables.
        secrets: Strings that are removed from messages.
    """

    folder: Path | None = None
    variables: Mapping[str, str] | None = None
    secrets: tuple[str, ...] = ()

    def __call__(self, *arguments: str, stdin: bytes = b"", limit: int | None = None) -> bytes:
        """Run a git command and return its output, or the first `limit` bytes of it.

        Raises GitFailed, and ExecutionException if git is not installed.
        """
        command = [_executable(), *(word for option in _OPTIONS for word in ("-c", option)), *arguments]
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env={**_environment(), **(self.variables or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                if limit is not None and process.stdout is not None:
                    output = process.stdout.read(limit)
                    if len(output) == limit:
                        process.kill()
                        return output
                    errors = process.communicate()[1]
                else:
                    output, errors = process.communicate(stdin)
            except BaseException:
                # After an interrupt, git must not go on in a folder that is being deleted.
                process.kill()
                raise
        if process.returncode != 0:
            raise GitFailed(self._message(errors))
        return output

    def line(self, *arguments: str) -> str | None:
        """Return the output of a command that prints one line, or None if it fails."""
        try:
            return os.fsdecode(self(*arguments)).rstrip("\n") or None
        except GitFailed:
            return None

    def _message(self, errors: bytes) -> str:
        text = errors.decode(errors="replace")
        for secret in self.secrets:
            text = text.replace(secret, "***")
        text = re.sub(r"(://)[^\s/@'\"]+@", r"\1***@", text)
        lines = [re.sub(r"^(?:(?:fatal|error|remote): *)+", "", line).strip() for line in text.splitlines()]
        return " ".join(line for line in lines[-5:] if line) or "git failed without a message"


def with_credentials(url: str, full_url: str) -> Git:
    """Return git for an address whose credentials appear neither on a command line nor in a configuration file."""
    query = url.partition("?")[2]
    secrets: tuple[str, ...] = (query,) if query else ()
    if url == full_url:
        return Git(secrets=secrets)
    count = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    variables = {
        "GIT_CONFIG_COUNT": str(count + 1),
        f"GIT_CONFIG_KEY_{count}": f"url.{full_url}.insteadOf",
        f"GIT_CONFIG_VALUE_{count}": url,
    }
    user = full_url.partition("://")[2].partition("@")[0]
    secrets += tuple(part for part in (full_url, user, user.partition(":")[2]) if part)
    return Git(None, variables, secrets)


def is_installed() -> bool:
    """Return whether there is a git command."""
    return shutil.which("git") is not None


def _executable() -> str:
    found = shutil.which("git")
    if found is None:
        raise ExecutionException("This project needs git, which is not installed or not on the PATH.")
    return found


def _environment() -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in _LOCAL_VARIABLES}
    environment |= {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": ":".join(GIT_PROTOCOLS),
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        # Files of Git LFS stay pointers, also if its filter were run.
        "GIT_LFS_SKIP_SMUDGE": "1",
        "LC_ALL": "C",
    }
    # ssh must not ask for a password or whether it may trust a host. A command that the user has set is kept.
    environment.setdefault("GIT_SSH_COMMAND", _ssh_command())
    return environment


@cache
def _ssh_command() -> str:
    found = shutil.which("git")
    configured = subprocess.run(
        [found or "git", "config", "--get", "core.sshCommand"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return configured.stdout.strip() or "ssh -o BatchMode=yes -o ConnectTimeout=30"


def refs_of(git: Git, url: str) -> tuple[dict[str, str], str | None]:
    """Return the commits of a repository's refs, and the ref of its HEAD. A tag's commit is that of `name^{}`."""
    refs: dict[str, str] = {}
    head = None
    for line in os.fsdecode(git("ls-remote", "--symref", "--", url)).splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: "):
            head = value.removeprefix("ref: ") if name == "HEAD" else head
        else:
            refs[name] = value
    return refs, head


def split_nul(output: bytes) -> Sequence[str]:
    """Return the parts of an output that are separated by NUL characters."""
    return [os.fsdecode(part) for part in output.split(b"\0") if part]
