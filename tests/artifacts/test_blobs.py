"""Equal content is stored once, in plain files that stay correct whatever is written, deleted, moved or killed."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path

import pytest

import nbtrack
from nbtrack.cli import main
from nbtrack.errors import StoreError

BIG = bytes(range(256)) * 8192


def blobs(store: Path) -> dict[str, int]:
    """Return the digest of each blob, with the number of files of runs that link to it."""
    return {path.name: path.stat().st_nlink - 1 for path in store.glob("blobs/*/*")}


def stored(run_id: str, path: str) -> Path:
    return Path(nbtrack.artifacts.download_artifacts(run_id=run_id, artifact_path=path))


def room(store: Path) -> int:
    """Return the size of all files in bytes, with each file counted once however many names it has."""
    found = [path.stat() for path in store.glob("*/**/*") if path.is_file()]
    return sum({stats.st_ino: stats.st_size for stats in found if stats.st_size > 100_000}.values())


def log(content: bytes, *paths: str) -> str:
    source = Path(f"source-{random.random()}.bin")
    source.write_bytes(content)
    with nbtrack.start_run() as run:
        for path in paths or ("model.bin",):
            folder, _, name = path.rpartition("/")
            named = source.with_name(name)
            shutil.copyfile(source, named)
            nbtrack.log_artifact(named, folder or None)
    return str(run.info.run_id)


def test_equal_content_is_stored_once_however_it_is_logged(own_store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.bin").write_bytes(BIG)
    (folder / "b.bin").write_bytes(BIG)
    (folder / "other.bin").write_bytes(BIG + b"1")
    first = log(BIG, "model.bin")
    with nbtrack.start_run() as run:
        nbtrack.log_artifacts(str(folder), "new")
        (folder / "c.bin").write_bytes(BIG)
        nbtrack.log_artifacts(str(folder), "new")
        nbtrack.log_text(BIG.decode("utf-8", "surrogateescape"), "text.txt")
    same = [stored(first, "model.bin"), *(stored(run.info.run_id, f"new/{name}.bin") for name in "abc")]
    same.append(stored(run.info.run_id, "text.txt"))
    assert len({path.stat().st_ino for path in same}) == 1
    assert all(path.read_bytes() == BIG for path in same)
    assert stored(run.info.run_id, "new/other.bin").read_bytes() == BIG + b"1"
    assert blobs(own_store) == {sha256(BIG).hexdigest(): 5, sha256(BIG + b"1").hexdigest(): 1}
    assert not list(own_store.rglob(".nbtrack-partial-*"))


def test_files_are_plain_and_read_only_and_copies_are_independent(own_store: Path, tmp_path: Path) -> None:
    run_id = log(BIG)
    path = stored(run_id, "model.bin")
    assert path.is_file()
    assert not path.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) & 0o222 == 0
    copy = Path(nbtrack.artifacts.download_artifacts(run_id=run_id, artifact_path="model.bin", dst_path=tmp_path / "d"))
    copy.write_bytes(b"mine")
    assert path.read_bytes() == BIG


def test_overwriting_a_file_keeps_the_others_and_frees_unused_content(own_store: Path) -> None:
    one, other = log(BIG), log(BIG)
    client = nbtrack.MlflowClient()
    client.log_text(one, "x", "model.bin")
    assert stored(one, "model.bin").read_text() == "x"
    assert stored(other, "model.bin").read_bytes() == BIG
    assert blobs(own_store)[sha256(BIG).hexdigest()] == 1
    client.log_text(other, "y", "model.bin")
    assert set(blobs(own_store)) == {sha256(b"x").hexdigest(), sha256(b"y").hexdigest()}
    # The same content to the same path: one file, and no leftover.
    for _ in range(2):
        client.log_text(one, "x", "model.bin")
    assert [path.name for path in stored(one, "model.bin").parent.iterdir()] == ["model.bin"]


def test_tables_grow_though_the_file_is_read_only(own_store: Path) -> None:
    with nbtrack.start_run() as one:
        for i in range(3):
            nbtrack.log_table({"x": [i]}, "t.json")
    with nbtrack.start_run() as other:
        nbtrack.log_table({"x": [0]}, "t.json")
        nbtrack.log_table({"x": [1]}, "t.json")
    assert nbtrack.artifacts.load_dict(f"runs:/{one.info.run_id}/t.json")["data"] == [[0], [1], [2]]
    assert nbtrack.artifacts.load_dict(f"runs:/{other.info.run_id}/t.json")["data"] == [[0], [1]]


@pytest.mark.slow
def test_gc_frees_content_that_no_other_run_has(own_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = log(BIG, "a.bin")
    gone = [log(BIG, "a.bin", "again/b.bin"), log(BIG + b"own", "a.bin"), log(BIG + b"own", "b.bin")]
    by_hand = log(BIG + b"hand")
    for run_id in gone:
        nbtrack.delete_run(run_id)
    shutil.rmtree(stored(by_hand, "").parent)
    found = nbtrack.MlflowClient().gc()
    assert (found.artifact_files, found.artifact_bytes) == (4, 4 * len(BIG) + 6)
    assert found.freed_bytes == len(BIG) + 3
    assert found.unnamed == (1, len(BIG) + 4)
    assert main(["gc"]) == 0
    said = capsys.readouterr().out
    assert "8.4 MB (frees 2.1 MB" in said
    assert "1 file (2.1 MB) that is no longer used by any run" in said
    assert main(["gc", "--yes"]) == 0
    assert blobs(own_store) == {sha256(BIG).hexdigest(): 1}
    assert stored(kept, "a.bin").read_bytes() == BIG
    assert "Nothing to remove" in (main(["gc"]), capsys.readouterr().out.rpartition("Removed")[2])[1]


@pytest.mark.slow
def test_a_backup_stores_equal_content_once_too(own_store: Path, tmp_path: Path) -> None:
    runs = [log(BIG, "a.bin", "b/c.bin") for _ in range(3)]
    target = nbtrack.backup(tmp_path / "copy", artifacts=True)
    assert room(target) == room(own_store) == len(BIG)
    assert blobs(target) == {sha256(BIG).hexdigest(): 6}
    inodes = {path.stat().st_ino for store in (own_store, target) for path in store.rglob("*.bin")}
    assert len(inodes) == 2
    nbtrack.set_tracking_uri(str(target))
    runs.append(log(BIG))
    assert blobs(target) == {sha256(BIG).hexdigest(): 7}
    assert all(stored(run_id, "a.bin").read_bytes() == BIG for run_id in runs[:3])
    nbtrack.set_tracking_uri(str(own_store))
    nbtrack.backup(target, artifacts=True, force=True)


@pytest.mark.slow
def test_a_store_that_was_moved_or_copied_without_links(own_store: Path, tmp_path: Path) -> None:
    run_id = log(BIG)
    client = nbtrack.MlflowClient()
    client.search_runs()
    moved, copied = tmp_path / "moved" / ".nbtrack", tmp_path / "copied" / ".nbtrack"
    # Files, links forgotten: what `cp -r` does.
    shutil.copytree(own_store, copied)
    from nbtrack.store import close_stores

    close_stores()
    moved.parent.mkdir()
    os.rename(own_store, moved)
    for store, links in ((moved, 2), (copied, 1)):
        nbtrack.set_tracking_uri(str(store))
        assert stored(run_id, "model.bin").read_bytes() == BIG
        again = log(BIG)
        assert stored(again, "model.bin").read_bytes() == BIG
        assert blobs(store) == {sha256(BIG).hexdigest(): links}
        nbtrack.MlflowClient().gc(dry_run=False)
        assert stored(again, "model.bin").read_bytes() == BIG


@pytest.mark.slow
def test_a_repair_deduplicates_files(own_store: Path) -> None:
    """The files of an older nbtrack, or of a copy by `cp -r`, are not shared."""
    runs = [log(BIG), log(BIG), log(BIG + b"other")]
    for run_id in runs:
        path = stored(run_id, "model.bin")
        shutil.copyfile(path, path.with_name("copy"))
        os.replace(path.with_name("copy"), path)
    nbtrack.MlflowClient().gc(dry_run=False)
    assert blobs(own_store) == {}
    report = nbtrack.doctor(contents=True)
    assert report.is_healthy
    assert "3 files are not deduplicated yet (6,291,461 bytes)" in report.notes[-1]
    assert "which freed 2,097,152 bytes" in nbtrack.doctor(contents=True, repair=True).notes[-1]
    assert sorted(blobs(own_store).values()) == [1, 2]
    assert [stored(run_id, "model.bin").read_bytes() for run_id in runs] == [BIG, BIG, BIG + b"other"]
    assert nbtrack.doctor(contents=True).notes == []


@pytest.mark.slow
def test_merging_stores_content_once_and_keeps_the_latest_file(own_store: Path, tmp_path: Path) -> None:
    new = BIG + b"new"
    first = log(new)
    with nbtrack.start_run() as run:
        nbtrack.log_text("old", "f.txt")
        nbtrack.log_artifacts(str(stored(first, "")), "all")
    other = tmp_path / "other" / ".nbtrack"
    nbtrack.backup(other, artifacts=True)
    time.sleep(0.02)
    # In the other store the run has a new file, of a content that is older than the one it replaces.
    theirs = nbtrack.MlflowClient(str(other))
    (tmp_path / "f.txt").write_bytes(new)
    theirs.log_artifact(run.info.run_id, tmp_path / "f.txt")
    nbtrack.MlflowClient().log_text(run.info.run_id, "between", "g.txt")
    theirs.search_runs()
    nbtrack.merge(str(other))
    assert stored(run.info.run_id, "f.txt").read_bytes() == new
    assert blobs(own_store)[sha256(new).hexdigest()] == 3
    assert nbtrack.merge(str(other)).brought["artifact files"] == 0
    nbtrack.set_tracking_uri(str(other))
    assert nbtrack.merge(str(own_store)).brought["artifact files"] == 1
    assert nbtrack.merge(str(own_store)).brought["artifact files"] == 0
    assert stored(run.info.run_id, "f.txt").read_bytes() == new
    assert stored(run.info.run_id, "g.txt").read_text() == "between"


def test_an_experiment_with_a_location_of_its_own_has_plain_copies(own_store: Path, tmp_path: Path) -> None:
    nbtrack.create_experiment("elsewhere", artifact_location=str(tmp_path / "share"))
    nbtrack.set_experiment("elsewhere")
    runs = [log(BIG), log(BIG)]
    assert [stored(run_id, "model.bin").stat().st_nlink for run_id in runs] == [1, 1]
    assert stat.S_IMODE(stored(runs[0], "model.bin").stat().st_mode) & 0o200
    assert blobs(own_store) == {}


@pytest.mark.slow
@pytest.mark.parametrize("number", [errno.EPERM, errno.EMLINK, errno.EXDEV, errno.ENOSPC, errno.EOPNOTSUPP])
def test_files_are_copied_if_links_are_not_supported(
    own_store: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    first = log(BIG)

    def refuse(source: object, target: object, **_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", refuse)
        second = log(BIG)
        third = log(BIG + b"new")
        nbtrack.backup("copy", artifacts=True)
    assert stored(second, "model.bin").read_bytes() == BIG
    assert stored(third, "model.bin").read_bytes() == BIG + b"new"
    assert blobs(own_store) == {sha256(BIG).hexdigest(): 1}
    assert log(BIG)
    assert stored(first, "model.bin").stat().st_nlink == 3


def test_a_blob_with_the_most_links_possible_is_replaced(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = log(BIG)
    link = os.link
    full = stored(first, "model.bin").stat().st_ino

    def limited(source: Path, target: Path) -> None:
        if os.stat(source).st_ino == full:
            raise OSError(errno.EMLINK, "Too many links")
        link(source, target)

    monkeypatch.setattr(os, "link", limited)
    second, third = log(BIG), log(BIG)
    assert stored(first, "model.bin").stat().st_ino == full
    assert stored(second, "model.bin").stat().st_ino == stored(third, "model.bin").stat().st_ino != full
    assert blobs(own_store) == {sha256(BIG).hexdigest(): 2}


@pytest.mark.slow
def test_a_file_that_was_changed_in_place_is_not_shared(own_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed, longer = log(BIG), log(BIG + b"longer")
    for run_id, more in ((changed, b""), (longer, b"!")):
        path = stored(run_id, "model.bin")
        path.chmod(0o644)
        with path.open("r+b") as file:
            file.write(b"changed")
            file.seek(0, os.SEEK_END)
            file.write(more)
    other = log(BIG)
    assert stored(other, "model.bin").read_bytes() == BIG
    # The size is looked at always, the content where it is asked for.
    report = nbtrack.doctor()
    assert [finding.kind for finding in report.findings] == ["changed artifact"]
    assert longer in report.findings[0].text
    assert changed not in report.findings[0].text
    assert main(["doctor", "--contents"]) == 3
    said = capsys.readouterr().out
    assert "2 logged files were modified after logging" in said
    assert changed in said
    assert nbtrack.doctor(repair=True, contents=True).has_losses
    assert nbtrack.doctor(contents=True).is_healthy
    one, two = log(BIG), log(BIG)
    assert stored(one, "model.bin").stat().st_ino == stored(two, "model.bin").stat().st_ino
    assert stored(changed, "model.bin").read_bytes().startswith(b"changed")


def test_a_file_that_grows_while_it_is_logged_gets_the_digest_of_its_copy(
    own_store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = tmp_path / "log.txt"
    source.write_bytes(b"first\n")
    copyfile = shutil.copyfile

    def grow(here: Path, there: Path) -> None:
        with source.open("ab") as file:
            file.write(b"second\n")
        copyfile(here, there)

    monkeypatch.setattr(shutil, "copyfile", grow)
    with nbtrack.start_run() as run:
        nbtrack.log_artifact(source)
    assert stored(run.info.run_id, "log.txt").read_bytes() == b"first\nsecond\n"
    assert blobs(own_store) == {sha256(b"first\nsecond\n").hexdigest(): 1}


def test_files_that_waited_for_space_are_deduplicated(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = log(BIG)
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if own_store in Path(target).parents and "artifacts" in Path(target).parts:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    with nbtrack.start_run() as run:
        source = stored(first, "model.bin")
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", full)
            with pytest.warns(RuntimeWarning, match="cannot write"):
                nbtrack.log_artifact(source, "late")
        nbtrack.log_text("now", "now.txt")
    assert stored(run.info.run_id, "late/model.bin").stat().st_ino == stored(first, "model.bin").stat().st_ino


def test_a_failed_write_leaves_nothing_behind(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbtrack.artifact_store.blobs import Blobs
    from nbtrack.artifact_store.local import LocalArtifactRepository

    repository = LocalArtifactRepository(own_store / "artifacts" / "0", blobs=Blobs(own_store / "blobs"))

    def broken(source: Path, target: Path) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    Path("a.bin").write_bytes(BIG)
    monkeypatch.setattr(shutil, "copyfile", broken)
    with pytest.raises(StoreError, match="disk is full"):
        repository.put("a.bin", Path("a.bin"))
    assert blobs(own_store) == {}
    assert not [path for path in own_store.rglob("*") if path.is_file()]


@pytest.mark.slow
def test_threads_that_log_equal_content_concurrently(own_store: Path) -> None:
    client = nbtrack.MlflowClient()
    runs = [client.create_run("0").info.run_id for _ in range(8)]
    start = threading.Barrier(len(runs))

    def work(run_id: str) -> None:
        start.wait()
        for i in range(10):
            client.log_text(run_id, f"content {i}" * 1000, f"{i}.txt")

    threads = [threading.Thread(target=work, args=[run_id]) for run_id in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run_id in runs:
        for i in range(10):
            assert stored(run_id, f"{i}.txt").read_text() == f"content {i}" * 1000
    assert sorted(blobs(own_store).values()) == [8] * 10
    for run_id in runs:
        client.set_terminated(run_id)


WRITER = """
import nbtrack, random, sys
seed = int(sys.argv[1])
rng = random.Random(seed)
with nbtrack.start_run() as run:
    print(run.info.run_id, flush=True)
    while True:
        i = rng.randrange(20)
        # Many paths have one content, and each path has another one at another time.
        nbtrack.log_text(f"content {i} " * 500, f"{rng.randrange(6)}.txt")
