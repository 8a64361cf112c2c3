"""Each kind of event: what is written can be read, and what no constructor would write is rejected."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack.errors import InvalidParameter
from nbtrack.journal import Process, RunRecorder, events
from nbtrack.journal.kinds import KINDS, LARGEST, LISTS, Field, Kind, Type
from nbtrack.store.folder.loading import stage

RUN = "a" * 32
WRITER = "f" * 32
DEAD = dataclasses.replace(Process.current(), boot="an earlier one")
ENTRY = {"artifact_path": "net", "flavors": {}}
POINTS = ([3, 4], [1, 2], [0.5, float("nan")])
DATASET = {"source_type": "local", "source": "{}", "context": "train"}


def make_run(run_id: str = RUN, writer: str | None = None) -> bytes:
    return events.run(
        run_id, experiment_id="0", name="n", user_id="u", start_time=1, artifact_uri="artifacts:0/a", writer=writer
    )


LINES: dict[str, bytes] = {
    "open": events.opened(WRITER, DEAD, 1),
    "close": events.closed(2),
    "run": make_run(writer=WRITER),
    "metric": events.metric(RUN, "m", 3, 1, 0.5),
    "series": b"".join(events.series(RUN, "m", *POINTS)),
    "param": events.param(RUN, "p", "1", 1),
    "tag": events.tag(RUN, "t", "x"),
    "untag": events.untag(RUN, "before"),
    "model": events.model(RUN, "net", ENTRY),
    "table": events.table(RUN, "a/t.json"),
    "status": events.status(RUN, "FAILED", 9),
    "artifact": events.artifact(RUN, "a/b.txt", 3, 1),
    "input": events.dataset(RUN, "d", "123", 1, **DATASET),
}
"""One line of each kind."""

WRITTEN_BEFORE = {
    "open": f'{{"e":"open","t":1,"x":"{WRITER}","d":{{"format":1,"host":"h","boot":"b","namespace":"","pid":7,'
    '"started":1.5}}',
    "close": '{"e":"close","t":2}',
    "run": f'{{"e":"run","r":"{RUN}","d":{{"experiment_id":"0","name":"n","user_id":"u","start_time":1,'
    f'"artifact_uri":"artifacts:0/a","writer":"{WRITER}"}}}}',
    "metric": f'{{"e":"metric","r":"{RUN}","k":"m","s":3,"t":1,"v":0.5}}',
    "series": f'{{"e":"series","r":"{RUN}","k":"m","ss":[3,4],"tt":[1,2],"vv":[0.5,"NaN"]}}',
    "param": f'{{"e":"param","r":"{RUN}","k":"p","x":"1","t":1}}',
    "tag": f'{{"e":"tag","r":"{RUN}","k":"t","x":"x"}}',
    "untag": f'{{"e":"untag","r":"{RUN}","k":"before"}}',
    "model": f'{{"e":"model","r":"{RUN}","k":"net","x":"{{\\"artifact_path\\": \\"net\\", \\"flavors\\": {{}}}}"}}',
    "table": f'{{"e":"table","r":"{RUN}","k":"a/t.json"}}',
    "status": f'{{"e":"status","r":"{RUN}","x":"FAILED","t":9}}',
    "artifact": f'{{"e":"artifact","r":"{RUN}","k":"a/b.txt","s":3,"t":1}}',
    "input": f'{{"e":"input","r":"{RUN}","t":1,"k":"d","x":"123","d":{{"source_type":"local","source":"{{}}",'
    '"context":"train"}}',
}
"""The same lines as version 0.1 wrote them, before there were constructors."""


def write(store: Path, lines: bytes) -> None:
    nbtrack.search_runs(output_format="list")
    (store / "journal" / "foreign-0000.jsonl").write_bytes(lines)


def read_run() -> Any:
    return nbtrack.get_run(RUN)


def history(key: str = "m") -> list[tuple[int, int, str]]:
    points = nbtrack.MlflowClient().get_metric_history(RUN, key)
    return [(point.step, point.timestamp, repr(point.value)) for point in points]


def artifacts() -> list[tuple[str, int]]:
    found = nbtrack.sql("SELECT path, size FROM artifacts")
    return list(zip(found.path, found["size"], strict=True))


def input_of_run() -> tuple[str, str, str, str]:
    (one,) = read_run().inputs.dataset_inputs
    return one.dataset.name, one.dataset.digest, one.dataset.source_type, one.tags[0].value


READ: dict[str, tuple[Callable[[], Any], Any]] = {
    # The header names the process whose death ends the run.
    "open": (lambda: read_run().info.status, "KILLED"),
    # After that, lines come from the next file, because this one is removed.
    "close": (lambda: [path.name for path in sorted(Path(nbtrack.get_tracking_uri()).rglob("foreign-*"))], []),
    "run": (lambda: (read_run().info.run_name, read_run().info.start_time), ("n", 1)),
    "metric": (history, [(3, 1, "0.5")]),
    "series": (history, [(3, 1, "0.5"), (4, 2, "nan")]),
    "param": (lambda: read_run().data.params, {"p": "1"}),
    "tag": (lambda: read_run().data.tags["t"], "x"),
    "untag": (lambda: "before" in read_run().data.tags, False),
    "model": (lambda: json.loads(read_run().data.tags["mlflow.log-model.history"]), [ENTRY]),
    "table": (
        lambda: json.loads(read_run().data.tags["mlflow.loggedArtifacts"]),
        [{"path": "a/t.json", "type": "table"}],
    ),
    "status": (lambda: (read_run().info.status, read_run().info.end_time), ("FAILED", 9)),
    "artifact": (artifacts, [("a/b.txt", 3)]),
    "input": (input_of_run, ("d", "123", "local", "train")),
}
"""How each kind is read through the public API, and what is found."""


def test_every_kind_has_its_cases() -> None:
    assert KINDS.keys() == LINES.keys() == WRITTEN_BEFORE.keys() == READ.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_of_a_kind_can_be_read(own_store: Path, kind: str) -> None:
    before = events.tag(RUN, "before", "x") + events.param(RUN, "p", "0", 0)
    header = LINES["open"] if kind == "open" else b""
    write(own_store, header + make_run(writer=WRITER) + before + (LINES[kind] if kind != "open" else b""))
    read, expected = READ[kind]
    nbtrack.search_runs(output_format="list")
    assert read() == expected
    assert nbtrack.sql("SELECT * FROM rejected_events").empty


@pytest.mark.parametrize("kind", KINDS)
def test_lines_are_what_they_were(own_store: Path, kind: str) -> None:
    line = LINES[kind]
    if kind == "open":
        line = events.opened(WRITER, Process("h", "b", "", 7, 1.5), 1)
    assert line.decode() == WRITTEN_BEFORE[kind] + "\n"


def test_what_an_importer_and_a_rescue_file_add() -> None:
    deleted = events.run(
        RUN,
        experiment_id="0",
        name="n",
        user_id="u",
        start_time=1,
        artifact_uri="a",
        writer=None,
        lifecycle_stage="deleted",
        deleted_time=5,
    )
    assert json.loads(deleted)["d"] == {
        "experiment_id": "0",
        "name": "n",
        "user_id": "u",
        "start_time": 1,
        "artifact_uri": "a",
        "lifecycle_stage": "deleted",
        "deleted_time": 5,
        "writer": None,
    }
    resumed = events.status(RUN, "RUNNING", writer=WRITER)
    assert resumed == f'{{"e":"status","r":"{RUN}","x":"RUNNING","t":null,"d":{{"writer":"{WRITER}"}}}}\n'.encode()
    assert events.header(events.opened(WRITER, DEAD, 1, "elsewhere")) == events.Header(WRITER, DEAD, "elsewhere")
    for line in (b"", b"\xff\n", b"[]\n", LINES["close"], LINES["input"], b'{"e":"open","x":"w","d":5}\n'):
        assert events.header(line) is None


# -- rejected lines ----------------------------------------------------------------------------------------------

WRONG: dict[Type, list[Any]] = {
    # DuckDB reads a number or an object as a string.
    Type.STRING: [],
    Type.WHOLE: ["three", 2**63, [1], {}],
    Type.NUMBER: ["three", [1], {}],
    Type.OBJECT: ["text", 5, [], {}],
    Type.WHOLES: ["three", 5, [1, None], [1, "x"], [1], [1, 2, 3]],
    Type.NUMBERS: ["three", 5, [1, None], [1, "x"], [1], [1, 2, 3]],
    Type.STATUS: ["WISHFUL", 5, "running"],
    Type.ID: ["three", str(2**63), "1.5.1"],
    Type.OBJECT_STRING: ["text", "[]", "5"],
}
"""What no field of a type holds."""


def broken(kind: Kind) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the fields of lines in which one required field is missing, null or wrong, each with the field's name."""
    fields = json.loads(LINES[kind.name])
    for column, field in kind.fields.items():
        for value in _replacements(field):
            yield column, _replaced(fields, column, value)
    for name, field in kind.details.items():
        for value in _replacements(field):
            yield f"d.{name}", {**fields, "d": _replaced(fields.get("d", {}), name, value)}


