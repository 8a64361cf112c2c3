"""The report of an import: what was imported and what was not, counted during the import and printed at its end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

_ORDER = (
    "experiments",
    "runs",
    "metric points",
    "params",
    "tags",
    "datasets",
    "artifact files",
    "registered models",
    "model versions",
    "aliases",
)
_EXAMPLES = 1000
_SHOWN = 3


@dataclass
class Problem:
    """Something that was not imported, or was changed by the import.

    Attributes:
        reason: What it is and why, in words.
        count: How many there are.
        examples: The first 1,000 of them. `str(problem)` shows three.
    """

    reason: str
    count: int = 0
    examples: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        shown = ", ".join(self.examples[:_SHOWN])
        more = ", …" if self.count > min(len(self.examples), _SHOWN) else ""
        return f"{self.count:,} × {self.reason}" + (f" ({shown}{more})" if shown else "")


@dataclass
class Report:
    """The result of `import_runs` and `merge`. The command prints `str(report)`.

    Attributes:
        kind: The kind of the source, for example "mlflow-sqlite".
        source: The path of the source.
        store: The path of the store that was imported into.
        seconds: The duration of the import.
        found: What the source contains, as counts by name: "runs", "metric points", "artifact files" and so on.
        brought: How many of these the import added or changed. The others were already here.
        missing: What could not be imported.
        notes: What was imported with a change.
    """

    kind: str = ""
    source: str = ""
    store: str = ""
    seconds: float = 0.0
    found: dict[str, int] = field(default_factory=dict)
    brought: dict[str, int] = field(default_factory=dict)
    missing: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    _started: float = field(default_factory=time.monotonic, repr=False)

    def count(self, what: str, found: int, brought: int = 0) -> None:
        """Count `found` items of the source, of which `brought` were added or changed.

        Args:
            what: What is counted, for example "runs".
            found: The number of items in the source.
            brought: The number of these that were added or changed.
        """
        self.found[what] = self.found.get(what, 0) + found
        self.brought[what] = self.brought.get(what, 0) + brought

    def add_missing(self, reason: str, example: str = "", count: int = 1) -> None:
        """Report something that could not be imported.

        Args:
            reason: What it is and why.
            example: Its name.
            count: How many there are.
        """
        _add(self.missing, reason, example, count)

    def add_note(self, reason: str, example: str = "", count: int = 1) -> None:
        """Report something that was imported with a change.

        Args:
            reason: What it is and what was changed.
            example: Its name.
            count: How many there are.
        """
        _add(self.notes, reason, example, count)

    def finish(self) -> Report:
        """Set the duration.

        Returns:
            This report.
        """
        self.seconds = time.monotonic() - self._started
        return self

    @property
    def is_complete(self) -> bool:
        """Whether everything in the source is now in the store."""
        return not self.missing

    def to_dict(self) -> dict[str, Any]:
        """Convert the report to plain data.

        Returns:
            A dict that can be written as JSON.
        """
        return {
            "kind": self.kind,
            "source": self.source,
            "store": self.store,
            "seconds": self.seconds,
            "found": dict(self.found),
            "brought": dict(self.brought),
            "missing": [vars(problem) for problem in self.missing],
            "notes": [vars(problem) for problem in self.notes],
        }

    def __str__(self) -> str:
        lines = [f"Imported {self.source} ({self.kind}) into {self.store} in {self.seconds:.1f} s"]
        rows = [("", "in the source", "imported", "already here")]
        for what in [*_ORDER, *sorted(set(self.found) - set(_ORDER))]:
            if self.found.get(what):
                found, brought = self.found[what], self.brought[what]
                rows.append((what, f"{found:,}", f"{brought:,}", f"{max(found - brought, 0):,}"))
        first = max(len(row[0]) for row in rows)
        lines += [f"  {row[0]:<{first}}" + "".join(f"{cell:>16}" for cell in row[1:]) for row in rows]
        for title, problems in (("Not imported:", self.missing), ("Notes:", self.notes)):
            if problems:
                lines += [title, *(f"  {problem}" for problem in problems)]
        return "\n".join(lines)


def _add(problems: list[Problem], reason: str, example: str, count: int) -> None:
    problem = next((one for one in problems if one.reason == reason), None)
    if problem is None:
        problem = Problem(reason)
        problems.append(problem)
    problem.count += count
    if example and len(problem.examples) < _EXAMPLES and example not in problem.examples:
        problem.examples.append(example)