"""
COLLECTOR = """
import nbtrack, time
client = nbtrack.MlflowClient()
print("ready", flush=True)
while True:
    client.gc(dry_run=False)
    time.sleep(0.005)
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_killed_writers_and_collectors_lose_no_file_and_leak_no_space(own_store: Path, seed: int) -> None:
    """After SIGKILL at random moments, each file is complete, and each blob has the content of its name."""
    rng = random.Random(seed)
    contents = {(f"content {i} " * 500).encode() for i in range(20)}
    for turn in range(4):
        processes = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(seed * 100 + turn * 10 + i)], stdout=subprocess.PIPE)
            for i in range(2)
        ]
        processes.append(subprocess.Popen([sys.executable, "-c", COLLECTOR], stdout=subprocess.PIPE))
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        time.sleep(rng.uniform(0.1, 0.4))
        for process in processes:
            process.send_signal(signal.SIGKILL)
        for process in processes:
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        files = [path for path in own_store.glob("artifacts/*/*/artifacts/*.txt") if path.is_file()]
        assert files
        assert {path.read_bytes() for path in files} <= contents
        assert all(sha256(path.read_bytes()).hexdigest() == path.name for path in own_store.glob("blobs/*/[0-9a-f]*"))
    client = nbtrack.MlflowClient()
    for run in client.search_runs():
        client.delete_run(run.info.run_id)
    client.gc(dry_run=False)
    assert blobs(own_store) == {}
    assert not [path for path in own_store.glob("artifacts/**/*") if path.is_file()]
    assert client.gc().unnamed == (0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("step", ["linked", "replaced"])
def test_killed_at_each_step_of_a_write(own_store: Path, step: str) -> None:
    """SIGKILL right after a blob was created, and right after a file was replaced whose blob is not used any more."""
    run_id = log(BIG)
    die = "os.kill(os.getpid(), signal.SIGKILL)"
    patch = {
        "linked": f"real = os.link; os.link = lambda *a: (real(*a), {die})",
        "replaced": f"Blobs.release = lambda *a: {die}",
    }[step]
    code = f"""
import os, signal, nbtrack
from nbtrack.artifact_store.blobs import Blobs
{patch}
nbtrack.MlflowClient().log_text({run_id!r}, "new", "model.bin")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    client = nbtrack.MlflowClient()
    content = stored(run_id, "model.bin").read_bytes()
    assert content == {"linked": BIG, "replaced": b"new"}[step]
    if step == "linked":
        (leftover,) = own_store.rglob(".nbtrack-partial-*")
        os.utime(leftover, (0, 0))
        assert client.doctor(repair=True).is_repaired
    client.gc(dry_run=False)
    assert blobs(own_store) == {sha256(content).hexdigest(): 1}
