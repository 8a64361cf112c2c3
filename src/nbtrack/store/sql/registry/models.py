"""Registered models, which have tags, aliases and a history. Each change is one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....entities import PagedList, RegisteredModel
from ....errors import AlreadyExists
from ....model_names import check_description, check_model_name, check_tags
from ....query import MODELS, compile_search
from ..base import Cursor, Tables, raising_if_taken
from ..paging import check_max_results, offset_of, token_for
from . import rows as rows
from .changes import ChangeTables
from .events import record_event
from .tags import write_tag

MAX_MODELS = 1000
"""The largest number of models on one page of a search (MLflow's limit)."""

_TABLES = (
    "registered_models",
    "registered_model_tags",
    "registered_model_aliases",
    "model_versions",
    "model_version_tags",
    "model_gates",
)


class RegisteredModelTables(ChangeTables):
    """Registered models without their versions."""

    def create_registered_model(
        self,
        name: str,
        tags: Mapping[str, object] | None = None,
        description: str | None = None,
        *,
        user_id: str,
        reason: str | None = None,
    ) -> RegisteredModel:
        """Create a model without versions."""
        name, new_tags, text = check_model_name(name), check_tags(tags), check_description(description)
        with self.changing(name) as cur:
            _require_free(cur, name)
            with raising_if_taken(self, _taken(name)):
                create(cur, name, new_tags, text, user_id, reason)
            return _model(cur, name)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Return a model with its tags, its aliases and the newest version in each stage."""
        check_model_name(name)
        with self.reading() as cur:
            return _model(cur, name)

    def update_registered_model(
        self,
        name: str,
        *,
        new_name: str | None = None,
        description: str | None = None,
        user_id: str,
        reason: str | None = None,
    ) -> RegisteredModel:
        """Replace the description or the name of a model."""
        name = check_model_name(name)
        text = None if description is None else check_description(description)
        if new_name is not None:
            check_model_name(new_name)
        with self.changing(name, *([] if new_name is None else [new_name])) as cur:
            old = rows.require_model(cur, name)[3]
            if text is not None and text != old:
                now = record_event(cur, name, "description", user_id, reason, old=old, new=text)
                cur.execute("UPDATE registered_models SET description = $2 WHERE name = $1", [name, text])
                touch(cur, name, now)
            if new_name is not None and new_name != name:
                _rename(self, cur, name, new_name, user_id, reason)
                name = new_name
            return _model(cur, name)

    def delete_registered_model(self, name: str, *, user_id: str, reason: str | None = None) -> None:
        """Delete a model with its versions."""
        check_model_name(name)
        with self.changing(name) as cur:
            rows.require_model(cur, name)
            versions = cur.execute("SELECT version, source FROM model_versions WHERE name = $1", [name]).fetchall()
            for table in _TABLES:
                cur.execute(f"DELETE FROM {table} WHERE name = $1", [name])
            for version, source in versions:
                rows.repoint(cur, name, version, source)
            record_event(cur, name, "deleted", user_id, reason)

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """Return a page of the models that match."""
        limit, offset = check_max_results(max_results, MAX_MODELS), offset_of(page_token)
        search = compile_search(filter_string, order_by or (), MODELS)
        # One more row than requested shows whether there is a next page.
        parameters = [*search.parameters, limit + 1, offset]
        sql = (
            f"SELECT {rows.MODEL_COLUMNS} FROM registered_models r {search.joins} WHERE {search.where} "
            f"ORDER BY {search.order_by} LIMIT ${len(parameters) - 1} OFFSET ${len(parameters)}"
        )
        with self.reading() as cur:
            found = cur.execute(sql, parameters).fetchall()
            page = rows.models(cur, found[:limit])
        return PagedList(page, token_for(offset + limit) if len(found) > limit else None)


def create(cur: Cursor, name: str, tags: Mapping[str, str], description: str, user_id: str, reason: str | None) -> None:
    """Create a model whose name is not in use."""
    now = record_event(cur, name, "created", user_id, reason)
    cur.execute(
        "INSERT INTO registered_models (name, description, creation_time, last_update_time, next_version) "
        "VALUES ($1, $2, $3, $3, 1)",
        [name, description, now],
    )
    for key, value in tags.items():
        write_tag(cur, name, None, key, value)


def touch(cur: Cursor, name: str, now: int) -> None:
    """Set the time of a model's last change."""
    cur.execute("UPDATE registered_models SET last_update_time = $2 WHERE name = $1", [name, now])


def _model(cur: Cursor, name: str) -> RegisteredModel:
    return rows.models(cur, [rows.require_model(cur, name)])[0]


def _rename(tables: Tables, cur: Cursor, name: str, new_name: str, user_id: str, reason: str | None) -> None:
    _require_free(cur, new_name)
    with raising_if_taken(tables, _taken(new_name)):
        for table in (*_TABLES, "model_events"):
            cur.execute(f"UPDATE {table} SET name = $2 WHERE name = $1", [name, new_name])
    cur.execute(
        "UPDATE model_versions SET source = $2 || substr(source, length($1) + 1) WHERE starts_with(source, $1)",
        [f"models:/{name}/", f"models:/{new_name}/"],
    )
    now = record_event(cur, new_name, "renamed", user_id, reason, old=name, new=new_name)
    touch(cur, new_name, now)
    cur.execute("UPDATE model_versions SET last_update_time = $2 WHERE name = $1", [new_name, now])


def _require_free(cur: Cursor, name: str) -> None:
    if cur.execute("SELECT 1 FROM registered_models WHERE name = $1", [name]).fetchone():
        raise _taken(name)


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(
        f"Registered model {name!r:.120} already exists. Choose another name, or add a version to it with "
        "create_model_version() or register_model()."
    )
