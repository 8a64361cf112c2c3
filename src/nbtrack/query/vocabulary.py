"""What a query over runs, experiments, registered models or model versions may name, and where it is kept.

The main table is aliased `r` in the SQL; a key table (metrics, params, tags) is joined once for each key.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .. import tags


class Kind(Enum):
    """What values are, and so what they may be compared with."""

    TEXT = "text"
    WORD = "one of a few words, in any case"
    INTEGER = "integer"
    MEASURE = "number, or NaN"
    ID = "integer that the API shows as text"
    VALUE = "text that may hold a number"
    TIME = "epoch milliseconds, which a text can say as a date"
    DURATION = "milliseconds, which a unit can say"

    @property
    def takes_text(self) -> bool:
        """Whether values can be compared as texts, and matched with LIKE."""
        return self in (Kind.TEXT, Kind.WORD, Kind.ID, Kind.VALUE)

    @property
    def takes_number(self) -> bool:
        return self not in (Kind.TEXT, Kind.WORD)

    @property
    def noun(self) -> str:
        """What such a value is called in an error."""
        names = {Kind.TEXT: "a text", Kind.WORD: "a text", Kind.TIME: "a time", Kind.DURATION: "a length of time"}
        return names.get(self, "a number")


@dataclass(frozen=True, slots=True)
class Attribute:
    """A property that a row has once at most. `sql` is an expression over `r`, and over what `join` adds to it.

    `aliases` are further names for it. Where it can be named in two ways, as a run's parent by name or by id, `other`
    is the second expression, missing where `sql` is. `words` are those that a WORD can be.
    """

    name: str
    sql: str
    kind: Kind
    aliases: tuple[str, ...] = ()
    join: str = ""
    other: str = ""
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Function:
    """What can be asked of a key besides its value: an expression over the key table's alias `k`.

    `meaning` says in a few words what it gives.
    """

    name: str
    sql: str
    kind: Kind
    meaning: str


@dataclass(frozen=True, slots=True)
class KeyTable:
    """A table with one row for each key: `link` columns tie it to `r`, `key` names the row, `value` holds the value.

    `has_numbers` says that a column `number` holds the number that the value stands for.
    """

    entity: str
    table: str
    link: tuple[str, ...]
    kind: Kind
    spellings: tuple[str, ...]
    functions: tuple[Function, ...] = ()
    has_numbers: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Keys that have a short name: `cell.source` is the key `nbtrack.cell.source` of the tags."""

    name: str
    entity: str
    prefix: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Collection:
    """A table with any number of rows for each row of `r`; a comparison asks whether one of them matches."""

    entity: str
    table: str
    link: str
    columns: tuple[str, ...]
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
    collections: tuple[Collection, ...] = ()
    sections: tuple[Section, ...] = ()

    def attribute(self, name: str) -> Attribute | None:
        """The attribute with this name or alias, in any case, with spaces or underscores."""
        wanted = name.casefold().replace(" ", "_")
        return next((a for a in self.attributes if wanted in (a.name, *a.aliases)), None)

    def key_table(self, spelling: str) -> KeyTable | None:
        """The key table that is meant by `metrics`, `param`, `Tag` …"""
        return next((k for k in self.key_tables if spelling.casefold() in k.spellings), None)

    def collection(self, spelling: str) -> Collection | None:
        """The collection that is meant by `datasets`, `dataset` …"""
        return next((c for c in self.collections if spelling.casefold() in c.spellings), None)

    def section(self, name: str) -> Section | None:
        """The section of this name, in any case."""
        return next((s for s in self.sections if s.name == name.casefold()), None)

    @property
    def functions(self) -> tuple[Function, ...]:
        """What can be asked of any key."""
        return tuple(function for table in self.key_tables for function in table.functions)

    @property
    def examples(self) -> str:
        """A few names, for errors."""
        keys = [f"{table.entity}.{table.entity[0]}" for table in self.key_tables]
        return f"{', '.join(keys)} or {self.attributes[0].name}"


ATTRIBUTE_SPELLINGS = ("attributes", "attribute", "attr", "run")
"""MLflow's words in front of an attribute: `attributes.status`."""

CHILDREN = "children"
"""`children('sweep')` is `parent = 'sweep'`."""
PARENT = "parent"


_STATUSES = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
_LIFECYCLE = ("active", "deleted")
_STAGES = ("None", "Staging", "Production", "Archived")


def _tags(table: str, *link: str, has_numbers: bool = False) -> KeyTable:
    return KeyTable("tags", table, link, Kind.VALUE, ("tags", "tag"), has_numbers=has_numbers)


_NAN = "CAST('NaN' AS DOUBLE PRECISION)"

_MEAN = f"CASE WHEN k.numbers > 0 THEN k.total / k.numbers WHEN k.numbers = 0 THEN {_NAN} END"

