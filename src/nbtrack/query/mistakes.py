"""Explains what is wrong with a query."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass

from ..errors import QueryError
from .names import shown
from .times import MILLISECONDS
from .tree import Operand
from .vocabulary import Kind, Vocabulary

END = "$END"

_WORDS = {
    "PATH": "a name",
    "COMPARATOR": "a comparison such as > or =",
    "LIKE": "LIKE",
    "ILIKE": "ILIKE",
    "_IN": "IN",
    "_BETWEEN": "BETWEEN",
    "_IS": "IS NULL",
    "NOT": "NOT",
    "_NULL": "NULL",
    "NUMBER": "a number",
    "TEXT": "a quoted string",
    "DURATION": "a duration such as 7d",
    "SIGN": "+ or -",
    "_OPEN": "(",
    "_CLOSE": ")",
    "_COMMA": "a comma",
    "_AND": "AND",
    "_OR": "OR",
    "ASC": "ASC",
    "DESC": "DESC",
    END: "the end of the query",
}
"""The terminals of grammar.lark, in the order that an error lists them."""

TIMES = ["a number", "a date in quotes", "now() - 7d"]
DURATIONS = ["a number", "a duration such as 2h"]
_AFTER_ORDERING = {"ASC", "DESC", END}

_INSTEAD = {
    "&&": "AND",
    "&": "AND",
    "||": "OR",
    "|": "OR",
    "=>": ">=",
    "=<": "<=",
    "!": "NOT",
    "~": "LIKE",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
}
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ T][0-9]{1,2}:[0-9:.]+)?")
_DIGITS = re.compile(r"[+-]?\s*([0-9.]+)\s*([^\W\d_]*)")
_WORD = re.compile(r"[^\s()\[\],;'\"`=<>!]+")
_IN_WORD = re.compile(r"[^\s()\[\],;'\"`=<>!]")


@dataclass(frozen=True, slots=True)
class Mistake:
    """The first character or token of a query that the grammar does not accept.

    Attributes:
        text: The query.
        position: The offset of the mistake in `text`, in characters.
        terminal: The terminal of the token there, or None if no token begins there.
        previous: The terminal before it.
        accepted: The terminals that the grammar accepts there.
        operand: The left side of the comparison that the mistake is in, if it is in one.
        vocabulary: The names that the query can use.
    """

    text: str
    position: int
    terminal: str | None
    previous: str
    accepted: Set[str]
    operand: Operand | None
    vocabulary: Vocabulary

    def error(self) -> QueryError:
        """Return an exception that says what is wrong and what is accepted there."""
        if found := self._unquoted_date():
            reason = f"A date must be in quotes: '{found[0]}'"
            return QueryError(reason, self.text, found.start(), TIMES)
        return QueryError(self._reason(), self.text, self.position, self._expected())

    def _expected(self) -> list[str]:
        wanted = set(self.accepted)
        values: list[str] = []
        if {"NUMBER", "TEXT"} <= wanted and self.operand is not None:
            values = values_of(self.operand.kind)
            wanted -= {"NUMBER", "TEXT", "DURATION"}
        elif "NUMBER" in wanted:
            wanted -= {"DURATION"}
        if self.operand is not None:
            wanted -= set() if self.operand.kind.takes_text else {"LIKE", "ILIKE"}
            wanted -= set() if self.operand.kind.takes_number else {"_BETWEEN"}
        words = [
            f"a name ({self.vocabulary.examples})" if terminal == "PATH" else words
            for terminal, words in _WORDS.items()
            if terminal in wanted
        ]
        return values + words

    def _reason(self) -> str:
        here = self.text[self.position : self.position + 1]
        value_wanted = not {"NUMBER", "TEXT"}.isdisjoint(self.accepted)
        if self.terminal == END:
            return self._ended()
        if self.terminal is None and here in "'\"`":
            return f"This quote is not closed: the closing {here} is missing"
        if here == ";":
            return "A query is a single expression and cannot contain a semicolon"
        if self.terminal == "_CLOSE":
            return self._closed()
        if self.terminal != "SIGN" and (instead := self._instead()):
            return f"Write {instead[1]} instead of {instead[0]}"
        if self.terminal == "_COMMA" and self.accepted <= _AFTER_ORDERING:
            return "A clause takes one name. To order by several names, write one clause for each"
        if value_wanted:
            return self._wrong_value()
        if "DURATION" in self.accepted or (self.terminal == "NUMBER" and "SIGN" in self.accepted):
            return self._wrong_duration()
        if self.previous == "NUMBER" and self.operand is not None and self.operand.kind is Kind.DURATION:
            return f"Write the unit directly after the number. The units are {', '.join(MILLISECONDS)}"
        if self.terminal in ("NUMBER", "TEXT", "DURATION", "NOW") and "PATH" in self.accepted:
            what = "A comparison" if "NOT" in self.accepted else "A clause"
            return f"{what} must begin with a name such as {self.vocabulary.examples}"
        if self.previous == "TEXT" and self.text[self.position - 1] in "'\"":
            return f"To use {self.text[self.position - 1]} inside a string, write it twice"
        if self.previous == "PATH" and not self.text[self.position - 1].isspace() and here not in "=<>!'\"`":
            return self._needs_backticks()
        return f"Unexpected {self._word() or repr(here)}"

    def _ended(self) -> str:
        if not self.text.strip():
            return "The query is empty"
        opened = _last_open(self.text) if "_CLOSE" in self.accepted else None
        return (
            "The query ends too early" if opened is None else f"The parenthesis at character {opened + 1} is not closed"
        )

    def _closed(self) -> str:
        if self.previous == "_OPEN":
            return "The parentheses are empty"
        if END in self.accepted:
            return "This closing parenthesis has no opening one"
        return "The expression in the parentheses ends too early"

    def _instead(self) -> tuple[str, str] | None:
        # `=>` is two tokens, and only the second is wrong. A single sign is not a mistake in itself.
        for start, length in ((self.position, 2), (self.position - 1, 2), (self.position, 1)):
            written = self.text[max(start, 0) : start + length]
            if len(written) == length and written in _INSTEAD:
                return written, _INSTEAD[written]
        return None

    def _wrong_value(self) -> str:
        if self.terminal == "QUOTED_NAME":
            return "Backticks are for names. Write a string in single quotes"
        if self.terminal == "NUMBER":
            return "This must be a string in quotes"
        if self.terminal == "_FUNCTION":
            return "Functions are for names. The right side must be a number, a string in quotes or now()"
        word = self._word()
        if not word:
            return f"A value is missing before {self.text[self.position]!r}"
        if word.casefold() in ("null", "none"):
            return "To find missing values, write IS NULL"
        if self.operand is not None and self.operand.kind is Kind.TIME:
            return "Write now() instead of now" if word.casefold() == "now" else f"{word} is not a valid time"
        if self.operand is not None and self.operand.kind is Kind.DURATION:
            units = f". The units are {', '.join(MILLISECONDS)}" if word[0].isdigit() else ""
            return f"{word} is not a valid duration{units}"
        if self.operand is not None and not self.operand.kind.takes_text:
            return f"{word} is not a number, but {shown(str(self.operand))} must be compared with one"
        return f"A string must be in quotes: '{word}'"

    def _unquoted_date(self) -> re.Match[str] | None:
        """Find the date without quotes that contains the mistake. The grammar reads `2026-11-01` as three numbers."""
        if self.operand is None or self.operand.kind is not Kind.TIME:
            return None
        start = self.position
        while start and self.text[start - 1] in "0123456789-":
            start -= 1
        found = _DATE.match(self.text, start)
        return found if found and found.end() > self.position else None

    def _wrong_duration(self) -> str:
        found = _DIGITS.match(self.text, self.position)
        if self.terminal == "TEXT":
            return "A duration must not be in quotes"
        if found is None:
            return f"{self._word() or repr(self.text[self.position])} is not a valid duration"
        if found[2]:
            return f"{shown(found[2])} is not a unit of time. The units are {', '.join(MILLISECONDS)}"
        number = shown(found[1])
        return f"A duration needs a unit: {', '.join(number + unit for unit in ('s', 'm', 'h'))} or {number}d"

    def _needs_backticks(self) -> str:
        start = self.position
        while start and _IN_WORD.match(self.text, start - 1):
            start -= 1
        found = _WORD.match(self.text, start)
        entity, dot, key = found[0].partition(".") if found else ("", "", "")
        functions = [function.name for function in self.vocabulary.functions]
        if self.text[self.position] == "(" and key.casefold() in functions:
            return f"Write the function around the whole name: {key.casefold()}({entity}.name)"
        if dot and key.strip("."):
            return f"This name must be in backticks: {shown(f'{entity}.`{key}`')}"
        return f"A name that contains {self.text[self.position]!r} must be in backticks"

    def _word(self) -> str:
        found = _WORD.match(self.text, self.position)
        return shown(found[0]) if found else ""


def values_of(kind: Kind) -> list[str]:
    """Return, in words, the values that an operand of this kind can be compared with."""
    if kind is Kind.TIME:
        return TIMES
    if kind is Kind.DURATION:
        return DURATIONS
    return [*(["a number"] if kind.takes_number else []), *(["a quoted string"] if kind.takes_text else [])]


def _last_open(text: str) -> int | None:
    """Return the position of the innermost parenthesis that is never closed. Parentheses in quotes do not count."""
    opened: list[int] = []
    for found in re.finditer(r"'[^']*'|\"[^\"]*\"|`[^`]*`|[()]", text):
        if found[0] == "(":
            opened.append(found.start())
        elif found[0] == ")" and opened:
            opened.pop()
    return opened[-1] if opened else None
