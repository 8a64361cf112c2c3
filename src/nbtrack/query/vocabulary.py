"""What a query over runs, experiments, registered models or model versions may name, and where it is kept.

The main table is aliased `r` in the SQL; a key table (metrics, params, tags) is joined once for each key.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What values are, and so what they may be compared with."""

    TEXT = "text"
    WORD = "one of a few words, in any case"
    INTEGER = "integer"
    MEASURE = "number, or NaN"
    ID = "integer that the API shows as text"
    VALUE = "text that may hold a number"

    @property
    def takes_text(self) -> bool:
        return self not in (Kind.INTEGER, Kind.MEASURE)

    @property
    def takes_number(self) -> bool:
        return self not in (Kind.TEXT, Kind.WORD)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A property that every row has. `sql` is an expression over `r`; `aliases` are further names for it."""

    name: str
    sql: str
    kind: Kind
    aliases: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class KeyTable:
    """A table with one row for each key: `link` columns tie it to `r`, `key` names the row, `value` holds the value."""

    entity: str
    table: str
    link: tuple[str, ...]
    kind: Kind
    spellings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All that queries over one table can name, and the order that rows come in where no other is asked for.

    `default_order` holds attribute names, each with whether it descends; it ends in what is unique, because it also
    breaks the ties of every other order.
    """

    table: str
    attributes: tuple[Attribute, ...]
    key_tables: tuple[KeyTable, ...]
    default_order: tuple[tuple[str, bool], ...]

    def attribute(self, name: str) -> Attribute | None:
        """The attribute with this name or alias, in any case, with spaces or underscores."""
        wanted = name.casefold().replace(" ", "_")
        return next((a for a in self.attributes if wanted in (a.name, *a.aliases)), None)

    def key_table(self, spelling: str) -> KeyTable | None:
        """The key table that is meant by `metrics`, `param`, `Tag` …"""
        return next((k for k in self.key_tables if spelling.casefold() in k.spellings), None)

    @property
    def examples(self) -> str:
        """A few names, for errors."""
        keys = [f"{table.entity}.{table.entity[0]}" for table in self.key_tables]
        return f"{', '.join(keys)} or {self.attributes[0].name}"


ATTRIBUTE_SPELLINGS = ("attributes", "attribute", "attr", "run")
"""MLflow's words in front of an attribute: `attributes.status`."""


def _tags(table: str, *link: str) -> KeyTable:
    return KeyTable("tags", table, link, Kind.VALUE, ("tags", "tag"))


RUNS = Vocabulary(
    table="runs",
    attributes=(
        Attribute("run_name", "r.name", Kind.TEXT),
        Attribute("run_id", "r.run_id", Kind.TEXT, ("run_uuid",)),
        Attribute("status", "r.status", Kind.WORD),
        Attribute("user_id", "r.user_id", Kind.TEXT, ("user",)),
        Attribute("start_time", "r.start_time", Kind.INTEGER, ("created",)),
        Attribute("end_time", "r.end_time", Kind.INTEGER),
        Attribute("duration", "(r.end_time - r.start_time)", Kind.INTEGER),
        Attribute("artifact_uri", "r.artifact_uri", Kind.TEXT),
        Attribute("experiment_id", "r.experiment_id", Kind.ID),
        Attribute("lifecycle_stage", "r.lifecycle_stage", Kind.WORD),
    ),
    key_tables=(
        KeyTable("metrics", "latest_metrics", ("run",), Kind.MEASURE, ("metrics", "metric")),
        KeyTable("params", "params", ("run",), Kind.VALUE, ("params", "param", "parameters", "parameter")),
        _tags("tags", "run"),
    ),
    default_order=(("start_time", True), ("run_id", False)),
)

EXPERIMENTS = Vocabulary(
    table="experiments",
    attributes=(
        Attribute("name", "r.name", Kind.TEXT),
        Attribute("experiment_id", "r.experiment_id", Kind.ID),
        Attribute("creation_time", "r.creation_time", Kind.INTEGER),
        Attribute("last_update_time", "r.last_update_time", Kind.INTEGER),
        Attribute("lifecycle_stage", "r.lifecycle_stage", Kind.WORD),
        Attribute("artifact_location", "r.artifact_location", Kind.TEXT),
    ),
    key_tables=(_tags("experiment_tags", "experiment_id"),),
    default_order=(("last_update_time", True), ("experiment_id", True)),
)

MODELS = Vocabulary(
    table="registered_models",
    attributes=(
        Attribute("name", "r.name", Kind.TEXT),
        Attribute("creation_timestamp", "r.creation_time", Kind.INTEGER, ("creation_time",)),
        Attribute("last_updated_timestamp", "r.last_update_time", Kind.INTEGER, ("last_update_time", "timestamp")),
        Attribute("description", "r.description", Kind.TEXT),
    ),
    key_tables=(_tags("registered_model_tags", "name"),),
    default_order=(("name", False),),
)

VERSIONS = Vocabulary(
    table="model_versions",
    attributes=(
        Attribute("name", "r.name", Kind.TEXT),
        Attribute("version_number", "r.version", Kind.ID, ("version",)),
        Attribute("run_id", "r.run_id", Kind.TEXT),
        Attribute("source_path", "r.source", Kind.TEXT, ("source",)),
        Attribute("current_stage", "r.current_stage", Kind.WORD, ("stage",)),
        Attribute("user_id", "r.user_id", Kind.TEXT, ("user",)),
        Attribute("creation_timestamp", "r.creation_time", Kind.INTEGER, ("creation_time",)),
        Attribute("last_updated_timestamp", "r.last_update_time", Kind.INTEGER, ("last_update_time", "timestamp")),
        Attribute("description", "r.description", Kind.TEXT),
        Attribute("status", "r.status", Kind.WORD),
    ),
    key_tables=(_tags("model_version_tags", "name", "version"),),
    default_order=(("last_updated_timestamp", True), ("name", False), ("version_number", True)),
)
