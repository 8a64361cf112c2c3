"""Filters that are evaluated in Python, compared with the second implementation in oracle.py."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.query import RUNS
from nbtrack.query.evaluation import holds, operands
from nbtrack.query.tree import Comparison, Key, Membership, Node, Pattern, Presence, Range
from nbtrack.query.vocabulary import Function, KeyTable
from tests.query import oracle
from tests.query.test_property import ALL_RUNS, COMPARATORS, FLAG, KEYS, METRICS, NUMBERS, PATTERNS, WORDS, branches


def keys(entity: str, *functions: Function) -> st.SearchStrategy[Key]:
    (table,) = [one for one in RUNS.key_tables if one.entity == entity]
    return st.builds(Key, st.just(table), st.sampled_from([*KEYS[:4], "absent"]), st.sampled_from([None, *functions]))


(METRIC_TABLE,) = [one for one in RUNS.key_tables if isinstance(one, KeyTable) and one.entity == "metrics"]
METRIC = keys("metrics", *[one for one in METRIC_TABLE.functions if one.name != "last"])
STRING = keys("params") | keys("tags")
EQUAL = st.sampled_from(["=", "!="])

LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.builds(Comparison, METRIC | STRING, st.sampled_from(COMPARATORS), NUMBERS),
    st.builds(Comparison, METRIC, EQUAL, st.sampled_from(METRICS)),
    st.builds(Comparison, STRING, EQUAL, WORDS),
    st.builds(Membership, METRIC | STRING, st.lists(NUMBERS, min_size=1, unique=True).map(tuple), FLAG),
    st.builds(Membership, STRING, st.lists(WORDS, min_size=1, unique=True).map(tuple), FLAG),
    st.builds(Range, METRIC | STRING, NUMBERS, NUMBERS, FLAG),
    st.builds(Pattern, STRING, st.sampled_from(PATTERNS), FLAG, FLAG),
    st.builds(Presence, METRIC | STRING, FLAG),
)


@settings(max_examples=80)
@given(node=st.recursive(LEAVES, branches, max_leaves=6))
def test_python_and_the_oracle_agree(node: Node) -> None:
    assert all(isinstance(operand, Key) for operand in operands(node))
    for run in ALL_RUNS[:15]:
        assert holds(node, run.value) is oracle.holds(node, run)