_MISSING = object()


def _replacements(field: Field) -> list[Any]:
    return [_MISSING, None, *WRONG[field.type]] if field.required else []


def _replaced(fields: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    others = {key: held for key, held in fields.items() if key != name}
    return others if value is _MISSING else {**others, name: value}


def test_only_the_files_own_lines_require_nothing() -> None:
    assert [kind.name for kind in KINDS.values() if not list(broken(kind))] == ["open", "close"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("open", "close")])
def test_an_incomplete_line_is_rejected_with_its_reason_and_the_others_apply(own_store: Path, kind: str) -> None:
    names = [name for name, _ in broken(KINDS[kind])]
    lines = [json.dumps(fields).encode() + b"\n" for _, fields in broken(KINDS[kind])]
    assert len(lines) > 3
    good = [events.metric(RUN, "good", step, step, 0.0) for step in range(len(lines))]
    mixed = b"".join(line for pair in zip(good, lines, strict=True) for line in pair)
    write(own_store, make_run() + mixed)
    with pytest.warns(RuntimeWarning, match="kept in the table rejected_events"):
        assert len(history("good")) == len(good)
    kept = nbtrack.sql("SELECT * FROM rejected_events ORDER BY position")
    assert [line.encode() + b"\n" for line in kept.line] == lines
    for name, reason in zip(names, kept.reason, strict=True):
        # An empty `d` is an object whose members are missing. Lists are wrong if their lengths differ.
        named = (f"field '{name}' of the event '{kind}' ", f"field '{name}.", f"the lists of the event '{kind}' have")
        assert reason.startswith(named), reason
    assert set(kept.reason) & {f"field '{name}' of the event '{kind}' is missing" for name in names}
    (run,) = nbtrack.search_runs(output_format="list")
    assert (run.info.status, run.data.params, run.inputs.dataset_inputs) == ("RUNNING", {}, [])
    assert history() == artifacts() == []


