"""What views ask of a tracking store, as small protocols.

A `Client` satisfies `Source`, which mypy checks, and so can a server's object without a folder behind it.
`tests/views/test_source.py` runs every view over a PostgreSQL without a Client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from ..directions import Directions
from ..entities import Experiment, Lineage, ModelVersion, Run, StopRequest
from ..model_registry.lookups import ModelSource, RunReading
from ..query import Completion
from ..store.protocol import (
    Axis,
    Bands,
    Grid,
    GroupColumn,
    Groups,
    GroupStatistic,
    ModelSurvey,
    Points,
    Snapshot,
    StopState,
    Survey,
    TransitionPreview,
    Versions,
)


class Reading(RunReading, Protocol):
    """Runs and their points."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Let several reads see one state."""
        ...

    def get_runs(
        self, run_ids: Sequence[str], /, *, params: Sequence[str] | None = None, metrics: Sequence[str] | None = None
    ) -> list[Run]:
        """Return the runs that exist, in this order, with all or only these params and metrics."""
        ...

    def survey(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        order_by: Sequence[str],
        offset: int,
        limit: int,
        grouped: bool,
        unfolded: Sequence[str] | None,
        params: Sequence[str] | None = None,
        metrics: Sequence[str] | None = None,
        statistics: Sequence[str] = (),
        group: tuple[str, str] | None = None,
        summary: bool = True,
        /,
    ) -> Survey:
        """Return a page of the runs that match, with these params and metrics, and a summary of all runs that match."""
        ...

    def groups(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        by: str,
        order_by: Sequence[str],
        offset: int,
        limit: int,
        /,
        *,
        statistic: GroupStatistic = "mean",
        metrics: Sequence[str] | None = (),
        columns: Sequence[str] = (),
        params: Sequence[str] | None = (),
        baseline: str | None = None,
        keys: Sequence[str] | None = None,
    ) -> Groups:
        """Return a page of the groups of the runs that match, with statistics over every run of each group."""
        ...

    def bands(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        by: str,
        groups: Sequence[str],
        keys: Sequence[str],
        axis: Axis,
        max_points: int,
        x_min: float | None,
        x_max: float | None,
        /,
    ) -> Bands:
        """Return the curves of these metrics over every run of these groups."""
        ...

    def group_columns(self, experiment_ids: Sequence[str] | None, filter_string: str, /) -> list[GroupColumn]:
        """Return the names by which the runs that match can be grouped."""
        ...

    def stop_state(self, run_id: str, /) -> StopState:
        """Return whether a run can be stopped, and whether somebody has asked for it."""
        ...

    def points(
        self,
        run_ids: Sequence[str],
        keys: Sequence[str] | None,
        axis: Axis,
        max_points: int | None,
        x_min: float | None = None,
        x_max: float | None = None,
        /,
    ) -> Points:
        """Return the points of these runs and keys, thinned out to about `max_points` per series."""
        ...

    def grid(
        self,
        run_ids: Sequence[str],
        keys: Sequence[str],
        axis: Axis,
        max_points: int,
        x_min: float | None,
        x_max: float | None,
        /,
        *,
        known: Sequence[str],
        x_metric: str | None,
    ) -> Grid:
        """Return these series without those whose version is in `known`. Long ones are summarized in buckets."""
        ...


class Registry(Protocol):
    """Registered models."""

    def survey_models(
        self,
        name: str | None,
        offset: int,
        limit: int,
        *,
        search: str = "",
        stage: str | None = None,
        filter_string: str = "",
        versions: tuple[int, int] = (0, 0),
        events: tuple[int, int] = (0, 0),
    ) -> tuple[list[ModelSurvey], int]:
        """Return a page of models with pages of their versions and events, and the number of models on all pages."""
        ...

    def preview_transition(self, name: str, version: int | None, stage: str, /) -> TransitionPreview:
        """Return what a transition, or a rollback if `version` is None, would do."""
        ...

    def versions_from(self, *, run_id: str) -> list[ModelVersion]:
        """Return the versions that came from a run or from its nested runs. Raises NotFound."""
        ...


