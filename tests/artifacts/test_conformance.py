"""The suite of `conformance.py` on folders, and on a repository of another package that keeps files in memory."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO, ClassVar

import pytest

import nbtrack
from nbtrack.artifact_store.base import (
    ArtifactRepository,
    Listing,
    Stat,
    Written,
    check_artifact_path,
    check_file_path,
    existing,
    files_below,
    missing,
)
from nbtrack.artifact_store.blobs import Blobs
from nbtrack.artifact_store.local import LocalArtifactRepository
from nbtrack.artifact_store.opening import open_repository
from nbtrack.entities import FileInfo
from nbtrack.errors import InvalidParameter, NotSupported, StoreError

pytest.register_assert_rewrite("tests.artifacts.conformance")
from .conformance import Opened, RepositorySuite  # noqa: E402

pytestmark = pytest.mark.slow


class MemoryRepository(ArtifactRepository):
    """Files in the memory of this process, named by URIs such as `memory://shelf/folder`."""

    files: ClassVar[dict[str, bytes]] = {}
    """By their URIs."""

    def __init__(self, uri: str, written: Written | None = None) -> None:
        super().__init__(written)
        self._root = uri.rstrip("/")

    def put(self, path: str, source: bytes | Path, modified: int | None = None) -> None:
        if isinstance(source, Path) and existing(source).is_dir():
            folder = check_artifact_path(path)
            for file in files_below(source):
                self.put(str(folder / file.relative_to(source).as_posix()), file)
            return
        target = check_file_path(path)
        if self.list(path) or any(self.url(str(above)) in self.files for above in target.parents):
            raise InvalidParameter(f"{path!r:.200} is a folder, or a part of it is a file.")
        content = source if isinstance(source, bytes) else source.read_bytes()
        self.files[self.url(path)] = content
        self._report_written(target, len(content))

    def open(self, path: str) -> BinaryIO:
        if self.stat(path).is_dir:
            raise InvalidParameter(f"{path!r:.200} is a folder.")
        return io.BytesIO(self.files[self.url(path)])

    def list(self, path: str = "") -> Listing:
        folder, found = f"{self.url(path)}/", {}
        for url, content in self.files.items():
            if url.startswith(folder):
                name, _, below = url.removeprefix(folder).partition("/")
                inner = str(check_artifact_path(path) / name)
                found[inner] = FileInfo(inner, bool(below), None if below else len(content))
        return sorted(found.values(), key=lambda info: info.path)

    def stat(self, path: str) -> Stat:
        checked = check_artifact_path(path)
        name = "" if not checked.parts else str(checked)
        content = self.files.get(self.url(path))
        if content is not None:
            return Stat(name, False, len(content))
        if name and not self.list(path):
            raise missing(self, checked)
        return Stat(name, is_dir=True)

    def delete(self, path: str) -> None:
        check_file_path(path)
        stat = self.stat(path)
        for name in [info.path for info in self.walk(path)] if stat.is_dir else [path]:
            del self.files[self.url(name)]

    def url(self, path: str = "") -> str:
        checked = check_artifact_path(path)
        return f"{self._root}/{checked}" if checked.parts else self._root


class TestLocal(RepositorySuite):
    """A plain folder."""

    @pytest.fixture
    def opened(self, tmp_path: Path) -> Opened:
        return lambda written: open_repository(str(tmp_path / "artifacts"), written)


class TestLocalWithBlobs(RepositorySuite):
    """A folder in which equal files are stored once, like the store's own."""

    @pytest.fixture
    def opened(self, tmp_path: Path) -> Opened:
        blobs = Blobs(tmp_path / "blobs")
        return lambda written: LocalArtifactRepository(tmp_path / "artifacts", written, blobs)


