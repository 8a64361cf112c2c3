"""What an active run shows of itself without being logged: progress, bars of tqdm, output and warnings."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tqdm import tqdm, trange

import nbtrack
from nbtrack import views
from nbtrack.errors import InvalidParameter
from nbtrack.journal import events
from nbtrack.journal.recorder import tag_lines
from nbtrack.observed import RunProgress, ShownWarning, warnings_from_json, warnings_to_json
from nbtrack.runs import console, loops, observer
from nbtrack.runs.console import Console
from nbtrack.runs.loops import LoopBar, Loops


def ask(run_id: str) -> dict[str, Any]:
    return views.handle(nbtrack.Client(), "live", {"run_id": run_id, "max_points": 10})[0]


def shown() -> tuple[float, float | None, str] | None:
    """Return what the live view of the active run shows."""
    run = nbtrack.active_run()
    assert run is not None
    progress = ask(run.info.run_id)["progress"]
    return progress and (progress["done"], progress["total"], progress["label"])


# -- progress ----------------------------------------------------------------------------------------------------


def test_of_nested_loops_the_outermost_is_shown_with_the_inner_as_a_part_of_its_step() -> None:
    seen = []
    with nbtrack.start_run() as run:
        assert shown() is None
        for epoch in run.progress(range(2), label="epochs"):
            for _ in nbtrack.log_progress(range(4)):
                seen += [shown()]
            seen += [shown()]
            for _ in nbtrack.log_progress(range(2), label="validation"):
                # The bar does not go back.
                assert shown() == (epoch + 1.0, 2, "epochs")
        assert shown() == (2, 2, "epochs")
        steps = [progress[0] for progress in seen if progress]
        assert steps == [0, 0.25, 0.5, 0.75, 1.0, 1, 1.25, 1.5, 1.75, 2.0]
        for _ in run.progress(iter("abc"), label="letters"):
            pass
        assert shown() == (3, None, "letters")
        for number in run.progress(range(100), total=10):
            if number == 4:
                break
    progress = ask(run.info.run_id)["progress"]
    assert (progress["done"], progress["total"], progress["seconds_left"]) == (4, 10, None)
    tag = RunProgress.from_json(nbtrack.get_run(run.info.run_id).data.tags["nbtrack.progress"])
    assert tag == RunProgress(4, 10, "", None, progress["at"])


def test_a_loop_gives_the_same_items_as_often_as_wanted_and_knows_its_length() -> None:
    with nbtrack.start_run() as run:
        items = [object(), object()]
        loop = run.progress(items)
        assert (list(loop), list(loop), len(loop)) == (items, items, 2)
        assert list(run.progress(x for x in "ab")) == ["a", "b"]
        with pytest.raises(TypeError):
            len(run.progress(x for x in "ab"))
        with pytest.raises(ZeroDivisionError):
            list(run.progress(1 / x for x in (1, 0)))
    # A run that has ended, or whose process was forked, shows nothing, and the loop goes on.
    assert list(run.progress(items)) == items
    for wrong in ({"iterable": 3}, {"total": "3"}, {"total": -1}, {"total": float("nan")}, {"label": None}):
        with pytest.raises(InvalidParameter):
            run.progress(**{"iterable": [], **wrong})


def test_loops_of_other_threads_are_not_inside() -> None:
    outer, beside = LoopBar(4, "outer"), LoopBar(10, "beside")
    beside.thread += 1
    of_run = Loops()
    of_run.begin(outer)
    of_run.begin(beside)
    outer.done, beside.done = 1, 5
    progress = of_run.progress()
    assert progress is not None
    assert progress.done == 1
    of_run.end(outer)
    progress = of_run.progress()
    assert progress is not None
    assert (progress.done, progress.label) == (5, "beside")


def test_the_time_left_follows_the_recent_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    timer = SimpleNamespace(monotonic=lambda: clock[0], time=time.time, time_ns=time.time_ns)
    monkeypatch.setattr(loops, "time", timer)
    bar, of_run = LoopBar(1000, ""), Loops()
    of_run.begin(bar)

    def left(second: float, done: int) -> float | None:
        clock[0], bar.done = second, done
        progress = of_run.progress()
        assert progress is not None
        return progress.seconds_left

    assert left(0, 0) is None
    assert left(10, 10) == 990
    # Ten times as fast from now on: after half a minute, the slow beginning does not count.
    for second in range(11, 60):
        last = left(second, 10 + 10 * (second - 10))
    assert last == (1000 - 500) / 10
    # A slow loop has few steps in half a minute, but they are enough.
    assert left(360, 510) == pytest.approx(490 * (301 + 1) / 20, rel=0.2)
    assert left(400, 1000) is None, "nothing is left"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=20), st.integers(1, 5), st.integers(0, 5))
def test_a_progress_never_goes_back_and_never_exceeds_its_total(
    seen: list[tuple[int, int]], total: int, inner_total: int
) -> None:
    outer, inner, of_run = LoopBar(total, ""), LoopBar(inner_total, ""), Loops()
    of_run.begin(outer)
    of_run.begin(inner)
    before = 0.0
    for step, part in sorted(seen, key=lambda each: each[0]):
        outer.done, inner.done = step, part
        progress = of_run.progress()
        assert progress is not None
        assert before <= progress.done <= max(total, step)
        assert step <= progress.done <= step + 1
        before = progress.done


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


@given(JSON)
@settings(max_examples=50)
def test_tags_that_anybody_has_written_are_read(value: Any) -> None:
    fields = {"done": value, "at": 1, "label": "x", "total": value}
    for text in (json.dumps(value), json.dumps(fields), "{", "[" * 9999):
        progress = RunProgress.from_json(text)
        assert progress is None or progress.done >= 0
        assert warnings_from_json(text) == []
    assert warnings_from_json('[{"category": "A", "message": "b", "count": 2}, {"category": 1}]') == [
        ShownWarning("A", "b", 2)
    ]


# -- tqdm --------------------------------------------------------------------------------------------------------


def test_bars_of_tqdm_are_noticed_and_tqdm_is_left_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    close = tqdm.close
    with tqdm(total=5, desc="trials") as around, nbtrack.start_run() as run:
        around.update()
        assert shown() is None, "this bar is about several runs"
        bar = tqdm(total=8, desc="epochs")
        bar.update(2)
        assert shown() == (2, 8, "epochs")
        for _ in trange(4, desc="batches", leave=False):
            pass
        assert tqdm.close is not close
        child = os.fork()
        if not child:
            os._exit(tqdm.close is not close)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "a fork has its own bars"
        for step in tqdm([1, 2], desc="batches", mininterval=0):
            done, total, label = shown() or (0, 0, "")
            assert (2 + (step - 1) / 2 <= done <= 3, total, label) == (True, 8, "epochs")
        bar.update(6)
        bar.close()
        del bar
        assert shown() == (8, 8, "epochs"), "its last state is kept"
        list(tqdm("ab", disable=True))
        assert shown() == (8, 8, "epochs")
        for _ in run.progress(tqdm("abc"), label="mine"):
            assert (shown() or (0, 0, ""))[1:] == (3, "mine")
    assert tqdm.close is close
    assert ask(run.info.run_id)["progress"]["done"] == 3
    assert "trials:  20%" in capsys.readouterr().err


def test_a_bar_is_about_the_innermost_run_that_was_there_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with nbtrack.start_run() as parent, tqdm(total=3, desc="trials") as outer:
        outer.update()
        with nbtrack.start_run(nested=True) as child, tqdm(total=7, desc="steps") as inner:
            inner.update(5)
            assert shown() == (5, 7, "steps")
            assert ask(parent.info.run_id)["progress"]["done"] == 1
    assert ask(child.info.run_id)["progress"]["done"] == 5
    monkeypatch.setenv("NBTRACK_LOG_TQDM", "false")
    with nbtrack.start_run(), tqdm(total=3) as bar:
        bar.update()
        assert shown() is None
        list(nbtrack.log_progress("ab"))
        assert shown() == (2, 2, "")


# -- output ------------------------------------------------------------------------------------------------------


Streams = tuple[io.TextIOWrapper, io.TextIOWrapper]


@contextlib.contextmanager
def streams() -> Iterator[Streams]:
    """Let stdout and stderr be streams like those of a script, with bytes below."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield out, err