def test_an_unknown_kind_is_rejected_with_its_reason(own_store: Path) -> None:
    unknown = LINES["metric"].replace(b'"metric"', b'"wish"')
    write(own_store, make_run() + unknown + LINES["metric"] + LINES["tag"].replace(RUN.encode(), b"b" * 32))
    with pytest.warns(RuntimeWarning, match="kept in the table rejected_events"):
        assert history() == [(3, 1, "0.5")]
    kept = nbtrack.sql("SELECT line, reason FROM rejected_events ORDER BY position")
    assert kept.line[0].encode() + b"\n" == unknown
    assert list(kept.reason) == ["unknown kind of event 'wish'", "no such run"]


# -- the constructors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_no_constructor_writes_what_the_loader_rejects(kind: str) -> None:
    """Both use one table. The elements of lists must be checked by the caller."""
    for _, fields in broken(KINDS[kind]):
        del fields["e"]
        if not any(_has_wrong_elements(fields.get(column)) for column in LISTS):
            with pytest.raises(InvalidParameter, match=f"not form a valid '{kind}' event"):
                KINDS[kind].check(fields)


def test_what_a_recorder_writes_unchecked_meets_the_rules() -> None:
    written: list[bytes] = []
    values = {"a": 1, "b": None, "c": "\u00e9\n", "d": {"x": [1]}, "e" * 500: ""}
    RunRecorder(RUN, "artifacts", written.append).batch([("m", 1, LARGEST, None)], values, values)
    texts = {key: str(value) for key, value in values.items()}
    lines = b"".join(written).splitlines(keepends=True)
    time = json.loads(lines[0])["t"]
    kinds = [json.loads(line)["e"] for line in lines]
    assert kinds == ["param"] * 5 + ["metric"] + ["tag"] * 5
    assert lines[:5] == [events.param(RUN, key, text, time) for key, text in texts.items()]
    assert lines[5] == events.metric(RUN, "m", LARGEST, json.loads(lines[5])["t"], 1.0)
    assert lines[6:] == [events.tag(RUN, key, text) for key, text in texts.items()]


