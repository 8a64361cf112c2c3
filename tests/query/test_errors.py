"""A wrong query says where it is wrong, and what may stand there."""

from __future__ import annotations

import json
import time

import pytest

from nbtrack.errors import InvalidParameter, QueryError
from nbtrack.query import EXPERIMENTS, RUNS, compile_search, parse, parse_ordering


def mistake(marked: str) -> QueryError:
    """The error of a filter in which » marks where it must be found."""
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
        ("»m > 1", "no attribute 'm'", "metrics.m"),
        ("»runname = 'x'", "did you mean run_name?", "run_name"),
        ("attributes.»stat = 'x'", "did you mean status?", "status"),
        ("»`run nam` = 'x'", "did you mean run_name?", "run_name"),
        ("»foo.bar > 1", "metrics.foo.bar", "metrics.name"),
        ("»metrisc.m > 1", "did you mean metrics.m?", "metrics.name"),
        ("»inputs.name = 'x'", "'inputs' is not known", "datasets.name"),
        ("»metrics > 1", "needs the name", "metrics.name"),
        ("»metrics. > 1", "needs the name", "metrics.name"),
        ("metrics.»`val/loss > 1", "no second `", "metrics.`a name with spaces`"),
        ('params.a = 1 AND params.»"b = 2', 'no second "', "params.name"),
        ("metrics.»`` > 1", "is empty", "a name"),
        ("metrics.val»/accuracy > 1", "metrics.`val/accuracy`", "a comparison such as > or ="),
        ("params.a»-b = 'x'", "params.`a-b`", "a comparison such as > or ="),
        ("metrics.m»-1 > 0", "metrics.`m-1`", "a comparison such as > or ="),
        ("»3 > metrics.m", "begins with a name", "a name such as metrics.m, params.p, tags.t or run_name"),
        ("»'one' = run_name", "begins with a name", "NOT"),
        # values
        ("params.p = »one", "write 'one'", "a quoted text"),
        ("params.p = »`one`", "backticks are for names", "a quoted text"),
        ("params.p IN (»one)", "write 'one'", "a quoted text"),
        ("metrics.m > »'a'", "this is a text", "a number"),
        ("metrics.m > »'3'", "write 3 without quotes", "a number"),
        ("metrics.m = »'3'", "write 3 without quotes", "a number"),
        ("metrics.m > »3abc", "3abc is not a number", "a number"),
        ("metrics.m > »1.2.3", "1.2.3 is not a number", "a number"),
        ("metrics.m > »metrics.n", "metrics.n is not a number", "a number"),
        ("metrics.m > »NaN", "nothing is above or below NaN", "a number"),
        ("metrics.m BETWEEN 0 AND »NaN", "nothing is above or below NaN", "a number"),
        ("params.p = »nan", "write 'nan' in quotes", "a number"),
        ("start_time = »nan", "only metrics can be NaN", "a number"),
        ("run_name = »3", "write '3' in quotes", "a quoted text"),
        ("run_name »> 3", "run_name is a text", "LIKE"),
        ("status »< 'x'", "status is a text", "="),
        ("params.p > »'a'", "this is a text", "a number"),
        ("params.p BETWEEN 1 AND »'9'", "write 9 without quotes", "a number"),
        ("run_name BETWEEN »1 AND 2", "run_name is a text", "="),
        ("params.p IN ('a', »1)", "either texts or numbers", "a quoted text"),
        ("metrics.m »LIKE 'a%'", "metrics.m is a number", "a comparison such as > or ="),
        ("run_name LIKE »3", "a text in quotes", "a quoted text"),
        ("run_name LIKE 'a%»\\'", "ends in a backslash", "a character after the backslash"),
        # functions
        ("min(»params.lr) < 1", "takes the name of a metric, and params.lr is none", "metrics.name"),
        ("count(»status) > 1", "takes the name of a metric", "metrics.name"),
        ("»avg(metrics.m) > 1", "did you mean mean?", "mean(metrics.name)"),
        ("»foo(metrics.m) > 1", "there is no function 'foo'", "min(metrics.name)"),
        ("»min metrics.m > 1", "write min(metrics.name)", "min(metrics.name)"),
        ("metrics.min»(m) > 1", "stands before the whole name: min(metrics.name)", "IN"),
        ("min(») > 1", "nothing stands between", "a name such as metrics.m, params.p, tags.t or run_name"),
        ("min(metrics.m »> 1", "'>' cannot stand here", ")"),
        ("min(»", "ends too early", "a name such as metrics.m, params.p, tags.t or run_name"),
        ("metrics.m > »max(metrics.n)", "functions are for names", "a number"),
        ("count(metrics.m) = »NaN", "only metrics can be NaN", "a number"),
        ("max(metrics.m) > »NaN", "nothing is above or below NaN", "a number"),
        # times
        ("start_time > »2026-11-01", "a date stands in quotes: '2026-11-01'", "a date in quotes"),
        ("start_time BETWEEN 1 AND »2026-11-01 18:30", "in quotes: '2026-11-01 18:30'", "a date in quotes"),
        ("start_time > »'2026-13-01'", "this is no time; write a date", "a date in quotes"),
        ("start_time > »'0000-01-01'", "this is no time", "a date in quotes"),
        ("start_time > »'1767225600000'", "write 1767225600000 without quotes", "a number"),
        ("start_time IN ('2026-11-01', »'x')", "this is no time", "now() - 7d"),
        ("start_time > »now", "now is written now()", "now() - 7d"),
        ("start_time > »7d", "write now() - 7d for that long ago", "now() - 7d"),
        ("start_time > now() - »7", "has a unit: 7s, 7m, 7h or 7d", "a length of time such as 7d"),
        ("start_time > now()»-7", "has a unit: 7s, 7m, 7h or 7d", "+ or -"),
        ("start_time > now() - »7 days", "days is no unit of time", "a length of time such as 7d"),
        ("start_time > now() - »7days", "the units are ms, s, m, h, d, w", "a length of time such as 7d"),
        ("start_time > now() - »'7d'", "without quotes", "a length of time such as 7d"),
        ("start_time > now() -»", "ends too early", "a length of time such as 7d"),
        ("start_time > now(»", "parenthesis at character 17 is not closed", ")"),
        ("start_time > now() - »99999999999999999w", "further away than a time can be", "a shorter length of time"),
        ("start_time »LIKE '2026%'", "start_time is a time", "BETWEEN"),
        ("»now() > start_time", "begins with a name", "NOT"),
        ("duration > »'2h'", "write 2h without quotes", "a length of time such as 2h"),
        ("duration > 2 »h", "a unit follows its number without a space", "the end"),
        ("duration > »2hours", "2hours is no length of time; the units are", "a length of time such as 2h"),
        ("duration > »now()", "now() is a time, and duration is a length of time", "a length of time such as 2h"),
        ("metrics.m > »3d", "3d is a length of time, and metrics.m is a number", "a number"),
        ("metrics.m > »now()", "now() is a time, and metrics.m is a number", "a number"),
        ("run_name = »3d", "stands in quotes: '3d'", "a quoted text"),
        # datasets, parent, experiment, cell
        ("»datasets = 'x'", "needs the name of one of them", "datasets.name"),
        ("datasets.»nam = 'x'", "did you mean name?", "name"),
        ("datasets.name »> 3", "datasets.name is a text", "LIKE"),
        ("cell.»src LIKE 'x'", "did you mean source?", "source"),
        ("»cell LIKE 'x'", "needs the name of one of them", "cell.source"),
        ("»parent.name = 'x'", "parent has no parts: compare parent itself", "attributes.name"),
        ("parent = »3", "write '3' in quotes", "a quoted text"),
        ("children(»sweep)", "write 'sweep' for a text", "a quoted text"),
        ("children(»metrics.m) > 1", "write 'metrics.m' for a text", "a quoted text"),
        ("children('sweep') »= 'x'", "'=' cannot stand here", "AND"),
        ("»children = 'sweep'", "children is a function", "children('name or id of a run')"),
        ("children(»", "ends too early", "a quoted text"),
        ("experiment »> 3", "experiment is a text", "LIKE"),
        # the end, quotes and parentheses
        ("metrics.m >» ", "ends too early", "a number"),
        ("metrics.m»", "ends too early", "a comparison such as > or ="),
        ("run_name =» ", "ends too early", "a quoted text"),
        ("metrics.m > 1 AND»", "ends too early", "NOT"),
        ("metrics.m > 1 or»  \n", "ends too early", "("),
        ("NOT»", "ends too early", "NOT"),
        ("params.p = »'abc", "no second '", "a quoted text"),
        ("params.p = 'it'»s'", "a ' within a text is written twice", "AND"),
        ('params.p = »"abc', 'no second "', "a quoted text"),
        ("»`abc = 1", "no second `", "a name such as metrics.m, params.p, tags.t or run_name"),
        ("(metrics.m > 1»", "parenthesis at character 1 is not closed", ")"),
        ("(metrics.m > 1 OR (params.p = ')')»", "parenthesis at character 1 is not closed", ")"),
        ("metrics.m IN (1, 2»", "parenthesis at character 14 is not closed", "a comma"),
        ("metrics.m IN (1,»", "ends too early", "a number"),
        ("metrics.m IN (1,»)", "ends too early", "a number"),
        ("metrics.m > 1»)", "closes none", "the end"),
        ("(»)", "nothing stands between", "NOT"),
        ("metrics.m IN (»)", "nothing stands between", "a number"),
        ("metrics.m IN »1", "1 cannot stand here", "("),
        # words and signs
        ("metrics.m > 1»;", "without a semicolon", "AND"),
        ("metrics.m > 1»; DROP TABLE runs", "without a semicolon", "the end"),
        ("metrics.m > 1 »&& metrics.n > 1", "write AND instead of &&", "AND"),
        ("metrics.m > 1 »| metrics.n > 1", "write OR instead of |", "OR"),
        ("metrics.m =»> 3", "write >= instead of =>", "a number"),
        ("metrics.m »≥ 3", "write >= instead of ≥", "a comparison such as > or ="),
        ("»!(metrics.m > 3)", "write NOT instead of !", "NOT"),
        ("metrics.m > 1 »metrics.n > 1", "metrics.n cannot stand here", "AND"),
        ("metrics.m > 1 », metrics.n > 1", "',' cannot stand here", "AND"),
        ("metrics.m BETWEEN 1 »OR 2", "OR cannot stand here", "AND"),
        ("metrics.m IS »3", "3 cannot stand here", "NULL"),
        ("»🚀 > 3", "🚀 cannot stand here", "NOT"),
        ("metrics.m > 1 »-- x", "-- cannot stand here", "AND"),
    ],
)
def test_filter(marked: str, reason: str, expected: str) -> None:
    error = mistake(marked)
    assert reason in error.reason
    assert expected in error.expected


