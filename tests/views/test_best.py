"""The best run so far of an experiment, beside the run that is shown."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

import nbtrack
from nbtrack import views
from nbtrack.directions import Directions
from nbtrack.views import best
from nbtrack.views.best import BestSoFar, judged_by


def make(name: str, values: list[float], key: str = "val/loss", **more: Any) -> str:
    with nbtrack.start_run(run_name=name, **more) as run:
        for step, value in enumerate(values):
            nbtrack.log_metrics({key: value, "train/loss": value / 2}, step=step)
    return str(run.info.run_id)


def ask(run_id: str, **more: Any) -> tuple[dict[str, Any], list[bytes]]:
    return views.handle(nbtrack.Client(), "live", {"run_id": run_id, "max_points": 10, **more})


@pytest.mark.parametrize(
    ("metrics", "defined", "expected"),
    [
        (["system/cpu"], {}, None),
        (["acc", "loss", "system/cpu", "val/acc"], {}, "val/acc"),
        (["acc", "train/loss"], {}, "train/loss"),
        (["lr", "acc"], {}, "acc"),
        (["loss", "gap", "val/acc"], {"g*": "min"}, "gap"),
        (['`"', "acc"], {}, "acc"),
    ],
)
def test_the_metric_that_an_experiment_is_judged_by(
    metrics: list[str], defined: dict[str, str], expected: str | None
) -> None:
    assert judged_by(metrics, Directions(defined)) == expected


def test_the_best_other_run_of_the_experiment_comes_with_its_curves() -> None:
    nbtrack.set_experiment("elsewhere")
    make("elsewhere", [0.01])
    nbtrack.set_experiment("here")
    shown = make("shown", [1.0, 0.2])
    assert ask(shown)[0]["best"] is None
    make("worse", [0.1, 0.9])
    make("nan", [0.1, float("nan")])
    make("infinite", [0.1, float("-inf")])
    make("other metric", [0.0], "test/loss")
    good = make("good", [0.7, 0.5, 0.3])
    nbtrack.delete_run(make("deleted", [0.1]))
    reply, buffers = ask(shown)
    assert reply["best"] == {"run_id": good, "run_name": "good", "metric": "val/loss", "value": 0.3}
    assert [(series["key"], series["points"], series["run_id"]) for series in reply["best_series"]] == [
        ("train/loss", 3, good),
        ("val/loss", 3, good),
    ]
    assert memoryview(buffers[2 * len(reply["series"]) + 3]).cast("d").tolist() == [0.7, 0.5, 0.3]
    # The best run itself is beside the next best, and a page without metrics has no curves.
    assert ask(good)[0]["best"]["run_id"] == shown
    assert ask(shown, offset=5)[0]["best_series"] == []
    assert ask(shown, offset=5)[0]["best"]["run_id"] == good


def test_hostile_names_of_metrics() -> None:
    for key in ("val `quoted`", "val' OR 1=1"):
        nbtrack.set_experiment(key)
        shown, other = make("shown", [1.0], key), make("other", [0.5], key)
        assert ask(shown)[0]["best"]["run_id"] == other
    # No filter can name this one, so another metric decides.
    other, shown = (make(name, [0.5], 'val/`"') for name in ("other", "shown"))
    assert ask(shown)[0]["best"]["metric"] == "train/loss"


def test_it_is_searched_for_now_and_then_and_the_curves_of_an_ended_run_are_read_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown, good = make("shown", [1.0]), make("good", [0.5])
    client, clock, searches, reads = nbtrack.Client(), [100.0], [], []
    search, points = best.best_run, client.reading.points
    monkeypatch.setattr(best, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(best, "best_run", lambda *args: searches.append(1) or search(*args))
    monkeypatch.setattr(type(client.reading), "points", lambda self, *args: reads.append(1) or points(*args))
    so_far = BestSoFar()

    def found(keys: list[str]) -> str | None:
        row = so_far.read(client, client.get_run(shown), keys, 10).row
        return row and row["run_name"]

    keys = ["val/loss"]
    assert [found(keys) for _ in range(3)] == ["good"] * 3
    assert (len(searches), len(reads)) == (1, 1)
    clock[0] += 6
    assert found(keys) == "good"
    assert (len(searches), len(reads)) == (2, 1)
    assert found(["val/loss", "train/loss"]) == "good"
    assert (len(searches), len(reads)) == (3, 2)
    make("better", [0.25])
    assert found(keys) == "better", "another page is another question"
    clock[0] += 6
    nbtrack.start_run(run_id=good)
    nbtrack.log_metrics({"val/loss": 0.1})
    assert [found(keys), found(keys)] == ["good", "good"]
    reads.clear()
    clock[0] += 6
    assert found(keys) == "good"
    assert len(reads) == 1, "an active run grows"
