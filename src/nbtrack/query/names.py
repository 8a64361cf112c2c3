"""Resolves a name in a query to the attribute or key that it means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from ..errors import QueryError
from .tree import Key, Member, Operand
from .vocabulary import ATTRIBUTE_SPELLINGS, CHILDREN, PARENT, Attribute, Collection, Function, Section, Vocabulary

_SHOWN = 40
"""The most characters of a name that an error repeats."""

_WORD = re.compile(r"[^\s()\[\],;'\"`=<>!]+")

_OTHER_WORDS = {
    "avg": "mean",
    "average": "mean",
    "minimum": "min",
    "maximum": "max",
    "final": "last",
    "latest": "last",
    "len": "count",
    "points": "count",
}
"""The names that functions have in other languages."""


def resolve(
    written: str, text: str, position: int, vocabulary: Vocabulary, function: Function | None = None
) -> Operand:
    """Return the operand that `written` names.

    Args:
        written: The name, as the query spells it.
        text: The query.
        position: The offset of the name in `text`, in characters.
        vocabulary: The names that the query can use.
        function: The function whose argument the name is, or None.

    Raises:
        QueryError: If the name is unknown, or is not a valid argument of the function.
    """
    operand = _named(written, text, position, vocabulary)
    if function is None:
        return operand
    if isinstance(operand, Key) and function in operand.table.functions:
        # The name alone already means the last value.
        return Key(operand.table, operand.name, None if function.name == "last" else function)
    takers = [table.entity for table in vocabulary.key_tables if function in table.functions]
    reason = f"{function.name}() takes a metric, and {shown(str(operand))} is not a metric"
    raise QueryError(reason, text, position, [f"{entity}.name" for entity in takers])


def parent_attribute(written: str, text: str, position: int, vocabulary: Vocabulary) -> Attribute:
    """Return the attribute that `children('a run')` compares with the run. Raises QueryError if there is none."""
    if attribute := vocabulary.attribute(PARENT):
        return attribute
    raise QueryError(f"Only runs have children: {shown(written)}() cannot be used here", text, position)


def function_named(written: str, text: str, position: int, vocabulary: Vocabulary) -> Function:
    """Return the function of this name. Raises QueryError if it is unknown."""
    functions = {function.name: function for function in vocabulary.functions}
    name = written.casefold()
    if name in functions:
        return functions[name]
    if not functions:
        reason = f"Function {shown(written)!r} does not exist, and no other function can be used here"
        raise QueryError(reason, text, position)
    near = _OTHER_WORDS.get(name) or _nearest(name, list(functions))
    hint = f". Did you mean {near}?" if near else ""
    expected = [f"{other}(metrics.name)" for other in (*([near] if near else []), *(f for f in functions if f != near))]
    raise QueryError(f"Function {shown(written)!r} does not exist{hint}", text, position, expected)


def _named(written: str, text: str, position: int, vocabulary: Vocabulary) -> Operand:
    if written.startswith("`"):
        return _attribute(unquoted(written), text, position, vocabulary)
    entity, dot, rest = written.partition(".")
    if not dot:
        return _single(entity, text, position, vocabulary)
    name = unquoted(rest) if rest[0] in '`"' else rest
    after = position + len(entity) + 1
    if table := vocabulary.key_table(entity):
        if not name:
            raise QueryError(f"The name after {entity}. is empty", text, after, ["a name"])
        return Key(table, name)
    if collection := vocabulary.collection(entity):
        return _member(collection, name, text, after)
    if section := vocabulary.section(entity):
        return _in_section(section, name, text, after, vocabulary)
    if entity.casefold() in ATTRIBUTE_SPELLINGS:
        return _attribute(name, text, after, vocabulary)
    raise _unknown_entity(entity, written, text, position, vocabulary)


def _single(word: str, text: str, position: int, vocabulary: Vocabulary) -> Operand:
    needed: list[str] = []
    if (vocabulary.key_table(word) or word in ATTRIBUTE_SPELLINGS) and not vocabulary.attribute(word):
        needed = [f"{word}.name", f"{word}.`a name with spaces`"]
    elif collection := vocabulary.collection(word):
        needed = [f"{word}.{column}" for column in collection.columns]
    elif section := vocabulary.section(word):
        needed = [f"{word}.{key}" for key in section.keys]
    if needed:
        after_dot = position + len(word) + 1
        if text[after_dot - 1 : after_dot + 1] in ('."', ".`"):
            # If the quote were closed, it would be part of the name.
            reason = f"This quote is not closed: the closing {text[after_dot]} is missing"
            raise QueryError(reason, text, after_dot, needed)
        raise QueryError(f"{word} needs a name after it, such as {needed[0]}", text, position, needed)
    return _attribute(word, text, position, vocabulary)


def _member(collection: Collection, name: str, text: str, position: int) -> Operand:
    if (column := name.casefold()) in collection.columns:
        return Member(collection, column)
    raise _not_among(name, collection.entity, collection.columns, text, position)


def _in_section(section: Section, name: str, text: str, position: int, vocabulary: Vocabulary) -> Operand:
    table = vocabulary.key_table(section.entity)
    if table and name.casefold() in section.keys:
        return Key(table, section.prefix + name.casefold())
    raise _not_among(name, section.name, section.keys, text, position)


def _not_among(name: str, entity: str, names: Sequence[str], text: str, position: int) -> QueryError:
    near = _nearest(name, names)
    hint = f". Did you mean {entity}.{near}?" if near else ""
    reason = f"{shown(f'{entity}.{name}')} does not exist{hint}"
    return QueryError(reason, text, position, [*([near] if near else []), *(n for n in names if n != near)])


def _attribute(name: str, text: str, position: int, vocabulary: Vocabulary) -> Operand:
    if attribute := vocabulary.attribute(name):
        return attribute
    if name.casefold() == CHILDREN and vocabulary.attribute(PARENT):
        call = f"{CHILDREN}('name or ID of a run')"
        raise QueryError(f"{name} is a function. Write {call}", text, position, [call])
    if any(function.name == name.casefold() for function in vocabulary.functions):
        call = f"{name.casefold()}(metrics.name)"
        raise QueryError(f"{name} is a function. Write {call}", text, position, [call])
    names = [a.name for a in vocabulary.attributes]
    near = _nearest(name, [*names, *(alias for a in vocabulary.attributes for alias in a.aliases)])
    if not near and (whole := _WORD.match(text, position)) and whole[0] != name:
        # The name of a key without a prefix and backticks, such as val/accuracy.
        keys = [f"{table.entity}.`{shown(whole[0])}`" for table in vocabulary.key_tables]
        name = whole[0]
    else:
        keys = [f"{table.entity}.{shown(name)}" for table in vocabulary.key_tables] if name.isidentifier() else []
    if near:
        hint = f". Did you mean {near}?"
    else:
        hint = f". For a {vocabulary.key_tables[0].entity.removesuffix('s')}, write {keys[0]}" if keys else ""
    reason = f"Attribute {shown(name)!r} does not exist{hint}"
    raise QueryError(reason, text, position, [*([near] if near else []), *keys, *(n for n in names if n != near)])


def _unknown_entity(entity: str, written: str, text: str, position: int, vocabulary: Vocabulary) -> QueryError:
    entities = [table.entity for table in vocabulary.key_tables]
    others = [*(c.entity for c in vocabulary.collections), *(s.name for s in vocabulary.sections)]
    spellings = [s for table in vocabulary.key_tables for s in table.spellings]
    spellings += [s for collection in vocabulary.collections for s in collection.spellings]
    near = _nearest(entity, [*entities, *spellings, *others, *ATTRIBUTE_SPELLINGS])
    if attribute := vocabulary.attribute(entity):
        reason = f"{attribute} is an attribute and takes no name after a dot. Compare {attribute} itself"
    elif near:
        table = vocabulary.key_table(near)
        meant = f"{table.entity if table else near}{shown(written[len(entity) :])}"
        reason = f"Unknown prefix {shown(entity)!r}. Did you mean {meant}?"
    else:
        prefixes = f"{', '.join(entities)} or attributes"
        reason = f"Unknown prefix {shown(entity)!r}. Begin with {prefixes}, as in {entities[0]}.{shown(written)}"
    expected = [f"{e}.name" for e in (*entities, *others[: len(vocabulary.collections)], "attributes")]
    return QueryError(reason, text, position, expected)


def _nearest(name: str, known: Sequence[str]) -> str | None:
    # difflib takes quadratic time, and a longer name is not a typing error.
    close = get_close_matches(name[:_SHOWN].casefold(), known, n=1)
    return close[0] if close else None


def unquoted(quoted: str) -> str:
    """Return the content of a string in quotes or backticks, with each doubled mark in it as one."""
    mark = quoted[0]
    return quoted[1:-1].replace(mark * 2, mark)


def shown(text: str) -> str:
    """Return `text`, cut to a length that fits into an error message."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