def written(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


@streams()
def test_output_is_shown_and_kept_as_it_was_written() -> None:
    out, err = sys.stdout, sys.stderr
    assert isinstance(out, io.TextIOWrapper)
    assert isinstance(err, io.TextIOWrapper)
    print("before")
    with nbtrack.start_run() as run:
        print("one", 1, sep=", ")
        print("two", end="")
        print("on stderr", file=sys.stderr)
        print(" and three")
        sys.stdout.buffer.write(b"bytes\n")
        sys.stdout.writelines(["four\n", "five\n"])
        with contextlib.redirect_stdout(io.StringIO()) as redirected:
            print("captured")
        for percent in (0, 50, 100):
            print(f"\r{percent} %", end="")
        assert ask(run.info.run_id)["output"] == ["one, 1", "two and three", "on stderr", "four", "five", "100 %"]
    print("after")
    assert ask(run.info.run_id)["output"][-1] == "100 %"
    assert redirected.getvalue() == "captured\n"
    assert written(out) == "before\none, 1\ntwo and three\nbytes\nfour\nfive\n\r0 %\r50 %\r100 %after\n"
    assert written(err).endswith("on stderr\n")
    assert [vars(stream).get("write") for stream in (out, err)] == [None, None]


def test_nothing_that_happens_to_a_stream_is_a_problem() -> None:
    with streams() as (out, _), nbtrack.start_run() as run:
        before = sys.stdout.write
        sys.stdout.write = lambda text: before(text.upper())  # type: ignore[assignment, method-assign]
        with nbtrack.start_run(nested=True) as child:
            print("both")
        sys.stderr.close()
        with pytest.raises(ValueError, match="closed"):
            print("lost", file=sys.stderr)
        with contextlib.redirect_stdout(None), nbtrack.start_run(nested=True):
            print("nowhere")
    assert ask(run.info.run_id)["output"] == ask(child.info.run_id)["output"] == ["both"]
    print("later", file=out)
    assert written(out) == "BOTH\nLATER\n", "what the program itself has replaced stays"


def test_threads_lose_no_line() -> None:
    with streams() as (out, _), nbtrack.start_run() as run:

        def write(name: int) -> None:
            for i in range(200):
                sys.stdout.write(f"{name} {i}\n")
                if i % 50 == 0:
                    ask(run.info.run_id)

        threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lines = ask(run.info.run_id)["output"]
    assert len(written(out).splitlines()) == 800
    assert len(lines) == 100
    numbers = {name: [int(line.split()[1]) for line in lines if line.startswith(str(name))] for name in range(4)}
    assert all(found == list(range(200))[-len(found) or 200 :] for found in numbers.values())


def lines_of(*texts: str) -> list[str]:
    console = Console()
    for text in texts:
        console.add(0, text)
    return console.lines()


def test_lines_are_as_a_terminal_shows_them() -> None:
    assert lines_of("\x1b[1mbold\x1b[0m \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n") == ["bold link"]
    assert lines_of("a\r\n", "b\r", "\n", "\n", "c\td\x00\n") == ["a", "b", "", "c\td"]
    # Nested bars of tqdm go up and down between their lines.
    bars = ["\r0/2", "\n\r0/9", "\x1b[A", "\n\r9/9", "\x1b[A", "\r1/2", "\n", "\n", "end"]
    assert lines_of(*bars) == ["1/2", "9/9", "end"]
    assert lines_of("x" * 501, "y" * 9, "\n") == ["x" * 499 + "…"]
    assert lines_of("\x1b[9999999A", "a") == ["a"]


@given(st.lists(st.text(st.sampled_from("ab\n"), max_size=9)), st.booleans())
def test_lines_do_not_depend_on_how_they_are_written(texts: list[str], at_once: bool) -> None:
    every = "".join(texts)
    expected = every.split("\n")[-102:]
    while expected and not expected[-1]:
        expected.pop()
    assert lines_of(*([every] if at_once else texts)) == expected[-100:]


@given(st.lists(st.text(st.sampled_from("ab\n\r\x1b[1A;mK\b"), max_size=20), max_size=9))
def test_any_output_is_bounded_and_free_of_control_characters(texts: list[str]) -> None:
    lines = lines_of(*texts, "x" * 10_000, "\ny" * 300)
    assert len(lines) == 100
    assert all(len(line) <= 500 and line.isprintable() for line in lines)


def test_much_output_is_divided_on_the_way() -> None:
    console = Console()
    for i in range(20_000):
        console.add(i % 2, f"{i}\n")
    assert len(console._waiting) <= 2_000
    assert console.lines() == [str(i) for i in range(19_900, 20_000)]


def test_a_setting_turns_output_and_warnings_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBTRACK_LOG_OUTPUT", "off")
    with streams(), warnings.catch_warnings(), nbtrack.start_run() as run:
        warnings.simplefilter("always")
        print("secret")
        warnings.warn("secret", stacklevel=1)
        assert "write" not in vars(sys.stdout)
    reply = ask(run.info.run_id)
    assert (reply["output"], reply["warnings"]) == ([], [])


def test_warnings_that_are_shown_are_counted() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # pytest's own way of recording them shows none.
        show = warnings.showwarning = lambda *args, **kwargs: None
        with nbtrack.start_run() as run:
            for _ in range(3):
                warnings.warn("a  long\nmessage", RuntimeWarning, stacklevel=1)
            with warnings.catch_warnings(record=True) as caught:
                warnings.warn("handled", stacklevel=1)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.warn("ignored", stacklevel=1)
            for i in range(100):
                warnings.warn(f"number {i}", stacklevel=1)
        assert warnings.showwarning is show
    assert [str(each.message) for each in caught] == ["handled"]
    found = ask(run.info.run_id)["warnings"]
    assert found[0] == {"category": "RuntimeWarning", "message": "a long message", "count": 3}
    assert [each["message"] for each in found[1:3]] == ["number 0", "number 1"]
    assert len(found) == 50


# -- other processes ---------------------------------------------------------------------------------------------

CHILD = """
import sys, time, warnings
import nbtrack
from nbtrack.runs import observer
observer.TICK = observer.PROGRESS_INTERVAL = observer.OUTPUT_INTERVAL = 0.02
run = nbtrack.start_run()
for step in run.progress(range(4), label="steps"):
    if step == 3:
        print("ready", flush=True)
        warnings.warn("careful")
        assert "tqdm" not in sys.modules, "it is not imported for this"
        sys.stdin.readline()
"""


def test_other_processes_see_it_also_after_a_kill(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        (run,) = nbtrack.search_runs(output_format="list")

        def seen() -> dict[str, Any]:
            reply = ask(run.info.run_id)
            return {
                "progress": [(reply["progress"] or {}).get(name) for name in ("done", "total", "label")],
                "output": reply["output"][:1],
                "warnings": [tuple(each.values()) for each in reply["warnings"]],
            }

        expected = {
            "progress": [3, 4, "steps"],
            "output": ["ready"],
            "warnings": [("UserWarning", "careful", 1)],
        }
        until = time.monotonic() + 30
        while seen() != expected and time.monotonic() < until:
            time.sleep(0.02)
        child.kill()
    assert seen() == expected
    assert nbtrack.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path="nbtrack")[0].path == (
        "nbtrack/output.txt"
    )


def test_a_short_run_writes_no_file_and_no_tag() -> None:
    with nbtrack.start_run() as run:
        print("short")
    assert not nbtrack.artifacts.list_artifacts(run_id=run.info.run_id)
    tags = nbtrack.get_run(run.info.run_id).data.tags
    assert not [key for key in tags if key.startswith(("nbtrack.output", "nbtrack.progress", "nbtrack.warnings"))]


def test_a_process_remembers_few_ended_runs() -> None:
    runs = []
    for _ in range(53):
        with nbtrack.start_run() as run:
            list(run.progress("a"))
        runs.append(run.info.run_id)
    from nbtrack import observed

    assert [observed.of_run(run_id) is None for run_id in runs[:3]] == [True, True, False]
    assert console._open == ()
    assert observer._watch._observers == ()


def test_an_alert_is_not_shown_again_as_a_warning() -> None:
    client = nbtrack.Client()
    run_id = client.create_run("0").info.run_id
    kept = [ShownWarning("AlertWarning", "metrics.loss > 10", 1), ShownWarning("UserWarning", "It is slow.", 2)]
    client.set_tag(run_id, "nbtrack.warnings", warnings_to_json(kept))
    assert ask(run_id)["warnings"] == [{"category": "UserWarning", "message": "It is slow.", "count": 2}]


def test_kept_output_that_cannot_be_read_here_leaves_the_rest_of_the_run() -> None:
    client = nbtrack.Client()
    run = client.create_run("0", tags={"nbtrack.output": "1", "team": "vision"}).info
    line = events.run(
        "elsewhere",
        experiment_id=run.experiment_id,
        name="elsewhere",
        user_id="ada",
        start_time=1,
        artifact_uri="s3://bucket/elsewhere",
        writer="other",
    )
    client.recording.append(line + tag_lines("elsewhere", {"nbtrack.output": "1", "team": "vision"}))
    for run_id in (run.run_id, "elsewhere"):
        reply = ask(run_id)
        assert (reply["output"], reply["tags"]) == ([], {"team": "vision"})


def test_output_that_could_not_be_kept_is_kept_at_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observer, "OUTPUT_INTERVAL", 0.0)
    with streams(), nbtrack.start_run() as run:
        print("line")
        with monkeypatch.context() as full:
            full.setattr(nbtrack.MlflowClient, "log_text", _no_space)
            seen_here = observer._watch.find(run.info.run_id)
            assert seen_here is not None
            seen_here.keep()
    assert nbtrack.artifacts.load_text(f"runs:/{run.info.run_id}/nbtrack/output.txt") == "line\n"


def _no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