def _has_wrong_elements(value: Any) -> bool:
    return isinstance(value, list) and not all(isinstance(element, (int, float)) for element in value)


@pytest.mark.parametrize("kind", KINDS)
def test_constructors_write_only_fields_of_the_table(kind: str) -> None:
    fields = json.loads(LINES[kind])
    assert fields.pop("e") == kind
    assert fields.keys() <= KINDS[kind].fields.keys()
    if KINDS[kind].details:
        assert fields.get("d", {}).keys() <= KINDS[kind].details.keys()


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
WHOLES = st.integers(-LARGEST, LARGEST)
NUMBERS = st.floats(width=64)


@st.composite
def lines(draw: st.DrawFn) -> tuple[bytes, tuple[Any, ...]]:
    """A line, and the values that DuckDB must read from it: e, k, s, t, v, x, ss, tt, vv."""
    kind = draw(st.sampled_from(["metric", "series", "param", "tag", "artifact"]))
    key, text, step, time, value = draw(TEXTS), draw(TEXTS), draw(WHOLES), draw(WHOLES), draw(NUMBERS)
    if kind == "metric":
        return events.metric(RUN, key, step, time, value), (kind, key, step, time, value, None, None, None, None)
    if kind == "series":
        points = draw(st.lists(st.tuples(WHOLES, WHOLES, NUMBERS), min_size=1, max_size=4))
        lists = tuple([list(column) for column in zip(*points, strict=True)])
        return b"".join(events.series(RUN, key, *lists)), (kind, key, None, None, None, None, *lists)
    if kind == "param":
        return events.param(RUN, key, text, time), (kind, key, None, time, None, text, None, None, None)
    if kind == "tag":
        return events.tag(RUN, key, text), (kind, key, None, None, None, text, None, None, None)
    return events.artifact(RUN, key, step, time), (kind, key, step, time, None, None, None, None, None)


@pytest.mark.slow
@settings(max_examples=25)
@given(st.lists(lines(), min_size=1, max_size=40))
def test_whatever_a_constructor_writes_is_read_as_it_was(written: list[tuple[bytes, tuple[Any, ...]]]) -> None:
    with duckdb.connect() as connection:
        assert stage(connection, b"".join(line for line, _ in written)) == len(written)
        rows = connection.execute("SELECT e, k, s, t, v, x, ss, tt, vv, understood FROM staging ORDER BY seq")
        found = rows.fetchall()
    assert [repr(row) for row in found] == [repr((*expected, True)) for _, expected in written]
