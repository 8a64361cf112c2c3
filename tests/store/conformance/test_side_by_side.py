"""PostgreSQL sessions that run at the same time: numbers stay unique, and the second session gets an error."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from nbtrack.errors import AlreadyExists, Conflict, NbtrackError

from .postgres import PostgresTables

ROUNDS = 5
AT_ONCE = 4


@pytest.fixture
def tables(empty_postgres: PostgresTables) -> PostgresTables:
    empty_postgres.empty_tables()
    return empty_postgres


@contextmanager
def together() -> Iterator[Callable[[list[Callable[[], Any]]], list[Any]]]:
    """Run functions in one thread each, started at the same moment, and return their results or their errors."""
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def run(calls: list[Callable[[], Any]]) -> list[Any]:
            start = threading.Barrier(len(calls))

            def one(call: Callable[[], Any]) -> Any:
                start.wait()
                try:
                    return call()
                except NbtrackError as error:
                    return error

            return list(pool.map(one, calls))

        yield run


def test_versions_get_numbers_of_their_own(tables: PostgresTables) -> None:
    tables.create_registered_model("digits", user_id="ann")

    def create() -> list[int]:
        return [tables.create_model_version("digits", "s", user_id="ann").version for _ in range(ROUNDS)]

    with together() as run:
        numbers = [number for found in run([create] * AT_ONCE) for number in found]
    assert sorted(numbers) == list(range(1, AT_ONCE * ROUNDS + 1))
    times = [event.timestamp for event in tables.model_events("digits")]
    assert len(set(times)) == len(times)


def test_of_those_that_promote_at_once_one_wins(tables: PostgresTables) -> None:
    tables.create_registered_model("digits", user_id="ann")
    for _ in range(AT_ONCE):
        tables.create_model_version("digits", "s", user_id="ann")

    def promote(version: int, expected: list[int]) -> Callable[[], Any]:
        return lambda: tables.transition_model_version_stage(
            "digits", version, "Production", True, expected_current=expected, user_id=f"user {version}"
        )

    with together() as run:
        for _ in range(ROUNDS):
            there = [version.version for version in tables.search_model_versions("stage = 'Production'")]
            others = [version for version in range(1, AT_ONCE + 1) if version not in there]
            results = run([promote(version, there) for version in others])
            lost = [result for result in results if isinstance(result, Conflict)]
            assert len(lost) == len(others) - 1
            (won,) = [version.version for version in tables.search_model_versions("stage = 'Production'")]
            assert all(f"user {won} moved version {won}" in str(error) for error in lost)


@pytest.mark.parametrize("what", ["experiment", "model"])
def test_a_name_is_given_once(tables: PostgresTables, what: str) -> None:
    def create(name: str) -> Callable[[], Any]:
        if what == "model":
            return lambda: tables.create_registered_model(name, user_id="ann")
        return lambda: tables.create_experiment(name, None, {})

    with together() as run:
        for number in range(ROUNDS):
            results = run([create(f"name {number}")] * AT_ONCE)
            refused = [result for result in results if isinstance(result, AlreadyExists)]
            assert len(refused) == AT_ONCE - 1
            assert all("already exists" in str(error) for error in refused)


def test_a_name_that_several_move_to_is_given_once(tables: PostgresTables) -> None:
    ids = [tables.create_experiment(f"e{number}", None, {}) for number in range(AT_ONCE)]
    for number in range(AT_ONCE):
        tables.create_registered_model(f"m{number}", user_id="ann")
    with together() as run:
        renamed = run([lambda each=each: tables.update_experiment(each, name="new") for each in ids])
        assert Counter(map(type, renamed)) == {type(None): 1, AlreadyExists: AT_ONCE - 1}
        calls = [
            lambda number=number: tables.update_registered_model(f"m{number}", new_name="new", user_id="ann")
            for number in range(AT_ONCE)
        ]
        assert Counter(map(type, run(calls)))[AlreadyExists] == AT_ONCE - 1


def test_copies_to_one_new_model(tables: PostgresTables) -> None:
    tables.create_registered_model("digits", user_id="ann")
    tables.create_model_version("digits", "s", user_id="ann")
    with together() as run:
        for number in range(ROUNDS):
            name = f"copies {number}"
            results = run([lambda name=name: tables.copy_model_version("digits", 1, name, user_id="ann")] * AT_ONCE)
            made = [result.version for result in results if not isinstance(result, Conflict)]
            assert sorted(made) == list(range(1, len(made) + 1))
            assert made


def test_moves_both_ways_between_two_models_end(tables: PostgresTables) -> None:
    for name in ("a", "b"):
        tables.create_registered_model(name, user_id="ann")
        tables.create_model_version(name, "s", user_id="ann")

    def copy(source: str, to: str) -> Callable[[], Any]:
        return lambda: [tables.copy_model_version(source, 1, to, user_id="ann").version for _ in range(ROUNDS)]

    with together() as run:
        results = run([copy("a", "b"), copy("b", "a"), copy("a", "b"), copy("b", "a")])
    for pair in (results[::2], results[1::2]):
        assert sorted(number for found in pair for number in found) == list(range(2, 2 * ROUNDS + 2))


def test_sources_move_in_turn_with_other_changes_of_the_model(tables: PostgresTables) -> None:
    tables.create_registered_model("digits", user_id="ann")
    tables.create_model_version("digits", "runs:/r/model", "r", user_id="ann")
    with ThreadPoolExecutor(1) as pool:
        with tables.changing("digits"):
            moved = pool.submit(tables.move_sources, "r", "model", "best", user_id="bob")
            with pytest.raises(TimeoutError):
                moved.result(timeout=0.5)
        assert [version.source for version in moved.result()] == ["runs:/r/best"]


def test_a_tag_that_several_set_on_an_experiment(tables: PostgresTables) -> None:
    def tag(value: str) -> Callable[[], Any]:
        return lambda: tables.update_experiment("0", tags={"team": value})

    with together() as run:
        for _ in range(ROUNDS):
            tables.update_experiment("0", tags={"team": "nobody"})
            tables.update_experiment("0", tags={"team": None})
            results = run([tag(str(number)) for number in range(AT_ONCE)])
            done = [str(number) for number, result in enumerate(results) if not isinstance(result, Conflict)]
            assert tables.get_experiment("0").tags["team"] in done
