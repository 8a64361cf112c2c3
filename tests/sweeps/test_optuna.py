"""An Optuna study with real threads: a run for it, one for each trial, and nothing of Optuna's changed."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import pytest

import nbtrack
from nbtrack import views
from nbtrack.entities import Run
from nbtrack.errors import InvalidParameter, InvalidState
from nbtrack.integrations import optuna as integration

pytestmark = pytest.mark.slow

optuna = pytest.importorskip("optuna")
optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture(autouse=True)
def warned_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integration, "_warned", set())


def objective(trial: Any) -> float:
    x = trial.suggest_float("x", -1, 1)
    kind = trial.suggest_categorical("kind", ["a", "b"])
    trial.set_user_attr("thread", threading.current_thread().name)
    for step in range(5):
        trial.report(x * x + step, step)
        nbtrack.log_metric("loss", x * x + step, step=step)
        if trial.number % 4 == 3 and step == 2:
            raise optuna.TrialPruned
    return x * x + (kind == "b")


def trials_of(run: Run | nbtrack.ActiveRun) -> list[Run]:
    return list(nbtrack.MlflowClient().search_runs(None, f"children('{run.info.run_id}')", order_by=["tags.number"]))


def history(run: Run, key: str) -> list[tuple[int, float]]:
    points = nbtrack.MlflowClient().get_metric_history(run.info.run_id, key)
    return [(point.step, point.value) for point in points]


@pytest.mark.slow
def test_a_study_on_four_threads() -> None:
    nbtrack.set_experiment("sweep")
    study = optuna.create_study(study_name="parabola", sampler=optuna.samplers.RandomSampler(0))
    study.set_user_attr("data", "digits")
    with nbtrack.optuna.track(study) as run:
        assert nbtrack.active_run() is run
        study.optimize(objective, n_trials=24, n_jobs=4)
    runs = trials_of(run)
    assert [found.data.tags["number"] for found in runs] == [str(number) for number in range(24)]
    assert len({found.data.tags["thread"] for found in runs}) > 1, "on several threads"
    for found, trial in zip(runs, study.get_trials(), strict=True):
        assert found.info.run_name == f"trial {trial.number}"
        assert found.info.experiment_id == run.info.experiment_id
        assert found.data.params == {key: str(value) for key, value in trial.params.items()}
        assert history(found, "intermediate_value") == list(trial.intermediate_values.items())
        assert history(found, "loss") == list(trial.intermediate_values.items()), "what the objective logged itself"
        tags = found.data.tags
        assert tags["state"] == trial.state.name
        assert tags["direction"] == "MINIMIZE"
        assert tags["x_distribution"] == str(trial.distributions["x"])
        assert (tags["datetime_start"], tags["datetime_complete"]) == (
            str(trial.datetime_start),
            str(trial.datetime_complete),
        )
        assert "nbtrack.traceback" not in tags
        if trial.state.name == "PRUNED":
            assert found.info.status == "KILLED"
            assert "value" not in found.data.metrics, "Optuna's value of a pruned trial is no result"
        else:
            assert found.info.status == "FINISHED"
            assert history(found, "value") == [(0, trial.value)]
    parent = nbtrack.get_run(run.info.run_id)
    assert (parent.info.run_name, parent.info.status) == ("parabola", "FINISHED")
    assert parent.data.metrics["best_value"] == study.best_value
    assert parent.data.params == {f"best_{key}": str(value) for key, value in study.best_params.items()}
    tags = parent.data.tags
    assert (tags["direction"], tags["data"], tags["optuna.sampler"]) == ("MINIMIZE", "digits", "RandomSampler")
    assert tags["best_trial"] == str(study.best_trial.number)
    assert (tags["optuna.trials.complete"], tags["optuna.trials.pruned"], tags["optuna.trials.fail"]) == (
        "18",
        "6",
        "0",
    )
    request = {"filter": "", "experiment_ids": None, "order_by": [], "grouped": True, "unfolded": [], "offset": 0}
    reply, _ = views.handle(nbtrack.MlflowClient(), "runs", {**request, "limit": 1}, [run.info.experiment_id])
    assert reply["rows"][0]["nested_best"]["value"] == study.best_value, "the lowest, for the study says so"
    best = [value for _, value in history(parent, "best_value")]
    assert best == sorted(set(best), reverse=True)
    assert len(nbtrack.search_runs(output_format="list")) == 25, "no run beside these"


def test_a_later_trial_that_ends_first() -> None:
    """The steps of the best value follow the order in which trials end."""
    first_may_end = threading.Event()

    def crossing(trial: Any) -> float:
        if trial.number == 0:
            assert first_may_end.wait(20)
            return 0.0
        return 1.0

    def told(study: Any, trial: Any) -> None:
        first_may_end.set()

    study = optuna.create_study()
    with nbtrack.optuna.track(study) as run:
        study.optimize(crossing, n_trials=2, n_jobs=2, callbacks=[told])
    parent = nbtrack.get_run(run.info.run_id)
    assert history(parent, "best_value") == [(1, 1.0), (2, 0.0)]
    assert parent.data.metrics["best_value"] == 0.0


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("filter_string", ["", "children('sweep')"])
def test_the_comparison_uses_the_direction_of_the_study(direction: str, filter_string: str) -> None:
    """The name `value` does not say whether low or high is better. If two studies differ, nothing does."""
    study = optuna.create_study(study_name="sweep", direction=direction, sampler=optuna.samplers.RandomSampler(0))
    nbtrack.optuna.track(study).optimize(lambda trial: trial.suggest_float("x", -1, 1), n_trials=8)
    rows = nbtrack.compare(filter_string)._snapshot["answers"]["runs"]["reply"]
    values = [row["metrics"]["value"] for row in rows["rows"] if "value" in row["metrics"]]
    assert values == sorted(values, reverse=direction == "maximize")
    (best,) = [row for row in rows["rows"] if row["run_id"] == rows["best"]["value"]]
    assert best["run_name"] == f"trial {study.best_trial.number}"
    assert ("value" in rows["lower_is_better"]) == (direction == "minimize")


def test_plain_code_on_four_threads() -> None:
    def plain(trial: Any) -> float:
        with nbtrack.start_run(run_name=f"trial {trial.number}", nested=True):
            nbtrack.log_params({"x": trial.suggest_float("x", -1, 1)})
            nbtrack.set_tag("number", trial.number)
            value = objective(trial)
            nbtrack.log_metric("value", value)
            return value

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    with nbtrack.start_run(run_name="plain") as run:
        study.optimize(plain, n_trials=16, n_jobs=4)
    runs = trials_of(run)
    assert len(runs) == 16
    for found, trial in zip(runs, study.get_trials(), strict=True):
        assert history(found, "loss") == list(trial.intermediate_values.items())
        pruned = trial.state.name == "PRUNED"
        assert found.info.status == ("KILLED" if pruned else "FINISHED")
        assert found.data.tags.get("state") == ("PRUNED" if pruned else None)
    assert nbtrack.get_run(run.info.run_id).data.metrics == {}


def test_trials_that_fail() -> None:
    def failing(trial: Any) -> Any:
        trial.suggest_int("n", 0, 9)
        if trial.number == 0:
            raise ValueError("too hot")
        return [float("nan"), None, "no number", 1.5][trial.number - 1]

    study = optuna.create_study()
    with nbtrack.optuna.track(study, metric_name="score", tags={"team": "a"}) as run:
        study.optimize(failing, n_trials=5, catch=ValueError)
    runs = trials_of(run)
    assert [found.data.tags["state"] for found in runs] == ["FAIL"] * 4 + ["COMPLETE"]
    assert [found.info.status for found in runs] == ["FAILED"] * 4 + ["FINISHED"]
    assert all("n" in found.data.params for found in runs)
    assert "too hot" in runs[0].data.tags["nbtrack.traceback"]
    assert runs[4].data.metrics == {"score": 1.5}
    parent = nbtrack.get_run(run.info.run_id)
    assert parent.data.metrics == {"best_score": 1.5}
    assert parent.data.tags["team"] == "a"


def test_an_exception_of_the_objective_is_raised_unchanged() -> None:
    def failing(trial: Any) -> float:
        raise RuntimeError("as it was")

    study = optuna.create_study()
    with pytest.raises(RuntimeError, match="as it was"):
        nbtrack.optuna.track(study).optimize(failing, n_trials=3)
    parent, trial = nbtrack.search_runs(order_by=["start_time"], output_format="list")
    assert (parent.info.status, trial.info.status) == ("FAILED", "FAILED")
    assert "best_value" not in parent.data.metrics

    def interrupted(trial: Any) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nbtrack.optuna.track(study, run_name="stopped").optimize(interrupted, n_trials=3)
    (stopped,) = nbtrack.search_runs(filter_string="run_name = 'stopped'", output_format="list")
    (trial,) = trials_of(stopped)
    assert (stopped.info.status, trial.info.status, trial.data.tags["state"]) == ("KILLED", "KILLED", "FAIL")


def test_several_objectives() -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    study.set_metric_names(["loss", "accuracy"])
    with nbtrack.optuna.track(study) as run:
        study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), trial.params["x"] / 2), n_trials=4)
    runs = trials_of(run)
    assert all(set(found.data.metrics) == {"loss", "accuracy"} for found in runs)
    assert runs[0].data.tags["direction"] == "MINIMIZE, MAXIMIZE"
    best = {str(trial.number) for trial in study.best_trials}
    assert set(nbtrack.get_run(run.info.run_id).data.tags["best_trial"].split(", ")) == best
    with pytest.raises(InvalidParameter, match=r"Directions: 2\. Names: 1\."):
        nbtrack.optuna.track(study, metric_name=["one"])


def test_the_study_is_restored_after_the_block() -> None:
    study = optuna.create_study(study_name="kept")
    told: list[int] = []
    tracking = nbtrack.optuna.track(study)
    with nbtrack.start_run(run_name="around") as around, tracking as run:
        study.optimize(objective, 2, None, 1, (), [lambda study, trial: told.append(trial.number)])
        study.optimize(objective, n_trials=1, callbacks=[lambda study, trial: told.append(trial.number)])
        with pytest.raises(InvalidState, match="already tracked"):
            nbtrack.optuna.track(study).__enter__()
    assert told == [0, 1, 2]
    assert nbtrack.get_run(run.info.run_id).data.tags["mlflow.parentRunId"] == around.info.run_id
    assert "optimize" not in vars(study)
    assert len(pickle.loads(pickle.dumps(study)).trials) == 3
    study.optimize(objective, n_trials=1)
    assert len(trials_of(run)) == 3, "behind the block nothing is tracked"


def test_a_study_and_a_trial_are_copied_and_pickled_inside_the_block_as_optunas_own() -> None:
    study = optuna.create_study(study_name="checkpointed")
    optimize, report = vars(optuna.Study)["optimize"], vars(optuna.Trial)["report"]
    kept: list[Any] = []

    def checkpoint(study: Any, trial: Any) -> None:
        kept.extend([pickle.loads(pickle.dumps(study)), copy.deepcopy(study)])

    def copied(trial: Any) -> float:
        trial.report(1.0, 5)
        for other in (pickle.loads(pickle.dumps(trial)), copy.deepcopy(trial)):
            assert vars(other).keys() == vars(trial).keys()
            other.report(3.0, 6)
        return objective(trial)

    with nbtrack.optuna.track(study) as run:
        study.optimize(copied, n_trials=3, callbacks=[checkpoint])
        kept[0].optimize(objective, n_trials=1)
    assert nbtrack.get_run(run.info.run_id).info.status == "FINISHED"
    assert [len(one.trials) for one in kept] == [2, 1, 2, 2, 3, 3]
    assert all("optimize" not in vars(one) for one in kept)
    runs = trials_of(run)
    assert len(runs) == 3, "a copy is another study, which nobody tracks"
    assert sorted(step for step, _ in history(runs[0], "intermediate_value")) == list(range(6))
    assert vars(optuna.Study)["optimize"] is optimize
    assert vars(optuna.Trial)["report"] is report


@pytest.mark.slow
def test_studies_tracked_at_the_same_time() -> None:
    class Own(optuna.Study):  # type: ignore[misc]
        """A derived class, whose `optimize` may be wrapped while that of Study is."""

    def own() -> Any:
        study = optuna.create_study(study_name="own")
        study.__class__ = Own
        return study

    before = vars(optuna.Study)["optimize"]
    others = optuna.create_study(study_name="untracked")
    studies = [own(), *(optuna.create_study(study_name=f"study {number}") for number in range(3))]
    together = threading.Barrier(len(studies))
    found: dict[str, int] = {}

    def search(study: Any) -> None:
        with nbtrack.optuna.track(study) as run:
            together.wait(30)
            study.optimize(objective, n_trials=4)
            others.optimize(objective, n_trials=1)
        found[study.study_name] = len(trials_of(run))

    threads = [threading.Thread(target=search, args=(study,)) for study in studies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {study.study_name: 4 for study in studies}
    assert len(others.trials) == 4
    assert "optimize" not in vars(Own)
    assert vars(optuna.Study)["optimize"] is before


def test_a_logging_failure_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("no room")

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    with nbtrack.optuna.track(study) as run:
        for name in ("_log_reports", "_log_values", "_log_end", "_log_best"):
            with monkeypatch.context() as patch:
                patch.setattr(integration.Tracking, name, broken)
                patch.setattr(integration, "_warned", set())
                with pytest.warns(RuntimeWarning, match="could not log .*: no room") as seen:
                    study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=3)
            assert nbtrack.active_run() is run
            assert len(seen) == 1, "one warning a kind"
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 12
    assert {found.info.status for found in trials_of(run)} == {"FINISHED"}


def test_trials_by_ask_and_tell_have_runs() -> None:
    study = optuna.create_study(study_name="by hand", sampler=optuna.samplers.RandomSampler(seed=3))
    with integration.track(study) as run:
        told = study.ask()
        told.suggest_float("x", 0, 1)
        told.report(7.5, 2)
        study.tell(told, 0.5)
        study.tell(told.number, skip_if_finished=True)
        study.tell(study.ask(), state=optuna.trial.TrialState.PRUNED)
        study.tell(study.ask().number, state=optuna.trial.TrialState.FAIL)
        study.optimize(objective, n_trials=2)
        study.add_trial(optuna.trial.create_trial(value=0.25, params={}, distributions={}))
        assert nbtrack.active_run() is run
    trials = trials_of(run)
    assert [trial.data.tags["state"] for trial in trials] == [trial.state.name for trial in study.trials]
    assert [trial.info.status for trial in trials] == ["FINISHED", "KILLED", "FAILED", "KILLED", *["FINISHED"] * 2]
    first = trials[0]
    assert first.info.run_name == "trial 0"
    assert first.data.params == {"x": str(study.trials[0].params["x"])}
    assert first.data.metrics == {"value": 0.5, "intermediate_value": 7.5}
    assert first.data.tags["x_distribution"].startswith("FloatDistribution")
    assert first.info.start_time == int(study.trials[0].datetime_start.timestamp() * 1000)
    assert nbtrack.get_run(run.info.run_id).data.metrics["best_value"] == study.best_value


def test_trials_that_are_not_told_are_counted() -> None:
    study = optuna.create_study(study_name="asked")
    tracking = integration.track(study)
    tracking.__enter__()
    trials = [study.ask() for _ in range(3)]
    study.tell(trials[0], 1.0)
    with pytest.warns(UserWarning, match=r"2 trial\(s\) of the study 'asked' were asked for and not told.*: 1, 2\."):
        tracking.__exit__(None, None, None)
    # Outside the block, nothing of Optuna's is changed.
    study.tell(trials[1], 2.0)
    assert len(nbtrack.search_runs()) == 2