class Source(ModelSource, Protocol):
    """Everything that a view may ask.

    Only `create_…`, `edit_…`, `set_…`, `save_…`, `delete_…`, `stop_…`, `transition_…` and `rollback` change it.
    """

    @property
    def reading(self) -> Reading:
        """Runs and their points."""
        ...

    @property
    def registry(self) -> Registry:
        """Registered models in pages."""
        ...

    @property
    def directions(self) -> Directions:
        """Which values of each metric are better."""
        ...

    def get_experiment(self, experiment_id: str, /) -> Experiment:
        """Return an experiment. Raises NotFound."""
        ...

    def edit_tags(
        self, run_id: str, tags: Mapping[str, str | None], /, *, expected: Mapping[str, str | None] | None
    ) -> Run:
        """Set tags of a run and delete those whose value is None. Raises Conflict if others were expected."""
        ...

    def stop_run(self, run_id: str, reason: str, /) -> StopRequest:
        """Ask the process of a run to stop it. Raises NotFound and InvalidState."""
        ...

    def complete(
        self, text: str, position: int, /, *, max_results: int, experiment_ids: Sequence[str] | None
    ) -> list[Completion]:
        """Return what may come next in a filter of the runs of these experiments. None stands for all experiments."""
        ...

    def get_views(self) -> dict[str, dict[str, Any]]:
        """Return all saved views of the comparison, sorted by name."""
        ...

    def get_view(self, name: str, /) -> dict[str, Any]:
        """Return a saved view. Raises NotFound."""
        ...

    def save_view(self, name: str, view: Mapping[str, Any], /) -> None:
        """Save a view, in place of one with the same name."""
        ...

    def delete_view(self, name: str, /) -> None:
        """Delete a saved view. Raises NotFound."""
        ...

    def get_filters(self) -> list[str]:
        """Return the filters that the user applied last, the newest first."""
        ...

    def keep_filter(self, filter_string: str, /) -> list[str]:
        """Put a filter in front of those that the user applied before, and return them."""
        ...

    def get_lineage(self, name: str, version: int, /) -> Lineage:
        """Return where a model version came from. Raises NotFound."""
        ...

    def transition_model_version_stage(
        self,
        name: str,
        version: int,
        stage: str,
        archive_existing_versions: bool,
        /,
        *,
        reason: str | None,
        expected_stage: str | None,
        expected_current: Versions | None,
        override_gates: bool,
    ) -> ModelVersion:
        """Move a version to a stage. Raises Conflict and GateClosed."""
        ...

    def rollback(
        self,
        name: str,
        stage: str,
        /,
        *,
        reason: str | None,
        expected_current: Versions | None,
        expected_restored: int | None,
        override_gates: bool,
    ) -> ModelVersion:
        """Undo the last promotion to a stage. Raises InvalidState, Conflict and GateClosed."""
        ...

    def delete_model_version(
        self, name: str, version: int, /, *, reason: str | None, expected_stage: str | None
    ) -> None:
        """Delete a version. Raises Conflict."""
        ...

    def set_registered_model_alias(
        self, name: str, alias: str, version: int, /, *, expected_version: Versions | None
    ) -> None:
        """Assign an alias to a version. Raises Conflict."""
        ...

    def delete_registered_model_alias(self, name: str, alias: str, /, *, expected_version: Versions | None) -> None:
        """Delete an alias. Raises Conflict."""
        ...

    def set_model_version_tag(
        self, name: str, version: int, key: str, value: object, /, *, expected_value: Sequence[str] | None
    ) -> None:
        """Set a tag of a version. Raises Conflict."""
        ...

    def delete_model_version_tag(
        self, name: str, version: int, key: str, /, *, expected_value: Sequence[str] | None
    ) -> None:
        """Delete a tag of a version. Raises Conflict."""
        ...
