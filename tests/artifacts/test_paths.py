"""Paths that would leave a run's artifact folder are refused, and nothing is written, read or listed outside it."""

from __future__ import annotations

from pathlib import Path

import pytest

import nbtrack
from nbtrack.artifact_store.local import ArtifactRepository, open_repository, path_of_uri, uri_of_path
from nbtrack.errors import InvalidParameter, NotFound, NotSupported

ATTACKS = [
    "../evil",
    "a/../../evil",
    "..",
    "a/..",
    "..\\evil",
    "a\\..\\..\\evil",
    "/etc/evil",
    "//host/evil",
    "\\\\host\\evil",
    "C:\\evil",
    "c:/evil",
    "evil\0.txt",
]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> ArtifactRepository:
    root = tmp_path / "run" / "artifacts"
    root.mkdir(parents=True)
    return ArtifactRepository(root)


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_paths_that_leave_the_folder(repository: ArtifactRepository, tmp_path: Path, attack: str) -> None:
    file = tmp_path / "file.txt"
    file.write_text("x")
    before = everything(tmp_path)
    for call in (
        lambda: repository.write_bytes(attack, b"x"),
        lambda: repository.log_artifact(file, attack),
        lambda: repository.log_artifacts(tmp_path / "run" / "artifacts" / "..", attack),
        lambda: repository.list(attack),
        lambda: repository.download(attack),
        lambda: repository.exists(attack),
    ):
        with pytest.raises(InvalidParameter, match=r"artifact path|contains the store"):
            call()
    assert everything(tmp_path) == before


def test_links_that_lead_outside(repository: ArtifactRepository, outside: Path) -> None:
    (repository.root / "link").symlink_to(outside)
    (repository.root / "secret.txt").symlink_to(outside / "secret.txt")
    (repository.root / "loop").symlink_to("loop")
    for call in (
        lambda: repository.write_bytes("link/evil.txt", b"x"),
        lambda: repository.download("link"),
        lambda: repository.list("link"),
        lambda: repository.read_bytes("link/secret.txt"),
        lambda: repository.read_bytes("secret.txt"),
    ):
        with pytest.raises(InvalidParameter, match="by a link"):
            call()
    assert repository.list() == []
    assert everything(outside) == ["secret.txt"]
    copy = repository.download("", outside.parent / "copy")
    assert everything(copy) == []


def test_a_link_is_replaced_and_not_written_through(repository: ArtifactRepository, outside: Path) -> None:
    (repository.root / "inner.txt").write_text("first")
    (repository.root / "alias.txt").symlink_to("inner.txt")
    repository.write_bytes("alias.txt", b"second")
    assert repository.read_bytes("inner.txt") == b"first"
    assert repository.read_bytes("alias.txt") == b"second"


@pytest.mark.parametrize(
    "name",
    ['it\'s "quoted".txt', "<script>alert(1)<script>.txt", "emoji 😀.txt", "100%.txt", "a#b?.txt", "..a", "a b/ü/…"],
)
def test_odd_names_come_back(name: str) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_text("hello", name)
    uri = f"runs:/{run.info.run_id}/{name}"
    assert nbtrack.artifacts.load_text(uri) == "hello"
    folder = str(Path(name).parent) if "/" in name else None
    listed = nbtrack.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path=folder)
    assert [info.path for info in listed] == [name]


def test_a_run_refuses_too() -> None:
    with nbtrack.start_run() as run:
        with pytest.raises(InvalidParameter, match=r"leaves the run's artifact folder"):
            nbtrack.log_text("x", "../../evil.txt")
        assert nbtrack.artifacts.list_artifacts(run_id=run.info.run_id) == []


def test_names_that_the_file_system_refuses(repository: ArtifactRepository) -> None:
    with pytest.raises(InvalidParameter, match="longer than"):
        repository.write_bytes("x" * 10_000, b"")
    repository.write_bytes("file", b"1")
    with pytest.raises(InvalidParameter, match="is a file, not a folder"):
        repository.write_bytes("file/below", b"2")
    repository.write_bytes("folder/file", b"3")
    with pytest.raises(InvalidParameter, match="is a folder"):
        repository.write_bytes("folder", b"4")
    assert [info.path for info in repository.list()] == ["file", "folder"]
    assert everything(repository.root) == ["file", "folder", "folder/file"]


def test_artifact_uris(tmp_path: Path) -> None:
    odd = tmp_path / "100% #ü 😀"
    assert path_of_uri(uri_of_path(odd)) == odd
    assert path_of_uri(str(odd)) == odd
    assert open_repository(uri_of_path(odd)).root == odd
    for uri in ("s3://bucket/x", "mlflow-artifacts:/0", "http://host/x", "file://elsewhere/x"):
        with pytest.raises(NotSupported, match=r"local folders|on the host"):
            open_repository(uri)
    repository = ArtifactRepository(tmp_path)
    repository.write_bytes("a.txt", b"")
    with pytest.raises(NotFound, match=r"no artifact 'b'.*a\.txt"):
        repository.download("b")
