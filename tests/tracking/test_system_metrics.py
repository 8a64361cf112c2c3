"""Test that system metrics are logged with MLflow's names while a run is active, and disturb nothing."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import psutil
import pytest

import nbtrack
from nbtrack.runs import process_metrics, system_metrics

KEYS = {
    "system/cpu_utilization_percentage",
    "system/system_memory_usage_megabytes",
    "system/system_memory_usage_percentage",
    "system/disk_usage_megabytes",
    "system/disk_usage_percentage",
    "system/disk_available_megabytes",
    "system/network_receive_megabytes",
    "system/network_transmit_megabytes",
}
PROCESS_KEYS = {"system/process_cpu_percentage", "system/process_memory_megabytes", "system/process_threads"}


@pytest.fixture(autouse=True)
def settings_as_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("NBTRACK_ENABLE_SYSTEM_METRICS_LOGGING")
    monkeypatch.setattr(system_metrics, "_settings", {})
    monkeypatch.setattr(system_metrics, "_sampler", system_metrics._Sampler())
    yield
    system_metrics._sampler.stop()


def wait_for(run_id: str, points: int, key: str = "system/system_memory_usage_percentage") -> list[float]:
    client = nbtrack.MlflowClient()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        history = client.get_metric_history(run_id, key)
        if len(history) >= points:
            return [point.value for point in history]
        time.sleep(0.05)
    raise AssertionError(f"{key} has {len(history)} points")


@pytest.mark.slow
def test_on_by_default_with_mlflows_names_and_steps_that_continue_in_a_resumed_run() -> None:
    with nbtrack.start_run() as run:
        wait_for(run.info.run_id, 1)
    metrics = nbtrack.get_run(run.info.run_id).data.metrics
    assert set(metrics) == KEYS | PROCESS_KEYS
    assert 0 <= metrics["system/cpu_utilization_percentage"] <= 100
    memory = psutil.virtual_memory()
    assert metrics["system/system_memory_usage_megabytes"] == pytest.approx(memory.used / 1e6, rel=0.3)
    assert metrics["system/network_receive_megabytes"] >= 0
    nbtrack.set_system_metrics_sampling_interval(0.05)
    with nbtrack.start_run(run_id=run.info.run_id):
        wait_for(run.info.run_id, 3)
    history = nbtrack.MlflowClient().get_metric_history(run.info.run_id, "system/disk_usage_percentage")
    assert [point.step for point in history] == list(range(len(history)))


@pytest.mark.slow
def test_mlflow_has_the_same_names() -> None:
    monitor = pytest.importorskip("mlflow.system_metrics.system_metrics_monitor")
    monitors = [monitor.CPUMonitor(), monitor.DiskMonitor(), monitor.NetworkMonitor()]
    for one in monitors:
        one.collect_metrics()
    assert {f"system/{key}" for one in monitors for key in one.aggregate_metrics()} == KEYS


@pytest.mark.slow
@pytest.mark.parametrize("how", ["call", "NBTRACK_", "MLFLOW_", "start_run"])
def test_one_setting_turns_them_off(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nbtrack.set_system_metrics_sampling_interval(0.02)
    wanted = None
    if how == "call":
        nbtrack.disable_system_metrics_logging()
    elif how == "start_run":
        wanted = False
    else:
        monkeypatch.setenv(f"{how}ENABLE_SYSTEM_METRICS_LOGGING", "false")
    with nbtrack.start_run(log_system_metrics=wanted) as run:
        time.sleep(0.3)
    assert nbtrack.get_run(run.info.run_id).data.metrics == {}
    with nbtrack.start_run(log_system_metrics=True) as run:
        wait_for(run.info.run_id, 1)
    nbtrack.enable_system_metrics_logging()
    with nbtrack.start_run() as run:
        wait_for(run.info.run_id, 1)


@pytest.mark.slow
def test_invalid_settings_are_errors_and_in_the_environment_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(nbtrack.errors.InvalidParameter):
        nbtrack.set_system_metrics_sampling_interval(0)
    with pytest.raises(nbtrack.errors.InvalidParameter):
        nbtrack.set_system_metrics_samples_before_logging(1.5)  # type: ignore[arg-type]
    monkeypatch.setenv("NBTRACK_SYSTEM_METRICS_SAMPLING_INTERVAL", "often")
    with (
        pytest.warns(UserWarning, match="SAMPLING_INTERVAL must be a positive number, not 'often'"),
        nbtrack.start_run(),
    ):
        pass


def test_several_samples_make_one_point_and_a_node_has_its_own_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter(range(10, 1000, 10))
    monkeypatch.setattr(system_metrics, "_memory", lambda: {"system_memory_usage_percentage": float(next(used))})
    nbtrack.set_system_metrics_sampling_interval(0.02)
    nbtrack.set_system_metrics_samples_before_logging(3)
    nbtrack.set_system_metrics_node_id("worker-1")
    with nbtrack.start_run() as run:
        values = wait_for(run.info.run_id, 2, "system/worker-1/system_memory_usage_percentage")
    # A look at the machine may come before the first sample.
    first = values[0]
    assert first in (20.0, 30.0)
    assert values[:2] == [first, first + 30]


def test_readings_that_fail_are_left_out_and_the_others_continue(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, float]:
        raise PermissionError("not in this container")

    monkeypatch.setattr(system_metrics, "_disk", broken)
    monkeypatch.setattr(system_metrics, "_network", broken)
    nbtrack.set_system_metrics_sampling_interval(0.02)
    with nbtrack.start_run() as run:
        wait_for(run.info.run_id, 3)
    assert set(nbtrack.get_run(run.info.run_id).data.metrics) == {
        key for key in KEYS | PROCESS_KEYS if "disk" not in key and "net" not in key
    }


def test_gpus_where_nvml_finds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace NVML, because this machine has no GPU. The names are those of nvidia-ml-py."""

    class NVMLError(Exception):
        pass

    def power(handle: int) -> int:
        if handle == 1:
            raise NVMLError("Not Supported")
        return 75_000

    def processes(handle: int) -> list[SimpleNamespace]:
        of_others = SimpleNamespace(pid=1, usedGpuMemory=5e9)
        return [of_others, SimpleNamespace(pid=os.getpid(), usedGpuMemory=1.5e9)][: 2 - handle]

    def utilization(handle: int, since: int) -> list[SimpleNamespace]:
        if since:
            raise NVMLError("Not Found")
        shares = [(1, os.getpid(), 40), (1, 1, 50), (2, os.getpid(), 20)]
        return [SimpleNamespace(timeStamp=time, pid=pid, smUtil=share) for time, pid, share in shares]

    nvml = ModuleType("pynvml")
    vars(nvml).update(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda i: i,
        nvmlDeviceGetMemoryInfo=lambda i: SimpleNamespace(used=2e9, total=8e9),
        nvmlDeviceGetUtilizationRates=lambda i: SimpleNamespace(gpu=90 + i),
        nvmlDeviceGetPowerUsage=power,
        nvmlDeviceGetEnforcedPowerLimit=lambda i: 300_000,
        nvmlDeviceGetComputeRunningProcesses=processes,
        nvmlDeviceGetProcessUtilization=utilization,
    )
    real = pytest.importorskip("pynvml")
    assert all(hasattr(real, name) for name in vars(nvml) if name.startswith(("nvml", "NVML")))
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    nbtrack.set_system_metrics_sampling_interval(0.02)
    with nbtrack.start_run() as run:
        wait_for(run.info.run_id, 1, "system/gpu_1_utilization_percentage")
    metrics = nbtrack.get_run(run.info.run_id).data.metrics
    assert {key: value for key, value in metrics.items() if "gpu" in key} == {
        # The process uses only the first of the two.
        "system/process_gpu_0_memory_usage_megabytes": 1500.0,
        "system/process_gpu_0_utilization_percentage": 30.0,
        "system/gpu_0_memory_usage_percentage": 25.0,
        "system/gpu_0_memory_usage_megabytes": 2000.0,
        "system/gpu_0_utilization_percentage": 90.0,
        "system/gpu_0_power_usage_watts": 75.0,
        "system/gpu_0_power_usage_percentage": 25.0,
        "system/gpu_1_memory_usage_percentage": 25.0,
        "system/gpu_1_memory_usage_megabytes": 2000.0,
        "system/gpu_1_utilization_percentage": 91.0,
    }


