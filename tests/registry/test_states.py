"""Random sequences of changes, compared with a registry in plain Python: stages, gates, rollback, aliases, history."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nbtrack.client.registry import RegistryMixin
from nbtrack.errors import AlreadyExists, Conflict, GateClosed, InvalidParameter, InvalidState, NotFound
from nbtrack.stages import ACTIVE_STAGES, ALL_STAGES
from nbtrack.store.sql.registry.tables import RegistryTables
from nbtrack.store.sql.schema import TABLES

from ..depth import examples

names = st.sampled_from(["a", "b"])
numbers = st.integers(1, 4)
runs = st.sampled_from([None, "r0", "r1", "r2", "r3", "gone"])
stages = st.sampled_from(ALL_STAGES)
aliases = st.sampled_from(["champ", "Champ"])


class MemoryRegistry(RegistryTables):
    """The registry's SQL on a DuckDB in memory: a change costs a millisecond instead of a file's fifteen."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute(TABLES)
        # Runs r0 to r3, of which r2 and r3 are good enough for the gate.
        self.connection.execute(
            "INSERT INTO runs SELECT i, 'r' || i, 0, 'run', '', 'FINISHED', 0, 0, '', 'active', NULL, NULL "
            "FROM range(4) AS t(i)"
        )
        self.connection.execute("INSERT INTO params SELECT i, 'quality', i, i, 0 FROM range(4) AS t(i)")

    @contextmanager
    def reading(self) -> Iterator[Any]:
        yield self.connection

    @contextmanager
    def writing(self) -> Iterator[Any]:
        self.connection.execute("BEGIN")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")


class MemoryClient(RegistryMixin):
    def __init__(self) -> None:
        self._store = MemoryRegistry()  # type: ignore[assignment]


class Expected:
    """The expected state of one model."""

    def __init__(self) -> None:
        self.next = 1
        self.stages: dict[int, str] = {}
        self.runs: dict[int, str | None] = {}
        self.aliases: dict[str, int] = {}
        self.gates: set[str] = set()
        self.entered: dict[str, list[int]] = {stage: [] for stage in ACTIVE_STAGES}
        """The versions that came into a stage and were not rolled back, the last one last."""

    def move(self, number: int, stage: str) -> None:
        if self.stages[number] != stage and stage in self.entered and self.entered[stage][-1:] != [number]:
            self.entered[stage].append(number)
        self.stages[number] = stage

    def current(self, stage: str) -> list[int]:
        return sorted(number for number, now in self.stages.items() if now == stage)

    def is_kept_out(self, number: int, stage: str) -> bool:
        return self.stages[number] != stage and stage in self.gates and self.runs[number] not in ("r2", "r3")


