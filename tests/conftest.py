"""What every test stands on: a store of its own, and none of the developer's settings."""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.store.conformance.server import Server

# Two threads of BLAS in each of two workers wait for each other: the quickstart took twice as long on two cores.
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(threads, "1")
# jsonschema imports this if it is installed, which compiles 38 grammars for a format that no notebook's schema has.
sys.modules.setdefault("rfc3987_syntax", None)

settings.register_profile("nbtrack", deadline=None, print_blob=True)
settings.load_profile("nbtrack")


# Files that take 20 seconds and more. They start first, because a worker that starts one at the end works on it alone.
LONG_FILES = (
    "notebooks/test_notebooks.py",
    "browser/test_story.py",
    "tracking/test_wrong_types.py",
    "browser/test_looks.py",
    "registry/test_states.py",
    "durability/test_model.py",
    "serving/test_every_door.py",
    "browser/test_table.py",
    "browser/test_hosts.py",
    "browser/test_first_paint.py",
    "magics/test_inner.py",
    "transfer/test_merge.py",
    "projects/test_notebooks.py",
    "projects/test_run.py",
    "durability/test_damage.py",
    "durability/test_sigkill.py",
    "transfer/test_mlflow.py",
    "sweeps/test_workers.py",
    "analysis/test_curves.py",
    "analysis/test_series.py",
    "models/test_log_best.py",
    "guide/test_site.py",
    "store/test_sessions.py",
)

_ALL_SLOW = re.compile(r"^pytestmark = .*\bpytest\.mark\.slow\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file that is slow as a whole is not even imported where the slow tests are left out.

    It needs torch, Keras or mlflow, whose import takes seconds, in each worker and before the first test.
    """
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    return True if _ALL_SLOW.search(collection_path.read_text("utf-8")) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Import the tests without looking for garbage, because nearly all objects that are created there stay.

    The bytecode is written for the other worker and for the processes of the tests, also if PYTHONDONTWRITEBYTECODE is
    set. For these processes the variable stays: a module that a test writes twice in a second must not be an old one.
    """
    writes_none, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        sys.dont_write_bytecode = writes_none


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # A shell starts its background jobs like this, and an interrupt would end no test and no process of one.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # xdist would start with the files that have the most tests.
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first, then the files with the most tests. The order within a file stays."""
    places = {f"tests/{name}": number for number, name in enumerate(LONG_FILES)}
    counts = Counter(item.nodeid.partition("::")[0] for item in items)

    def place(item: pytest.Item) -> tuple[int, int, str]:
        file = item.nodeid.partition("::")[0]
        return places.get(file, len(places)), -counts[file], file

    items.sort(key=place)


def pytest_collection_finish() -> None:
    _freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    if nextitem is not None and nextitem.path != item.path:
        _freeze()


def _freeze() -> None:
    """Take the modules that are loaded by now out of what each garbage collection looks through.

    IPython collects at each reset of a shell, which costs 100 ms with all of pandas and scikit-learn in the heap, and a
    second with torch and Keras.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh folder as the working directory, with the default store in it; no run stays open behind a test."""
    # For good: what monkeypatch restores after the test may be a store that the fixture of a module has passed on.
    for name in _environment():
        del os.environ[name]
    _forget_tracking_uri()
    _forget_run_of_mlflow()
    store = tmp_path / ".nbtrack"
    monkeypatch.setenv("NBTRACK_TRACKING_URI", str(store))
    # A slow machine must not add metrics to a run that a test counts.
    monkeypatch.setenv("NBTRACK_ENABLE_SYSTEM_METRICS_LOGGING", "false")
    monkeypatch.chdir(tmp_path)
    yield store
    if "nbtrack" in sys.modules:
        import nbtrack
        from nbtrack.store import close_stores
        from nbtrack.store.folder.store import FolderStore

        while nbtrack.active_run() is not None:
            nbtrack.end_run()
        _forget_tracking_uri()
        with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
            # Some tests leave a store behind that nothing can be applied to.
            warnings.simplefilter("ignore", RuntimeWarning)
            # Nothing reads the store after its test.
            patch.setattr(FolderStore, "try_apply", lambda *_, **__: True)
            close_stores()


def _environment() -> list[str]:
    # mlflow keeps the active experiment there, too.
    return [name for name in os.environ if name.startswith(("NBTRACK_", "MLFLOW_"))]


def _forget_tracking_uri() -> None:
    if "nbtrack" in sys.modules:
        import nbtrack

        nbtrack.set_tracking_uri("")
        nbtrack.config._named_by_environment.clear()


def _forget_run_of_mlflow() -> None:
    """Forget what a test has left active in the real mlflow, whose autologging would log to it, or fail silently."""
    fluent = sys.modules.get("mlflow.tracking.fluent")
    if fluent is not None:
        fluent._active_run_stack.get().clear()
        fluent._active_experiment_id = None


@contextmanager
def made_once(folder: Path) -> Iterator[None]:
    """What is logged in the block goes to a store in `folder`, which the tests of a file then get a copy of.

    To make a store and log a few runs costs a test 200 ms, a copy 5.
    """
    import nbtrack
    from nbtrack.store import close_stores

    with pytest.MonkeyPatch.context() as patch:
        for name in _environment():
            patch.delenv(name)
        patch.setenv("NBTRACK_TRACKING_URI", str(folder))
        patch.setenv("NBTRACK_ENABLE_SYSTEM_METRICS_LOGGING", "false")
        yield
        # Here, and not again by each copy's first reader, what was logged is applied.
        nbtrack.search_runs()
        close_stores()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL, one for each process of pytest-xdist, started when a test first needs it."""
    from tests.store.conformance.server import Server

    server = Server()
    yield server
    server.stop()


@pytest.fixture
def fresh_loky() -> Iterator[None]:
    """joblib keeps its workers, with the environment of the test that they were made in: here none of another's."""
    _end_loky()
    yield
    _end_loky()


def _end_loky() -> None:
    if "joblib" in sys.modules:
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown()


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str, float], None]:
    """Report a figure: it is printed at the end of the test run, and never asserted."""
    return lambda what, value: record_property(f"measured: {what}", round(value, 1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.getreports("passed")
    figures = [
        (name, value) for report in reports for name, value in report.user_properties if name.startswith("measured")
    ]
    if figures:
        terminalreporter.section("figures")
    for name, value in figures:
        terminalreporter.line(f"{name.removeprefix('measured: ')}: {value}")
