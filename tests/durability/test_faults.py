"""A full disk, a read-only folder, no file handles, a clock that is set back: the training continues."""

from __future__ import annotations

import json
import os
import resource
import signal
import warnings
from collections import Counter
from pathlib import Path

import pytest

import nbtrack
from nbtrack.errors import NotFound
from nbtrack.journal import Journal, Process
from nbtrack.journal.kinds import encode as event

from .children import finish, run, start

pytestmark = pytest.mark.slow

# Everything that a training loop and a sweep do, on a store that is in trouble from `begin()` to `over()`.
SWEEP = """
def sweep(number, points=300):
    ids = []
    for trial in range(number):
        with nbtrack.start_run(run_name=f"trial {trial}") as run:
            ids.append(run.info.run_id)
            nbtrack.log_param("trial", trial)
            nbtrack.log_params({"a": 1, "b": "x" * 100})
            nbtrack.set_tag("note", "in trouble")
            with nbtrack.start_run(nested=True):
                nbtrack.log_metric("inner", trial)
            for step in range(points):
                nbtrack.log_metric("loss", step / 7, step=step)
                nbtrack.log_metrics({"x": step, "y": -step}, step=step)
                if step % 100 == 99:
                    nbtrack.log_text("x" * 5000, f"texts/{step}.txt")
                    nbtrack.log_table({"step": [step]}, "table.json")
            nbtrack.delete_tag("note")
    return ids
"""


def _check_sweep(ids: list[str], points: int = 300) -> None:
    """Check that every point of a sweep is stored once, with its params, and that its runs have ended."""
    counts = Counter[str]()
    for run_id in ids:
        found = nbtrack.get_run(run_id)
        assert found.info.status == "FINISHED"
        assert found.data.params == {"trial": found.info.run_name.split()[1], "a": "1", "b": "x" * 100}
        assert "note" not in found.data.tags
        client = nbtrack.MlflowClient()
        assert [info.path for info in client.list_artifacts(run_id, "texts")] == [
            f"texts/{step}.txt" for step in (199, 299, 99)
        ]
        table = json.loads(Path(client.download_artifacts(run_id, "table.json")).read_text())
        assert table["data"] == [[99], [199], [299]]
        for key in ("loss", "x", "y"):
            history = nbtrack.MlflowClient().get_metric_history(run_id, key)
            assert [point.step for point in history] == list(range(points))
            counts[key] += len(history)
    assert set(counts.values()) == {len(ids) * points}


FILL = """
def fill(folder):
    with open(f"{folder}/ballast", "wb", buffering=0) as file:
        piece = 1 << 20
        while piece >= 1:
            try:
                file.write(b"x" * piece)
            except OSError:
                piece //= 2
"""


def test_a_disk_that_fills_up_in_the_middle_of_a_run(small_disk: Path) -> None:
    result = run(
        [
            SWEEP,
            FILL,
            """
        with nbtrack.start_run() as outer:
            nbtrack.log_metric("m", 0)
            nbtrack.search_runs(output_format="list")
            fill(sys.argv[1])
            for step in range(1, 1000):
                nbtrack.log_metric("m", step)
        print(*sweep(3))
        assert journal().unwritten
        os.remove(f"{sys.argv[1]}/ballast")
        wait_until(lambda: not journal().unwritten and store().artifact_detour.is_empty)
        print(outer.info.run_id)
        """,
        ],
        small_disk,
    )
    assert len(result.warnings) == 2, "one for logged data, one for files"
    assert "Logging continues: new data is kept in" in result.warnings[0]
    assert "Logging continues: files are kept in" in result.warnings[1]
    _check_sweep(result.lines[0].split())
    history = nbtrack.MlflowClient().get_metric_history(result.lines[1], "m")
    assert [point.value for point in history] == list(range(1000))


def test_a_disk_that_is_full_before_the_store_is_made(small_disk: Path) -> None:
    result = run(
        [
            SWEEP,
            FILL,
            """
        fill(sys.argv[1])
        ids = sweep(3)
        os.remove(f"{sys.argv[1]}/ballast")
        wait_until(lambda: not journal().unwritten and store().artifact_detour.is_empty)
        print(*ids)
        """,
        ],
        small_disk,
    )
    assert len(result.warnings) == 2
    _check_sweep(result.lines[0].split())


