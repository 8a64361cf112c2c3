"""Backups: consistent copies of a store, made while runs are being written, and restoring them."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ...artifact_store.local import PARTIAL
from ...errors import AlreadyExists, InvalidParameter, NotFound, StoreDamaged, StoreNotWritable
from ...progress import progress
from .copies import copy_attached, keep_aside, put_in_place
from .repair.blocks import bad_blocks
from .repair.salvage import read_all

if TYPE_CHECKING:
    from .store import FolderStore

_OF_A_BACKUP = frozenset(
    {"runs.duckdb", "runs.duckdb.wal", "runs.lock", "journal", "artifacts", "blobs", "best.lock", ".gitignore", "trash"}
)
"""The names in a backup with artifacts, also after it was used as a store."""


def backup(store: FolderStore, target: Path, *, artifacts: bool = False, force: bool = False) -> Path:
    """Copy the database, with everything that was logged so far, to a file, or the whole store to a folder.

    The backup appears complete or not at all.

    Args:
        store: The store.
        target: The file to create; with `artifacts` the folder, which is a store with the artifacts.
        artifacts: Copy the artifacts too.
        force: Overwrite an existing file, or a folder that is an earlier backup. Other folders are never overwritten.

    Returns:
        The absolute path of the backup.

    Raises:
        NotFound: If the store does not exist.
        AlreadyExists: If `target` exists and `force` is not set.
        InvalidParameter: If `target` overlaps with the store, is a folder that is not a backup, or is a file instead of
            a folder or the other way round.
        StoreDamaged: If the database has damaged blocks.
        StoreError: If the backup cannot be written.
    """
    store.check_exists()
    target = target.expanduser().absolute()
    _check_target(store.folder.resolve(), target, artifacts, force)
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        if artifacts:
            (partial / "journal").mkdir(parents=True)
            _copy_database(store, partial / "runs.duckdb")
            _copy_artifacts(store, partial)
            _put_folder_in_place(partial, target)
        else:
            _copy_database(store, partial)
            put_in_place(partial, target)
    except OSError as error:
        raise StoreNotWritable(f"The backup {target} cannot be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            _remove(partial)
    return target


def _check_target(store: Path, target: Path, artifacts: bool, force: bool) -> None:
    """Reject a target that would overwrite the store itself, or a folder that is not a backup."""
    if target.resolve().is_relative_to(store) or store.is_relative_to(target.resolve()):
        raise InvalidParameter(f"A backup of {store} cannot be written to {target}. Choose a path outside the store.")
    if not target.exists():
        return
    if not force:
        raise AlreadyExists(
            f"{target} already exists. Choose another name, or overwrite it with --force (in Python: force=True)."
        )
    if target.is_dir() != artifacts:
        what = "a folder, but a backup without" if target.is_dir() else "a file, but a backup with"
        needed = "folder" if artifacts else "file"
        raise InvalidParameter(f"{target} is {what} artifacts is a {needed}. Choose another name.")
    others = [entry.name for entry in target.iterdir() if entry.name not in _OF_A_BACKUP] if artifacts else []
    if others:
        raise InvalidParameter(
            f"{target} is not a backup and is not overwritten, because it contains {others[0]!r:.100}. Choose another "
            "name."
        )


def restore_backup(store: FolderStore, source: Path) -> Path | None:
    """Replace the database with a backup.

    Events that existing journals hold beyond the state of the backup are applied again, once.

    Args:
        store: The store.
        source: The file of the backup.

    Returns:
        The path under which the replaced database is kept; None if there was none.

    Raises:
        NotFound: If `source` does not exist.
        StoreDamaged: If `source` is damaged or is not a database.
        InvalidParameter: If `source` is a database that is not a backup of nbtrack.
        StoreNotWritable: If the store cannot be written.
    """
    source = source.expanduser().absolute()
    if not source.is_file():
        raise NotFound(
            f"The file {source} does not exist. If the backup was made with artifacts, restore the file runs.duckdb in "
            "its folder."
        )
    content = read_all(source)
    if not content.is_whole:
        lost = ", ".join(f"{table} has unreadable rows" for table in content.lost)
        reason = (content.error or lost)[:300].rstrip(".!")
        raise StoreDamaged(f"{source} is damaged or is not a database: {reason}. Nothing was changed.")
    if "meta" not in content.rows:
        raise InvalidParameter(
            f"{source} is not a backup of nbtrack, because it does not have nbtrack's tables. Nothing was changed."
        )
    database, incoming = store.database, store.database.with_name("runs.incoming.duckdb")
    store.journals.folder.mkdir(parents=True, exist_ok=True)
    with store.alone():
        kept = None
        try:
            copy_attached(source, incoming)
            if database.exists():
                kept = keep_aside(database, "replaced")
            put_in_place(incoming, database)
        except OSError as error:
            raise StoreNotWritable(f"{database} cannot be written: {error.strerror or error}.") from error
    return kept


def _copy_database(store: FolderStore, target: Path) -> None:
    with store.checkpointed():
        copy_attached(store.database, target)
    damaged = list(bad_blocks(target))
    if damaged:
        raise StoreDamaged(
            f"{store.database} is damaged ({damaged[0]}), so it cannot be backed up. Run `nbtrack doctor` to see what "
            "is damaged."
        )


def _copy_artifacts(store: FolderStore, target: Path) -> None:
    """Copy all artifacts, each once and completely.

    Files that were logged after the database was copied may be among them.
    """
    files = [
        Path(folder) / name
        for folder, _, names in os.walk(store.artifacts)
        for name in names
        if not name.startswith(PARTIAL)
    ]
    copies: dict[int, Path] = {}
    with progress("Copying artifacts", total=len(files)) as bar:
        for file in files:
            copy = target / file.relative_to(store.folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            # A file that is deleted meanwhile is left out.
            with suppress(FileNotFoundError):
                found = file.stat()
                if found.st_nlink == 1 or not _link(copies.get(found.st_ino), copy):
                    shutil.copy2(file, copy)
                    copies[found.st_ino] = copy
            bar.advance()
    for blob in store.blobs.all():
        with suppress(FileNotFoundError):
            known = copies.get(blob.stat().st_ino)
            if known is not None:
                place = target / blob.relative_to(store.folder)
                place.parent.mkdir(parents=True, exist_ok=True)
                _link(known, place)


def _link(copy: Path | None, other: Path) -> bool:
    """Add a second name to a copy, like that of its original, and return whether that was possible."""
    if copy is None:
        return False
    try:
        os.link(copy, other)
    except OSError:
        return False
    return True


def _put_folder_in_place(new: Path, target: Path) -> None:
    """Replace a folder with a finished one.

    That cannot be done in one step, so the old folder is renamed first and deleted last.
    """
    old = target.with_name(f".{target.name}.old")
    if target.exists():
        _remove(old)
        os.replace(target, old)
    try:
        put_in_place(new, target)
    except OSError:
        if old.exists():
            os.replace(old, target)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
