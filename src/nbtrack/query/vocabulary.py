"""The names that queries over runs, experiments, registered models and model versions can use, and their SQL.

The main table has the alias `r` in the SQL. A key table (metrics, params, tags) is joined once for each key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from .. import tags


class Kind(Enum):
    """The kind of an operand's values, which decides what they can be compared with."""

    TEXT = "string"
    WORD = "one of a few words, in any case"
    INTEGER = "integer"
    MEASURE = "number, or NaN"
    ID = "integer that the API returns as a string"
    VALUE = "string that may hold a number"
    TIME = "milliseconds since the epoch, or a date in a string"
    DURATION = "milliseconds, or a number with a unit"

    @property
    def takes_text(self) -> bool:
        """Whether values can be compared with strings and matched with LIKE."""
        return self in (Kind.TEXT, Kind.WORD, Kind.ID, Kind.VALUE)

    @property
    def takes_number(self) -> bool:
        """Whether values can be compared with numbers, also by size."""
        return self not in (Kind.TEXT, Kind.WORD)

    @property
    def noun(self) -> str:
        """What an error calls such a value, with its article."""
        names = {Kind.TEXT: "a string", Kind.WORD: "a string", Kind.TIME: "a time", Kind.DURATION: "a duration"}
        return names.get(self, "a number")

    @property
    def nouns(self) -> str:
        """What an error calls several such values."""
        return f"{self.noun.removeprefix('a ')}s"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A property of which a row has at most one value.

    Attributes:
        name: Its name in a query.
        sql: The SQL of its value, an expression over `r` and over what `join` adds to it.
        kind: The kind of its values.
        aliases: Other names for it.
        join: The JOIN clause that `sql` needs, or "".
        other: The SQL of a second value that matches as well, as a run's parent has a name and an ID, or "". It must
            be NULL if `sql` is.
        words: The possible values, if `kind` is WORD.
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
    """A function of a key, such as `min(metrics.loss)`.

    Attributes:
        name: Its name in a query.
        sql: The SQL of its value, an expression over the key table's alias `k`.
        kind: The kind of its values.
        meaning: What it returns, in a few words.
    """

    name: str
    sql: str
    kind: Kind
    meaning: str


@dataclass(frozen=True, slots=True)
class KeyTable:
    """A table with the columns `key` and `value`, and one row for each key of a row of `r`.

    Attributes:
        entity: The prefix of its names, such as `metrics`.
        table: The table's name.
        link: The columns that join it to `r`.
        kind: The kind of its values.
        spellings: All prefixes that mean it, such as `metrics` and `metric`.
        functions: The functions of its keys.
        has_numbers: Whether a column `number` holds the number that the value stands for.
        row: The alias of the row that has these columns. It is `r`, or one that `join` adds.
        join: The JOIN clause that adds this row to `r`, or "".
    """

    entity: str
    table: str
    link: tuple[str, ...]
    kind: Kind
    spellings: tuple[str, ...]
    functions: tuple[Function, ...] = ()
    has_numbers: bool = False
    row: str = "r"
    join: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A group of keys with short names: `cell.source` is the tag `nbtrack.cell.source`.

    Attributes:
        name: The prefix of the short names, such as `cell`.
        entity: The entity of the key table that holds the keys.
        prefix: The prefix of the full keys.
        keys: The keys, without their prefix.
    """

    name: str
    entity: str
    prefix: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Collection:
    """A table with any number of rows for each row of `r`. A comparison holds if one of them matches.

    Attributes:
        entity: The prefix of its names, such as `datasets`.
        table: The table's name.
        link: The columns that join it to `r`.
        columns: The columns that a query can name.
        spellings: All prefixes that mean it, such as `datasets` and `dataset`.
    """

    entity: str
    table: str
    link: tuple[str, ...]
    columns: tuple[str, ...]
    spellings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that queries over one table can use, and the default order of its rows.

    Attributes:
        table: The table's name.
        attributes: The properties of a row, such as `status`.
        key_tables: The tables of its metrics, params and tags.
        default_order: Names of attributes, each with whether the order is descending. It ends with attributes that are
            unique, because it also breaks the ties of every other order.
        collections: The tables with several rows for each row, such as datasets.
        sections: The groups of keys with short names.
    """

    table: str
    attributes: tuple[Attribute, ...]
    key_tables: tuple[KeyTable, ...]
    default_order: tuple[tuple[str, bool], ...]
    collections: tuple[Collection, ...] = ()
    sections: tuple[Section, ...] = ()

    def __repr__(self) -> str:
        # It is a default value in signatures, which `help` shows.
        return f"<Vocabulary of {self.table}>"

    def attribute(self, name: str) -> Attribute | None:
        """Return the attribute with a name.

        Args:
            name: Its name or an alias, in any case. Spaces stand for underscores, as in `Run name`.

        Returns:
            The attribute, or None if there is none.
        """
        wanted = name.casefold().replace(" ", "_")
        return next((a for a in self.attributes if wanted in (a.name, *a.aliases)), None)

    def key_table(self, spelling: str) -> KeyTable | None:
        """Return the key table that a prefix means.

        Args:
            spelling: The prefix in any of its spellings and in any case, such as `metrics`, `param` or `Tag`.

        Returns:
            The key table, or None if the prefix means none.
        """
        return next((k for k in self.key_tables if spelling.casefold() in k.spellings), None)

    def collection(self, spelling: str) -> Collection | None:
        """Return the collection that a prefix means.

        Args:
            spelling: The prefix in any of its spellings and in any case, such as `datasets` or `Dataset`.

        Returns:
            The collection, or None if the prefix means none.
        """
        return next((c for c in self.collections if spelling.casefold() in c.spellings), None)

    def section(self, name: str) -> Section | None:
        """Return the section with a name.

        Args:
            name: The section's name in any case, such as `cell`.

        Returns:
            The section, or None if there is none.
        """
        return next((s for s in self.sections if s.name == name.casefold()), None)

    def with_sql(self, sql: Mapping[str, str]) -> Vocabulary:
        """Return a vocabulary with the same names and other SQL.

        Args:
            sql: What replaces the SQL of an attribute, by the SQL of the attribute in this vocabulary.

        Returns:
            The new vocabulary.
        """
        attributes = tuple(replace(one, sql=sql[one.sql]) if one.sql in sql else one for one in self.attributes)
        return replace(self, attributes=attributes)

    @property
    def functions(self) -> tuple[Function, ...]:
        """The functions of all key tables."""
        return tuple(function for table in self.key_tables for function in table.functions)

    @property
    def examples(self) -> str:
        """A few names as an error lists them."""
        keys = [f"{table.entity}.{table.entity[0]}" for table in self.key_tables]
        return f"{', '.join(keys)} or {self.attributes[0].name}"


