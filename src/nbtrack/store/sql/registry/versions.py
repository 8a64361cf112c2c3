"""Versions of registered models. The number of a version is never used again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....entities import ModelVersion, PagedList
from ....errors import Conflict, InvalidParameter
from ....model_names import (
    check_alias,
    check_alias_form,
    check_description,
    check_model_name,
    check_tags,
    check_version,
)
from ....names import check_string, check_text
from ....query import VERSIONS, compile_search
from ....stages import NONE, canonical_stage
from ...protocol import Versions
from ..base import Cursor, raising_if_taken
from ..paging import check_max_results, offset_of, token_for
from . import rows as rows
from .changes import ChangeTables
from .events import record_event
from .expected import listed_versions, require_expected, version_numbers
from .models import create, touch
from .tags import write_tag

MAX_VERSIONS = 200_000
"""The largest number of versions on one page of a search (MLflow's limit)."""

LATEST = "latest"
"""Stands for the newest version in place of an alias. No alias can have this name."""

_KEY = "name = $1 AND version = $2"


class ModelVersionTables(ChangeTables):
    """Versions and their aliases."""

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, object] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        *,
        expected_versions: Versions | None = None,
        user_id: str,
        reason: str | None = None,
    ) -> ModelVersion:
        """Create the next version of a model."""
        check_model_name(name)
        if not isinstance(source, str) or not source.strip():
            raise InvalidParameter(f"source must be the URI or the path of a model's folder, not {source!r:.80}.")
        check_text(source, "source")
        for what, value in (("run_id", run_id), ("run_link", run_link)):
            if value is not None:
                check_string(value, what)
        new_tags, text = check_tags(tags), check_description(description)
        expected = version_numbers(expected_versions, "expected_versions")
        with self.changing(name) as cur:
            rows.require_model(cur, name)
            if expected is not None:
                _require_versions_of_source(cur, name, source, expected)
            return self._create(cur, name, source, run_id, new_tags, run_link, text, user_id, reason)

    def copy_model_version(
        self,
        name: str,
        version: int | str,
        dst_name: str,
        *,
        user_id: str,
        reason: str | None = None,
    ) -> ModelVersion:
        """Copy a version as the next version of another model, which is created if it does not exist."""
        check_model_name(name)
        check_model_name(dst_name)
        number = check_version(version)
        with self.changing(name, dst_name) as cur:
            one = rows.version(cur, name, number)
            if not cur.execute("SELECT 1 FROM registered_models WHERE name = $1", [dst_name]).fetchall():
                conflict = Conflict(
                    f"Registered model {dst_name!r:.120} was created by another process at the same time. Copy the "
                    "version again."
                )
                with raising_if_taken(self, conflict):
                    create(cur, dst_name, {}, "", user_id, reason)
            source = f"models:/{name}/{number}"
            copy = (dst_name, source, one.run_id, one.tags, one.run_link, one.description)
            return self._create(cur, *copy, user_id, reason)

    def get_model_version(
        self, name: str, version: int | str | None = None, *, alias: str | None = None
    ) -> ModelVersion:
        """Return a version by its number or by an alias. As in MLflow, an unknown alias raises InvalidParameter."""
        check_model_name(name)
        with self.reading() as cur:
            if alias is None:
                return rows.version(cur, name, check_version(version))
            rows.require_model(cur, name)
            number = _version_of_alias(cur, name, alias)
            if number is None and isinstance(alias, str) and alias.lower() == LATEST:
                newest = rows.latest_versions(cur, [name])
                number = newest[-1].version if newest else None
            if number is None:
                known = [row[0] for row in _aliases(cur, name)]
                has = f"Its aliases are {', '.join(known)}." if known else "It has no aliases."
                raise InvalidParameter(f"Registered model {name!r:.120} has no alias {alias!r:.80}. {has}")
            return rows.version(cur, name, number)

    def update_model_version(
        self, name: str, version: int | str, description: str | None, *, user_id: str, reason: str | None = None
    ) -> ModelVersion:
        """Replace the description of a version."""
        check_model_name(name)
        number, text = check_version(version), check_description(description)
        if description is None:
            raise InvalidParameter("description must be a string. Pass '' to remove the description.")
        with self.changing(name) as cur:
            old = rows.require_version(cur, name, number)[rows.DESCRIPTION]
            if text != old:
                now = record_event(cur, name, "description", user_id, reason, version=number, old=old, new=text)
                cur.execute(f"UPDATE model_versions SET description = $3 WHERE {_KEY}", [name, number, text])
                _touch_version(cur, name, number, now)
            return rows.version(cur, name, number)

    def delete_model_version(
        self,
        name: str,
        version: int | str,
        *,
        expected_stage: str | None = None,
        user_id: str,
        reason: str | None = None,
    ) -> None:
        """Delete a version with its tags and aliases."""
        check_model_name(name)
        number = check_version(version)
        seen = None if expected_stage is None else canonical_stage(expected_stage, "expected_stage")
        with self.changing(name) as cur:
            row = rows.require_version(cur, name, number)
            if seen is not None:
                what = f"Version {number} of registered model {name!r:.120}"
                require_expected(what, f"in stage {row[rows.STAGE]}", f"in stage {seen}")
            aliases = cur.execute(
                f'SELECT alias FROM registered_model_aliases WHERE {_KEY} ORDER BY alias COLLATE "C"', [name, number]
            ).fetchall()
            for (alias,) in aliases:
                record_event(cur, name, "alias_deleted", user_id, reason, version=number, old=alias)
            for table in ("registered_model_aliases", "model_version_tags", "model_versions"):
                cur.execute(f"DELETE FROM {table} WHERE {_KEY}", [name, number])
            touch(
                cur,
                name,
                record_event(cur, name, "version_deleted", user_id, reason, version=number, old=row[rows.STAGE]),
            )
            rows.repoint(cur, name, number, row[rows.SOURCE])

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """Return a page of the versions that match."""
        limit, offset = check_max_results(max_results, MAX_VERSIONS), offset_of(page_token)
        search = compile_search(filter_string, order_by or (), VERSIONS)
        # One more row than requested shows whether there is a next page.
        parameters = [*search.parameters, limit + 1, offset]
        sql = (
            f"SELECT {rows.VERSION_COLUMNS} FROM model_versions r {search.joins} WHERE {search.where} "
            f"ORDER BY {search.order_by} LIMIT ${len(parameters) - 1} OFFSET ${len(parameters)}"
        )
        with self.reading() as cur:
            found = cur.execute(sql, parameters).fetchall()
            page = rows.versions(cur, found[:limit])
        return PagedList(page, token_for(offset + limit) if len(found) > limit else None)

    def set_model_alias(
        self,
        name: str,
        alias: str,
        version: int | str | None,
        *,
        expected_version: Versions | None = None,
        user_id: str,
        reason: str | None = None,
    ) -> None:
        """Assign an alias, which is case-sensitive, to a version, or delete it if the version is None."""
        check_model_name(name)
        alias = check_alias_form(alias) if version is None else check_alias(alias)
        number = None if version is None else check_version(version)
        expected = version_numbers(expected_version, "expected_version")
        with self.changing(name) as cur:
            if number is None:
                rows.require_model(cur, name)
            else:
                rows.require_version(cur, name, number)
            old = _version_of_alias(cur, name, alias)
            if expected is not None:
                what = f"Alias {alias!r} of registered model {name!r:.120}"
                require_expected(what, _named([] if old is None else [old]), _named(expected))
            if old == number:
                return
            _delete_alias(cur, name, alias)
            if number is None:
                record_event(cur, name, "alias_deleted", user_id, reason, version=old, old=alias)
            else:
                cur.execute(
                    "INSERT INTO registered_model_aliases (name, alias, version) VALUES ($1, $2, $3)",
                    [name, alias, number],
                )
                old_version = None if old is None else str(old)
                record_event(cur, name, "alias_set", user_id, reason, version=number, old=old_version, new=alias)

    def next_version(self, cur: Cursor, name: str) -> int:
        """Return the number for a new version, and reserve it."""
        row = cur.execute(
            "UPDATE registered_models SET next_version = next_version + 1 WHERE name = $1 RETURNING next_version - 1",
            [name],
        ).fetchone()
        assert row is not None
        return int(row[0])

    def _create(
        self,
        cur: Cursor,
        name: str,
        source: str,
        run_id: str | None,
        tags: Mapping[str, str],
        run_link: str | None,
        description: str,
        user_id: str,
        reason: str | None,
    ) -> ModelVersion:
        version = self.next_version(cur, name)
        now = record_event(cur, name, "version_created", user_id, reason, version=version, new=source)
        cur.execute(
            "INSERT INTO model_versions (name, version, creation_time, last_update_time, current_stage, "
            "description, user_id, source, run_id, run_link, status, status_message) "
            "VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, 'READY', '')",
            [name, version, now, NONE, description, user_id, source, run_id or "", run_link or ""],
        )
        for key, value in tags.items():
            write_tag(cur, name, version, key, value)
        touch(cur, name, now)
        return rows.version(cur, name, version)


