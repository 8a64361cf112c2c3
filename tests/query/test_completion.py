"""Completions on a real store, and that the parser accepts each of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack import query
from nbtrack.errors import StoreLocked
from nbtrack.query import EXPERIMENTS, MODELS, RUNS, VERSIONS, Completion, Vocabulary
from nbtrack.query.cursor import cursor_at
from tests.query.fuzz import PIECES, mutated


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs in two experiments."""
    folder = tmp_path_factory.mktemp("completion") / ".nbtrack"
    nbtrack.set_tracking_uri(str(folder))
    client = nbtrack.MlflowClient()
    for number, experiment in enumerate(["digits", "digits", "it's"]):
        found = client.get_experiment_by_name(experiment)
        experiment_id = found.experiment_id if found else client.create_experiment(experiment)
        with nbtrack.start_run(run_name=f"run {number}", experiment_id=experiment_id):
            nbtrack.log_params({"lr": 0.1 if number else 0.5, "activation": "relu" if number else "tanh"})
            nbtrack.log_params({"batch size": 32, "a`b": "it's"})
            nbtrack.log_metrics({"loss": 0.5, "val/loss": 0.6, "epoch.loss": 0.7, "accuracy": 1.0})
            nbtrack.set_tags({"note": "50% off", "released": "yes"})
    nbtrack.set_tracking_uri("")
    return folder


