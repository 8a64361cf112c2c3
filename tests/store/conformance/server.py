"""A PostgreSQL server for one test session, in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

_OLDEST = 15
"""The first version whose databases can sort by ICU."""
_MISSING = (
    f"The conformance tests need PostgreSQL {_OLDEST} or newer, and found no `initdb` of one on the PATH or in "
    "/usr/lib/postgresql. `make postgres` installs it (on Debian and Ubuntu: sudo apt-get install postgresql)."
)
_START_SECONDS = 60
_UNSAFE = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off", "max_connections=50")
"""Nothing of a test's server outlives the test."""


class Server:
    """A running server. Each test's database is a copy of a template, which costs tens of milliseconds."""

    def __init__(self) -> None:
        binaries = _binaries()
        # The path must be short: that of a Unix socket has at most 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="nbpg"))
        self._as_user = _server_user(self._folder)
        self._environment = {"PATH": f"{binaries}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self._folder)}
        self._count = 0
        try:
            data = self._folder / "data"
            self._run(binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
            self._start(binaries, data)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def _run(self, *command: object) -> None:
        done = subprocess.run(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=self._environment,
            check=False,
            **self._as_user,
        )
        assert done.returncode == 0, done.stdout.decode()

    def _start(self, binaries: Path, data: Path) -> None:
        settings = [part for setting in (*_UNSAFE, "listen_addresses=") for part in ("-c", setting)]
        log = self._folder / "log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(binaries / "postgres"), "-D", str(data), "-k", str(self._folder), *settings],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=self._environment,
                **self._as_user,
            )
        deadline = time.monotonic() + _START_SECONDS
        while b"ready to accept connections" not in log.read_bytes():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
            time.sleep(0.02)

    def dsn(self, database: str) -> str:
        """Return the connection string of a database for libpq."""
        return f"host={self._folder} user=postgres dbname={database}"

    def create_database(self, template: str | None = None) -> str:
        """Create a database, as a copy of `template` if one is given, and return its name.

        A new one sorts strings as English does and not by their bytes: an ORDER BY without COLLATE "C" shows.
        """
        import psycopg

        self._count += 1
        name = f"test{self._count}"
        like = (
            f"TEMPLATE {template}"
            if template
            else "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
        )
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} {like}".encode())
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, along with the connections to it that a failed test left open."""
        import psycopg

        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def stop(self) -> None:
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _binaries() -> Path:
    """Return the folder of the newest installed server."""
    found = {int(path.parts[-3]): path.parent for path in Path("/usr/lib/postgresql").glob("[0-9][0-9]/bin/initdb")}
    if found and max(found) >= _OLDEST:
        return found[max(found)]
    on_path = shutil.which("initdb")
    if on_path is None:
        pytest.fail(_MISSING, pytrace=False)
    return Path(on_path).resolve().parent


def _server_user(folder: Path) -> dict[str, Any]:
    """Return the options that run a process as another user than root, which PostgreSQL refuses to run as."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