class Registry(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.client = MemoryClient()
        self.expected: dict[str, Expected] = {}
        # Most errors need versions that have been in a stage.
        self.create("a")
        for run in ("r3", "r2", "r3"):
            self.add_version("a", run)
        # Not in the order of their numbers, because a rollback to the highest one would look right.
        for number in (2, 3, 1):
            self.move("a", number, "Production", True, False)

    def attempt(self, expected_error: type[Exception] | None, method: str, *arguments: Any, **options: Any) -> bool:
        """Call the client. Return whether it succeeded, as it must unless an error is expected."""
        raised: type[Exception] | None = None
        try:
            getattr(self.client, method)(*arguments, **options)
        except (AlreadyExists, Conflict, InvalidParameter, InvalidState, NotFound) as error:
            raised = type(error)
        assert raised is expected_error, f"{method}{arguments}"
        return raised is None

    def unknown(self, name: str) -> type[Exception] | None:
        return None if name in self.expected else NotFound

    def missing(self, name: str, number: int) -> type[Exception] | None:
        return None if name in self.expected and number in self.expected[name].stages else NotFound

    @rule(name=names)
    def create(self, name: str) -> None:
        if self.attempt(AlreadyExists if name in self.expected else None, "create_registered_model", name):
            self.expected[name] = Expected()

    @rule(name=names, run=runs)
    def add_version(self, name: str, run: str | None) -> None:
        if self.attempt(None if name in self.expected else NotFound, "create_model_version", name, "source", run):
            model = self.expected[name]
            model.stages[model.next], model.runs[model.next] = "None", run
            model.next += 1

    @rule(name=names, number=numbers, other=names)
    def copy(self, name: str, number: int, other: str) -> None:
        if self.attempt(self.missing(name, number), "copy_model_version", f"models:/{name}/{number}", other):
            model = self.expected.setdefault(other, Expected())
            model.stages[model.next], model.runs[model.next] = "None", self.expected[name].runs[number]
            model.next += 1

    @rule(name=names, stage=st.sampled_from(ACTIVE_STAGES), there=st.booleans())
    def gate(self, name: str, stage: str, there: bool) -> None:
        if there:
            if self.attempt(self.unknown(name), "set_gate", name, stage, "params.quality >= 2"):
                self.expected[name].gates.add(stage)
        else:
            unknown = None if name in self.expected and stage in self.expected[name].gates else NotFound
            if self.attempt(unknown, "delete_gate", name, stage):
                self.expected[name].gates.discard(stage)

    @rule(name=names, number=numbers, stage=stages, archive=st.booleans(), override=st.booleans())
    def move(self, name: str, number: int, stage: str, archive: bool, override: bool) -> None:
        error = InvalidParameter if archive and stage not in ACTIVE_STAGES else self.missing(name, number)
        if error is None and not override and self.expected[name].is_kept_out(number, stage):
            error = GateClosed
        options = {"override_gates": override, "reason": "to see"} if override else {}
        if self.attempt(error, "transition_model_version_stage", name, number, stage.swapcase(), archive, **options):
            model = self.expected[name]
            if archive:
                model.stages = {n: "Archived" if s == stage and n != number else s for n, s in model.stages.items()}
            model.move(number, stage)

    @rule(name=names, number=numbers, stage=st.sampled_from(ACTIVE_STAGES), seen=st.lists(numbers, max_size=2))
    def promote_what_was_seen(self, name: str, number: int, stage: str, seen: list[int]) -> None:
        error = self.missing(name, number)
        if error is None:
            model = self.expected[name]
            if {*model.current(stage)} - {number} != {*seen} - {number}:
                error = Conflict
            elif model.is_kept_out(number, stage):
                error = GateClosed
        if self.attempt(error, "transition_model_version_stage", name, number, stage, True, expected_current=seen):
            for other in model.current(stage):
                model.move(other, "Archived" if other != number else stage)
            model.move(number, stage)
            assert model.current(stage) == [number]

    @rule(name=names, stage=st.sampled_from(ACTIVE_STAGES))
    def roll_back(self, name: str, stage: str) -> None:
        error, leaving, back = self.unknown(name), None, None
        if error is None:
            model = self.expected[name]
            entered = [n for n in model.entered[stage] if n in model.stages]
            here = [at for at, n in enumerate(entered) if n in model.current(stage)]
            if here:
                leaving = entered[here[-1]]
                entered = entered[: here[-1]]
            back = next((n for n in reversed(entered) if n != leaving), None)
            if back is None:
                error = InvalidState
            elif model.is_kept_out(back, stage):
                error = GateClosed
        if self.attempt(error, "rollback", name, stage):
            assert back is not None
            while model.entered[stage][-1] != back:
                model.entered[stage].pop()
            if leaving is not None:
                model.move(leaving, "Archived")
            model.move(back, stage)

    @rule(name=names, number=numbers, alias=aliases)
    def point(self, name: str, number: int, alias: str) -> None:
        if self.attempt(self.missing(name, number), "set_registered_model_alias", name, alias, number):
            self.expected[name].aliases[alias] = number

    @rule(name=names, alias=aliases)
    def unpoint(self, name: str, alias: str) -> None:
        if self.attempt(None if name in self.expected else NotFound, "delete_registered_model_alias", name, alias):
            self.expected[name].aliases.pop(alias, None)

    @rule(name=names, number=numbers)
    def delete_version(self, name: str, number: int) -> None:
        if self.attempt(self.missing(name, number), "delete_model_version", name, number):
            model = self.expected[name]
            del model.stages[number]
            model.aliases = {alias: n for alias, n in model.aliases.items() if n != number}

    @rule(name=names, new_name=names)
    def rename(self, name: str, new_name: str) -> None:
        taken = AlreadyExists if new_name in self.expected and new_name != name else None
        if self.attempt(taken if name in self.expected else NotFound, "rename_registered_model", name, new_name):
            self.expected[new_name] = self.expected.pop(name)

    @rule(name=names)
    def delete(self, name: str) -> None:
        if self.attempt(None if name in self.expected else NotFound, "delete_registered_model", name):
            del self.expected[name]

    @invariant()
    def agree(self) -> None:
        models = {model.name: model for model in self.client.search_registered_models()}
        assert sorted(models) == sorted(self.expected)
        found: dict[str, dict[int, str]] = {name: {} for name in models}
        for version in self.client.search_model_versions():
            found[version.name][version.version] = version.current_stage
            assert dict.fromkeys(version.aliases, version.version).items() <= models[version.name].aliases.items()
        for name, model in self.expected.items():
            assert found[name] == model.stages
            assert models[name].aliases == model.aliases
            assert {gate.stage for gate in self.client.get_gates(name)} == model.gates
            latest = {stage: max(n for n, s in model.stages.items() if s == stage) for stage in model.stages.values()}
            assert {v.current_stage: v.version for v in models[name].latest_versions} == latest
            moves = [event for event in self.client.get_history(name) if event.kind == "stage"]
            last = {event.version: event.new for event in reversed(moves)}
            assert {n: last.get(n, "None") for n in model.stages} == model.stages, "the history leads to what is there"
            times = [event.timestamp for event in self.client.get_history(name)]
            assert times == sorted(set(times), reverse=True)


TestRegistry = pytest.mark.slow(Registry.TestCase)
TestRegistry.settings = settings(
    max_examples=examples(6, 100), stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


# -- rollback ----------------------------------------------------------------------------------------------------

in_and_out = st.sampled_from(["Production", "Production", "Production", "Staging", "Archived", "Archived", "None"])
with_history = st.sampled_from(["Production", "Production", "Staging"])
steps = st.one_of(
    st.tuples(st.just("move"), numbers, in_and_out, st.booleans(), st.just(True)),
    st.tuples(st.just("roll_back"), with_history),
    st.tuples(st.just("roll_back"), with_history),
    st.tuples(st.just("delete_version"), numbers),
    st.tuples(st.just("gate"), with_history, st.booleans()),
)


@pytest.fixture(scope="module")
def memory() -> MemoryClient:
    return MemoryClient()


counter = itertools.count()


@pytest.mark.slow
@settings(max_examples=examples(25, 500), suppress_health_check=[HealthCheck.too_slow])
@given(entered=st.permutations([1, 2, 3, 4]), steps=st.lists(steps, min_size=4, max_size=14))
def test_rollback_after_random_changes(memory: MemoryClient, entered: list[int], steps: list[tuple[Any, ...]]) -> None:
    """The machine above does much else between two rollbacks: this is their history alone, on one model.

    Its versions enter Production in any order: where they come in by their numbers, a rollback to the highest one
    or from the newest one looks right.
    """
    machine = Registry()
    machine.client, machine.expected = memory, {}
    name = f"model {next(counter)}"
    machine.create(name)
    for run in ("r3", "r0", "r2", "r1"):
        machine.add_version(name, run)
    for number in entered:
        machine.move(name, number, "Production", number % 2 == 0, True)
    for method, *arguments in steps:
        getattr(machine, method)(name, *arguments)
        found = {v.version: v.current_stage for v in memory.search_model_versions(f"name = '{name}'")}
        assert found == machine.expected[name].stages, (method, *arguments)
