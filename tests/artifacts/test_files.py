"""Files and folders are stored completely and read back unchanged, by run and by URI."""

from __future__ import annotations

import errno
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import nbtrack
from nbtrack.artifact_store.local import PARTIAL, LocalArtifactRepository
from nbtrack.entities import FileInfo
from nbtrack.errors import InvalidParameter, NotFound, StoreError, StoreNotWritable


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with two files, one of them in a subfolder."""
    folder = tmp_path / "tree"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "deep" / "b.bin").write_bytes(b"\0\1")
    return folder


def test_files_and_folders_by_run_and_by_uri(tree: Path, tmp_path: Path) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_artifact(tree / "a.txt")
        nbtrack.log_artifact(tree, "whole")
        nbtrack.log_artifacts(tree, "inside")
    run_id = run.info.run_id
    listed = nbtrack.artifacts.list_artifacts(run_id=run_id)
    assert listed == [FileInfo("a.txt", False, 1), FileInfo("inside", True), FileInfo("whole", True)]
    below = nbtrack.artifacts.list_artifacts(f"runs:/{run_id}/whole/tree")
    assert [(info.path, info.file_size) for info in below] == [("whole/tree/a.txt", 1), ("whole/tree/deep", None)]
    assert nbtrack.artifacts.list_artifacts(run_id=run_id, artifact_path="none") == []
    copy = Path(nbtrack.artifacts.download_artifacts(f"runs:/{run_id}/inside", dst_path=tmp_path / "copy"))
    assert copy == tmp_path / "copy" / "inside"
    assert (copy / "deep" / "b.bin").read_bytes() == b"\0\1"
    single = nbtrack.artifacts.download_artifacts(run_id=run_id, artifact_path="a.txt")
    assert Path(single).read_text() == "a"
    assert nbtrack.MlflowClient().download_artifacts(run_id, "a.txt", str(tmp_path)) == str(tmp_path / "a.txt")


def test_logging_again_replaces_files_and_keeps_the_others(tree: Path) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_artifacts(tree, "data")
        (tree / "a.txt").write_text("new")
        (tree / "deep" / "b.bin").unlink()
        nbtrack.log_artifacts(tree, "data")
    root = f"runs:/{run.info.run_id}/data"
    assert nbtrack.artifacts.load_text(f"{root}/a.txt") == "new"
    assert len(nbtrack.artifacts.list_artifacts(f"{root}/deep")) == 1


@pytest.mark.parametrize(
    ("number", "error", "words"),
    [(errno.ENOSPC, StoreError, "disk is full"), (errno.EROFS, StoreNotWritable, "cannot be written")],
)
def test_an_interrupted_write_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[StoreError], words: str
) -> None:
    repository = LocalArtifactRepository(tmp_path / "artifacts")
    repository.put("model.bin", b"whole")

    def broken(path: Path, content: bytes) -> int:
        with open(path, "wb") as file:
            file.write(content[:2])
        raise OSError(number, "as the system says")

    monkeypatch.setattr(Path, "write_bytes", broken)
    with pytest.raises(error, match=words):
        repository.put("model.bin", b"another")
    assert repository.get("model.bin") == b"whole"
    assert [path.name for path in repository.root.iterdir()] == ["model.bin"]


def test_a_folder_that_is_created_concurrently(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = LocalArtifactRepository(tmp_path / "artifacts")
    replace = os.replace

    def somebody_was_faster(source: Path, target: Path) -> None:
        monkeypatch.setattr(os, "replace", replace)
        repository.put("data/theirs.txt", b"theirs")
        replace(source, target)

    monkeypatch.setattr(os, "replace", somebody_was_faster)
    repository.put("data", tree)
    assert [info.path for info in repository.list("data")] == ["data/a.txt", "data/deep", "data/theirs.txt"]


def test_leftovers_of_a_killed_write_are_not_artifacts(tmp_path: Path) -> None:
    repository = LocalArtifactRepository(tmp_path / "artifacts")
    repository.put("a", b"")
    (repository.root / f"{PARTIAL}0").write_bytes(b"half")
    assert [info.path for info in repository.list()] == ["a"]
    copy = repository.fetch_to("", tmp_path / "copy")
    assert [path.name for path in copy.iterdir()] == ["a"]


def test_a_folder_that_contains_the_store_is_refused(tmp_path: Path) -> None:
    with nbtrack.start_run() as run, pytest.raises(InvalidParameter, match="contains the store"):
        nbtrack.log_artifacts(tmp_path)
    assert nbtrack.artifacts.list_artifacts(run_id=run.info.run_id) == []


def test_a_folder_with_a_link_to_itself_is_copied_once(tree: Path) -> None:
    (tree / "again").symlink_to(tree)
    with nbtrack.start_run() as run, pytest.warns(UserWarning, match=r"again \(a link to a folder that contains it\)"):
        nbtrack.log_artifacts(tree)
    assert [info.path for info in nbtrack.artifacts.list_artifacts(run_id=run.info.run_id)] == ["a.txt", "deep"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither these links nor these names")
@pytest.mark.parametrize(
    "log", [nbtrack.log_artifacts, nbtrack.log_artifact, lambda tree: nbtrack.log_artifacts(tree, "in")]
)
def test_what_cannot_be_logged_is_named_and_the_rest_is_logged(tree: Path, log: Callable[[Path], None]) -> None:
    (tree / "deep" / "model.safetensors").symlink_to("/cache/3f/8a91-is-not-pulled")
    (tree / "linked.txt").symlink_to("a.txt")
    (tree / "..\\odd.txt").write_text("a name that leaves the folder on Windows")
    os.mkfifo(tree / "pipe")
    left_out = [
        r"..\odd.txt (a name that no artifact can have)",
        "deep/model.safetensors (a link to /cache/3f/8a91-is-not-pulled, which does not exist)",
        "pipe (not a file)",
    ]
    with nbtrack.start_run() as run:
        for _ in range(2):
            with pytest.warns(UserWarning, match=re.escape(f"Left out: {', '.join(left_out)}.")):
                log(tree)
    copy = Path(nbtrack.artifacts.download_artifacts(run_id=run.info.run_id))
    assert sorted(path.name for path in copy.rglob("*") if path.is_file()) == ["a.txt", "b.bin", "linked.txt"]


def test_a_link_without_a_target_cannot_be_logged_alone(tree: Path) -> None:
    (tree / "gone").symlink_to("nowhere")
    with nbtrack.start_run(), pytest.raises(NotFound, match="does not exist"):
        nbtrack.log_artifact(tree / "gone")


def test_missing_files() -> None:
    with nbtrack.start_run() as run:
        with pytest.raises(NotFound, match="File or folder 'nope' does not exist"):
            nbtrack.log_artifact("nope")
        nbtrack.log_text("x", "plots/loss.txt")
    with pytest.raises(NotFound, match=r"Artifact 'plots/los\.txt' does not exist.*plots/loss\.txt"):
        nbtrack.artifacts.load_text(f"runs:/{run.info.run_id}/plots/los.txt")
    with pytest.raises(NotFound, match="does not exist"):
        nbtrack.artifacts.list_artifacts(run_id="0" * 32)
    with pytest.raises(InvalidParameter, match="Pass either"):
        nbtrack.artifacts.list_artifacts()
    with pytest.raises(InvalidParameter, match="whole path"):
        nbtrack.artifacts.list_artifacts("runs:/x", artifact_path="y")


def test_waiting_files_are_not_moved_while_they_are_written(
    own_store: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk has space again, and the background thread runs, during a write to the mirror."""
    replace, others = os.replace, []
    detour = nbtrack.MlflowClient()._store.artifact_detour

    def full(source: Path, target: Path) -> None:
        if own_store in Path(target).parents and not others:
            raise OSError(errno.ENOSPC, "No space left on device")
        if not others:
            others.append(threading.Thread(target=detour.move_back))
            others[0].start()
            others[0].join(0.3)
        replace(source, target)

    with nbtrack.start_run() as run:
        monkeypatch.setattr(os, "replace", full)
        with pytest.warns(RuntimeWarning, match="cannot write"):
            nbtrack.log_artifacts(tree)
        others[0].join(10)
    assert detour.is_empty
    kept = Path(nbtrack.MlflowClient().download_artifacts(run.info.run_id, ""))
    assert {path.relative_to(kept) for path in kept.rglob("*")} == {path.relative_to(tree) for path in tree.rglob("*")}


@pytest.mark.parametrize("path", ["a" * 300, "/".join(["a" * 200] * 30)])
def test_a_name_that_the_file_system_does_not_allow_is_invalid_to_read_too(path: str) -> None:
    client = nbtrack.MlflowClient()
    with nbtrack.start_run() as run:
        nbtrack.log_text("a", "a.txt")
        for ask in (client.list_artifacts, client.download_artifacts):
            with pytest.raises(InvalidParameter, match="longer than the file system allows"):
                ask(run.info.run_id, path)
