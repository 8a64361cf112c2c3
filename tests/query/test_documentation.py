"""The page in nbtrack.query's docstring is true: its examples run, and it names all attributes."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nbtrack import query
from nbtrack.errors import QueryError
from nbtrack.query import EXPERIMENTS, MODELS, RUNS, VERSIONS
from tests.query.database import Database

PAGE = query.__doc__ or ""
FILTERS, REST = PAGE.split("\nOrder\n-----\n")
ORDER = REST.split("\nExperiments")[0]


def examples(section: str) -> list[str]:
    return re.findall(r"^    (\S.*)$", section, re.MULTILINE)


@pytest.fixture(scope="module")
def database() -> Database:
    return Database()


def test_examples_run(database: Database) -> None:
    assert len(examples(FILTERS)) > 15
    for text in examples(FILTERS):
        database.search(text)
    assert len(examples(ORDER)) == 3
    database.search("", examples(ORDER))


def test_the_error_is_as_shown() -> None:
    result = doctest.testmod(query, optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert (result.attempted, result.failed) == (1, 0)
    with pytest.raises(QueryError) as raised:
        query.parse("metrics.m > 0.9 AND params.p = one")
    assert str(raised.value) in PAGE


@pytest.mark.parametrize("vocabulary", [RUNS, EXPERIMENTS, MODELS, VERSIONS])
def test_attributes_are_named(vocabulary: query.Vocabulary) -> None:
    for attribute in vocabulary.attributes:
        assert re.search(rf"\b{attribute}\b", PAGE), attribute


def test_a_search_for_everything_needs_no_grammar() -> None:
    code = "import sys; from nbtrack.query import *; compile_search('', [], RUNS); assert 'lark' not in sys.modules"
    source = Path(query.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(source)})
