"""Settings of a store, on each backend."""

from __future__ import annotations

from nbtrack.store.sql.tables import SqlTables


def test_settings_are_set_replaced_and_deleted(store: SqlTables) -> None:
    store.set_setting("view", "b", "{}")
    store.set_setting("view", "Ümläut's", "x")
    store.set_setting("view", "a", "1")
    store.set_setting("metric_mode", "b", "min")
    assert list(store.get_settings("view").items()) == [("a", "1"), ("b", "{}"), ("Ümläut's", "x")]
    store.set_setting("view", "b", "[1]")
    store.set_setting("view", "a", None)
    store.set_setting("view", "absent", None)
    assert store.get_settings("view") == {"b": "[1]", "Ümläut's": "x"}
    assert store.get_settings("metric_mode") == {"b": "min"}
    assert store.get_settings("none") == {}