ATTRIBUTE_SPELLINGS = ("attributes", "attribute", "attr", "run")
"""The prefixes that MLflow allows before an attribute, as in `attributes.status`."""

CHILDREN = "children"
"""The function `children('sweep')` means `parent = 'sweep'`."""
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
        Function("count", "COALESCE(k.points, 0)", Kind.INTEGER, "the number of points"),
    ),
)

_PARAMS = KeyTable(
    "params", "params", ("run",), Kind.VALUE, ("params", "param", "parameters", "parameter"), has_numbers=True
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
        _PARAMS,
        _tags("tags", "run", has_numbers=True),
    ),
    default_order=(("start_time", True), ("run_id", False)),
    collections=(Collection("datasets", "inputs", ("run",), ("name", "digest", "context"), ("datasets", "dataset")),),
    sections=(Section("cell", "tags", tags.CELL, ("source", "id", "execution_count")),),
)
"""What a filter of runs can name."""

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
"""What a filter of experiments can name."""

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
"""What a filter of registered models can name."""

VERSIONS = Vocabulary(
    table="model_versions",
    attributes=(
        Attribute("name", "r.name", Kind.TEXT),
        Attribute("version_number", "r.version", Kind.ID, ("version",)),
        # A version without a run holds '', which is not an ID. As NULL it behaves like a missing key.
        Attribute("run_id", "NULLIF(r.run_id, '')", Kind.TEXT),
        Attribute("source_path", "r.source", Kind.TEXT, ("source",)),
        Attribute("current_stage", "r.current_stage", Kind.WORD, ("stage",), words=_STAGES),
        Attribute("user_id", "r.user_id", Kind.TEXT, ("user",)),
        Attribute("creation_timestamp", "r.creation_time", Kind.TIME, ("creation_time",)),
        Attribute("last_updated_timestamp", "r.last_update_time", Kind.TIME, ("last_update_time", "timestamp")),
        Attribute("description", "r.description", Kind.TEXT),
        Attribute("status", "r.status", Kind.WORD),
    ),
    key_tables=(
        _tags("model_version_tags", "name", "version"),
        *(
            replace(table, row="run", join="LEFT JOIN runs run ON run.run_id = r.run_id")
            for table in (_METRICS, _PARAMS)
        ),
    ),
    default_order=(("last_updated_timestamp", True), ("name", False), ("version_number", True)),
    collections=(
        Collection("aliases", "registered_model_aliases", ("name", "version"), ("alias",), ("aliases", "alias")),
    ),
)
"""What a filter of model versions can name. Metrics and params are those of the version's run."""
