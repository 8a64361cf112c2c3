"""Tags of registered models and of their versions."""

from __future__ import annotations

from collections.abc import Sequence

from ....model_names import check_model_name, check_tag, check_version
from ....names import check_list, check_string
from ..base import Cursor
from . import rows as rows
from .changes import ChangeTables
from .events import record_event
from .expected import require_expected


class ModelTagTables(ChangeTables):
    """Changing tags."""

    def set_model_tag(
        self,
        name: str,
        key: str,
        value: object,
        *,
        version: int | str | None = None,
        expected_value: str | Sequence[str] | None = None,
        user_id: str,
        reason: str | None = None,
    ) -> None:
        """Set a tag of a model or of a version, or delete it if the value is None."""
        check_model_name(name)
        number = None if version is None else check_version(version)
        key, text = (check_string(key, "Tag key"), None) if value is None else check_tag(key, value)
        expected: list[str] | None = None
        if expected_value is not None:
            values = (
                [expected_value] if isinstance(expected_value, str) else check_list(expected_value, "expected_value")
            )
            expected = [check_string(value, "expected_value") for value in values]
        with self.changing(name) as cur:
            if number is None:
                rows.require_model(cur, name)
            else:
                rows.require_version(cur, name, number)
            old = _read_tag(cur, name, number, key)
            if expected is not None:
                of = "" if number is None else f" of version {number}"
                what = f"Tag {key!r:.80}{of} of registered model {name!r:.120}"
                require_expected(what, _described(old), _described(next(iter(expected), None)))
            if old == text:
                return
            was = None if old is None else f"{key}={old}"
            if text is None:
                _remove_tag(cur, name, number, key)
                record_event(cur, name, "tag_deleted", user_id, reason, version=number, old=was)
            else:
                write_tag(cur, name, number, key, text)
                record_event(cur, name, "tag_set", user_id, reason, version=number, old=was, new=f"{key}={text}")


def _described(value: str | None) -> str:
    return "not set" if value is None else f"{value!r:.200}"


def write_tag(cur: Cursor, name: str, version: int | None, key: str, value: str) -> None:
    """Write a tag of a version, or of a model if `version` is None, without an event."""
    _remove_tag(cur, name, version, key)
    if version is None:
        sql = "INSERT INTO registered_model_tags (name, key, value) VALUES ($1, $2, $3)"
        cur.execute(sql, [name, key, value])
    else:
        sql = "INSERT INTO model_version_tags (name, version, key, value) VALUES ($1, $2, $3, $4)"
        cur.execute(sql, [name, version, key, value])


def _read_tag(cur: Cursor, name: str, version: int | None, key: str) -> str | None:
    table, which, parameters = _at(name, version, key)
    row = cur.execute(f"SELECT value FROM {table} WHERE {which}", parameters).fetchone()
    return row[0] if row else None


def _remove_tag(cur: Cursor, name: str, version: int | None, key: str) -> None:
    table, which, parameters = _at(name, version, key)
    cur.execute(f"DELETE FROM {table} WHERE {which}", parameters)


def _at(name: str, version: int | None, key: str) -> tuple[str, str, list[object]]:
    if version is None:
        return "registered_model_tags", "name = $1 AND key = $2", [name, key]
    return "model_version_tags", "name = $1 AND version = $2 AND key = $3", [name, version, key]
