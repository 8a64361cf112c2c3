"""SQL for the settings of a store: small values that every user of the store shares, such as saved views."""

from __future__ import annotations

from ...errors import Conflict
from ...journal import now
from .base import Tables, raising_if_taken


class SettingTables(Tables):
    """The settings. A name is unique within its kind."""

    def get_settings(self, kind: str) -> dict[str, str]:
        """Return the values of all settings of a kind by their names, sorted by name."""
        with self.reading() as cursor:
            rows = cursor.execute(
                'SELECT name, value FROM settings WHERE kind = $1 ORDER BY name COLLATE "C"', [kind]
            ).fetchall()
        return dict(rows)

    def set_setting(self, kind: str, name: str, value: str | None) -> None:
        """Set or replace a setting, or delete it if the value is None."""
        conflict = Conflict(f"Another process has set {name!r:.120} at the same time. Try again.")
        with self.writing() as cursor:
            cursor.execute("DELETE FROM settings WHERE kind = $1 AND name = $2", [kind, name])
            if value is not None:
                with raising_if_taken(self, conflict):
                    cursor.execute("INSERT INTO settings VALUES ($1, $2, $3, $4)", [kind, name, value, now()])
