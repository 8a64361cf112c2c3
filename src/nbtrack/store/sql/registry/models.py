"""Registered models: names with tags, aliases and a history. Each change is one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....entities import PagedList, RegisteredModel
from ....errors import AlreadyExists
from ....model_names import check_description, check_model_name, check_tag, check_tags
from ....query import MODELS, compile_search
from ..base import Cursor, refused_if_taken
from ..paging import check_max_results, offset_of, token_for
from . import rows as rows
from .changes import ChangeTables
from .events import record_event

MAX_MODELS = 1000
"""Most models that one page of a search holds (MLflow's limit)."""

_TABLES = (
    "registered_models",
    "registered_model_tags",
    "registered_model_aliases",
    "model_versions",
    "model_version_tags",
    "model_gates",
)


class RegisteredModelTables(ChangeTables):
    """`user_id` is who makes the change, for the history."""

    def create_registered_model(
        self,
        name: str,
        tags: Mapping[str, object] | None = None,
        description: str | None = None,
        *,
        user_id: str,
        reason: str | None = None,
    ) -> RegisteredModel:
        """A new model without versions. Raises AlreadyExists where the name is taken."""
        name, new_tags, text = check_model_name(name), check_tags(tags), check_description(description)
        with self.changing(name) as cur:
            _require_free(cur, name)
            with refused_if_taken(self, _taken(name)):
                create(cur, name, new_tags, text, user_id, reason)
            return _model(cur, name)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """The model with its tags, aliases and the newest version of each stage."""
        check_model_name(name)
        with self.reading() as cur:
            return _model(cur, name)

    def rename_registered_model(
        self, name: str, new_name: str, *, user_id: str, reason: str | None = None
    ) -> RegisteredModel:
        """Give the model another name, under which its versions, tags, aliases and history go on."""
        name, new_name = check_model_name(name), check_model_name(new_name)
        with self.changing(name, new_name) as cur:
            rows.require_model(cur, name)
            if new_name != name:
                _require_free(cur, new_name)
                with refused_if_taken(self, _taken(new_name)):
                    for table in (*_TABLES, "model_events"):
                        cur.execute(f"UPDATE {table} SET name = $2 WHERE name = $1", [name, new_name])
                cur.execute(
                    "UPDATE model_versions SET source = $2 || substr(source, length($1) + 1) "
                    "WHERE starts_with(source, $1)",
                    [f"models:/{name}/", f"models:/{new_name}/"],
                )
                now = record_event(cur, new_name, "renamed", user_id, reason, old=name, new=new_name)
                touch(cur, new_name, now)
                cur.execute("UPDATE model_versions SET last_update_time = $2 WHERE name = $1", [new_name, now])
            return _model(cur, new_name)

    def update_registered_model(
        self, name: str, description: str | None, *, user_id: str, reason: str | None = None
    ) -> RegisteredModel:
        """Replace the description."""
        name, text = check_model_name(name), check_description(description)
        with self.changing(name) as cur:
            old = rows.require_model(cur, name)[3]
            if text != old:
                now = record_event(cur, name, "description", user_id, reason, old=old, new=text)
                cur.execute("UPDATE registered_models SET description = $2 WHERE name = $1", [name, text])
                touch(cur, name, now)
            return _model(cur, name)

    def delete_registered_model(self, name: str, *, user_id: str, reason: str | None = None) -> None:
        """Delete the model with its versions. The history stays; the runs and their files are not touched."""
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
        """A page of the models that the filter matches, by name where `order_by` says nothing else."""
        limit, offset = check_max_results(max_results, MAX_MODELS), offset_of(page_token)
        search = compile_search(filter_string, order_by or (), MODELS)
        # One more than asked for tells whether there is a next page.
        parameters = [*search.parameters, limit + 1, offset]
        sql = (
            f"SELECT {rows.MODEL_COLUMNS} FROM registered_models r {search.joins} WHERE {search.where} "
            f"ORDER BY {search.order_by} LIMIT ${len(parameters) - 1} OFFSET ${len(parameters)}"
        )
        with self.reading() as cur:
            found = cur.execute(sql, parameters).fetchall()
            page = rows.models(cur, found[:limit])
        return PagedList(page, token_for(offset + limit) if len(found) > limit else None)

    def set_registered_model_tag(
        self, name: str, key: str, value: object, *, user_id: str, reason: str | None = None
    ) -> None:
        """Write a tag of the model, over the one that has this key."""
        check_model_name(name)
        key, text = check_tag(key, value)
        with self.changing(name) as cur:
            rows.require_model(cur, name)
            old = _read_tag(cur, name, key)
            if old != text:
                _write_tag(cur, name, key, text)
                was = None if old is None else f"{key}={old}"
                record_event(cur, name, "tag_set", user_id, reason, old=was, new=f"{key}={text}")

    def delete_registered_model_tag(self, name: str, key: str, *, user_id: str, reason: str | None = None) -> None:
        """Remove a tag; nothing happens where the model has none with this key."""
        check_model_name(name)
        with self.changing(name) as cur:
            rows.require_model(cur, name)
            old = _read_tag(cur, name, key)
            if old is not None:
                cur.execute("DELETE FROM registered_model_tags WHERE name = $1 AND key = $2", [name, key])
                record_event(cur, name, "tag_deleted", user_id, reason, old=f"{key}={old}")


def create(cur: Cursor, name: str, tags: Mapping[str, str], description: str, user_id: str, reason: str | None) -> None:
    """Make a model whose name is free."""
    now = record_event(cur, name, "created", user_id, reason)
    cur.execute(
        "INSERT INTO registered_models (name, description, creation_time, last_update_time, next_version) "
        "VALUES ($1, $2, $3, $3, 1)",
        [name, description, now],
    )
    for key, value in tags.items():
        _write_tag(cur, name, key, value)


def touch(cur: Cursor, name: str, now: int) -> None:
    """The model was changed at this time."""
    cur.execute("UPDATE registered_models SET last_update_time = $2 WHERE name = $1", [name, now])


def _model(cur: Cursor, name: str) -> RegisteredModel:
    return rows.models(cur, [rows.require_model(cur, name)])[0]


def _require_free(cur: Cursor, name: str) -> None:
    if cur.execute("SELECT 1 FROM registered_models WHERE name = $1", [name]).fetchone():
        raise _taken(name)


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(
        f"A registered model {name!r:.120} exists already. Choose another name, "
        "or add a version to it with create_model_version or register_model."
    )


def _read_tag(cur: Cursor, name: str, key: str) -> str | None:
    sql = "SELECT value FROM registered_model_tags WHERE name = $1 AND key = $2"
    row = cur.execute(sql, [name, key]).fetchone()
    return row[0] if row else None


def _write_tag(cur: Cursor, name: str, key: str, value: str) -> None:
    cur.execute("DELETE FROM registered_model_tags WHERE name = $1 AND key = $2", [name, key])
    cur.execute("INSERT INTO registered_model_tags (name, key, value) VALUES ($1, $2, $3)", [name, key, value])
