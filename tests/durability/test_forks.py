"""A process that forks, spawns or starts threads in a run: every point arrives, and the run belongs to the parent."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import nbtrack

from .children import run


def _values(run_id: str, key: str) -> list[float]:
    return sorted(point.value for point in nbtrack.MlflowClient().get_metric_history(run_id, key))


@pytest.mark.slow
def test_dataloader_workers_that_log() -> None:
    """Two workers, started again for each epoch, log while the loop logs, too."""
    pytest.importorskip("torch")
    result = run(
        """
        import torch.utils.data

        class Numbers(torch.utils.data.Dataset):
            def __len__(self):
                return 40
            def __getitem__(self, index):
                nbtrack.log_metric("loaded", index, step=index)
                return index

        with nbtrack.start_run() as active:
            for epoch in range(3):
                loader = torch.utils.data.DataLoader(Numbers(), batch_size=4, num_workers=2)
                for batch in loader:
                    nbtrack.log_metric("loss", float(batch.sum()))
                nbtrack.search_runs(output_format="list")
            assert nbtrack.get_run(active.info.run_id).info.status == "RUNNING"
        print(active.info.run_id)
        """
    )
    assert result.warnings == []
    run_id = result.lines[-1]
    assert nbtrack.get_run(run_id).info.status == "FINISHED"
    assert _values(run_id, "loaded") == sorted([*range(40)] * 3)
    assert len(_values(run_id, "loss")) == 30
    assert len(nbtrack.search_runs()) == 1, "no worker began a run of its own"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(method: str, tmp_path: Path) -> None:
    """A forked child logs to the active run. A spawned child, which has no active run, logs to a given one."""
    script = tmp_path / "script.py"
    script.write_text(
        """
import multiprocessing, sys, nbtrack

def work(run_id, number):
    for step in range(50):
        if run_id:
            nbtrack.MlflowClient().log_metric(run_id, "m", number * 50 + step, step=step)
        else:
            nbtrack.log_metric("m", number * 50 + step, step=step)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with nbtrack.start_run() as run:
        run_id = run.info.run_id if sys.argv[1] == "spawn" else None
        nbtrack.search_runs(output_format="list")
        children = [context.Process(target=work, args=(run_id, number)) for number in range(4)]
        for child in children: child.start()
        for number in range(50): nbtrack.log_metric("parent", number)
        for child in children:
            child.join()
            assert child.exitcode == 0
        with context.Pool(2) as pool:
            pool.starmap(work, [(run_id, number) for number in range(4, 6)])
    print(run.info.run_id)
"""
    )
    result = run(
        "import runpy; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')", script, method
    )
    run_id = result.lines[-1]
    assert _values(run_id, "m") == list(range(300))
    assert _values(run_id, "parent") == list(range(50))
    assert nbtrack.get_run(run_id).info.status == "FINISHED"
    assert len(nbtrack.search_runs()) == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_fork_while_lines_wait_for_room(tmp_path: Path) -> None:
    """The parent must write the lines that wait in it, and the child must write only its own."""
    result = run(
        """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with nbtrack.start_run() as active:
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (journal().path.stat().st_size + 200, before[1]))
            for step in range(50):
                nbtrack.log_metric("m", step, step=step)
            assert journal().unwritten
            child = os.fork()
            if child == 0:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
                for step in range(50, 60):
                    nbtrack.log_metric("m", step, step=step)
                sys.exit()
            assert os.waitpid(child, 0)[1] == 0
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            nbtrack.log_metric("m", 60, step=60)
            wait_until(lambda: not journal().unwritten)
        print(active.info.run_id)
        """
    )
    assert len(result.warnings) == 1
    assert _values(result.lines[-1], "m") == list(range(61))


@pytest.mark.slow
def test_threads_that_log_while_the_journal_comes_and_goes(tmp_path: Path) -> None:
    result = run(
        """
        import resource, signal, threading
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        with nbtrack.start_run() as active:
            def work(number):
                for step in range(2000):
                    active.log_metric(f"m{number}", step, step=step)
            threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
            for thread in threads: thread.start()
            for _ in range(4):
                size = journal().path.stat().st_size
                resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1000, before[1]))
                time.sleep(0.02)
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
                journal().flush()
            for thread in threads: thread.join()
            wait_until(lambda: not journal().unwritten)
        print(active.info.run_id)
        """
    )
    for number in range(4):
        assert _values(result.lines[-1], f"m{number}") == list(range(2000))
