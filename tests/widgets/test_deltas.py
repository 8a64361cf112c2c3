"""Pushes with only the points that are new, put together as the page does it, are the states that were pushed."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.widgets import deltas
from nbtrack.widgets.deltas import Deltas
from nbtrack.widgets.snapshot import Answer

Curve = list[tuple[float, float]]
State = dict[str, Curve]

numbers = st.sampled_from([0.0, -0.0, 1.0, float("nan"), float("inf"), 2.5])
states = st.lists(
    st.dictionaries(st.sampled_from(["a", "b", "best a"]), st.lists(st.tuples(numbers, numbers), max_size=6)),
    max_size=6,
)


def packed(values: list[float]) -> bytes:
    return struct.pack(f"{len(values)}d", *values)


def answer(state: State) -> Answer:
    series: dict[str, list[dict[str, Any]]] = {"series": [], "best_series": []}
    for key in sorted(state, key=lambda key: key.startswith("best")):
        run_id = "other" if key.startswith("best") else "own"
        entry = {"run_id": run_id, "key": key, "points": len(state[key]), "total": len(state[key])}
        series["best_series" if run_id == "other" else "series"].append(entry)
    keys = [entry["key"] for entry in series["series"] + series["best_series"]]
    buffers = [packed([point[axis] for point in state[key]]) for key in keys for axis in (0, 1)]
    return Answer({}, {**series, "now": 1}, buffers)


class Page:
    """What `js/data/live_curves.ts` does with a push."""

    def __init__(self) -> None:
        self.push: int | None = None
        self.state: dict[str, tuple[bytes, bytes]] = {}

    def take(self, push: Answer) -> bool:
        reply = push.reply
        if reply["after"] is not None and reply["after"] != self.push:
            return False
        found = {}
        for i, entry in enumerate([*reply["series"], *reply["best_series"]]):
            old = self.state.get(entry["key"], (b"", b""))
            kept = 8 * entry.get("kept", 0)
            x, y = push.buffers[2 * i : 2 * i + 2]
            assert len(x) == len(y) == 8 * entry["points"]
            assert len(old[0]) >= kept
            found[entry["key"]] = old[0][:kept] + x, old[1][:kept] + y
        self.state, self.push = found, reply["push"]
        return True


@given(states, st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)))
def test_a_page_has_every_state_unless_it_lost_a_push(pushed: list[State], lost: set[int], asked: set[int]) -> None:
    sender, page = Deltas(), Page()
    for turn, state in enumerate(pushed):
        if turn in asked:
            sender.whole()
        push = sender.push(answer(state))
        if turn in lost:
            continue
        if page.take(push):
            expected = {
                key: (packed([x for x, _ in curve]), packed([y for _, y in curve])) for key, curve in state.items()
            }
            assert page.state == expected
        else:
            assert lost & set(range(turn)), "Only a push before it can be missing."
            sender.whole()


def test_only_new_points_are_sent_and_all_of_them_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(deltas.time, "monotonic", lambda: clock[0])
    sender = Deltas()
    curve = [(float(step), 1.0) for step in range(1000)]
    assert [len(buffer) for buffer in sender.push(answer({"a": curve})).buffers] == [8000, 8000]
    push = sender.push(answer({"a": [*curve, (1000.0, 2.0)]}))
    assert [len(buffer) for buffer in push.buffers] == [8, 8]
    assert push.reply["series"][0] == {"run_id": "own", "key": "a", "points": 1, "total": 1001, "kept": 1000}
    assert [len(buffer) for buffer in sender.push(answer({"a": curve})).buffers] == [0, 0]
    clock[0] += deltas.WHOLE_SECONDS + 1
    push = sender.push(answer({"a": curve}))
    assert (push.reply["after"], [len(buffer) for buffer in push.buffers]) == (None, [8000, 8000])
