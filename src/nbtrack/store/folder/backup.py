"""One consistent copy of a store while runs are being written, and putting it back in place."""

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
"""What is in a backup with artifacts, also after it was used as a store."""


def backup(store: FolderStore, target: Path, *, artifacts: bool = False, force: bool = False) -> Path:
    """Copy the database as of now, everything logged so far included, to the file `target`.

    With `artifacts`, `target` is a folder instead: a store of its own, files and all. Each is there whole or not at
    all. `force` overwrites a file, and of folders only an earlier backup. Raises NotFound where there is no store,
    AlreadyExists where `target` is there and `force` is not set, StoreDamaged where the copy has errors.
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
    """Refuse what would overwrite the store itself, or a folder of somebody's that is no backup."""
    if target.resolve().is_relative_to(store) or store.is_relative_to(target.resolve()):
        raise InvalidParameter(f"A backup of {store} cannot be put to {target}. Choose a place outside the store.")
    if not target.exists():
        return
    if not force:
        raise AlreadyExists(
            f"{target} is there already. Choose another name, or overwrite it with --force (force=True)."
        )
    if target.is_dir() != artifacts:
        what = "a folder; a backup without artifacts is a file" if target.is_dir() else "a file, not a folder"
        raise InvalidParameter(f"{target} is {what}. Choose another name.")
    others = [entry.name for entry in target.iterdir() if entry.name not in _OF_A_BACKUP] if artifacts else []
    if others:
        raise InvalidParameter(f"{target} is no backup: {others[0]!r:.100} is in it too. Choose another name.")


def restore_backup(store: FolderStore, source: Path) -> Path | None:
    """Put a backup in the place of the database; where the one that was there is kept, if there was one.

    What live journals say beyond it is applied again, once. Raises StoreDamaged, and NotFound where `source` is none.
    """
    source = source.expanduser().absolute()
    if not source.is_file():
        raise NotFound(f"There is no file {source}. Of a backup with artifacts, name the file runs.duckdb in it.")
    content = read_all(source)
    if not content.is_whole:
        raise StoreDamaged(f"{source} is damaged or no database: {content.error or content.lost}. Nothing was changed.")
    if "meta" not in content.rows:
        raise InvalidParameter(f"{source} is no backup of nbtrack: it lacks its tables. Nothing was changed.")
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
            f"{store.database} is damaged ({damaged[0]}), so there is no good copy of it. `nbtrack doctor` says more."
        )


def _copy_artifacts(store: FolderStore, target: Path) -> None:
    """Files that came after the database was copied may be among them; none is there in part, and none twice."""
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
            # One that is deleted meanwhile is in no backup.
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
    """Give a copied file another name, as the file that it is a copy of has; False where that cannot be done."""
    if copy is None:
        return False
    try:
        os.link(copy, other)
    except OSError:
        return False
    return True


def _put_folder_in_place(new: Path, target: Path) -> None:
    """A folder cannot take the place of another in one step: the one that was there goes when the new one is whole."""
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