_METRICS = KeyTable(
    "metrics",
    "latest_metrics",
    ("run",),
    Kind.MEASURE,
    ("metrics", "metric"),
    functions=(
        Function("last", "k.value", Kind.MEASURE, "the last value"),
        Function("min", "k.min_value", Kind.MEASURE, "the lowest value"),
        Function("max", "k.max_value", Kind.MEASURE, "the highest value"),
        Function("mean", _MEAN, Kind.MEASURE, "the mean of the values"),
        Function("first", "k.first_value", Kind.MEASURE, "the first value"),
        Function("count", "COALESCE(k.points, 0)", Kind.INTEGER, "how many points"),
    ),
)

_PARENT = (
    f"LEFT JOIN tags link ON link.run = r.run AND link.key = '{tags.PARENT}' "
    "LEFT JOIN runs parent ON parent.run_id = link.value"
)


RUNS = Vocabulary(
    table="runs",
    attributes=(
        Attribute("run_name", "r.name", Kind.TEXT),
        Attribute("run_id", "r.run_id", Kind.TEXT, ("run_uuid",)),
        Attribute("status", "r.status", Kind.WORD, words=_STATUSES),
        Attribute("user_id", "r.user_id", Kind.TEXT, ("user",)),
        Attribute("start_time", "r.start_time", Kind.TIME, ("created",)),
        Attribute("end_time", "r.end_time", Kind.TIME),
        Attribute("duration", "(r.end_time - r.start_time)", Kind.DURATION),
        Attribute("artifact_uri", "r.artifact_uri", Kind.TEXT),
        Attribute("experiment_id", "r.experiment_id", Kind.ID),
        Attribute(
            "experiment",
            "experiment.name",
            Kind.TEXT,
            ("experiment_name",),
            join="LEFT JOIN experiments experiment ON experiment.experiment_id = r.experiment_id",
        ),
        Attribute(PARENT, "COALESCE(parent.name, link.value)", Kind.TEXT, join=_PARENT, other="link.value"),
        Attribute("lifecycle_stage", "r.lifecycle_stage", Kind.WORD, words=_LIFECYCLE),
    ),
    key_tables=(
        _METRICS,
        KeyTable(
            "params",
            "params",
            ("run",),
            Kind.VALUE,
            ("params", "param", "parameters", "parameter"),
            has_numbers=True,
        ),
        _tags("tags", "run", has_numbers=True),
    ),
    default_order=(("start_time", True), ("run_id", False)),
    collections=(Collection("datasets", "inputs", "run", ("name", "digest", "context"), ("datasets", "dataset")),),
    sections=(Section("cell", "tags", tags.CELL, ("source", "id", "execution_count")),),
)

EXPERIMENTS = Vocabulary(
    table="experiments",
    attributes=(
        Attribute("name", "r.name", Kind.TEXT),
        Attribute("experiment_id", "r.experiment_id", Kind.ID),
        Attribute("creation_time", "r.creation_time", Kind.TIME),
        Attribute("last_update_time", "r.last_update_time", Kind.TIME),
        Attribute("lifecycle_stage", "r.lifecycle_stage", Kind.WORD, words=_LIFECYCLE),
        Attribute("artifact_location", "r.artifact_location", Kind.TEXT),
    ),
    key_tables=(_tags("experiment_tags", "experiment_id"),),
    default_order=(("last_update_time", True), ("experiment_id", True)),
)

MODELS = Vocabulary(
    table="registered_models",
    attributes=(
        Attribute("name", "r.name", Kind.TEXT),
        Attribute("creation_timestamp", "r.creation_time", Kind.TIME, ("creation_time",)),
        Attribute("last_updated_timestamp", "r.last_update_time", Kind.TIME, ("last_update_time", "timestamp")),
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
        # A version without a run has '' there, which is no id: like a missing key, it differs from none.
        Attribute("run_id", "NULLIF(r.run_id, '')", Kind.TEXT),
        Attribute("source_path", "r.source", Kind.TEXT, ("source",)),
        Attribute("current_stage", "r.current_stage", Kind.WORD, ("stage",), words=_STAGES),
        Attribute("user_id", "r.user_id", Kind.TEXT, ("user",)),
        Attribute("creation_timestamp", "r.creation_time", Kind.TIME, ("creation_time",)),
        Attribute("last_updated_timestamp", "r.last_update_time", Kind.TIME, ("last_update_time", "timestamp")),
        Attribute("description", "r.description", Kind.TEXT),
        Attribute("status", "r.status", Kind.WORD),
    ),
    key_tables=(_tags("model_version_tags", "name", "version"),),
    default_order=(("last_updated_timestamp", True), ("name", False), ("version_number", True)),
)
