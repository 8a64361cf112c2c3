"""The examples of the guide's page run (tests/guide has its Python), and it lists every name."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from nbtrack import query
from nbtrack.errors import QueryError
from nbtrack.query import EXPERIMENTS, MODELS, RUNS, VERSIONS
from tests.query.database import Database

PAGE = (files("nbtrack") / "guide" / "query.md").read_text("utf-8")


def examples(kind: str) -> list[str]:
    """Return the lines of the page's code blocks of one kind."""
    blocks = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture(scope="module")
def database() -> Database:
    return Database()


def test_examples_run(database: Database) -> None:
    assert len(examples("filter")) > 40
    for text in examples("filter"):
        database.search(text)
    assert len(examples("order")) > 5
    database.search("", examples("order"))


def test_the_guide_shows_the_actual_error() -> None:
    result = doctest.testmod(query, optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert (result.attempted, result.failed) == (1, 0)
    with pytest.raises(QueryError) as raised:
        query.parse("metrics.m > 0.9 AND params.p = one")
    assert str(raised.value) in PAGE
    assert str(raised.value) in (query.__doc__ or "")


@pytest.mark.parametrize("vocabulary", [RUNS, EXPERIMENTS, MODELS, VERSIONS])
def test_attributes_are_named(vocabulary: query.Vocabulary) -> None:
    for attribute in vocabulary.attributes:
        assert f"`{attribute}`" in PAGE, attribute
    for function in vocabulary.functions:
        assert f"`{function.name}(metrics." in PAGE, function
    for collection in vocabulary.collections:
        assert all(f"`{collection.entity}.{column}`" in PAGE for column in collection.columns)
    for section in vocabulary.sections:
        assert all(f"`{section.name}.{key}`" in PAGE for key in section.keys)


def test_a_search_for_everything_needs_no_grammar() -> None:
    code = "import sys; from nbtrack.query import *; compile_search('', [], RUNS); assert 'lark' not in sys.modules"
    source = Path(query.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(source)})
