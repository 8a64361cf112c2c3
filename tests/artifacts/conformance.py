"""The tests that every artifact repository must pass, wherever it stores its files.

A repository is tested by a subclass that says how to open one:

    class TestBucket(RepositorySuite):
        @pytest.fixture
        def opened(self) -> Opened:
            return lambda written: BucketRepository("s3://…/new", written)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from nbtrack.artifact_store.base import ArtifactRepository, Stat, Written
from nbtrack.entities import FileInfo
from nbtrack.errors import InvalidParameter, NotFound

Opened: TypeAlias = Callable[[Written | None], ArtifactRepository]

HOSTILE = [
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
ODD = [
    "with space.txt",
    'it\'s "quoted".txt',
    "<b>&amp;.txt",
    "100%25.txt",
    "a#b?c=d.txt",
    "..a",
    "a..",
    ".hidden",
    "tab\tand\nline.txt",
    "zwölf/ü/…/😀.txt",
    "e\u0301 and \u00e9.txt",
    "ab:c.txt",
    "k:3.json",
    "t:0.5/scores.txt",
    "k:",
    "a+b~c@d,e;f.txt",
]


class RepositorySuite:
    """The tests; a subclass has the fixture `opened`."""

    @pytest.fixture
    def opened(self) -> Opened:
        """Return a function that opens the same repository, which is empty before the test, again and again."""
        raise NotImplementedError

    @pytest.fixture
    def repository(self, opened: Opened) -> ArtifactRepository:
        return opened(None)

    @pytest.fixture
    def tree(self, tmp_path: Path) -> Path:
        """A local folder with files at two levels, an empty file and an empty folder."""
        folder = tmp_path / "tree"
        (folder / "deep" / "deeper").mkdir(parents=True)
        (folder / "nothing").mkdir()
        (folder / "a.txt").write_text("a")
        (folder / "empty").touch()
        (folder / "deep" / "b.bin").write_bytes(b"\0\1")
        (folder / "deep" / "deeper" / "c").write_text("ccc")
        return folder

    # -- files -----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("content", [b"", b"hello", bytes(range(256)) * 5000])
    def test_bytes_are_kept(self, repository: ArtifactRepository, content: bytes) -> None:
        repository.put("plots/loss.bin", content)
        assert repository.get("plots/loss.bin") == content
        with repository.open("plots/loss.bin") as stream:
            assert stream.read(3) + stream.read() == content
        assert repository.stat("plots/loss.bin").size == len(content)

    def test_a_local_file(self, repository: ArtifactRepository, tree: Path) -> None:
        repository.put("copy.bin", tree / "deep" / "b.bin")
        repository.put("none", tree / "empty")
        assert (repository.get("copy.bin"), repository.get("none")) == (b"\0\1", b"")
        assert (tree / "deep" / "b.bin").read_bytes() == b"\0\1"

    def test_a_file_is_overwritten(self, repository: ArtifactRepository, tree: Path) -> None:
        repository.put("f", b"a long first content")
        repository.put("f", b"second")
        assert repository.get("f") == b"second"
        repository.put("f", tree / "a.txt")
        assert repository.get("f") == b"a"
        assert repository.list() == [FileInfo("f", False, 1)]

    def test_a_file_opened_before_an_overwrite_can_be_read_to_its_end(self, repository: ArtifactRepository) -> None:
        repository.put("f", b"first")
        with repository.open("f") as stream:
            assert stream.read(1) == b"f"
            repository.put("f", b"second")
            assert stream.read() in (b"irst", b"")
        assert repository.get("f") == b"second"

    def test_another_instance_sees_written_files(self, opened: Opened) -> None:
        opened(None).put("a/f", b"x")
        assert opened(None).get("a/f") == b"x"

    # -- folders -----------------------------------------------------------------------------------------------------

    def test_a_local_folder(self, repository: ArtifactRepository, tree: Path) -> None:
        repository.put("whole", tree)
        assert [(info.path, info.file_size) for info in repository.walk()] == [
            ("whole/a.txt", 1),
            ("whole/deep/b.bin", 2),
            ("whole/deep/deeper/c", 3),
            ("whole/empty", 0),
        ]
        repository.put("", tree / "deep")
        assert repository.get("b.bin") == repository.get("whole/deep/b.bin") == b"\0\1"

    def test_a_folder_is_put_into_an_existing_one(self, repository: ArtifactRepository, tree: Path) -> None:
        repository.put("whole/a.txt", b"old")
        repository.put("whole/other", b"stays")
        repository.put("whole", tree)
        assert (repository.get("whole/a.txt"), repository.get("whole/other")) == (b"a", b"stays")

    def test_an_empty_folder(self, repository: ArtifactRepository, tree: Path) -> None:
        repository.put("nothing", tree / "nothing")
        assert repository.list("nothing") == []

    def test_each_level_is_listed_in_order(self, repository: ArtifactRepository, tree: Path) -> None:
        repository.put("whole", tree)
        repository.put("b", b"12")
        repository.put("whole.txt", b"")
        assert repository.list() == [
            FileInfo("b", False, 2),
            FileInfo("whole", True),
            FileInfo("whole.txt", False, 0),
        ]
        listed = [info for info in repository.list("whole") if info.path != "whole/nothing"]
        assert listed == [
            FileInfo("whole/a.txt", False, 1),
            FileInfo("whole/deep", True),
            FileInfo("whole/empty", False, 0),
        ]
        assert repository.list("whole/deep/") == repository.list("./whole//deep")

    def test_listing_a_path_that_is_not_a_folder(self, repository: ArtifactRepository) -> None:
        assert repository.list() == []
        repository.put("file", b"x")
        assert repository.list("file") == repository.list("none") == repository.list("none/below") == []
        # A prefix is no folder.
        assert repository.list("fil") == []

    def test_a_folder_is_replaced(self, repository: ArtifactRepository, tree: Path) -> None:
        assert not repository.replace("best", tree).gone
        (tree / "deep" / "b.bin").unlink()
        (tree / "a.txt").write_text("new")
        (tree / "new").write_text("!")
        replaced = repository.replace("best", tree)
        assert list(replaced.gone) == ["best/deep/b.bin"]
        assert replaced.freed > 0
        files = {info.path: repository.get(info.path) for info in repository.walk("best")}
        assert files == {"best/a.txt": b"new", "best/deep/deeper/c": b"ccc", "best/empty": b"", "best/new": b"!"}

    # -- stat, exists ------------------------------------------------------------------------------------------------

    def test_stat(self, repository: ArtifactRepository) -> None:
        repository.put("a/f", b"123")
        stat = repository.stat("a/f")
        assert (stat.path, stat.is_dir, stat.size) == ("a/f", False, 3)
        assert stat.modified is None or stat.modified > 1_600_000_000_000
        assert repository.stat("a") == Stat("a", is_dir=True)
        assert repository.stat("") == Stat("", is_dir=True)
        assert [repository.exists(path) for path in ("a", "a/f", "a/", "a/g", "f", "a/f/g")] == [True] * 3 + [False] * 3

    def test_modification_times_are_kept_or_ignored(self, repository: ArtifactRepository, tree: Path) -> None:
        repository.put("f", tree / "a.txt", 1_000_000_000_123)
        repository.put("f", tree / "deep" / "b.bin", modified=1_000_000_000_123)
        modified = repository.stat("f").modified
        assert modified is None or modified == 1_000_000_000_123 or modified > 1_600_000_000_000
        assert repository.get("f") == b"\0\1"

    # -- delete, copy ------------------------------------------------------------------------------------------------

    def test_a_file_is_deleted(self, repository: ArtifactRepository) -> None:
        repository.put("a/f", b"x")
        repository.put("a/f.txt", b"y")
        repository.delete("a/f")
        assert [info.path for info in repository.walk()] == ["a/f.txt"]
        assert not repository.exists("a/f")

    def test_a_folder_is_deleted(self, repository: ArtifactRepository, tree: Path) -> None:
        repository.put("whole", tree)
        repository.put("whole-not", b"x")
        repository.delete("whole")
        assert [info.path for info in repository.walk()] == ["whole-not"]
        assert not repository.exists("whole")
        with pytest.raises(InvalidParameter, match="must contain a file name"):
            repository.delete("")

    def test_files_and_folders_are_copied(self, repository: ArtifactRepository, tree: Path) -> None:
        repository.put("whole", tree)
        repository.copy("whole/a.txt", "b/a2.txt")
        repository.copy("whole", "other/place")
        assert repository.get("b/a2.txt") == repository.get("other/place/a.txt") == b"a"
        assert repository.get("other/place/deep/deeper/c") == b"ccc"
        repository.put("whole/a.txt", b"changed")
        assert repository.get("other/place/a.txt") == b"a"

    # -- local files -------------------------------------------------------------------------------------------------

    def test_files_are_fetched(self, repository: ArtifactRepository, tree: Path, tmp_path: Path) -> None:
        repository.put("whole", tree)
        file = repository.fetch_to("whole/deep/b.bin", tmp_path / "copies")
        assert file == tmp_path / "copies" / "whole" / "deep" / "b.bin"
        assert file.read_bytes() == b"\0\1"
        folder = repository.fetch_to("whole/deep", str(tmp_path / "more"))
        assert folder == tmp_path / "more" / "whole" / "deep"
        assert (folder / "deeper" / "c").read_text() == "ccc"
        assert (repository.fetch_to("", tmp_path / "all") / "whole" / "a.txt").read_text() == "a"
        # A copy is the caller's to change.
        file.write_bytes(b"changed")
        assert repository.get("whole/deep/b.bin") == b"\0\1"

    def test_files_are_fetched_to_anywhere(self, repository: ArtifactRepository, tree: Path) -> None:
        repository.put("whole", tree)
        assert repository.fetch_to("whole/a.txt").read_text() == "a"
        folder = repository.fetch_to("whole")
        assert (folder / "deep" / "b.bin").read_bytes() == b"\0\1"
        assert (repository.fetch_to() / "whole" / "a.txt").read_text() == "a"

    # -- paths -------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("path", HOSTILE)
    def test_paths_that_leave_the_repository(
        self, repository: ArtifactRepository, tree: Path, tmp_path: Path, path: str
    ) -> None:
        repository.put("a/f", b"x")
        for call in (
            lambda: repository.put(path, b"x"),
            lambda: repository.put(path, tree / "a.txt"),
            lambda: repository.put(path, tree),
            lambda: repository.replace(path, tree),
            lambda: repository.get(path),
            lambda: repository.open(path),
            lambda: repository.list(path),
            lambda: repository.stat(path),
            lambda: repository.exists(path),
            lambda: repository.delete(path),
            lambda: repository.copy(path, "b"),
            lambda: repository.copy("a", path),
            lambda: repository.copy("a/f", path),
            lambda: repository.fetch_to(path),
            lambda: repository.fetch_to(path, tmp_path / "copy"),
            lambda: repository.url(path),
        ):
            with pytest.raises(InvalidParameter, match="artifact path"):
                call()
        assert [info.path for info in repository.walk()] == ["a/f"]

    @pytest.mark.parametrize("name", ODD)
    def test_unusual_names_are_kept(self, repository: ArtifactRepository, tmp_path: Path, name: str) -> None:
        repository.put(name, b"odd")
        assert repository.get(name) == b"odd"
        assert [info.path for info in repository.walk()] == [name]
        assert repository.exists(name)
        assert repository.fetch_to(name, tmp_path / "copy") == tmp_path / "copy" / name
        assert repository.path_of(repository.url(name)) == name
        repository.delete(name)
        assert not repository.exists(name)

    @pytest.mark.parametrize("name", ["x" * 10_000, "/".join(["long" * 50] * 100)])
    def test_very_long_names_are_kept_or_refused(self, repository: ArtifactRepository, name: str) -> None:
        try:
            repository.put(name, b"x")
        except InvalidParameter:
            assert [*repository.walk()] == []
        else:
            assert repository.get(name) == b"x"

    def test_a_file_is_not_a_folder(self, repository: ArtifactRepository, tree: Path) -> None:
        repository.put("file", b"1")
        repository.put("folder/file", b"2")
        for call in (
            lambda: repository.put("file/below", b"3"),
            lambda: repository.put("folder", b"4"),
            lambda: repository.put("folder", tree / "a.txt"),
            lambda: repository.put("", b"5"),
            lambda: repository.get("folder"),
            lambda: repository.open("folder"),
        ):
            with pytest.raises(InvalidParameter):
                call()
        assert [info.path for info in repository.walk()] == ["file", "folder/file"]

    def test_missing_files(self, repository: ArtifactRepository, tmp_path: Path) -> None:
        repository.put("plots/loss.txt", b"x")
        for call in (
            lambda: repository.get("plots/los.txt"),
            lambda: repository.open("plots/los.txt"),
            lambda: repository.stat("plots/los.txt"),
            lambda: repository.delete("plots/los.txt"),
            lambda: repository.copy("plots/los.txt", "b"),
            lambda: repository.fetch_to("plots/los.txt"),
            lambda: repository.fetch_to("plots/los.txt", tmp_path / "copy"),
        ):
            with pytest.raises(NotFound, match=r"Artifact 'plots/los\.txt' does not exist.*plots/loss\.txt"):
                call()
        with pytest.raises(NotFound, match="File or folder"):
            repository.put("plots", tmp_path / "none")
        assert [info.path for info in repository.walk()] == ["plots/loss.txt"]

    # -- URIs, and who is told ---------------------------------------------------------------------------------------

    def test_uris(self, repository: ArtifactRepository) -> None:
        assert repository.path_of(repository.url()) == ""
        assert repository.path_of(repository.url("a/b c")) == "a/b c"
        assert repository.path_of(repository.real_url("a/b")) == "a/b"
        assert repository.path_of(repository.url() + "-other/a") is None
        assert repository.path_of("elsewhere://host/a") is None

    def test_every_file_that_is_written_is_reported(self, opened: Opened, tree: Path) -> None:
        written: list[tuple[str, int]] = []
        repository = opened(lambda path, size: written.append((path, size)))
        repository.put("a/./f", b"123")
        repository.put("g", tree / "deep" / "b.bin")
        repository.put("whole", tree)
        whole = [("whole/a.txt", 1), ("whole/deep/b.bin", 2), ("whole/deep/deeper/c", 3), ("whole/empty", 0)]
        assert written[:2] == [("a/f", 3), ("g", 2)]
        assert sorted(written[2:]) == whole
        written.clear()
        repository.put("whole", tree)
        repository.copy("a", "b")
        assert sorted(written) == [("b/f", 3), *whole]
        written.clear()
        repository.replace("whole", tree)
        assert sorted(written) == whole