class TestMemory(RepositorySuite):
    """A repository of a package outside nbtrack."""

    @pytest.fixture
    def opened(self, shelf: str) -> Opened:
        return lambda written: open_repository(f"{shelf}/run", written)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of an empty repository in memory. A package on the path registers its scheme."""
    metadata = tmp_path / "packages" / "memory-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: memory\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[nbtrack.artifact_stores]\nmemory = memory_artifacts\n")
    (metadata.parent / "memory_artifacts.py").write_text(
        f"from {__name__} import MemoryRepository\n\n\n"
        "def open_repository(uri, written=None):\n    return MemoryRepository(uri, written)\n"
    )
    monkeypatch.syspath_prepend(str(metadata.parent))
    monkeypatch.delitem(sys.modules, "memory_artifacts", raising=False)
    monkeypatch.setattr(MemoryRepository, "files", {})
    return "memory://shelf"


@pytest.fixture
def remote_run(shelf: str) -> str:
    """The ID of a run whose artifacts are in memory."""
    experiment_id = nbtrack.create_experiment("remote", artifact_location=shelf)
    return nbtrack.Client().create_run(experiment_id).info.run_id


def test_unknown_schemes(shelf: str) -> None:
    with pytest.raises(NotSupported, match=r"handles the scheme 's3'.*Supported schemes: file, memory"):
        open_repository("s3://bucket/x")
    with pytest.raises(NotSupported, match="no installed package handles the scheme"):
        nbtrack.create_experiment("e", artifact_location="s3://bucket/x")
    assert isinstance(open_repository(f"{shelf}/x"), MemoryRepository)


def test_paths_do_not_search_for_packages() -> None:
    code = (
        "import sys\nfrom nbtrack.artifact_store.opening import open_repository\n"
        "before = set(sys.modules)\nopen_repository('a b')\nopen_repository('file:///a%20b')\n"
        "assert 'importlib.metadata' not in set(sys.modules) - before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_run_whose_artifacts_are_elsewhere(remote_run: str, tmp_path: Path) -> None:
    client = nbtrack.Client()
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "deep" / "b").write_bytes(b"\0\1")
    client.log_text(remote_run, "hello", "notes/a.txt")
    client.log_artifacts(remote_run, str(tmp_path / "tree"), "whole")
    client.log_artifact(remote_run, str(tmp_path / "tree" / "deep" / "b"))
    for row in range(2):
        client.log_table(remote_run, {"row": [row]}, "t.json")
    assert [info.path for info in client.list_artifacts(remote_run)] == ["b", "notes", "t.json", "whole"]
    assert client.list_artifacts(remote_run, "notes") == [FileInfo("notes/a.txt", False, 5)]
    assert Path(client.download_artifacts(remote_run, "whole/deep/b")).read_bytes() == b"\0\1"
    copy = client.download_artifacts(remote_run, "whole", str(tmp_path / "copy"))
    assert (Path(copy) / "deep" / "b").read_bytes() == b"\0\1"
    uri = f"memory://shelf/{remote_run}/artifacts"
    assert client.get_run(remote_run).info.artifact_uri == uri
    assert MemoryRepository.files[f"{uri}/notes/a.txt"] == b"hello"
    assert nbtrack.artifacts.load_text(f"{uri}/notes/a.txt") == "hello"
    assert nbtrack.artifacts.load_dict(f"runs:/{remote_run}/t.json")["data"] == [[0], [1]]
    logged = nbtrack.sql("SELECT path, size FROM artifacts ORDER BY path")
    assert [tuple(row) for row in logged.itertuples(index=False)][:2] == [("b", 2), ("notes/a.txt", 5)]
    assert not (Path(nbtrack.get_tracking_uri()) / "artifacts").exists()
    assert nbtrack.doctor().is_healthy


def test_a_model_in_another_repository(remote_run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def double(model_input: list[float]) -> list[float]:
        return [2 * value for value in model_input]

    with nbtrack.start_run(run_id=remote_run):
        info = nbtrack.pyfunc.log_model(python_model=double, name="double")
        version = nbtrack.register_model(info.model_uri, "double")
    for uri in (info.model_uri, "models:/double/1", f"memory://shelf/{remote_run}/artifacts/double"):
        assert nbtrack.pyfunc.load_model(uri).predict([1.0, 2.0]) == [2.0, 4.0]
    assert version.source == info.model_uri
    assert nbtrack.models.locate(f"memory://shelf/{remote_run}/artifacts/double").uri == info.model_uri
    fetched: list[str] = []
    fetch = MemoryRepository._fetch
    monkeypatch.setattr(
        MemoryRepository, "_fetch", lambda self, path, to: (fetched.append(path), fetch(self, path, to))
    )
    assert nbtrack.models.get_model_info("models:/double/1").flavors
    assert fetched == ["double/MLmodel"]
    nbtrack.models.set_signature(info.model_uri, nbtrack.models.infer_signature([1.0], [2.0]))
    assert nbtrack.models.get_model_info(info.model_uri).signature is not None


def test_log_best_replaces_a_model_in_another_repository(remote_run: str) -> None:
    def model(factor: int) -> object:
        def times(model_input: list[int]) -> list[int]:
            return [factor * value for value in model_input]

        return times

    with nbtrack.start_run(run_id=remote_run):
        first = nbtrack.log_best(model(1), "m", value=1, silent=True)
        nbtrack.register_model(first.model_uri, "best")
        second = nbtrack.log_best(model(2), "m", value=2, silent=True)
    assert (second.previous, second.kept_for) == (1.0, ("best/1",))
    assert nbtrack.pyfunc.load_model(second.model_uri).predict([3]) == [6]
    assert nbtrack.pyfunc.load_model("models:/best/1").predict([3]) == [3]


def test_files_wait_while_a_repository_elsewhere_cannot_be_written(
    remote_run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: MemoryRepository, path: str, source: bytes | Path, modified: int | None = None) -> None:
        raise StoreError("The shelf is away.")

    client = nbtrack.Client()
    client.log_table(remote_run, {"row": [0]}, "t.json")
    with monkeypatch.context() as patch:
        patch.setattr(MemoryRepository, "put", away)
        with pytest.warns(RuntimeWarning, match="cannot write to memory://shelf/.*The shelf is away"):
            client.log_text(remote_run, "first", "a.txt")
        client.log_table(remote_run, {"row": [1]}, "t.json")
        client.log_table(remote_run, {"row": [2]}, "t.json")
        assert [info.path for info in client.list_artifacts(remote_run)] == ["t.json"]
    client.log_text(remote_run, "second", "b.txt")
    assert [info.path for info in client.list_artifacts(remote_run)] == ["a.txt", "b.txt", "t.json"]
    assert nbtrack.artifacts.load_dict(f"runs:/{remote_run}/t.json")["data"] == [[0], [1], [2]]


def test_a_fetched_copy_stays_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = MemoryRepository("memory://shelf")
    monkeypatch.setattr(MemoryRepository, "walk", lambda self, path: iter([FileInfo("../evil", False, 1)]))
    monkeypatch.setattr(MemoryRepository, "open", lambda self, path: io.BytesIO(b"x"))
    with pytest.raises(InvalidParameter, match="leave the run's artifact folder"):
        repository.fetch_to("", tmp_path / "inner")
    assert not (tmp_path / "evil").exists()


def test_copies_are_deleted_when_the_process_ends() -> None:
    code = f"""
from {__name__} import MemoryRepository
repository = MemoryRepository("memory://shelf")
repository.put("a/f", b"x")
one, other = repository.fetch_to("a"), repository.fetch_to("a/f")
assert (one / "f").read_bytes() == other.read_bytes() == b"x"
print(other)
"""
    path = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert not Path(done.stdout.strip()).exists()
