"""Paths that leave a run's artifact folder are refused, and nothing outside it is written, read or listed."""

from __future__ import annotations

from pathlib import Path

import pytest

import nbtrack
from nbtrack.artifact_store.local import LocalArtifactRepository, path_of_uri, uri_of_path
from nbtrack.artifact_store.opening import open_repository
from nbtrack.artifact_store.writers import log_artifact
from nbtrack.errors import InvalidParameter, NotFound, NotSupported

from .conformance import HOSTILE


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> LocalArtifactRepository:
    root = tmp_path / "run" / "artifacts"
    root.mkdir(parents=True)
    return LocalArtifactRepository(root)


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("attack", HOSTILE)
def test_paths_that_leave_the_folder(repository: LocalArtifactRepository, tmp_path: Path, attack: str) -> None:
    file = tmp_path / "file.txt"
    file.write_text("x")
    before = everything(tmp_path)
    for call in (
        lambda: repository.put(attack, b"x"),
        lambda: log_artifact(repository, file, attack),
        lambda: repository.put(attack, tmp_path / "run" / "artifacts" / ".."),
        lambda: repository.replace(attack, file.parent),
        lambda: repository.copy(attack, "copy"),
        lambda: repository.delete(attack),
        lambda: repository.stat(attack),
        lambda: repository.url(attack),
        lambda: repository.list(attack),
        lambda: repository.fetch_to(attack),
        lambda: repository.exists(attack),
    ):
        with pytest.raises(InvalidParameter, match=r"artifact path|contains the store"):
            call()
    assert everything(tmp_path) == before


def test_links_that_lead_outside(repository: LocalArtifactRepository, outside: Path) -> None:
    (repository.root / "link").symlink_to(outside)
    (repository.root / "secret.txt").symlink_to(outside / "secret.txt")
    (repository.root / "loop").symlink_to("loop")
    for call in (
        lambda: repository.put("link/evil.txt", b"x"),
        lambda: repository.fetch_to("link"),
        lambda: repository.list("link"),
        lambda: repository.get("link/secret.txt"),
        lambda: repository.get("secret.txt"),
    ):
        with pytest.raises(InvalidParameter, match="a link that leads out"):
            call()
    assert repository.list() == []
    assert everything(outside) == ["secret.txt"]
    copy = repository.fetch_to("", outside.parent / "copy")
    assert everything(copy) == []


def test_a_link_is_replaced_and_not_written_through(repository: LocalArtifactRepository, outside: Path) -> None:
    (repository.root / "inner.txt").write_text("first")
    (repository.root / "alias.txt").symlink_to("inner.txt")
    repository.put("alias.txt", b"second")
    assert repository.get("inner.txt") == b"first"
    assert repository.get("alias.txt") == b"second"


@pytest.mark.parametrize(
    "name",
    ['it\'s "quoted".txt', "<script>alert(1)<script>.txt", "emoji 😀.txt", "100%.txt", "a#b?.txt", "..a", "a b/ü/…"],
)
def test_unusual_names_are_kept(name: str) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_text("hello", name)
    uri = f"runs:/{run.info.run_id}/{name}"
    assert nbtrack.artifacts.load_text(uri) == "hello"
    folder = str(Path(name).parent) if "/" in name else None
    listed = nbtrack.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path=folder)
    assert [info.path for info in listed] == [name]


def test_log_calls_refuse_these_paths() -> None:
    with nbtrack.start_run() as run:
        with pytest.raises(InvalidParameter, match=r"leave the run's artifact folder"):
            nbtrack.log_text("x", "../../evil.txt")
        assert nbtrack.artifacts.list_artifacts(run_id=run.info.run_id) == []


def test_names_that_the_file_system_refuses(repository: LocalArtifactRepository) -> None:
    with pytest.raises(InvalidParameter, match="longer than"):
        repository.put("x" * 10_000, b"")
    repository.put("file", b"1")
    with pytest.raises(InvalidParameter, match="is a file, not a folder"):
        repository.put("file/below", b"2")
    repository.put("folder/file", b"3")
    with pytest.raises(InvalidParameter, match="is a folder"):
        repository.put("folder", b"4")
    assert [info.path for info in repository.list()] == ["file", "folder"]
    assert everything(repository.root) == ["file", "folder", "folder/file"]


def test_artifact_uris(tmp_path: Path) -> None:
    odd = tmp_path / "100% #ü 😀"
    assert path_of_uri(uri_of_path(odd)) == odd
    assert path_of_uri(str(odd)) == odd
    assert open_repository(uri_of_path(odd)).fetch_to() == odd
    for uri in ("s3://bucket/x", "mlflow-artifacts:/0", "http://host/x", "file://elsewhere/x"):
        with pytest.raises(NotSupported, match=r"no installed package handles the scheme|on the host"):
            open_repository(uri)
    repository = LocalArtifactRepository(tmp_path)
    repository.put("a.txt", b"")
    with pytest.raises(NotFound, match=r"Artifact 'b' does not exist.*a\.txt"):
        repository.fetch_to("b")