def _require_versions_of_source(cur: Cursor, name: str, source: str, expected: list[int]) -> None:
    """Raise Conflict if the versions that were created from a source are not those that the caller expects."""
    found = cur.execute(
        "SELECT version FROM model_versions WHERE name = $1 AND source = $2 ORDER BY version", [name, source]
    ).fetchall()
    current = [int(version) for (version,) in found]
    if current != expected:
        now = f"already {listed_versions(current)}" if current else "not a version"
        wanted = f", but {listed_versions(expected)} was expected" if expected else ""
        raise Conflict(
            f"The model {source!r:.300} is {now} of registered model {name!r:.120}{wanted}. Nothing was changed."
        )


def _named(versions: Sequence[int]) -> str:
    return listed_versions(versions) if versions else "not set"


def _touch_version(cur: Cursor, name: str, version: int, now: int) -> None:
    cur.execute(f"UPDATE model_versions SET last_update_time = $3 WHERE {_KEY}", [name, version, now])
    touch(cur, name, now)


def _aliases(cur: Cursor, name: str) -> list[rows.Row]:
    sql = 'SELECT alias, version FROM registered_model_aliases WHERE name = $1 ORDER BY alias COLLATE "C"'
    return cur.execute(sql, [name]).fetchall()


def _version_of_alias(cur: Cursor, name: str, alias: str) -> int | None:
    return next((version for known, version in _aliases(cur, name) if known == alias), None)


def _delete_alias(cur: Cursor, name: str, alias: str) -> None:
    cur.execute("DELETE FROM registered_model_aliases WHERE name = $1 AND alias = $2", [name, alias])