def test_a_process_is_measured_with_its_child_processes() -> None:
    family = process_metrics.Family()
    first = family()
    assert "process_cpu_percentage" not in first
    own = psutil.Process()
    assert first["process_memory_megabytes"] >= own.memory_info().rss / 2e6
    assert first["process_threads"] >= 1
    # Threads of this process may end meanwhile, but not as many as the child has.
    busy = "import threading, time\nfor _ in range(20):\n"
    busy += "    threading.Thread(target=time.sleep, args=[99], daemon=True).start()\n"
    busy += "while time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        # The machine may be busy, so only what the child has used in any case is compared.
        child.stdout.readline()
        second = family()
        assert child.pid in family.pids()
        assert second["process_threads"] > first["process_threads"]
        assert second["process_cpu_percentage"] > 0
        assert family.seconds >= 0.3
        before = family.seconds
        child.stdin.close()
    family()
    assert child.pid not in family.pids()
    assert family.seconds >= before, "the time of a child that has ended is not lost"


def test_descendants_are_those_that_psutil_finds() -> None:
    nested = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(flush=True); input()'])"
    with subprocess.Popen([sys.executable, "-c", nested], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        # Other tests may have left child processes behind, which end at any time.
        outer = psutil.Process(child.pid)
        (inner,) = outer.children(recursive=True)
        assert process_metrics.descendants(outer) == [inner.pid]
        assert {child.pid, inner.pid} <= set(process_metrics.descendants(psutil.Process()))
        child.stdin.close()


@pytest.mark.slow
def test_hundreds_of_short_runs_share_one_thread_and_get_no_sample() -> None:
    # A test before this one in the same process may have left a thread of the sampler that was there then.
    before = set(threading.enumerate())
    start = time.monotonic()
    runs = []
    while len(runs) < 300 and time.monotonic() - start < 1.5:
        with nbtrack.start_run() as run:
            nbtrack.log_metric("m", 1)
        runs.append(run.info.run_id)
    names = sorted(thread.name for thread in set(threading.enumerate()) - before)
    # Those that look at runs and at requests to stop them may be there from the first run of the process on.
    others = ("nbtrack-observer", "nbtrack-stop")
    assert [name for name in names if name not in others] == ["nbtrack-apply", "nbtrack-system-metrics"]
    assert all(names.count(name) <= 1 for name in others)
    frame = nbtrack.search_runs()
    assert len(frame) == len(runs)
    assert not [column for column in frame.columns if column.startswith("metrics.system/")]


@pytest.mark.slow
def test_runs_of_several_threads_are_sampled_together(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = []
    real = system_metrics._memory
    monkeypatch.setattr(system_metrics, "_memory", lambda: readings.append(1) or real())
    nbtrack.set_system_metrics_sampling_interval(0.5)
    runs = [nbtrack.start_run(nested=True) for _ in range(8)]
    for run in runs:
        wait_for(run.info.run_id, 3)
    for run in reversed(runs):
        run.end()
    assert len(readings) <= 8


def _child(run_id: str, queue: multiprocessing.Queue[object]) -> None:
    assert not [thread for thread in threading.enumerate() if thread.name == "nbtrack-system-metrics"]
    nbtrack.log_metric("from_child", 1)
    with nbtrack.start_run(nested=True) as run:
        wait_for(run.info.run_id, 1)
    queue.put(run.info.run_id)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_samples_its_own_runs_and_its_parent_continues() -> None:
    nbtrack.set_system_metrics_sampling_interval(0.01)
    context = multiprocessing.get_context("fork")
    with nbtrack.start_run() as run:
        for _ in range(5):
            queue = context.Queue()
            child = context.Process(target=_child, args=(run.info.run_id, queue))
            child.start()
            assert isinstance(queue.get(timeout=30), str)
            child.join(30)
            assert child.exitcode == 0
        before = len(wait_for(run.info.run_id, 1))
        wait_for(run.info.run_id, before + 3)
    history = nbtrack.MlflowClient().get_metric_history(run.info.run_id, "system/disk_usage_percentage")
    assert [point.step for point in history] == list(range(len(history)))
    assert nbtrack.get_run(run.info.run_id).data.metrics["from_child"] == 1


@pytest.mark.slow
def test_a_process_with_an_open_run_ends_without_errors(own_store: Path) -> None:
    code = """
import time, nbtrack
nbtrack.set_system_metrics_sampling_interval(0.001)
nbtrack.start_run()
time.sleep(0.5)
"""
    for _ in range(3):
        done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr.replace(f"nbtrack: runs are kept in {own_store}\n", "")) == (0, "")
    runs = nbtrack.search_runs(output_format="list")
    assert [run.info.status for run in runs] == ["FINISHED"] * 3
    assert list((own_store / "journal").iterdir()) == []


@pytest.mark.slow
def test_sampling_is_cheap(measured: Callable[[str, float], None]) -> None:
    """Measure the CPU time of the thread at the default interval, as a share of one core."""
    with nbtrack.start_run() as run:
        wait_for(run.info.run_id, 1)
        thread, machine = system_metrics._sampler._thread, system_metrics._sampler._machine
        assert thread is not None
        assert machine is not None
        samples = []
        for _ in range(50):
            start = time.thread_time()
            machine.totals()
            run.log_metrics(machine.values())
            samples.append(time.thread_time() - start)
        clock = time.pthread_getcpuclockid(thread.ident or 0)
        cpu, wall = time.clock_gettime(clock), time.monotonic()
        time.sleep(3)
        ticks = (time.clock_gettime(clock) - cpu) / (time.monotonic() - wall)
    share = statistics.median(samples) / system_metrics.INTERVAL + ticks
    measured("system metrics, thousandths of a core", share * 1e3)
    measured("system metrics, a sample in microseconds", statistics.median(samples) * 1e6)
    assert share < 0.01
