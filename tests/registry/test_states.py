"""Random sequences of changes against a registry in plain Python: stages, aliases, version numbers, history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nbtrack.client.registry import RegistryMixin
from nbtrack.errors import AlreadyExists, InvalidParameter, NotFound
from nbtrack.store.registry import RegistryTables
from nbtrack.store.schema import TABLES
from nbtrack.store.stages import ACTIVE_STAGES, ALL_STAGES

names = st.sampled_from(["a", "b"])
numbers = st.integers(1, 4)
stages = st.sampled_from(ALL_STAGES)
aliases = st.sampled_from(["champ", "Champ"])


class MemoryRegistry(RegistryTables):
    """The registry's SQL on a DuckDB in memory: a change costs a millisecond instead of a file's fifteen."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute(TABLES)

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
    """One model as it should be."""

    def __init__(self) -> None:
        self.next = 1
        self.stages: dict[int, str] = {}
        self.aliases: dict[str, int] = {}


class Registry(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.client = MemoryClient()
        self.expected: dict[str, Expected] = {}
        self.changes = 0

    def attempt(self, expected_error: type[Exception] | None, method: str, *arguments: Any) -> bool:
        """Call the client; whether it did what was asked, which it must do unless an error is expected."""
        raised: type[Exception] | None = None
        try:
            getattr(self.client, method)(*arguments)
        except (AlreadyExists, InvalidParameter, NotFound) as error:
            raised = type(error)
        assert raised is expected_error, f"{method}{arguments}"
        return raised is None

    def missing(self, name: str, number: int) -> type[Exception] | None:
        return None if name in self.expected and number in self.expected[name].stages else NotFound

    @rule(name=names)
    def create(self, name: str) -> None:
        if self.attempt(AlreadyExists if name in self.expected else None, "create_registered_model", name):
            self.expected[name] = Expected()

    @rule(name=names)
    def add_version(self, name: str) -> None:
        if self.attempt(None if name in self.expected else NotFound, "create_model_version", name, "source"):
            model = self.expected[name]
            model.stages[model.next] = "None"
            model.next += 1

    @rule(name=names, number=numbers, stage=stages, archive=st.booleans())
    def move(self, name: str, number: int, stage: str, archive: bool) -> None:
        error = InvalidParameter if archive and stage not in ACTIVE_STAGES else self.missing(name, number)
        if self.attempt(error, "transition_model_version_stage", name, number, stage.swapcase(), archive):
            model = self.expected[name]
            if archive:
                model.stages = {n: "Archived" if s == stage else s for n, s in model.stages.items()}
            model.stages[number] = stage

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
            latest = {stage: max(n for n, s in model.stages.items() if s == stage) for stage in model.stages.values()}
            assert {v.current_stage: v.version for v in models[name].latest_versions} == latest
            times = [event.timestamp for event in self.client.get_history(name)]
            assert times == sorted(set(times), reverse=True)


TestRegistry = Registry.TestCase
TestRegistry.settings = settings(
    max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
