"""Test the analysis of a cell's code: its literals, and the hash that tells whether two attempts ran the same code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.capture import assigned_names, code_hash, literal_assignments

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
LITERALS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_top_level_literals_of_every_form():
    found = literal_assignments(
        "lr = 1e-3\nwidth: int = -64\na = b = 'x'\nseed, (low, high) = 1, (2.5, [3])\ncfg = {'relu': (True, None)}\n"
    )
    assert found == {
        "lr": 0.001,
        "width": -64,
        "a": "x",
        "b": "x",
        "seed": 1,
        "low": 2.5,
        "high": [3],
        "cfg": {"relu": (True, None)},
    }


@pytest.mark.parametrize(
    "line",
    [
        "_hidden = 1",
        "computed = 2 * 3",
        "call = int('3')",
        "text = f'{1}'",
        "raw = b'bytes'",
        "unordered = {1, 2}",
        "x.attribute = 1",
        "x['item'] = 1",
        "declared: int",
        "first, *rest = 1, 2",
        "one, two = 1, 2, 3",
        "if True:\n    inner = 1",
        "def f():\n    inner = 1",
        "this is no python",
        "",
    ],
)
def test_other_statements_are_not_literal_assignments(line: str):
    assert literal_assignments(line) == {}


def test_the_last_literal_wins_and_computed_values_do_not_count():
    assert literal_assignments("n = 1\nn = 2\nn += 5\nn = compute()") == {"n": 2}


@pytest.mark.slow
@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True).map("v_{}".format), LITERALS, max_size=5))
def test_literals_are_returned_unchanged(values: dict[str, object]):
    source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    assert literal_assignments(source) == values


def test_assigned_names_at_any_depth():
    source = "import os.path, numpy as np\nfor i in x:\n    total = i\ndef f(): ...\nwith open(p) as fh: pass\nuse(lr)"
    assert assigned_names(source) == {"os", "np", "i", "total", "f", "fh"}


SAME = "%%track one\nlr = 0.1\n!pip list\nfiles = !ls\n%time train(lr)\ntrain?\n"


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("%%track two -t a=b\nlr = 0.2  # higher\n\n!pip list\nfiles = !ls\n%time train(lr)\ntrain?\n", True),
        ("%%track one\nlr = 0.1\n!pip list\nfiles = !ls\n%time train(lr * 2)\ntrain?\n", False),
        ("%%track one\nlr = 0.1\n!pip freeze\nfiles = !ls\n%time train(lr)\ntrain?\n", False),
        ("%%track one\nrate = 0.1\n!pip list\nfiles = !ls\n%time train(lr)\ntrain?\n", False),
    ],
)
def test_code_differs_by_more_than_literals_and_comments(other: str, same: bool):
    assert (code_hash(SAME) == code_hash(other)) is same


def test_code_that_cannot_be_parsed_is_compared_line_by_line():
    assert code_hash("x = (\n\n") == code_hash("x = (  \n")
    assert code_hash("x = (") != code_hash("y = (")
