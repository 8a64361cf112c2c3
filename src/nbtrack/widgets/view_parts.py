"""Traits of a comparison that are a part of its view, so that the view is kept in one place."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import traitlets

from ..client.run_ids import run_ids_of
from ..entities import Run, ViewType
from ..frame import from_columns
from ..views.contract import ViewState
from .group_values import group_of, value_of

if TYPE_CHECKING:
    import pandas

PAGE = 200


class ViewPart(traitlets.TraitType[Any, Any]):
    """A field of the view as a trait of its own, which can be set and observed."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__()

    def get(self, obj: Any, cls: Any = None) -> Any:
        """Return the value. It is a copy, because a change of its items would not be noticed."""
        return copy.deepcopy(obj.state[self.field])

    def set(self, obj: Any, value: Any) -> None:
        """Change the value, here and on every screen."""
        obj.change_view({self.field: value})

    def notify(self, obj: Any, old: ViewState, new: ViewState) -> None:
        """Notify the observers if the field has changed."""
        name = cast(str, self.name)
        # Without an observer nothing is computed, because the selected runs are read from the store.
        observers = obj._trait_notifiers
        if (name in observers or traitlets.All in observers) and self.read(old) != self.read(new):
            obj.notify_change(
                traitlets.Bunch(name=name, old=self.shown(obj, old), new=self.shown(obj, new), owner=obj, type="change")
            )

    def read(self, view: ViewState) -> Any:
        """Return the field of a view."""
        return cast(Any, view)[self.field]

    def shown(self, obj: Any, view: ViewState) -> Any:
        """Return the value of a view as observers get it."""
        return copy.deepcopy(self.read(view))


class WholeView(ViewPart):
    """The whole view."""

    def __init__(self) -> None:
        super().__init__("")

    def get(self, obj: Any, cls: Any = None) -> ViewState:
        """Return a copy of the view."""
        return copy.deepcopy(cast(ViewState, obj.state))

    def set(self, obj: Any, value: Any) -> None:
        """Change the fields that the value has."""
        obj.change_view(value)

    def read(self, view: ViewState) -> Any:
        """Return the view."""
        return view


class Baseline(ViewPart):
    """The run or the group that the others are compared with: the ID of the run, or the group's column and value."""

    def get(self, obj: Any, cls: Any = None) -> str | dict[str, Any] | None:
        """Return the ID of the run, or the group as a dictionary like {"params.optimizer": "adam"}, or None."""
        return self.shown(obj, obj.state)

    def set(self, obj: Any, value: str | Run | Mapping[str, Any] | None) -> None:
        """Choose a run by its ID or as a run, or a group as a dictionary. None chooses neither."""
        if isinstance(value, Mapping):
            column, key = group_of(obj._client.reading, obj._scope, obj.state["query"], value)
            obj.change_view({"group_by": column, "baseline_group": key, "baseline": None})
            return
        run_ids = [] if value is None else _known(obj, value, "baseline")
        obj.change_view({"baseline": run_ids[0] if run_ids else None, "baseline_group": None})

    def read(self, view: ViewState) -> Any:
        """Return the run's ID, or the column and the key of the group."""
        key = view["baseline_group"]
        return view["baseline"] if key is None else (view["group_by"], key)

    def shown(self, obj: Any, view: ViewState) -> str | dict[str, Any] | None:
        """Return the value of a view as observers get it."""
        column, key = view["group_by"], view["baseline_group"]
        if column is None or key is None:
            return view["baseline"]
        return {column: value_of(obj._client.reading, obj._scope, view["query"], column, key)}


class SelectedRuns(ViewPart):
    """The selected runs, as a DataFrame with the columns of `search_runs`."""

    def get(self, obj: Any, cls: Any = None) -> pandas.DataFrame:
        """Return the selected runs in the order of their selection."""
        return self.shown(obj, obj.state)

    def set(self, obj: Any, value: pandas.DataFrame | Iterable[str | Run]) -> None:
        """Select runs, given as IDs, runs or a DataFrame with a column run_id."""
        obj.change_view({self.field: _known(obj, value, "selected")})

    def shown(self, obj: Any, view: ViewState) -> pandas.DataFrame:
        """Return the selected runs of a view."""
        reading = obj._client.reading
        columns = reading.search_columns(None, "", ViewType.ALL, PAGE, (), run_ids=view["selected"])
        return cast("pandas.DataFrame", from_columns(columns, "pandas"))


def _known(obj: Any, runs: Any, name: str) -> list[str]:
    """Return the IDs of runs. Raises NotFound, which names the run that does not exist."""
    run_ids = run_ids_of(runs, name)
    # Without keys, the check that the runs exist is all that is read.
    obj._client.reading.points(run_ids, [], strict=True)
    return run_ids
