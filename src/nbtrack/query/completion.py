"""Completes a query that is being typed: the grammar decides which kinds of words fit, the store which of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ..errors import InvalidParameter, NbtrackError
from .cursor import Cursor, cursor_at
from .known import Known
from .tree import Operand
from .vocabulary import ATTRIBUTE_SPELLINGS, CHILDREN, PARENT, RUNS, Attribute, KeyTable, Kind, Vocabulary

MAX_RESULTS = 60
"""The default largest number of completions."""
MOST_RESULTS = 1_000
"""The largest number of completions that can be asked for."""

CompletionKind = Literal["name", "function", "value", "comparator", "keyword"]

_BARE = re.compile(r"\w+(\.\w+)*")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_SIGNS = {"=": "is", "!=": "is not", ">": "above", ">=": "at least", "<": "below", "<=": "at most"}
_MEANINGS = {
    "LIKE": "% matches any string, _ any character",
    "ILIKE": "LIKE, ignoring case",
    "IN (": "one of",
    "BETWEEN": "from … to …",
    "IS NULL": "has no value",
    "IS NOT NULL": "has a value",
}
_AGO = ("1h", "1d", "7d", "30d")
_DURATIONS = ("30s", "10m", "1h", "1d")
_WORDS = {"_AND": "AND", "_OR": "OR", "ASC": "ASC", "DESC": "DESC", "_OPEN": "(", "_CLOSE": ")", "_COMMA": ","}
"""The terminals that have only one spelling."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A completion of a query.

    Attributes:
        text: What the query can contain instead of its characters from `start` to `end`.
        kind: "name", "function", "value", "comparator" or "keyword".
        start: Offset of the first replaced character.
        end: Offset after the last replaced character.
        detail: What the completion is, in a few words; may be empty.
    """

    text: str
    kind: CompletionKind
    start: int
    end: int
    detail: str = ""


def complete(
    text: str,
    position: int | None = None,
    *,
    vocabulary: Vocabulary = RUNS,
    ordering: bool = False,
    known: Known | None = None,
    max_results: int = MAX_RESULTS,
) -> list[Completion]:
    """Return completions for a filter or an order_by clause at a cursor.

    Args:
        text: The filter or clause, as far as it is typed.
        position: The cursor, as an offset in characters. Defaults to the end.
        vocabulary: The names that the query can use: RUNS, EXPERIMENTS, MODELS or VERSIONS.
        ordering: Whether the query is an order_by clause. By default it is a filter.
        known: The keys and values that exist. By default only names and words of the language itself are offered;
            `nbtrack.Client.complete` also offers those of its store.
        max_results: The largest number of completions, between 1 and 1,000.

    Returns:
        The completions, the most likely first; none if there is a mistake before the cursor.

    Raises:
        InvalidParameter: If `text` is not a string, if `position` is not an integer, if `vocabulary` is not one of the
            above, or if `max_results` is not between 1 and 1,000.

    >>> [completion.text for completion in complete("status = 'fin")]
    ["'FINISHED'"]
    """
    if not isinstance(text, str):
        raise InvalidParameter(f"text must be a string, not {type(text).__name__} ({text!r:.80}).")
    if not isinstance(vocabulary, Vocabulary):
        raise InvalidParameter(
            f"vocabulary must be RUNS, EXPERIMENTS, MODELS or VERSIONS of nbtrack.query, not {vocabulary!r:.80}."
        )
    if position is not None and not isinstance(position, int):
        raise InvalidParameter(f"position must be an integer, not {position!r:.80}.")
    if isinstance(max_results, bool) or not isinstance(max_results, int) or not 1 <= max_results <= MOST_RESULTS:
        raise InvalidParameter(f"max_results must be between 1 and {MOST_RESULTS:,}, not {max_results!r:.80}.")
    position = len(text) if position is None else max(0, min(position, len(text)))
    cursor = cursor_at(text, position, vocabulary, "ordering" if ordering else "filter")
    if cursor is None:
        return []
    offers = _Offers(cursor, vocabulary, known)
    found: dict[str, Completion] = {}
    for offered, kind, detail in offers.all():
        found.setdefault(offered, Completion(offered, kind, cursor.start, cursor.end, detail))
        if len(found) == max_results:
            break
    return list(found.values())


_Offer = tuple[str, CompletionKind, str]


class _Offers:
    """Finds what can be offered at a cursor."""

    def __init__(self, cursor: Cursor, vocabulary: Vocabulary, known: Known | None) -> None:
        self._cursor = cursor
        self._vocabulary = vocabulary
        self._known = known

    def all(self) -> Iterator[_Offer]:
        """Yield what fits the fragment. A word that would run into the one before it begins with a space."""
        accepted = self._cursor.accepted
        if not {"TEXT", "NUMBER"}.isdisjoint(accepted):
            yield from self._values()
        if "DURATION" in accepted and "NUMBER" not in accepted:
            yield from self._begun_with(_AGO, "value", "a duration")
        if "SIGN" in accepted:
            yield from self._begun_with([f"- {length}" for length in _AGO], "value", "before now")
        if "PATH" in accepted:
            yield from self._names()
        if "COMPARATOR" in accepted:
            yield from self._comparators()
        yield from self._keywords()

    # -- names ---------------------------------------------------------------------------------------------------

    def _names(self) -> Iterator[_Offer]:
        written = self._cursor.fragment
        entity, dot, rest = written.partition(".")
        if written[:1] in ("'", '"', "`"):
            if written[0] == "`":
                yield from self._attributes("", written[1:])
            return
        if dot:
            yield from self._of_entity(entity, rest[1:] if rest[:1] in ("`", '"') else rest)
            return
        wanted = written.casefold()
        # Names that begin with the word come first, with or without a prefix such as `metrics.`.
        yield from sorted(self._plain_names(written), key=lambda offer: not _begins(offer[0], wanted))

    def _plain_names(self, written: str) -> Iterator[_Offer]:
        function = self._cursor.function
        tables = [t for t in self._vocabulary.key_tables if function is None or function in t.functions]
        for table in tables:
            yield from self._begun_with([f"{table.entity}."], "name", f"a {table.entity.removesuffix('s')} by its name")
        if function is None:
            yield from self._attributes("", written)
            for collection in self._vocabulary.collections:
                yield from self._begun_with([f"{collection.entity}."], "name", f"the run's {collection.entity}")
            for section in self._vocabulary.sections:
                yield from self._begun_with([f"{section.name}."], "name", f"the run's {section.name}")
            for each in self._vocabulary.functions:
                yield from self._begun_with([f"{each.name}("], "function", each.meaning)
            if "CHILDREN" in self._cursor.accepted and self._vocabulary.attribute(PARENT):
                yield from self._begun_with([f"{CHILDREN}("], "function", "the child runs of a run")
        for table in tables if written else ():
            keys = self._keys(table, table.entity, written)
            # Nearly every name contains any one letter.
            yield from keys if len(written) > 1 else (offer for offer in keys if _begins(offer[0], written.casefold()))

    def _of_entity(self, entity: str, part: str) -> Iterator[_Offer]:
        function = self._cursor.function
        table = self._vocabulary.key_table(entity)
        if table is not None:
            if function is None or function in table.functions:
                yield from self._keys(table, entity, part)
        elif function is not None:
            return
        elif collection := self._vocabulary.collection(entity):
            for column in _fitting(collection.columns, part):
                yield f"{entity}.{column}", "name", f"of any of the run's {collection.entity}"
        elif section := self._vocabulary.section(entity):
            for key in _fitting(section.keys, part):
                yield f"{entity}.{key}", "name", f"the tag {section.prefix}{key}"
        elif entity.casefold() in ATTRIBUTE_SPELLINGS:
            yield from self._attributes(f"{entity}.", part)

    def _attributes(self, prefix: str, part: str) -> Iterator[_Offer]:
        attributes = {attribute.name: attribute for attribute in self._vocabulary.attributes}
        for name in _fitting(list(attributes), part.replace(" ", "_")):
            yield prefix + name, "name", attributes[name].kind.noun.removeprefix("a ")

    def _keys(self, table: KeyTable, spelling: str, part: str) -> Iterator[_Offer]:
        for key, count in self._ask(lambda known: known.keys(table, part)):
            name = key if _BARE.fullmatch(key) else _quoted(key, "`")
            yield f"{spelling}.{name}", "name", self._how_many(count)

    # -- values --------------------------------------------------------------------------------------------------

    def _values(self) -> Iterator[_Offer]:
        cursor, operand = self._cursor, self._cursor.operand
        mark = cursor.fragment[:1] if cursor.fragment[:1] in ("'", '"') else ""
        if operand is None or cursor.fragment[:1] == "`":
            return
        only_numbers = cursor.sign in ("<", "<=", ">", ">=", "BETWEEN")
        match operand.kind:
            case Kind.TIME:
                today = date.today().isoformat()
                yield from self._begun_with([f"now() - {length}" for length in _AGO], "value", "before now")
                yield from self._begun_with([_quoted(today, mark or "'")], "value", "today")
            case Kind.DURATION:
                yield from self._begun_with(_DURATIONS, "value", "a duration")
            case Kind.MEASURE:
                if not only_numbers:
                    yield from self._begun_with(["NaN", "inf", "-inf"], "value", "")
            case Kind.TEXT | Kind.WORD | Kind.ID | Kind.VALUE:
                yield from self._strings(operand, mark, only_numbers)

    def _strings(self, operand: Operand, mark: str, only_numbers: bool) -> Iterator[_Offer]:
        part = self._cursor.fragment[len(mark) :].replace(mark * 2, mark) if mark else self._cursor.fragment
        found = [
            (value, self._how_many(count)) for value, count in self._ask(lambda known: known.values(operand, part))
        ]
        if isinstance(operand, Attribute):
            stored = {value.casefold() for value, _ in found}
            found += [(word, "") for word in _fitting(operand.words, part) if word.casefold() not in stored]
        for value, detail in found:
            is_number = _NUMBER.fullmatch(value) is not None
            if is_number and operand.kind is Kind.VALUE and not mark and "NUMBER" in self._cursor.accepted:
                yield value, "value", detail
            elif not only_numbers:
                yield _quoted(value, mark or "'"), "value", detail

    # -- signs and words -----------------------------------------------------------------------------------------

    def _comparators(self) -> Iterator[_Offer]:
        kind = self._cursor.operand.kind if self._cursor.operand else None
        orders = kind is None or kind.takes_number
        matches = kind is None or kind.takes_text
        signs = [sign for sign in _SIGNS if orders or sign in ("=", "!=")]
        if orders and not matches:
            # Metrics are compared by size far more often than for equality.
            signs.sort(key=lambda sign: sign in ("=", "!="))
        for sign in signs:
            if sign.startswith(self._cursor.fragment):
                yield sign, "comparator", _SIGNS[sign]
        words = [*(["LIKE", "ILIKE"] if matches else []), "IN (", *(["BETWEEN"] if orders else []), "IS NULL"]
        words += ["IS NOT NULL", "NOT IN (", *(["NOT LIKE", "NOT ILIKE"] if matches else [])]
        yield from self._words([*words, *(["NOT BETWEEN"] if orders else [])], "comparator")

    def _keywords(self) -> Iterator[_Offer]:
        accepted = self._cursor.accepted
        if "_IN" in accepted and "COMPARATOR" not in accepted:
            kind = self._cursor.operand.kind if self._cursor.operand else None
            if kind is None or kind.takes_text:
                yield from self._words(["LIKE", "ILIKE"], "comparator")
            yield from self._words(["IN (", *(["BETWEEN"] if kind is None or kind.takes_number else [])], "comparator")
        if "_NULL" in accepted:
            yield from self._words(["NULL", "NOT NULL"] if "NOT" in accepted else ["NULL"], "keyword")
        elif "NOT" in accepted and "COMPARATOR" not in accepted:
            yield from self._words(["NOT"], "keyword")
        for terminal, word in _WORDS.items():
            if terminal in accepted:
                yield from self._words([word], "keyword")

    def _words(self, words: list[str], kind: CompletionKind) -> Iterator[_Offer]:
        for word in words:
            if word.casefold().startswith(self._cursor.fragment.casefold()):
                spaced = self._cursor.joined and word[0].isalpha()
                yield f" {word}" if spaced else word, kind, _MEANINGS.get(word, "")

    def _begun_with(self, texts: list[str] | tuple[str, ...], kind: CompletionKind, detail: str) -> Iterator[_Offer]:
        for text in texts:
            if text.casefold().startswith(self._cursor.fragment.casefold()):
                yield text, kind, detail

    # -- the store -----------------------------------------------------------------------------------------------

    def _ask(self, question: Callable[[Known], Sequence[tuple[str, int]]]) -> Sequence[tuple[str, int]]:
        try:
            return question(self._known) if self._known else []
        except NbtrackError:
            # A search reports that the store cannot be read. Completion works without it.
            return []

    def _how_many(self, count: int) -> str:
        what = self._vocabulary.table.removesuffix("s").removeprefix("registered_").replace("_", " ")
        return f"{count:,} {what}{'' if count == 1 else 's'}"


def _fitting(names: list[str] | tuple[str, ...], part: str) -> list[str]:
    """Return the names that begin with `part`, then those that contain it elsewhere."""
    wanted = part.casefold()
    holding = [name for name in names if wanted in name.casefold()]
    return sorted(holding, key=lambda name: not name.casefold().startswith(wanted))


def _quoted(text: str, mark: str) -> str:
    return f"{mark}{text.replace(mark, mark * 2)}{mark}"


def _begins(offered: str, wanted: str) -> bool:
    """Return whether a name begins with `wanted`, with or without its prefix."""
    text = offered.casefold()
    return text.startswith(wanted) or text.partition(".")[2].lstrip("`").startswith(wanted)
