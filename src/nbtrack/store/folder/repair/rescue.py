"""Apply rescue files, in which processes left data because they could not write into the store until they ended."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ....artifact_store.detour import FILES, MANIFEST
from ....artifact_store.detour import PREFIX as FILES_PREFIX
from ....artifact_store.opening import open_repository
from ....errors import InvalidParameter, NotFound
from ....journal import Process
from ....journal.detour import PREFIX
from ....journal.events import Header
from ....journal.reading import header_of
from ...sql.base import Cursor
from ..copies import put_in_place
from .findings import REPAIRED, Report, counted

if TYPE_CHECKING:
    from ..store import FolderStore


def check_rescue_files(
    store: FolderStore, applied: Mapping[str, int], report: Report, repair: bool, named: Sequence[Path]
) -> None:
    """Check for rescue files of this store's dead writers in the temp folder, at home, and among those `named`.

    `applied` are the journals that the database knows. The caller holds the store's lock. Raises NotFound if a named
    file does not exist and InvalidParameter if it is not a rescue file.
    """
    for path in named:
        if not path.is_file():
            raise NotFound(f"The rescue file {path} does not exist.")
        if _header(path) is None:
            raise InvalidParameter(f"{path} is not a valid rescue file of nbtrack.")
    for path in [*named, *(path for path in _found(store) if path not in named)]:
        header = _header(path)
        if header is None:
            continue
        writer = header.process
        # Whether a writer on another machine is alive cannot be seen. A user who names its file knows that it is not.
        if writer.is_alive() or (path not in named and not writer.is_dead()):
            report.notes.append(f"{path} belongs to a running process, which will write it into the store itself.")
            continue
        lines = path.read_bytes().count(b"\n") - 1
        finding = report.add(
            "rescue file",
            f"{path} has {counted(lines, 'line')} that a process could not write into the store.",
            "The lines are applied, and the file is deleted.",
        )
        if repair:
            _take_back(store, applied, path)
            finding.state = REPAIRED


def check_rescued_artifacts(store: FolderStore, cursor: Cursor | None, report: Report, repair: bool) -> None:
    """Check for files that dead processes could not write into the artifact folders of their runs."""
    for manifest in sorted(Path(tempfile.gettempdir()).glob(f"{FILES_PREFIX}*/*/{MANIFEST}")):
        try:
            described = json.loads(manifest.read_text())
            is_ours = manifest.stat().st_uid in (os.geteuid(), store.folder.stat().st_uid)
            is_this = Path(described["store"]).resolve() == store.folder.resolve()
            is_dead = Process.from_dict(described["process"]).is_dead()
            run_id, uri = str(described["run_id"]), str(described["artifact_uri"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if not (is_ours and is_this and is_dead):
            continue
        folder = manifest.parent / FILES
        files = [path for path in folder.rglob("*") if path.is_file()]
        finding = report.add(
            "rescued artifacts",
            f"{manifest.parent} has {counted(len(files), 'file')} that a process could not write to run {run_id}.",
            "The files are moved to the run's artifacts.",
        )
        if repair and cursor is not None:
            uri = store.locate(uri)
            open_repository(uri, blobs=store.blobs_for(uri)).put("", folder)
            for path in files:
                name = path.relative_to(folder).as_posix()
                for run in cursor.execute("SELECT run FROM runs WHERE run_id = $1", [run_id]).fetchall():
                    cursor.execute("DELETE FROM artifacts WHERE run = $1 AND path = $2", [run[0], name])
                    cursor.execute(
                        "INSERT INTO artifacts (run, path, size, timestamp) VALUES ($1, $2, $3, $4)",
                        [run[0], name, path.stat().st_size, int(path.stat().st_mtime * 1000)],
                    )
            shutil.rmtree(manifest.parent)
            finding.state = REPAIRED


def _found(store: FolderStore) -> Iterator[Path]:
    for folder in dict.fromkeys([Path(tempfile.gettempdir()), Path.home()]):
        for path in sorted(folder.glob(f"{PREFIX}*.jsonl")):
            with suppress(OSError):
                # Skip files of other users, because anybody can write into the temp folder.
                if path.lstat().st_uid not in (os.geteuid(), store.folder.stat().st_uid):
                    continue
            header = _header(path)
            if header is not None and Path(header.store).resolve() == store.folder.resolve():
                yield path


def _header(path: Path) -> Header | None:
    try:
        return header_of(path)
    except OSError:
        return None


def _take_back(store: FolderStore, applied: Mapping[str, int], path: Path) -> None:
    """Copy the complete lines of a rescue file into the journal folder, unless they are there or were applied."""
    target = store.journals.folder / path.name.removeprefix(PREFIX)
    if not target.exists() and target.name not in applied:
        store.journals.folder.mkdir(exist_ok=True)
        partial = target.with_name(target.name + ".partial")
        shutil.copyfile(path, partial)
        with partial.open("rb+") as file:
            content = file.read()
            file.truncate(content.rfind(b"\n") + 1)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(partial, target)
    path.unlink(missing_ok=True)
