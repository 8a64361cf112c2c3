"""The errors of wrong queries: their message, their position and what is expected there."""

from __future__ import annotations

import json
import time

import pytest

from nbtrack.errors import InvalidParameter, QueryError
from nbtrack.query import EXPERIMENTS, RUNS, compile_search, parse, parse_ordering

LINEAR = 20.0
"""Seconds of CPU time. They are far above what any of these queries takes, and far below a quadratic loop over it."""


def mistake(marked: str) -> QueryError:
    """Return the error of a filter. The » marks the position that it must have."""
    text = marked.replace("»", "", 1)
    with pytest.raises(QueryError) as raised:
        parse(text)
    assert raised.value.text == text
    assert raised.value.position == marked.index("»"), raised.value
    return raised.value


@pytest.mark.parametrize(
    ("marked", "reason", "expected"),
    [
        # names
        ("»m > 1", "Attribute 'm' does not exist. For a metric, write metrics.m", "metrics.m"),
        (
            "»val/acc > 1",
            "Attribute 'val/acc' does not exist. For a metric, write metrics.`val/acc`",
            "params.`val/acc`",
        ),
        ("metrics.m = »NULL", "To find missing values, write IS NULL", "a number"),
        ("»runname = 'x'", "Attribute 'runname' does not exist. Did you mean run_name?", "run_name"),
        ("attributes.»stat = 'x'", "Attribute 'stat' does not exist. Did you mean status?", "status"),
        ("»`run nam` = 'x'", "Attribute 'run nam' does not exist. Did you mean run_name?", "run_name"),
        ("»foo.bar > 1", "as in metrics.foo.bar", "metrics.name"),
        ("»metrisc.m > 1", "Unknown prefix 'metrisc'. Did you mean metrics.m?", "metrics.name"),
        ("»inputs.name = 'x'", "Unknown prefix 'inputs'", "datasets.name"),
        ("»metrics > 1", "metrics needs a name after it, such as metrics.name", "metrics.name"),
        ("»metrics. > 1", "metrics needs a name after it, such as metrics.name", "metrics.name"),
        (
            "metrics.»`val/loss > 1",
            "This quote is not closed: the closing ` is missing",
            "metrics.`a name with spaces`",
        ),
        ('params.a = 1 AND params.»"b = 2', 'This quote is not closed: the closing " is missing', "params.name"),
        ("metrics.»`` > 1", "The name after metrics. is empty", "a name"),
        (
            "metrics.val»/accuracy > 1",
            "This name must be in backticks: metrics.`val/accuracy`",
            "a comparison such as > or =",
        ),
        ("params.a»-b = 'x'", "This name must be in backticks: params.`a-b`", "a comparison such as > or ="),
        ("metrics.m»-1 > 0", "This name must be in backticks: metrics.`m-1`", "a comparison such as > or ="),
        (
            "»3 > metrics.m",
            "A comparison must begin with a name such as metrics.m, params.p, tags.t or run_name",
            "a name (metrics.m, params.p, tags.t or run_name)",
        ),
        (
            "»'one' = run_name",
            "A comparison must begin with a name such as metrics.m, params.p, tags.t or run_name",
            "NOT",
        ),
        # values
        ("params.p = »one", "A string must be in quotes: 'one'", "a quoted string"),
        ("params.p = »`one`", "Backticks are for names. Write a string in single quotes", "a quoted string"),
        ("params.p IN (»one)", "A string must be in quotes: 'one'", "a quoted string"),
        ("metrics.m > »'a'", "> compares numbers, but this is a string", "a number"),
        ("metrics.m > »'3'", "> compares numbers, but this is a string. Write 3 without quotes", "a number"),
        ("metrics.m = »'3'", "not a string. Write 3 without quotes", "a number"),
        ("metrics.m > »3abc", "3abc is not a number, but metrics.m must be compared with one", "a number"),
        ("metrics.m > »1.2.3", "1.2.3 is not a number, but metrics.m must be compared with one", "a number"),
        ("metrics.m > »metrics.n", "metrics.n is not a number, but metrics.m must be compared with one", "a number"),
        ("metrics.m > »NaN", "No number is above or below NaN. Use = or != instead", "a number"),
        ("metrics.m BETWEEN 0 AND »NaN", "No number is above or below NaN. Use = or != instead", "a number"),
        ("params.p = »nan", "Only metrics can be NaN. Write 'nan' in quotes", "a number"),
        ("start_time = »nan", "Only metrics can be NaN", "a number"),
        ("run_name = »3", "run_name must be compared with a string. Write '3' in quotes", "a quoted string"),
        ("run_name »> 3", "> compares numbers, but run_name is a string", "LIKE"),
        ("status »< 'x'", "< compares numbers, but status is a string", "="),
        ("params.p > »'a'", "> compares numbers, but this is a string", "a number"),
        ("params.p BETWEEN 1 AND »'9'", "but this is a string. Write 9 without quotes", "a number"),
        ("run_name BETWEEN »1 AND 2", "BETWEEN compares numbers, but run_name is a string", "="),
        ("params.p IN ('a', »1)", "A list must hold either strings or numbers, not both", "a quoted string"),
        ("metrics.m »LIKE 'a%'", "LIKE compares strings, but metrics.m holds numbers", "a comparison such as > or ="),
        ("run_name LIKE »3", "This must be a string in quotes", "a quoted string"),
        (
            "run_name LIKE 'a%»\\'",
            "The pattern ends in a backslash, which escapes the next character",
            "a character after the backslash",
        ),
        # functions
        ("min(»params.lr) < 1", "min() takes a metric, and params.lr is not a metric", "metrics.name"),
        ("count(»status) > 1", "count() takes a metric, and status is not a metric", "metrics.name"),
        ("»avg(metrics.m) > 1", "Function 'avg' does not exist. Did you mean mean?", "mean(metrics.name)"),
        ("»foo(metrics.m) > 1", "Function 'foo' does not exist", "min(metrics.name)"),
        ("»min metrics.m > 1", "min is a function. Write min(metrics.name)", "min(metrics.name)"),
        ("metrics.min»(m) > 1", "Write the function around the whole name: min(metrics.name)", "IN"),
        ("min(») > 1", "The parentheses are empty", "a name (metrics.m, params.p, tags.t or run_name)"),
        ("min(metrics.m »> 1", "Unexpected '>'", ")"),
        ("min(»", "The query ends too early", "a name (metrics.m, params.p, tags.t or run_name)"),
        ("metrics.m > »max(metrics.n)", "Functions are for names", "a number"),
        ("count(metrics.m) = »NaN", "Only metrics can be NaN", "a number"),
        ("max(metrics.m) > »NaN", "No number is above or below NaN. Use = or != instead", "a number"),
        # times
        ("start_time > »2026-11-01", "A date must be in quotes: '2026-11-01'", "a date in quotes"),
        (
            "start_time BETWEEN 1 AND »2026-11-01 18:30",
            "A date must be in quotes: '2026-11-01 18:30'",
            "a date in quotes",
        ),
        ("start_time > »'2026-13-01'", "This is not a valid time. Write a date such as", "a date in quotes"),
        ("start_time > »'0000-01-01'", "This is not a valid time", "a date in quotes"),
        ("start_time > »'1767225600000'", "This is not a valid time. Write 1767225600000 without quotes", "a number"),
        ("start_time IN ('2026-11-01', »'x')", "This is not a valid time", "now() - 7d"),
        ("start_time > »now", "Write now() instead of now", "now() - 7d"),
        ("start_time > »7d", "with a time, not a duration. For 7d ago, write now() - 7d", "now() - 7d"),
        ("start_time > now() - »7", "A duration needs a unit: 7s, 7m, 7h or 7d", "a duration such as 7d"),
        ("start_time > now()»-7", "A duration needs a unit: 7s, 7m, 7h or 7d", "+ or -"),
        ("start_time > now() - »7 days", "days is not a unit of time", "a duration such as 7d"),
        ("start_time > now() - »7days", "The units are ms, s, m, h, d, w", "a duration such as 7d"),
        ("start_time > now() - »'7d'", "A duration must not be in quotes", "a duration such as 7d"),
        ("start_time > now() -»", "The query ends too early", "a duration such as 7d"),
        ("start_time > now(»", "The parenthesis at character 17 is not closed", ")"),
        ("start_time > now() - »99999999999999999w", "This time is out of range", "a shorter duration"),
        ("start_time »LIKE '2026%'", "LIKE compares strings, but start_time holds times", "BETWEEN"),
        (
            "»now() > start_time",
            "A comparison must begin with a name such as metrics.m, params.p, tags.t or run_name",
            "NOT",
        ),
        ("duration > »'2h'", "with a duration, not a string. Write 2h without quotes", "a duration such as 2h"),
        (
            "duration > 2 »h",
            "Write the unit directly after the number. The units are ms, s, m, h, d, w",
            "the end of the query",
        ),
        ("duration > »2hours", "2hours is not a valid duration. The units are", "a duration such as 2h"),
        ("duration > »now()", "duration must be compared with a duration, not a time", "a duration such as 2h"),
        ("metrics.m > »3d", "metrics.m must be compared with a number, not a duration", "a number"),
        ("metrics.m > »now()", "metrics.m must be compared with a number, not a time", "a number"),
        ("params.p = »now()", "params.p must be compared with a number or a string, not a time", "a quoted string"),
        ("experiment_id = »now()", "experiment_id must be compared with a number or a string, not a time", "a number"),
        ("run_name = »3d", "A string must be in quotes: '3d'", "a quoted string"),
        # datasets, parent, experiment, cell
        ("»datasets = 'x'", "datasets needs a name after it, such as datasets.name", "datasets.name"),
        ("datasets.»nam = 'x'", "datasets.nam does not exist. Did you mean datasets.name?", "name"),
        ("datasets.name »> 3", "> compares numbers, but datasets.name is a string", "LIKE"),
        ("cell.»src LIKE 'x'", "cell.src does not exist. Did you mean cell.source?", "source"),
        ("»cell LIKE 'x'", "cell needs a name after it, such as cell.source", "cell.source"),
        ("»parent.name = 'x'", "takes no name after a dot. Compare parent itself", "attributes.name"),
        ("parent = »3", "parent must be compared with a string. Write '3' in quotes", "a quoted string"),
        ("children(»sweep)", "A string must be in quotes: 'sweep'", "a quoted string"),
        ("children(»metrics.m) > 1", "A string must be in quotes: 'metrics.m'", "a quoted string"),
        ("children('sweep') »= 'x'", "Unexpected '='", "AND"),
        ("»children = 'sweep'", "children is a function", "children('name or ID of a run')"),
        ("children(»", "The query ends too early", "a quoted string"),
        ("experiment »> 3", "> compares numbers, but experiment is a string", "LIKE"),
        # the end, quotes and parentheses
        ("metrics.m >» ", "The query ends too early", "a number"),
        ("metrics.m»", "The query ends too early", "a comparison such as > or ="),
        ("run_name =» ", "The query ends too early", "a quoted string"),
        ("metrics.m > 1 AND»", "The query ends too early", "NOT"),
        ("metrics.m > 1 or»  \n", "The query ends too early", "("),
        ("NOT»", "The query ends too early", "NOT"),
        ("params.p = »'abc", "This quote is not closed: the closing ' is missing", "a quoted string"),
        ("params.p = 'it'»s'", "To use ' inside a string, write it twice", "AND"),
        ('params.p = »"abc', 'This quote is not closed: the closing " is missing', "a quoted string"),
        (
            "»`abc = 1",
            "This quote is not closed: the closing ` is missing",
            "a name (metrics.m, params.p, tags.t or run_name)",
        ),
        ("(metrics.m > 1»", "The parenthesis at character 1 is not closed", ")"),
        ("(metrics.m > 1 OR (params.p = ')')»", "The parenthesis at character 1 is not closed", ")"),
        ("metrics.m IN (1, 2»", "The parenthesis at character 14 is not closed", "a comma"),
        ("metrics.m IN (1,»", "The query ends too early", "a number"),
        ("metrics.m IN (1,»)", "The expression in the parentheses ends too early", "a number"),
        ("metrics.m > 1»)", "This closing parenthesis has no opening one", "the end of the query"),
        ("(»)", "The parentheses are empty", "NOT"),
        ("metrics.m IN (»)", "The parentheses are empty", "a number"),
        ("metrics.m IN »1", "Unexpected 1", "("),
        # words and signs
        ("metrics.m > 1»;", "A query is a single expression and cannot contain a semicolon", "AND"),
        (
            "metrics.m > 1»; DROP TABLE runs",
            "A query is a single expression and cannot contain a semicolon",
            "the end of the query",
        ),
        ("metrics.m > 1 »&& metrics.n > 1", "Write AND instead of &&", "AND"),
        ("metrics.m > 1 »| metrics.n > 1", "Write OR instead of |", "OR"),
        ("metrics.m =»> 3", "Write >= instead of =>", "a number"),
        ("metrics.m »≥ 3", "Write >= instead of ≥", "a comparison such as > or ="),
        ("»!(metrics.m > 3)", "Write NOT instead of !", "NOT"),
        ("metrics.m > 1 »metrics.n > 1", "Unexpected metrics.n", "AND"),
        ("metrics.m > 1 », metrics.n > 1", "Unexpected ','", "AND"),
        ("metrics.m BETWEEN 1 »OR 2", "Unexpected OR", "AND"),
        ("metrics.m IS »3", "Unexpected 3", "NULL"),
        ("»🚀 > 3", "Unexpected 🚀", "NOT"),
        ("metrics.m > 1 »-- x", "Unexpected --", "AND"),
    ],
)
def test_filter(marked: str, reason: str, expected: str) -> None:
    error = mistake(marked)
    assert reason in error.reason
    assert expected in error.expected


