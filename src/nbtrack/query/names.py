"""From the name that somebody wrote to the attribute or key that it means."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from ..errors import QueryError
from .tree import Key, Member, Operand
from .vocabulary import ATTRIBUTE_SPELLINGS, CHILDREN, PARENT, Attribute, Collection, Function, Section, Vocabulary

_SHOWN = 40
"""Characters of a name that an error repeats."""

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
"""What functions are called elsewhere."""


def resolve(
    written: str, text: str, position: int, vocabulary: Vocabulary, function: Function | None = None
) -> Operand:
    """The operand meant by `written`, which stands at `position` of `text`, perhaps as the argument of a function.

    Raises QueryError for an unknown name, and for one that the function does not take.
    """
    operand = _named(written, text, position, vocabulary)
    if function is None:
        return operand
    if isinstance(operand, Key) and function in operand.table.functions:
        # The last value is what the name alone means.
        return Key(operand.table, operand.name, None if function.name == "last" else function)
    takers = [table.entity for table in vocabulary.key_tables if function in table.functions]
    reason = f"{function.name} takes the name of a metric, and {shown(str(operand))} is none"
    raise QueryError(reason, text, position, [f"{entity}.name" for entity in takers])


def parent_attribute(written: str, text: str, position: int, vocabulary: Vocabulary) -> Attribute:
    """What `children('a run')` compares with the run. Raises QueryError where nothing has a parent."""
    if attribute := vocabulary.attribute(PARENT):
        return attribute
    raise QueryError(f"only runs have children: {shown(written)} cannot stand here", text, position)


def function_named(written: str, text: str, position: int, vocabulary: Vocabulary) -> Function:
    """The function of this name. Raises QueryError for an unknown one."""
    functions = {function.name: function for function in vocabulary.functions}
    name = written.casefold()
    if name in functions:
        return functions[name]
    if not functions:
        raise QueryError(f"there is no function {shown(written)!r}: a parenthesis cannot follow a name", text, position)
    near = _OTHER_WORDS.get(name) or _nearest(name, list(functions))
    hint = f"; did you mean {near}?" if near else ""
    expected = [f"{other}(metrics.name)" for other in (*([near] if near else []), *(f for f in functions if f != near))]
    raise QueryError(f"there is no function {shown(written)!r}{hint}", text, position, expected)


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
            raise QueryError(f"the name after {entity}. is empty", text, after, ["a name"])
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
        behind = position + len(word) + 1
        if text[behind - 1 : behind + 1] in ('."', ".`"):
            # A quote with a second one would have been part of the name.
            reason = f"this quote is not closed: there is no second {text[behind]} after it"
            raise QueryError(reason, text, behind, needed)
        raise QueryError(f"{word} needs the name of one of them after a dot", text, position, needed)
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
    hint = f"; did you mean {near}?" if near else ""
    reason = f"there is no {shown(f'{entity}.{name}')}{hint}"
    return QueryError(reason, text, position, [*([near] if near else []), *(n for n in names if n != near)])


def _attribute(name: str, text: str, position: int, vocabulary: Vocabulary) -> Operand:
    if attribute := vocabulary.attribute(name):
        return attribute
    if name.casefold() == CHILDREN and vocabulary.attribute(PARENT):
        call = f"{CHILDREN}('name or id of a run')"
        raise QueryError(f"{name} is a function: write {call}", text, position, [call])
    if any(function.name == name.casefold() for function in vocabulary.functions):
        call = f"{name.casefold()}(metrics.name)"
        raise QueryError(f"{name} is a function: write {call}", text, position, [call])
    names = [a.name for a in vocabulary.attributes]
    near = _nearest(name, [*names, *(alias for a in vocabulary.attributes for alias in a.aliases)])
    hint = f"; did you mean {near}?" if near else ""
    keys = [f"{table.entity}.{shown(name)}" for table in vocabulary.key_tables] if name.isidentifier() else []
    reason = f"there is no attribute {shown(name)!r}{hint}"
    raise QueryError(reason, text, position, [*([near] if near else []), *keys, *(n for n in names if n != near)])


def _unknown_entity(entity: str, written: str, text: str, position: int, vocabulary: Vocabulary) -> QueryError:
    entities = [table.entity for table in vocabulary.key_tables]
    others = [*(c.entity for c in vocabulary.collections), *(s.name for s in vocabulary.sections)]
    spellings = [s for table in vocabulary.key_tables for s in table.spellings]
    spellings += [s for collection in vocabulary.collections for s in collection.spellings]
    near = _nearest(entity, [*entities, *spellings, *others, *ATTRIBUTE_SPELLINGS])
    if attribute := vocabulary.attribute(entity):
        hint = f"{attribute} has no parts: compare {attribute} itself"
    elif near:
        table = vocabulary.key_table(near)
        hint = f"did you mean {table.entity if table else near}{shown(written[len(entity) :])}?"
    else:
        hint = f"say what it is, as in {entities[0]}.{shown(written)}"
    expected = [f"{e}.name" for e in (*entities, *others[: len(vocabulary.collections)], "attributes")]
    return QueryError(f"{shown(entity)!r} is not known here; {hint}", text, position, expected)


def _nearest(name: str, known: Sequence[str]) -> str | None:
    # difflib is quadratic, and no name that long is a slip of the pen.
    close = get_close_matches(name[:_SHOWN].casefold(), known, n=1)
    return close[0] if close else None


def unquoted(quoted: str) -> str:
    """What stands between the quotes or backticks, each doubled one within it as one."""
    mark = quoted[0]
    return quoted[1:-1].replace(mark * 2, mark)


def shown(text: str) -> str:
    """`text`, cut to a length that fits into a sentence."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