@pytest.fixture(autouse=True)
def current(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbtrack.set_tracking_uri(str(store))


def offered(marked: str, **options: object) -> list[str]:
    """Return the completions at the » of a query."""
    return [each.text for each in completions(marked, **options)]


def completions(marked: str, **options: object) -> list[Completion]:
    text = marked.replace("»", "", 1)
    return nbtrack.Client().complete(text, marked.index("»"), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("marked", "first"),
    [
        ("metrics.lo»", ["metrics.loss", "metrics.epoch.loss", "metrics.`val/loss`"]),
        ("metric.lo»", ["metric.loss"]),
        ("metrics.val/»", ["metrics.`val/loss`"]),
        ("metrics.`val/»", ["metrics.`val/loss`"]),
        ('metrics."VAL»', ["metrics.`val/loss`"]),
        ("loss»", ["metrics.loss"]),
        ("val/l»", ["metrics.`val/loss`"]),
        ("params.a»", ["params.`a``b`", "params.activation"]),
        ("params.batch»", ["params.`batch size`"]),
        ("tags.no»", ["tags.note"]),
        ("sta»", ["status", "start_time"]),
        ("attributes.sta»", ["attributes.status", "attributes.start_time"]),
        ("exp»", ["experiment_id", "experiment"]),
        ("me»", ["metrics.", "mean("]),
        ("cell.»", ["cell.source", "cell.id", "cell.execution_count"]),
        ("chil»", ["children("]),
        ("metrics.loss > 1 or not ch»", ["children("]),
        ("children('x'»", [")"]),
        ("dataset.n»", ["dataset.name"]),
        ("min(»", ["metrics."]),
        ("min(metrics.lo»", ["metrics.loss"]),
        ("min(lo»", ["metrics.loss"]),
        ("metrics.loss »", [">", ">=", "<", "<=", "=", "!=", "IN ("]),
        ("metrics.loss >»", [">", ">="]),
        ("params.lr »", ["=", "!=", ">", ">=", "<", "<=", "LIKE"]),
        ("status »", ["=", "!=", "LIKE", "ILIKE", "IN ("]),
        ("metrics.loss IS »", ["NULL", "NOT NULL"]),
        ("params.lr NOT »", ["LIKE", "ILIKE", "IN (", "BETWEEN"]),
        ("params.lr not b»", ["BETWEEN"]),
        ("params.activation = »", ["'relu'", "'tanh'"]),
        ("params.activation = 're»", ["'relu'"]),
        ('params.activation = "T»', ['"tanh"']),
        ("params.activation = re»", ["'relu'"]),
        ("params.activation IN ('relu', '»", ["'relu'", "'tanh'"]),
        ("params.`a``b` = »", ["'it''s'"]),
        ('params.`a``b` = "»', ['"it\'s"']),
        ("params.lr > »", ["0.1", "0.5"]),
        ("params.lr = '»", ["'0.1'", "'0.5'"]),
        ("tags.note = '50%»", ["'50% off'"]),
        ("status = '»", ["'FINISHED'"]),
        ("status = 'f»", ["'FINISHED'", "'FAILED'"]),
        ("lifecycle_stage != »", ["'active'", "'deleted'"]),
        ("experiment = »", ["'digits'", "'it''s'"]),
        ("run_name LIKE 'run»", ["'run 0'", "'run 1'", "'run 2'"]),
        ("start_time > »", ["now() - 1h", "now() - 1d", "now() - 7d", "now() - 30d"]),
        ("start_time > now() »", ["- 1h"]),
        ("start_time > now() - »", ["1h", "1d", "7d", "30d"]),
        ("duration > »", ["30s", "10m", "1h", "1d"]),
        ("metrics.loss = »", ["NaN", "inf", "-inf"]),
        ("metrics.loss > 1 »", ["AND", "OR"]),
        ("metrics.loss > 1 a»", ["AND"]),
        ("params.lr = '0.1'»", [" AND", " OR"]),
        ("(metrics.loss > 1 »", ["AND", "OR", ")"]),
        ("params.lr IN (0.1 »", [")", ","]),
        ("metrics.loss > 1 and no»", ["tags.note", "NOT"]),
        ("metrics.unknown = »", ["NaN"]),
    ],
)
def test_offered_completions(marked: str, first: list[str]) -> None:
    assert offered(marked)[: len(first)] == first


@pytest.mark.parametrize(
    ("marked", "absent"),
    [
        ("min(»", "params."),
        ("min(»", "status"),
        ("min(params.»", "params.lr"),
        ("metrics.loss »", "LIKE"),
        ("status »", ">"),
        ("status »", "BETWEEN"),
        ("params.activation > »", "'relu'"),
        ("metrics.loss > »", "NaN"),
        ("metrics.loss > 1 »", ")"),
    ],
)
def test_completions_that_do_not_fit_are_not_offered(marked: str, absent: str) -> None:
    assert absent not in offered(marked)


@pytest.mark.parametrize("marked", ["metrics.loss >> »", "metrics.loss > 1 2 »", "'a' = »", "x" * 600_000 + "»"])
def test_nothing_is_offered_after_a_mistake(marked: str) -> None:
    assert offered(marked) == []


@pytest.mark.parametrize(
    ("marked", "pick", "whole"),
    [
        ("metr»ics.loss > 1", "metrics.", "metrics. > 1"),
        ("metrics.lo»sss > 1", "metrics.loss", "metrics.loss > 1"),
        ("metrics.lo»`a b` > 1", "metrics.loss", "metrics.loss`a b` > 1"),
        ("metrics.`val»/lo` > 1", "metrics.`val/loss`", "metrics.`val/loss` > 1"),
        ("metrics.`val» > 1", "metrics.`val/loss`", "metrics.`val/loss` > 1"),
        ("params.activation = 'r»ex' AND params.lr = '1'", "'relu'", "params.activation = 'relu' AND params.lr = '1'"),
        ("params.activation = 'r» AND params.lr = '1'", "'relu'", "params.activation = 'relu' AND params.lr = '1'"),
        ("metrics.loss >»= 1", "<", None),
        ("metrics.loss >»= 1", ">", "metrics.loss > 1"),
        ("params.lr = '0.1'»", " AND", "params.lr = '0.1' AND"),
        ("»", "status", "status"),
    ],
)
def test_a_completion_replaces_the_unfinished_word(marked: str, pick: str, whole: str | None) -> None:
    text = marked.replace("»", "", 1)
    found = {each.text: each for each in completions(marked)}
    if whole is None:
        assert pick not in found
    else:
        each = found[pick]
        assert text[: each.start] + each.text + text[each.end :] == whole


def test_clauses_of_order_by() -> None:
    assert offered("metrics.lo»", ordering=True)[0] == "metrics.loss"
    assert offered("metrics.loss »", ordering=True) == ["ASC", "DESC"]
    assert offered("max(metrics.loss) d»", ordering=True) == ["DESC"]


def test_other_vocabularies() -> None:
    assert offered("na»", vocabulary=EXPERIMENTS) == ["name"]
    assert offered("name = »", vocabulary=EXPERIMENTS) == ["'Default'", "'digits'", "'it''s'"]
    assert offered("stage = 'p»", vocabulary=VERSIONS) == ["'Production'"]
    assert offered("»", vocabulary=MODELS)[:2] == ["tags.", "name"]
    assert "min(" not in offered("»", vocabulary=MODELS)


def test_completions_have_a_detail() -> None:
    (loss, *_) = completions("metrics.lo»")
    assert loss == Completion("metrics.loss", "name", 0, 10, "3 runs")
    assert {each.kind for each in completions("m»")} == {"name", "function"}
    assert {each.kind for each in completions("status = »")} == {"value"}
    assert {each.kind for each in completions("metrics.loss »")} == {"comparator"}
    assert {each.kind for each in completions("metrics.loss > 1 »")} == {"keyword"}


def test_completion_works_without_a_readable_store(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object) -> None:
        raise StoreLocked("held by another program")

    monkeypatch.setattr("nbtrack.store.sql.known.StoredNames.keys", locked)
    monkeypatch.setattr("nbtrack.store.sql.known.StoredNames.values", locked)
    assert offered("m»") == [
        "metrics.",
        "min(",
        "max(",
        "mean(",
        "run_name",
        "start_time",
        "end_time",
        *["experiment_id", "experiment"],
    ]
    assert "'FINISHED'" in offered("status = »")


def test_completion_without_known_names() -> None:
    assert [each.text for each in query.complete("metrics.")] == []
    assert [each.text for each in query.complete("status = 'fin")] == ["'FINISHED'"]
    assert [each.text for each in query.complete("metrics.loss ", 13)][:2] == [">", ">="]


@pytest.mark.slow
def test_a_client_finds_the_current_store_in_a_new_process(store: Path) -> None:
    code = "print([c.text for c in nbtrack.Client().complete('metrics.ac', 10)])"
    command = [sys.executable, "-c", f"import nbtrack; nbtrack.set_tracking_uri({str(store)!r}); {code}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said.strip() == "['metrics.accuracy']"


WHOLE = [
    "metrics.`val/loss` < 0.5 and params.activation in ('relu', 'tanh') or not (status = 'FAILED')",
    "min(metrics.loss) between 0 and 1 and start_time > now() - 7d + 2h",
    "attributes.\"Run name\" not like 'run%' and duration > 2h30m and params.lr is not null",
    "datasets.name = 'digits' and cell.source ilike '%x%' and experiment != 'it''s' and parent is null",
]


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_offered_completions_are_accepted_by_the_parser(data: st.DataObject) -> None:
    """The grammar accepts every offered completion."""
    whole = data.draw(st.sampled_from(WHOLE))
    position = data.draw(st.integers(0, len(whole)))
    found = nbtrack.Client().complete(whole, position)
    for each in found:
        before = whole[: each.start] + each.text
        # `metrics.` is the beginning of a name, and `min(` of an argument.
        before += "x" if each.text.endswith(".") else ""
        assert cursor_at(f"{before} ", len(before) + 1, RUNS, "filter") is not None, before


@pytest.mark.slow
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    text=st.lists(st.sampled_from(PIECES), max_size=15).map("".join) | st.text(max_size=30) | mutated(WHOLE),
    position=st.integers(-3, 120) | st.none(),
    vocabulary=st.sampled_from([RUNS, EXPERIMENTS, MODELS, VERSIONS]),
    ordering=st.booleans(),
)
def test_completion_of_any_string_does_not_fail(
    text: str, position: int | None, vocabulary: Vocabulary, ordering: bool
) -> None:
    at = len(text) if position is None else max(0, min(position, len(text)))
    for each in nbtrack.Client().complete(text, position, vocabulary=vocabulary, ordering=ordering):
        assert 0 <= each.start <= at <= each.end <= len(text)
        assert each.text


def test_system_metrics_are_offered_after_logged_metrics(own_store: Path) -> None:
    """Every longer run has system metrics, so by their number alone they would come before all others."""
    nbtrack.set_tracking_uri("")
    for number in range(2):
        with nbtrack.start_run():
            nbtrack.log_metrics({"system/cpu_utilization_percentage": 50.0} | ({"val/loss": 0.5} if number else {}))
    assert offered("metrics.»") == ["metrics.`val/loss`", "metrics.`system/cpu_utilization_percentage`"]
    assert offered("metrics.cpu»") == ["metrics.`system/cpu_utilization_percentage`"]
