"""The protocols of a store, the capabilities of the folder, and a check that no other module bypasses the protocols."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nbtrack
from nbtrack.errors import NotSupported
from nbtrack.store import open_store, opening
from nbtrack.store.folder import CAPABILITIES
from nbtrack.store.protocol import Reading, Recording, Registry, Store

PACKAGE = Path(nbtrack.__file__).parent
PROTOCOLS = (Recording, Reading, Registry)
MOST_OPERATIONS = 55


def operations(protocol: type) -> dict[str, str]:
    """Return the public operations that a protocol itself declares, with their signatures as written."""
    source = ast.parse(Path(inspect.getfile(protocol)).read_text())
    (body,) = [node.body for node in source.body if isinstance(node, ast.ClassDef) and node.name == protocol.__name__]
    found: dict[str, str] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            returns = "" if node.returns is None else ast.unparse(node.returns)
            found[node.name] = found.get(node.name, "") + f"({ast.unparse(node.args)}) -> {returns};"
    return found


def test_the_three_protocols_stay_small() -> None:
    counts = {protocol.__name__: len(operations(protocol)) for protocol in PROTOCOLS}
    assert sum(counts.values()) <= MOST_OPERATIONS, counts
    names = [name for protocol in PROTOCOLS for name in operations(protocol)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.__name__)
def test_signatures_hide_how_a_store_keeps_data(protocol: type) -> None:
    """No type and no argument name of the protocols refers to a file or a database."""
    for name, signature in operations(protocol).items():
        assert not re.search(r"\bPath(Like)?\b|(?i:cursor|lock|folder|connection)", signature), f"{name}{signature}"


@pytest.mark.parametrize("protocol", [*PROTOCOLS, Store], ids=lambda protocol: protocol.__name__)
def test_the_folder_has_every_operation_with_the_same_arguments(protocol: type) -> None:
    store = open_store()
    assert isinstance(store, protocol)
    for name in operations(protocol):
        ours, theirs = getattr(type(store), name), getattr(protocol, name)
        if callable(theirs):
            expected, found = inspect.signature(theirs).parameters, inspect.signature(ours).parameters
            assert list(found) == list(expected), name
            assert [p.default for p in found.values()] == [p.default for p in expected.values()], name


def test_only_the_client_holds_a_store() -> None:
    """Only `client/` holds the store. All other modules use the client, or a protocol that is passed to them.

    Imports get a store whose tables they fill, and keep it. In the artifact modules, `store` is the name of a folder.
    """
    anywhere, of_others = r"\._store\b|[\"']_store[\"']", r"(?<!self)\._store\b"
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0]
        if room not in ("client", "store"):
            pattern = of_others if room in ("artifact_store", "transfer") else anywhere
            lines = [line for line in path.read_text().splitlines() if re.search(pattern, line)]
            found += [f"{path.relative_to(PACKAGE)}: {line.strip()}" for line in lines]
    assert not found, found


def test_capabilities_of_the_folder(own_store: Path) -> None:
    client = nbtrack.MlflowClient()
    for name in CAPABILITIES:
        assert client.capability(name) is not None
    with pytest.raises(NotSupported, match=r"does not support 'teleport'.*: none"):
        client.capability("teleport")


MEMORY = '''
"""A store in one file, as another package would have it: read-only, with one run."""

from contextlib import contextmanager

from nbtrack.entities import PagedList, Run, RunData, RunInfo
from nbtrack.store.protocol import Snapshot

RUN = Run(RunInfo("0" * 32, "0", "found", "me", "FINISHED", 0, 1, "memory://artifacts"), RunData({"loss": 0.5}, {}, {}))


class MemoryStore:

    def __init__(self, uri):
        self.uri = uri

    @contextmanager
    def snapshot(self, *, fresh=True):
        yield Snapshot()

    def search_runs(self, experiment_ids, filter_string, view, max_results, order_by, page_token=None):
        return PagedList([RUN][:max_results], None)

    def get_runs(self, run_ids, *, strict=False):
        return [RUN for run_id in run_ids if run_id == RUN.info.run_id]

    def close(self):
        pass


open_backend = MemoryStore
'''

USE = """
import nbtrack
from nbtrack.errors import NotSupported

nbtrack.set_tracking_uri("memory://here")
client = nbtrack.MlflowClient()
assert client.tracking_uri == nbtrack.get_tracking_uri() == "memory://here", client.tracking_uri
(run,) = client.search_runs(None, "metrics.loss < 1")
assert run.info.run_name == "found" and client.get_run("0" * 32) == run
for call in (client.doctor, lambda: nbtrack.sql("SELECT 1"), lambda: nbtrack.export("out")):
    try:
        call()
    except NotSupported as error:
        assert "memory://here" in str(error) and "file" in str(error), error
    else:
        raise AssertionError(call)
try:
    nbtrack.set_tracking_uri("postgresql://host/db")
except NotSupported as error:
    assert "a folder" in str(error) and "memory://" in str(error), error
else:
    raise AssertionError
print("found")
"""


def test_a_store_of_another_package_is_found_by_its_scheme(tmp_path: Path) -> None:
    (tmp_path / "memory_store.py").write_text(MEMORY)
    metadata = tmp_path / "memory_store-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: memory-store\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[nbtrack.stores]\nmemory = memory_store\n")
    done = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{PACKAGE.parent}:{tmp_path}", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "found\n", done.stderr


def test_a_folder_is_opened_without_a_look_at_the_entry_points(tmp_path: Path) -> None:
    code = (
        f"import nbtrack, sys; nbtrack.set_tracking_uri({str(tmp_path)!r}); nbtrack.MlflowClient(); "
        "print('importlib.metadata' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("uri", ["foo://bar", "postgresql://host/db", "http://host"])
def test_an_unknown_scheme_is_refused_and_known_ones_are_named(uri: str) -> None:
    with pytest.raises(NotSupported, match="a folder"):
        opening.open_store(uri)
    with pytest.raises(NotSupported, match=re.escape(repr(uri))):
        nbtrack.set_tracking_uri(uri)


def test_the_folder_is_registered_as_any_other_store() -> None:
    from nbtrack.config import store_schemes

    module = store_schemes()["file"].load()
    assert module is importlib.import_module("nbtrack.store.folder")
    assert callable(module.open_backend)


def test_a_revision_differs_after_a_change(own_store: Path) -> None:
    client = nbtrack.MlflowClient()
    with client.reading.snapshot() as seen:
        assert seen.is_complete
    before = client.reading.revision()
    client.create_registered_model("digits")
    assert client.reading.revision() != before
