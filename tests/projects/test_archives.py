"""Zip archives are unpacked for each run, and hostile ones are refused."""

from __future__ import annotations

import os
import warnings
import zipfile
from pathlib import Path

import pytest

from nbtrack.errors import ExecutionException, InvalidParameter
from nbtrack.projects import archives
from nbtrack.projects.sources import Source, fetched
from tests.projects.repositories import copies, refusal

pytestmark = pytest.mark.usefixtures("project_cache")


def zipped(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o100755 if name.endswith(".sh") else 0o100644) << 16
            archive.writestr(info, content)
    return path


def test_an_archive_is_unpacked_for_each_run(tmp_path: Path, project_cache: Path):
    archive = zipped(tmp_path / "a.zip", **{"train.py": "print(1)\n", "sub/run.sh": "echo\n"})
    for uri in (str(archive), archive.as_uri()):
        with fetched(uri) as source:
            assert source == Source(str(archive), source.folder)
            assert (source.folder / "train.py").read_text() == "print(1)\n"
            assert os.access(source.folder / "sub" / "run.sh", os.X_OK)
    with fetched(f"{archive}#sub") as source:
        assert [path.name for path in source.folder.iterdir()] == ["run.sh"]
    assert copies(project_cache) == []
    assert "only in a git repository" in refusal(str(archive), "main", InvalidParameter)
    one_folder = zipped(tmp_path / "b.zip", **{"repo-main/train.py": ""})
    with fetched(str(one_folder)) as source:
        assert source.folder.name == "repo-main"


def test_an_archive_is_downloaded(served: tuple[Path, str], project_cache: Path):
    folder, host = served
    (folder / "open").mkdir()
    for name in ("a.zip", "open/a.zip"):
        zipped(folder / name, **{"train.py": name})
    with fetched(f"http://me:s3cr3t@{host}/a.zip?signature=abc") as source:
        assert (source.uri, (source.folder / "train.py").read_text()) == (f"http://{host}/a.zip", "a.zip")
    with fetched(f"http://{host}/redirect/a.zip") as source:
        assert (source.folder / "train.py").read_text() == "open/a.zip"
    assert "the server answers 401" in refusal(f"http://me:wr0ng@{host}/a.zip", kind=ExecutionException)
    assert "answers 404" in refusal(f"http://{host}/open/none.zip", kind=ExecutionException)
    assert "cannot be downloaded" in refusal(f"http://{host}/redirect/file.zip", kind=ExecutionException)
    assert "cannot be downloaded" in refusal("http://127.0.0.1:1/a.zip", kind=ExecutionException)
    assert copies(project_cache) == []


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "..\\a", "C:/a", "a/..", "a\0b"])
def test_members_outside_the_archive_are_refused(tmp_path: Path, project_cache: Path, name: str):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        info = zipfile.ZipInfo("placeholder")
        info.filename = info.orig_filename = name
        opened.writestr(info, "x")
    assert "outside its folder" in refusal(str(archive), kind=InvalidParameter)
    assert copies(project_cache) == []


def test_hostile_and_damaged_archives_are_refused(tmp_path: Path, project_cache: Path, monkeypatch: pytest.MonkeyPatch):
    link = tmp_path / "link.zip"
    with zipfile.ZipFile(link, "w") as opened:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        opened.writestr(info, "/etc")
    assert "which is not a file" in refusal(str(link), kind=InvalidParameter)
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(b"PK no archive")
    assert "cannot be unpacked" in refusal(str(damaged), kind=InvalidParameter)
    wrong = zipped(tmp_path / "wrong.zip", a="x" * 10_000)
    content = bytearray(wrong.read_bytes())
    content[40:44] = b"????"
    wrong.write_bytes(content)
    assert "cannot be unpacked" in refusal(str(wrong), kind=InvalidParameter)
    twice = tmp_path / "twice.zip"
    with zipfile.ZipFile(twice, "w") as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened.writestr("a", "1")
        opened.writestr("a", "2")
    assert "cannot be unpacked" in refusal(str(twice), kind=InvalidParameter)
    monkeypatch.setattr(archives, "MAX_UNPACKED", 1_000)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    assert "more than 1,000 bytes" in refusal(str(zipped(tmp_path / "bomb.zip", a="0" * 10_000)))
    assert "at most 2 members" in refusal(str(zipped(tmp_path / "many.zip", a="", b="", c="")))
    assert copies(project_cache) == []
