"""Named views of the comparison, as its menu saves, opens and deletes them."""

from __future__ import annotations

from typing import Any

import pytest

import nbtrack
from nbtrack import views
from nbtrack.errors import Conflict, InvalidParameter, NotFound
from nbtrack.views.view_state import default_view


def ask(request: str, /, **payload: Any) -> dict[str, Any]:
    return views.handle(nbtrack.MlflowClient(), request, payload)[0]


def test_a_view_is_saved_opened_replaced_and_deleted() -> None:
    first, second = {**default_view(), "query": "metrics.loss < 1"}, {**default_view(), "query": "metrics.loss < 2"}
    assert ask("saved_views", name=None) == {"names": [], "count": 0, "view": None}
    assert ask("save_view", name="é <b>", view=first, replace=False)["names"] == ["é <b>"]
    assert ask("save_view", name="a", view=first, replace=False)["names"] == ["a", "é <b>"]
    with pytest.raises(Conflict, match=r"View 'a' already exists. Nothing was changed."):
        ask("save_view", name="a", view=second, replace=False)
    assert ask("saved_views", name="a")["view"] == first
    ask("save_view", name="a", view=second, replace=True)
    assert ask("saved_views", name="a", offset=1, limit=1) == {"names": ["é <b>"], "count": 2, "view": second}
    assert nbtrack.compare(view="a").query == "metrics.loss < 2"
    assert ask("delete_view", name="a") == {"names": ["é <b>"], "count": 1, "view": None}
    for name in ("delete_view", "saved_views"):
        with pytest.raises(NotFound, match="View 'a' does not exist"):
            ask(name, name="a")


def test_fields_of_a_saved_view_that_are_not_valid_have_their_defaults() -> None:
    nbtrack.MlflowClient().save_view("odd", {"query": "metrics.loss < 1", "sorts": "loss", "more": 1})
    assert ask("saved_views", name="odd")["view"] == {**default_view(), "query": "metrics.loss < 1"}


def test_a_view_that_is_not_one_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="View name must not be empty"):
        ask("save_view", name="", view=default_view(), replace=False)
    with pytest.raises(InvalidParameter, match="sorts must be a list"):
        ask("save_view", name="a", view={**default_view(), "sorts": "loss"}, replace=False)
    assert ask("saved_views", name=None)["count"] == 0
