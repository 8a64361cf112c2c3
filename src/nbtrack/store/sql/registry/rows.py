"""Conversion of registry rows to entities. Tags, aliases and latest versions are fetched once for each page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ....entities import ModelVersion, RegisteredModel
from ....errors import NotFound
from ..base import Cursor

Row = tuple[Any, ...]

MODEL_COLUMNS = "r.name, r.creation_time, r.last_update_time, r.description"
VERSION_COLUMNS = (
    "r.name, r.version, r.creation_time, r.last_update_time, r.current_stage, r.description, r.user_id, r.source, "
    "r.run_id, r.run_link, r.status, r.status_message"
)
STAGE, DESCRIPTION, SOURCE, RUN_ID = 4, 5, 7, 8
"""The positions of these columns in VERSION_COLUMNS."""


def require_model(cur: Cursor, name: str) -> Row:
    """Return a model's row of MODEL_COLUMNS. Raises NotFound, with similar names, if the model does not exist."""
    row = cur.execute(f"SELECT {MODEL_COLUMNS} FROM registered_models r WHERE r.name = $1", [name]).fetchone()
    if row is None:
        hint, advice = _nearest_models(cur, name)
        raise NotFound(f"Registered model {name!r:.120} does not exist.{hint}", advice)
    return row


def require_version(cur: Cursor, name: str, version: int) -> Row:
    """Return a version's row of VERSION_COLUMNS. Raises NotFound, with the newest versions, if it does not exist."""
    row = cur.execute(
        f"SELECT {VERSION_COLUMNS} FROM model_versions r WHERE r.name = $1 AND r.version = $2", [name, version]
    ).fetchone()
    if row is None:
        require_model(cur, name)
        raise NotFound(f"Registered model {name!r:.120} has no version {version}. {_newest_versions(cur, name)}")
    return row


def models(cur: Cursor, rows: Sequence[Row]) -> list[RegisteredModel]:
    """Convert rows of MODEL_COLUMNS to entities, in the same order."""
    names = [row[0] for row in rows]
    latest: dict[str, list[ModelVersion]] = defaultdict(list)
    for version in latest_versions(cur, names):
        latest[version.name].append(version)
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    for name, key, value in _of(cur, "registered_model_tags", "name, key, value", names):
        tags[name][key] = value
    aliases: dict[str, dict[str, int]] = defaultdict(dict)
    for name, alias, number in _of(cur, "registered_model_aliases", "name, alias, version", names):
        aliases[name][alias] = number
    return [RegisteredModel(*[*row, latest[row[0]], tags[row[0]], aliases[row[0]]]) for row in rows]


def version(cur: Cursor, name: str, number: int) -> ModelVersion:
    """Return one version. Raises NotFound if it does not exist."""
    return versions(cur, [require_version(cur, name, number)])[0]


def versions(cur: Cursor, rows: Sequence[Row]) -> list[ModelVersion]:
    """Convert rows of VERSION_COLUMNS to entities, in the same order."""
    names, numbers = sorted({row[0] for row in rows}), sorted({row[1] for row in rows})
    tags: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for name, number, key, value in _of(cur, "model_version_tags", "name, version, key, value", names, numbers):
        tags[name, number][key] = value
    aliases: dict[tuple[str, int], list[str]] = defaultdict(list)
    for name, number, alias in _of(cur, "registered_model_aliases", "name, version, alias", names, numbers):
        aliases[name, number].append(alias)
    return [ModelVersion(*[*row, tags[row[0], row[1]], aliases[row[0], row[1]]]) for row in rows]


def repoint(cur: Cursor, name: str, version: int, source: str) -> None:
    """Set the source of copies of a version that is deleted to the source of that version."""
    cur.execute(
        "UPDATE model_versions SET source = $2 || substr(source, length($1) + 1) "
        "WHERE source = $1 OR starts_with(source, $1 || '/')",
        [f"models:/{name}/{version}", source],
    )


def latest_versions(cur: Cursor, names: Sequence[str]) -> list[ModelVersion]:
    """Return the newest version in each stage of each of these models, oldest first."""
    if not names:
        return []
    rows = cur.execute(
        f"SELECT {VERSION_COLUMNS} FROM model_versions r JOIN (SELECT name, current_stage, max(version) AS version "
        "FROM model_versions WHERE name = ANY($1) GROUP BY name, current_stage) newest "
        "ON newest.name = r.name AND newest.version = r.version ORDER BY r.version",
        [list(names)],
    ).fetchall()
    return versions(cur, rows)


def _of(
    cur: Cursor, table: str, columns: str, names: Sequence[str], versions: Sequence[int] | None = None
) -> list[Row]:
    """Return the rows of these models, and of these version numbers if given, ordered by their key or alias."""
    if not names:
        return []
    by = "alias" if "alias" in columns else "key"
    numbers = "" if versions is None else "AND version = ANY($2)"
    sql = f'SELECT {columns} FROM {table} WHERE name = ANY($1) {numbers} ORDER BY {by} COLLATE "C"'
    return cur.execute(sql, [list(names)] if versions is None else [list(names), list(versions)]).fetchall()


def _nearest_models(cur: Cursor, name: str) -> tuple[str, str]:
    """Return which models have a similar name, after a space, and what to do in code if none has."""
    import difflib

    rows = cur.execute('SELECT name FROM registered_models ORDER BY name COLLATE "C" LIMIT 1000', []).fetchall()
    if not rows:
        return " The registry is empty.", "Create the first model with register_model(model_uri, name)."
    nearest = difflib.get_close_matches(name, [row[0] for row in rows], n=3)
    if nearest:
        return f" Did you mean {', '.join(repr(one) for one in nearest)}?", ""
    return "", "search_registered_models() returns all models."


def _newest_versions(cur: Cursor, name: str) -> str:
    rows = cur.execute("SELECT version FROM model_versions WHERE name = $1 ORDER BY version DESC LIMIT 10", [name])
    numbers = [str(row[0]) for row in rows.fetchall()]
    if not numbers:
        return "It has no versions yet."
    return f"Its newest version{' is' if len(numbers) == 1 else 's are'} {', '.join(reversed(numbers))}."