def test_a_process_that_ends_or_dies_on_a_full_disk_leaves_a_rescue_file(small_disk: Path, rescue_folder: Path) -> None:
    script = [
        SWEEP,
        FILL,
        """
        nbtrack.search_runs(output_format="list")
        fill(sys.argv[1])
        print(*sweep(2), flush=True)
        """,
    ]
    ended = run(script, small_disk)
    died = start([*script, "os.kill(os.getpid(), 9)"], small_disk)
    out, _ = died.communicate(timeout=60)
    assert died.returncode == -signal.SIGKILL
    killed = next(line for line in out.splitlines() if not line.startswith("WARNING")).split()
    files = list(rescue_folder.glob("nbtrack-rescue-*.jsonl"))
    assert len(files) == 2
    assert any(str(file) in ended.warnings[-1] for file in files)
    assert all("nbtrack doctor --repair" in text for text in ended.warnings[-2:])
    (small_disk / "ballast").unlink()
    report = nbtrack.doctor()
    assert [finding.kind for finding in report.findings] == ["rescue file"] * 2 + ["rescued artifacts"] * 4
    assert len(list(rescue_folder.glob("nbtrack-rescue-*"))) == 4, "it looks and changes nothing"
    assert nbtrack.doctor(repair=True).is_repaired
    assert not list(rescue_folder.glob("nbtrack-rescue-*.jsonl"))
    assert nbtrack.doctor().is_healthy
    _check_sweep([*ended.lines[0].split(), *killed])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user, whom permissions bind")
def test_a_read_only_folder(own_store: Path, tmp_path: Path) -> None:
    with nbtrack.start_run():
        nbtrack.log_metric("m", 1)
    nbtrack.search_runs()
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and str(folder) != "/":
            folder.chmod(0o755)
    child = start(
        [
            SWEEP,
            """
        # What is imported where it is used, the other user may have no right to read.
        import importlib, pkgutil
        for module in pkgutil.walk_packages(nbtrack.__path__, "nbtrack."):
            if not module.name.startswith("nbtrack.integrations."): importlib.import_module(module.name)
        nbtrack.search_runs()
        os.setgid(65534); os.setuid(65534)
        print(*sweep(3), flush=True)
        print(len(nbtrack.search_runs()), flush=True)
        sys.stdin.readline()
        wait_until(lambda: not journal().unwritten and store().artifact_detour.is_empty)
        """,
        ]
    )
    assert child.stdout is not None
    while not (line := child.stdout.readline()).startswith("1\n"):
        if not line.startswith("WARNING"):
            ids = line.split()
        assert line, child.communicate()
    for path in (own_store, *own_store.rglob("*")):
        os.chown(path, 65534, 65534)
    finish(child)
    _check_sweep(ids)


EXHAUST = """
import resource
def exhaust():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, before[1]))
    try:
        while True: held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    def give_back():
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for fd in held: os.close(fd)
    return give_back
"""


@pytest.mark.parametrize("when", ["in the middle", "from the start"])
def test_no_file_handles(when: str) -> None:
    result = run(
        [
            SWEEP,
            EXHAUST,
            """
        if sys.argv[1] == "in the middle":
            first = sweep(1)
        else:
            # A program that has opened too much has imported what it uses.
            with nbtrack.start_run(): pass
            nbtrack.search_runs(output_format="list")
            nbtrack.MlflowClient()._store.close()
            first = []
        give_back = exhaust()
        ids = first + sweep(3)
        time.sleep(1.5)  # the background thread meets the same
        give_back()
        wait_until(lambda: not journal().unwritten and store().artifact_detour.is_empty)
        print(*ids)
        """,
        ],
        when,
    )
    _check_sweep(result.lines[0].split())
    troubles = [text for text in result.warnings if "Logging continues: new data" in text]
    assert len(troubles) == (when == "from the start")