def test_the_message_points_at_the_place() -> None:
    assert str(mistake("metrics.m > 0.9 AND params.p = »one")).splitlines() == [
        "one is not quoted: write 'one' for a text (at character 32)",
        "  metrics.m > 0.9 AND params.p = one",
        "                                 ^",
        "Expected here: a number, a quoted text.",
    ]


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 0, "empty"),
        ("  ", 0, "empty"),
        ("foo", 0, "no attribute 'foo'"),
        ("metrics.m DESCENDING", 10, "DESCENDING cannot stand here"),
        ("metrics.m DESC, start_time", 14, "two clauses of the list"),
        ("start_time DESC ASC", 16, "ASC cannot stand here"),
        ("inputs.x", 0, "'inputs' is not known"),
        ("metrics.val/loss", 11, "metrics.`val/loss`"),
        ("'m'", 0, "a clause begins with a name"),
        ("now()", 0, "a clause begins with a name"),
        ("min(metrics.m", 13, "the parenthesis at character 4 is not closed"),
        ("avg(metrics.m)", 0, "did you mean mean?"),
    ],
)
def test_order_by(text: str, position: int, reason: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse_ordering(text)
    assert raised.value.position == position, raised.value
    assert reason in raised.value.reason


def test_names_come_from_the_vocabulary_that_is_asked() -> None:
    with pytest.raises(QueryError) as raised:
        parse("metrics.m > 1", EXPERIMENTS)
    assert raised.value.expected == ("tags.name", "attributes.name")
    with pytest.raises(QueryError) as raised:
        parse("name = 'x' AND", EXPERIMENTS)
    assert "a name such as tags.t or name" in raised.value.expected


@pytest.mark.parametrize("character", ["\0", "\ud800"])
def test_characters_that_no_database_keeps(character: str) -> None:
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
def test_too_much_is_an_error_and_soon(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(QueryError) as raised:
        compile_search(text, [], RUNS)
    assert time.perf_counter() - began < 2
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
def test_much_is_answered(text: str) -> None:
    began = time.perf_counter()
    compile_search(text, [], RUNS)
    assert time.perf_counter() - began < 3


def test_arguments_of_another_type() -> None:
    with pytest.raises(InvalidParameter, match=r"write \['metrics.m DESC'\]"):
        compile_search("", "metrics.m DESC", RUNS)
    with pytest.raises(InvalidParameter, match="not int"):
        compile_search(3, [], RUNS)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="not int"):
        compile_search("", [3], RUNS)  # type: ignore[list-item]
    with pytest.raises(QueryError, match="more than 50 clauses"):
        compile_search("", ["status"] * 51, RUNS)
    assert compile_search(None, [], RUNS).where == "TRUE"


def test_nothing_that_was_typed_is_in_the_sql() -> None:
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