def test_the_message_points_at_the_mistake() -> None:
    assert str(mistake("metrics.m > 0.9 AND params.p = »one")).splitlines() == [
        "A string must be in quotes: 'one' (at character 32)",
        "  metrics.m > 0.9 AND params.p = one",
        "                                 ^",
        "Expected here: a number or a quoted string.",
    ]


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 0, "The query is empty"),
        ("  ", 0, "The query is empty"),
        ("foo", 0, "Attribute 'foo' does not exist. For a metric, write metrics.foo"),
        ("metrics.m DESCENDING", 10, "Unexpected DESCENDING"),
        ("metrics.m DESC, start_time", 14, "A clause takes one name"),
        ("start_time DESC ASC", 16, "Unexpected ASC"),
        ("inputs.x", 0, "Unknown prefix 'inputs'"),
        ("metrics.val/loss", 11, "This name must be in backticks: metrics.`val/loss`"),
        ("'m'", 0, "A clause must begin with a name such as metrics.m, params.p, tags.t or run_name"),
        ("now()", 0, "A clause must begin with a name such as metrics.m, params.p, tags.t or run_name"),
        ("min(metrics.m", 13, "The parenthesis at character 4 is not closed"),
        ("avg(metrics.m)", 0, "Function 'avg' does not exist. Did you mean mean?"),
    ],
)
def test_order_by(text: str, position: int, reason: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse_ordering(text)
    assert raised.value.position == position, raised.value
    assert reason in raised.value.reason


def test_errors_list_the_names_of_their_vocabulary() -> None:
    with pytest.raises(QueryError) as raised:
        parse("metrics.m > 1", EXPERIMENTS)
    assert raised.value.expected == ("tags.name", "attributes.name")
    with pytest.raises(QueryError) as raised:
        parse("name = 'x' AND", EXPERIMENTS)
    assert "a name (tags.t or name)" in raised.value.expected


@pytest.mark.parametrize("character", ["\0", "\ud800"])
def test_characters_that_databases_cannot_store(character: str) -> None:
    text = f"params.p = '{character}'"
    for attempt in (parse, parse_ordering):
        with pytest.raises(QueryError) as raised:
            attempt(text)
        assert raised.value.position == 12
        json.dumps(raised.value.to_dict(), ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "metrics.m > 1" + ")" * 10_000,
        "(" * 10_000,
        "NOT (" * 10_000 + "metrics.m > 1" + ")" * 10_000,
        "metrics.m > 1 AND (metrics.m > 2 OR (" * 2_700,
        " AND ".join(f"metrics.m{i} > 1" for i in range(101)),
        "run_id IN (" + ",".join(["''"] * 30_001) + ")",
        "x" * 100_000,
        "metrics." + "x" * 100_000,
        "'" * 99_999,
        "params.p = " + "'" * 99_999,
        "`" * 99_999,
        "-" * 100_000,
        "m " * 50_000,
        "metrics.m > " + "9" * 100_000 + "x",
        "x" * 500_001,
        " " * 500_001,
        "start_time > now()" + " - 1d" * 90_000 + "x",
        "min(" * 50_000,
    ],
    ids=lambda text: f"{text[:20]}… {len(text)}",
)
def test_oversized_queries_fail_fast(text: str) -> None:
    began = time.thread_time()
    with pytest.raises(QueryError) as raised:
        compile_search(text, [], RUNS)
    assert time.thread_time() - began < LINEAR
    assert len(str(raised.value)) < 1_000


