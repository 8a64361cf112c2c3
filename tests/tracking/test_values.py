"""Test the values that log calls accept: numbers of any library, and nested dicts."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import OrderedDict
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbtrack
from nbtrack.errors import InvalidParameter
from nbtrack.journal.nested import flat


def _torch(make: str) -> Any:
    torch = pytest.importorskip("torch")
    return eval(make, {"torch": torch})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "number"),
    [
        ("torch.tensor(0.5)", 0.5),
        ("torch.tensor([[2.5]])", 2.5),
        ("torch.tensor(7)", 7.0),
        ("torch.tensor(True)", 1.0),
        ("torch.tensor(1.5, dtype=torch.bfloat16)", 1.5),
        ("torch.tensor(1.5, dtype=torch.float16)", 1.5),
        ("torch.tensor(3.0, requires_grad=True)", 3.0),
        ("(torch.ones(2, requires_grad=True) * 2).sum()", 4.0),
        ("torch.nn.Parameter(torch.tensor([4.0]))", 4.0),
        ("torch.tensor(float('nan'))", math.nan),
        ("torch.tensor(float('-inf'))", -math.inf),
    ],
)
@pytest.mark.filterwarnings("error")
def test_torch_scalars(make: str, number: float) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_metric("m", _torch(make))
        nbtrack.log_metrics({"n": _torch(make)})
    metrics = nbtrack.get_run(run.info.run_id).data.metrics
    assert [metrics["m"], metrics["n"]] == pytest.approx([number, number], nan_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize("make", ["torch.zeros(2)", "torch.zeros(0)", "torch.tensor(1j)"])
def test_tensors_that_are_not_a_number(make: str) -> None:
    with nbtrack.start_run(), pytest.raises(InvalidParameter, match="'m' must be a number, not Tensor"):
        nbtrack.log_metric("m", _torch(make))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("value", "number"),
    [
        (np.float16(0.5), 0.5),
        (np.longdouble(0.25), 0.25),
        (np.uint8(7), 7.0),
        (np.bool_(True), 1.0),
        (np.array([[3]]), 3.0),
        (np.array(2, dtype=object), 2.0),
        (Decimal("0.1"), 0.1),
        (Fraction(1, 4), 0.25),
        (10**300, 1e300),
    ],
)
def test_numbers_of_other_kinds(value: object, number: float) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_metric("m", value)
    assert nbtrack.get_run(run.info.run_id).data.metrics["m"] == number


@pytest.mark.parametrize("value", [np.array("0.5"), np.str_("1"), np.array([]), {"a": 1}, 10**400])
def test_values_that_only_look_like_numbers(value: object) -> None:
    with nbtrack.start_run(), pytest.raises(InvalidParameter, match="'m' must be a number"):
        nbtrack.log_metric("m", value)


@pytest.mark.slow
def test_neither_numpy_nor_torch_is_imported_for_a_log_call() -> None:
    code = """
import sys, nbtrack
class Scalar:
    shape = ()
    def item(self): return 0.5
with nbtrack.start_run():
    nbtrack.log_metric("m", Scalar())
    nbtrack.log_metrics({"train": {"loss": Scalar()}})
    nbtrack.log_params({"optimizer": {"name": "adam"}})
    print(sorted({"numpy", "torch", "pandas", "duckdb"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # The store itself was asked for its experiment, by DuckDB.
    assert done.stdout.strip() in ("[]", "['duckdb']")


def test_dicts_in_dicts_are_flattened() -> None:
    config = MappingProxyType({"depth": 3, "widths": [64, 32]})
    with nbtrack.start_run() as run:
        nbtrack.log_metrics({"train": {"loss": 0.5, "acc": {"top1": 0.8, 5: 0.9}}, "lr": 0.1, "none": {}})
        nbtrack.log_metrics({"train": {"loss": 0.4}})
        nbtrack.log_params({"model": config, "optimizer": OrderedDict(name="adam", options={}), 1: "one"})
        nbtrack.log_param("whole", {"a": {"b": 1}})
    data = nbtrack.get_run(run.info.run_id).data
    assert data.metrics == {"train/loss": 0.4, "train/acc/top1": 0.8, "train/acc/5": 0.9, "lr": 0.1}
    assert data.params == {
        "model/depth": "3",
        "model/widths": "[64, 32]",
        "optimizer/name": "adam",
        "optimizer/options": "{}",
        "1": "one",
        "whole": "{'a': {'b': 1}}",
    }
    history = nbtrack.MlflowClient().get_metric_history(run.info.run_id, "train/loss")
    assert [point.step for point in history] == [0, 1]


def test_keys_that_become_equal_are_an_error_and_nothing_is_logged() -> None:
    itself: dict[str, Any] = {"x": 1}
    itself["again"] = itself
    with nbtrack.start_run() as run:
        with pytest.raises(InvalidParameter, match=r"'a/b'.*twice.*Nothing was logged"):
            nbtrack.log_metrics({"a": {"b": 1}, "a/b": 2})
        with pytest.raises(InvalidParameter, match=r"'1'.*twice"):
            nbtrack.log_params({1: "x", "1": "y"})
        with pytest.raises(InvalidParameter, match="contain itself"):
            nbtrack.log_metrics(itself)
    data = nbtrack.get_run(run.info.run_id).data
    assert (data.metrics, data.params) == ({}, {})


@given(
    st.recursive(
        st.integers(),
        lambda inner: st.dictionaries(st.sampled_from(["a", "b", "a/b", 1, "1"]), inner, max_size=3),
        max_leaves=8,
    ).filter(lambda value: isinstance(value, dict))
)
def test_flattening_keeps_every_leaf_or_refuses(values: Any) -> None:
    def leaves(tree: Any, path: tuple[str, ...]) -> list[tuple[str, int]]:
        if isinstance(tree, int):
            return [("/".join(path), tree)]
        return [leaf for key, inner in tree.items() for leaf in leaves(inner, (*path, str(key)))]

    expected = leaves(values, ())
    keys = [key for key, _ in expected]
    if len(set(keys)) == len(keys):
        assert list(flat(values, "It").items()) == expected
    else:
        with pytest.raises(InvalidParameter):
            flat(values, "It")
