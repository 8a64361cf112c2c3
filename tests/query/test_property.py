"""Random trees and runs: the parser, the SQL and each database agree with the plain Python of oracle.py."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbtrack.errors import QueryError
from nbtrack.query import EXPERIMENTS, MODELS, RUNS, VERSIONS, Vocabulary, compile_search, parse, parse_ordering
from nbtrack.query.tree import (
    And,
    Comparison,
    Key,
    Member,
    Membership,
    Node,
    Not,
    Operand,
    Or,
    Ordering,
    Pattern,
    Presence,
    Range,
)
from nbtrack.query.vocabulary import Attribute, Kind
from tests.query.database import Database
from tests.query.fuzz import PIECES, mutated
from tests.query.oracle import Run, holds, ordered

if TYPE_CHECKING:
    from tests.store.conformance.server import Server

KEYS = ["m", "train.loss", "val/acc", "a b", "a`b", 'say "x"', "it's", "👾", "``", '"', "ünï", "and"]
METRICS = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.5, 3.0, 1e-300, 1e300, 0.1 + 0.2, 2.0**60]
TEXTS = ["relu", "Relu", "RELU", "", "3", "3.0", "+3", "1e3", "-.5", "1.", "nan", "inf", "-Infinity", "1e400", "1e-400"]
TEXTS += [
    "1e250",
    "-1.5e307",
    "2.5e-307",
    "000",
    "0e5",
    "%",
    "_",
    "a_b",
    "a%b",
    "it's",
    "\\",
    "a\\b",
    "''",
    '"',
    "ünï",
    "ÜNÏ",
    "a\nb",
    " 3",
    "3 ",
]
TEXTS += ["0x10", "1_0", "٣", "９", "👾", "9" * 101, "9" * 100, "true", "--", "; DROP TABLE runs", "$1", "?"]
PATTERNS = [
    "%",
    "",
    "_",
    "r%",
    "R%",
    "%l%",
    "%u",
    "a_b",
    "a\\_b",
    "a\\%b",
    "\\\\",
    "a\\\\b",
    "%\\\\%",
    "a\\b",
    "___",
    "ü%",
]
PATTERNS += ["%\n%", "👾", "%''%", '%"%', "3%", "running", "RUN%", "%E%"]
DATASETS = ["digits", "Digits", "iris", "", "it's", "👾"]
CELL = "nbtrack.cell.source"
NAMES = ["one", "two", "Two", "", "it's", "👾 run", "a%b"]
EXPERIMENT_NAMES = ["Default", "digits", "It's"]
STATUSES = ["RUNNING", "FINISHED", "KILLED"]


def random_runs(count: int) -> list[Run]:
    chance = random.Random(20)
    runs = []
    for number in range(count):
        start = chance.randrange(1000, 1000 + count // 2)
        end = start + chance.choice([0, 5, 2000]) if chance.random() < 0.7 else None
        run_id = f"{chance.randrange(10**6):06d}{number:04d}"
        attributes: dict[str, Any] = {
            "run_id": run_id,
            "run_name": chance.choice(NAMES),
            "user_id": chance.choice(["ann", "bob"]),
        }
        attributes |= {"status": chance.choice(STATUSES), "start_time": start, "end_time": end}
        attributes["experiment_id"], attributes["experiment"] = chance.choice(list(enumerate(EXPERIMENT_NAMES, 1)))
        attributes |= {"duration": None if end is None else end - start, "lifecycle_stage": "active"}
        attributes["artifact_uri"] = f"file:///store/1/{run_id}/artifacts"
        made = Run(attributes)
        for key in KEYS:
            if chance.random() < 0.7:
                made.metrics[key] = [
                    (chance.randrange(3), chance.randrange(3), chance.choice(METRICS))
                    for _ in range(chance.choice([1, 1, 2, 5]))
                ]
            if chance.random() < 0.7:
                made.params[key] = chance.choice(TEXTS)
            if chance.random() < 0.5:
                made.tags[key] = chance.choice(TEXTS)
        if chance.random() < 0.5:
            made.tags[CELL] = chance.choice(TEXTS)
        for _ in range(chance.choice([0, 0, 1, 2, 3])):
            context = chance.choice([None, "train", "Eval"])
            made.datasets.append(
                {"name": chance.choice(DATASETS), "digest": chance.choice(["1", "2"]), "context": context}
            )
        runs.append(made)
    for made in runs:
        if chance.random() < 0.5:
            of = chance.choice(runs).attributes
            made.parent = (of["run_id"], of["run_name"]) if chance.random() < 0.8 else ("gone", None)
            made.tags["mlflow.parentRunId"] = made.parent[0]
    return runs


ALL_RUNS = random_runs(100)


@pytest.fixture(scope="module")
def database() -> Database:
    return filled(Database())


@pytest.fixture(scope="module")
def postgres(server: Server) -> Iterator[Database]:
    import psycopg

    from tests.store.conformance.postgres import Cursor

    dsn = server.dsn(server.create_database())
    with psycopg.connect(dsn, autocommit=True, cursor_factory=Cursor) as connection:
        yield filled(Database(connection))


def filled(database: Database) -> Database:
    """The database with all runs."""
    for number, name in enumerate(EXPERIMENT_NAMES, 1):
        row = {"experiment_id": number, "name": name, "artifact_location": "", "lifecycle_stage": "active"}
        database.insert("experiments", [row | {"creation_time": 0, "last_update_time": 0}])
    for each in ALL_RUNS:
        others = {name: each.attributes[name] for name in ("user_id", "status", "end_time", "experiment_id")}
        database.add_run(
            each.attributes["run_id"],
            each.attributes["run_name"],
            each.attributes["start_time"],
            each.metrics,
            each.params,
            each.tags,
            each.datasets,
            **others,
        )
    return database


def operands(accepts: Callable[[Kind], bool]) -> st.SearchStrategy[Operand]:
    """Draw a name of an accepted kind. Keys can be missing in all runs."""
    keys = st.sampled_from([*KEYS, "absent"])
    found: list[st.SearchStrategy[Operand]] = []
    attributes = [a for a in RUNS.attributes if accepts(a.kind)]
    if attributes:
        found.append(st.sampled_from(attributes))
    for table in RUNS.key_tables:
        if accepts(table.kind):
            found.append(st.builds(Key, st.just(table), keys | st.just(CELL)))
        functions = [f for f in table.functions if accepts(f.kind) and f.name != "last"]
        if functions:
            found.append(st.builds(Key, st.just(table), keys, st.sampled_from(functions)))
    if accepts(Kind.TEXT):
        (datasets,) = RUNS.collections
        found.append(st.builds(Member, st.just(datasets), st.sampled_from(datasets.columns)))
    return st.one_of(found)


COMPARATORS = ["=", "!=", "<", "<=", ">", ">="]
NUMBERS = st.sampled_from([x for x in METRICS if not math.isnan(x)]) | st.integers(-10, 3000) | st.floats(-5, 5)
WORDS = st.sampled_from(
    [
        *TEXTS,
        *NAMES,
        *DATASETS,
        *EXPERIMENT_NAMES,
        ALL_RUNS[3].attributes["run_id"],
        "running",
        "Finished",
        "ACTIVE",
        "ann",
        "1",
        "train",
        "gone",
    ]
)
FLAG = st.booleans()


def takes_number(kind: Kind) -> bool:
    return kind.takes_number


def takes_text(kind: Kind) -> bool:
    return kind.takes_text


def is_measure(kind: Kind) -> bool:
    return kind is Kind.MEASURE


LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.builds(Comparison, operands(takes_number), st.sampled_from(COMPARATORS), NUMBERS),
    st.builds(Comparison, operands(takes_text), st.sampled_from(["=", "!="]), WORDS),
    st.builds(Comparison, operands(is_measure), st.sampled_from(["=", "!="]), st.just(math.nan)),
    st.builds(Membership, operands(takes_number), st.lists(NUMBERS, min_size=1, unique=True).map(tuple), FLAG),
    st.builds(Membership, operands(takes_text), st.lists(WORDS, min_size=1, unique=True).map(tuple), FLAG),
    st.builds(Range, operands(takes_number), NUMBERS, NUMBERS, FLAG),
    st.builds(
        Pattern, operands(takes_text), st.sampled_from(PATTERNS) | WORDS.filter(lambda t: "\\" not in t), FLAG, FLAG
    ),
    st.builds(Presence, operands(lambda kind: True), FLAG),
)


def branches(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    parts = st.lists(nodes, min_size=2, max_size=3).map(tuple)
    return st.builds(And, parts) | st.builds(Or, parts) | st.builds(Not, nodes)


TREES = st.recursive(LEAVES, branches, max_leaves=8)


class Hand:
    """Writes a tree as a user might, with any spelling, any case of keywords and any spaces."""

    def __init__(self, choose: Callable[[list[str]], str]) -> None:
        self.choose = choose

    def write(self, node: Node) -> str:
        match node:
            case And(parts):
                return self.join(" and ", parts)
            case Or(parts):
                return self.join(" or ", parts)
            case Not(part):
                return f"{self.word('not')}{self.space()}({self.write(part)})"
            case Comparison(operand, comparator, value):
                if str(operand) == "parent" and comparator == "=" and self.choose(["", "children"]):
                    return f"{self.word('children')}{self.space()}({self.space()}{self.value(value, operand)})"
                sign = self.choose({"=": ["=", "=="], "!=": ["!=", "<>"]}.get(comparator, [comparator]))
                return f"{self.name(operand)}{self.space()}{sign}{self.space()}{self.value(value, operand)}"
            case Membership(operand, values, negated):
                listed = ",".join(f"{self.space()}{self.value(value, operand)}" for value in values)
                return f"{self.name(operand)} {self.negation(negated)}{self.word('in')}({listed})"
            case Range(operand, low, high, negated):
                ends = f"{self.value(low, operand)} {self.word('and')} {self.value(high, operand)}"
                return f"{self.name(operand)} {self.negation(negated)}{self.word('between')} {ends}"
            case Pattern(operand, pattern, ignores_case, negated):
                like = self.word("ilike" if ignores_case else "like")
                return (
                    f"{self.name(operand)} {self.negation(negated)}{like}{self.space()}{self.value(pattern, operand)}"
                )
            case Presence(operand, present):
                return f"{self.name(operand)} {self.word('is')} {self.negation(present)}{self.word('null')}"

    def join(self, keyword: str, parts: tuple[Node, ...]) -> str:
        return self.word(keyword).join(f"({self.write(part)})" for part in parts)

    def word(self, keyword: str) -> str:
        return self.choose([keyword, keyword.upper(), keyword.title()])

    def negation(self, negated: bool) -> str:
        return f"{self.word('not')} " if negated else ""

    def space(self) -> str:
        return self.choose([" ", "", "\n\t "])

    def name(self, operand: Operand) -> str:
        if isinstance(operand, Attribute):
            prefix = self.choose(["", "attributes.", "attribute.", "attr.", "run."])
            return prefix + self.choose(
                [operand.name, f"`{operand.name}`", f"`{operand.name.replace('_', ' ').title()}`"]
            )
        if isinstance(operand, Member):
            column = self.choose([operand.column, operand.column.upper(), f"`{operand.column}`"])
            return f"{self.choose(['datasets', 'dataset', 'Datasets'])}.{column}"
        quoted = [f"`{operand.name.replace('`', '``')}`", '"{}"'.format(operand.name.replace('"', '""'))]
        bare = [operand.name] if operand.name in ("m", "train.loss", "ünï", "and", "absent", CELL) else []
        name = f"{self.choose(list(operand.table.spellings))}.{self.choose([*bare, *quoted])}"
        if operand.name == CELL and operand.table.entity == "tags":
            name = self.choose([name, "cell.source", "CELL.`Source`"])
        if operand.table.entity != "metrics":
            return name
        if operand.function is None:
            return self.choose([name, f"{self.word('last')}({name})"])
        return f"{self.word(operand.function.name)}{self.space()}({self.space()}{name}{self.space()})"

    def value(self, value: Any, operand: Operand) -> str:
        if isinstance(value, str):
            return self.choose(["'{}'".format(value.replace("'", "''")), '"{}"'.format(value.replace('"', '""'))])
        written = [repr(value), repr(value).upper()]
        if isinstance(value, int) and operand.kind is Kind.TIME:
            at = datetime.fromtimestamp(value / 1000, timezone(timedelta(hours=2, minutes=30)))
            written += [f"'{at.isoformat()}'", f'"{at.astimezone().replace(tzinfo=None)}"']
        if isinstance(value, int) and value >= 0 and operand.kind is Kind.DURATION:
            written += [f"{value}ms", f"{value / 1000}s", f"{value // 1000}s{value % 1000}ms"]
        return self.choose(written)


@pytest.mark.slow
@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(tree=TREES, data=st.data())
def test_any_filter_finds_the_expected_rows(database: Database, tree: Node, data: st.DataObject) -> None:
    assert_same(database, tree, data)


@pytest.mark.slow
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(tree=TREES, data=st.data())
def test_any_filter_finds_the_expected_rows_on_postgresql(postgres: Database, tree: Node, data: st.DataObject) -> None:
    assert_same(postgres, tree, data)


def assert_same(database: Database, tree: Node, data: st.DataObject) -> None:
    text = Hand(lambda options: data.draw(st.sampled_from(options))).write(tree)
    # NaN in a tree equals no other NaN.
    assert repr(parse(text)).lower() == repr(with_floats(tree)).lower()
    expected = {each.attributes["run_id"] for each in ALL_RUNS if holds(tree, each) is True}
    assert set(database.search(text)) == expected


def with_floats(node: Node) -> Node:
    """Return the tree with the number types of the parser, which keeps integers exact only for integer operands."""
    match node:
        case And(parts) | Or(parts):
            return type(node)(tuple(map(with_floats, parts)))
        case Not(part):
            return Not(with_floats(part))
        case Comparison(operand, comparator, value):
            return Comparison(operand, comparator, typed(operand, value))
        case Membership(operand, values, negated):
            return Membership(operand, tuple(dict.fromkeys(typed(operand, value) for value in values)), negated)
        case Range(operand, low, high, negated):
            return Range(operand, typed(operand, low), typed(operand, high), negated)
    return node


def typed(operand: Operand, value: Any) -> Any:
    exact = isinstance(value, (str, int)) and operand.kind not in (Kind.MEASURE, Kind.VALUE)
    return value if exact or isinstance(value, str) else float(value)


ORDERINGS = st.lists(st.builds(Ordering, operands(lambda kind: True), FLAG), max_size=3)


@pytest.mark.slow
@settings(max_examples=100)
@given(orderings=ORDERINGS, data=st.data())
def test_any_order_is_total_and_as_requested(
    database: Database, orderings: list[Ordering], data: st.DataObject
) -> None:
    assert_ordered(database, orderings, data)


@pytest.mark.slow
@settings(max_examples=50)
@given(orderings=ORDERINGS, data=st.data())
def test_any_order_is_as_requested_on_postgresql(
    postgres: Database, orderings: list[Ordering], data: st.DataObject
) -> None:
    assert_ordered(postgres, orderings, data)


def assert_ordered(database: Database, orderings: list[Ordering], data: st.DataObject) -> None:
    hand = Hand(lambda options: data.draw(st.sampled_from(options)))
    clauses = []
    for ordering in orderings:
        direction = hand.choose([" desc", " DESC"] if ordering.descending else ["", " asc", " ASC"])
        clauses.append(hand.name(ordering.operand) + direction)
        assert parse_ordering(clauses[-1]) == ordering
    assert database.search("", clauses) == ordered(ALL_RUNS, orderings)


VALID = [
    "min(metrics.m) < 0.1 AND max(metrics.`val/acc`) BETWEEN -1 AND 3 OR NOT (count(metrics.m) = 0)",
    "start_time > now() - 7d AND end_time < '2026-11-01 18:30' AND start_time IN ('1970-01-01', 1003)",
    "duration >= 2h30m OR duration BETWEEN 1ms AND 1.5s OR parent IS NULL",
    "datasets.name LIKE 'd%' AND datasets.context != 'train' AND experiment IN ('digits', 'x')",
    "NOT children('one') OR children(\"Two\") AND metrics.m > 1",
    "cell.source ILIKE '%r%' AND parent = 'one' AND params.m <= 1e3 AND metrics.m != NaN",
    "mean(metrics.m) DESC",
]


@pytest.mark.slow
@settings(max_examples=600)
@given(text=st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=40) | mutated(VALID))
def test_any_string_is_a_filter_or_a_query_error(database: Database, text: str) -> None:
    for vocabulary in (RUNS, EXPERIMENTS, MODELS, VERSIONS):
        for filter_string, order_by in ((text, []), ("", [text])):
            error = query_error(filter_string, order_by, vocabulary)
            if error is None:
                database.search(filter_string, order_by, vocabulary)
            else:
                assert 0 <= error.position <= len(text)
                assert error.reason
                assert str(error).encode()


def query_error(filter_string: str, order_by: list[str], vocabulary: Vocabulary) -> QueryError | None:
    try:
        compile_search(filter_string, order_by, vocabulary)
    except QueryError as error:
        return error
    return None