@pytest.mark.parametrize(
    "text",
    [
        "(" * 50 + "metrics.m > 1" + ")" * 50,
        "NOT " * 25_000 + "metrics.m > 1",
        " OR ".join(["(metrics.m > 1)"] * 60),
        " AND ".join(["metrics.m > 1"] * 5_500),
        "run_id IN (" + ",".join(f"'{i:032x}'" for i in range(2_700)) + ")",
        "params.p = '" + "x" * 100_000 + "'",
        "metrics.`" + "x" * 100_000 + "` > 1",
        "metrics.m > " + "9" * 100_000,
        " " * 100_000 + "metrics.m > 1",
        "start_time > now()" + " - 1d" * 10_000,
        "duration > " + "1h" * 10_000,
    ],
    ids=lambda text: f"{text[:20]}… {len(text)}",
)
def test_large_queries_are_accepted(text: str) -> None:
    began = time.thread_time()
    compile_search(text, [], RUNS)
    assert time.thread_time() - began < LINEAR


def test_arguments_of_the_wrong_type() -> None:
    with pytest.raises(InvalidParameter, match=r"not a string. Write \['metrics.m DESC'\]"):
        compile_search("", "metrics.m DESC", RUNS)
    with pytest.raises(InvalidParameter, match="not int"):
        compile_search(3, [], RUNS)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="not int"):
        compile_search("", [3], RUNS)  # type: ignore[list-item]
    with pytest.raises(QueryError, match="more than 50 clauses"):
        compile_search("", ["status"] * 51, RUNS)
    assert compile_search(None, [], RUNS).where == "TRUE"


def test_user_input_is_not_in_the_sql() -> None:
    found = compile_search(
        "metrics.`k'; --` > 7.25 AND params.p IN ('x''; DROP', \"y\") AND tags.t LIKE 'z%' AND run_name = 'w'",
        ['metrics."o""\'" DESC'],
        RUNS,
        first_parameter=4,
    )
    sql = " ".join((found.joins, found.where, found.order_by))
    assert found.parameters == ["k'; --", 7.25, "p", "x'; DROP", "y", "t", "z%", "w", "o\"'"]
    assert all(f"${number}" in sql for number in range(4, 13))
    for typed in ("--", "7.25", "DROP", "z%", "'w'", "'p'", 'o"'):
        assert typed not in sql