def test_a_clock_that_is_set_back_by_a_day() -> None:
    result = run(
        """
        real, back = time.time_ns, 0
        time.time_ns = lambda: real() - back
        run = nbtrack.start_run()
        for step in range(50):
            nbtrack.log_metric("m", step)
        back = 86_400 * 10**9
        for step in range(50, 100):
            nbtrack.log_metric("m", step)
        nbtrack.set_tag("after", "yes")
        nbtrack.end_run()
        with nbtrack.start_run():
            nbtrack.log_metric("m", 1)
        print(run.info.run_id)
        """
    )
    assert result.warnings == []
    found = nbtrack.get_run(result.lines[0])
    assert found.data.metrics == {"m": 99.0}
    assert found.data.tags["after"] == "yes"
    history = nbtrack.MlflowClient().get_metric_history(found.info.run_id, "m")
    assert sorted(point.step for point in history) == list(range(100))
    assert found.info.end_time == found.info.start_time, "no run ends before it starts"
    assert len(nbtrack.search_runs()) == 2


def test_a_short_write_leaves_whole_lines_and_the_rest_follows_in_order(tmp_path: Path, rescue_folder: Path) -> None:
    """The limit on the size of a file lets a part of a line through, like a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal = Journal(tmp_path / "journal")
    lines = [event("tag", r="r", k="k", x=str(number)) for number in range(200)]
    try:
        # The rescue file runs into the limit too, and its rest waits in memory.
        resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + 500, before[1]))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for line in lines:
                journal.append(line)
        assert len(caught) == 1
        assert journal.unwritten
        assert not journal.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, previous)
    assert journal.flush()
    journal.append(lines[0])
    journal.close()
    files = sorted(journal.folder.iterdir())
    assert len(files) == 3
    written = [line for file in files for line in file.read_bytes().splitlines(keepends=True) if b'"tag"' in line]
    assert written == [*lines, lines[0]]
    assert not list(rescue_folder.iterdir())


def test_a_rescue_file_that_lies_elsewhere_is_named(own_store: Path, tmp_path: Path) -> None:
    """The file comes from another machine, so nobody can see that its writer is dead. It is applied only once."""
    nbtrack.search_runs()
    described = {"experiment_id": "0", "name": "elsewhere", "user_id": "u", "start_time": 1, "artifact_uri": "a"}
    process = {"format": 1, "host": "another machine", "pid": 1, "store": "/elsewhere/.nbtrack"}
    name = f"nbtrack-rescue-{'e' * 32}-0001r.jsonl"
    lines = [event("open", t=1, x="e" * 32, d=process), event("run", r="e" * 32, d=described)]
    lines += [event("metric", r="e" * 32, k="m", s=step, t=1, v=1.0) for step in range(30)]
    for _ in range(2):
        (tmp_path / name).write_bytes(b"".join(lines) + lines[-1][:20])
        assert nbtrack.doctor().is_healthy, "it is not found by itself"
        assert nbtrack.doctor(repair=True, rescue=[tmp_path / name]).is_repaired
        assert not (tmp_path / name).exists()
        (found,) = nbtrack.search_runs(output_format="list")
        assert found.info.run_name == "elsewhere"
        assert len(nbtrack.MlflowClient().get_metric_history("e" * 32, "m")) == 30
    with pytest.raises(NotFound):
        nbtrack.doctor(repair=True, rescue=[tmp_path / name])


def test_a_rescue_file_that_is_still_written_is_left_to_its_process(own_store: Path, tmp_path: Path) -> None:
    """If doctor applied it now and its process did so later, its lines would be applied twice or in part."""
    nbtrack.search_runs()
    path = tmp_path / f"nbtrack-rescue-{'d' * 32}-0001r.jsonl"
    header = event("open", t=1, x="d" * 32, d={"store": str(own_store), **Process.current().to_dict()})
    path.write_bytes(header + event("metric", r="d" * 32, k="m", s=0, t=1, v=1.0))
    report = nbtrack.doctor(repair=True, rescue=[path])
    assert "belongs to a running process" in report.notes[0]
    assert path.exists()
