"""The result of doctor: a report with one finding for each problem."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

FOUND = "found"
REPAIRED = "repaired"
LOST = "lost"
"""Repaired as far as possible, but some data could not be recovered."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun, such as "1 file" or "1,200 files"."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


@dataclass
class Finding:
    """One problem, and its repair.

    Attributes:
        kind: What is affected, such as "database" or "journal".
        text: What is wrong, in full sentences.
        repair: What `repair=True` would do or has done, in full sentences.
        state: "found" if nothing was changed, "repaired" if all was recovered, or "lost" if some data was lost.
    """

    kind: str
    text: str
    repair: str
    state: str = FOUND

    def __str__(self) -> str:
        mark = {FOUND: "!", REPAIRED: "+", LOST: "-"}[self.state]
        label = {FOUND: "With --repair", REPAIRED: "Repaired", LOST: "Repaired with losses"}[self.state]
        return f"{mark} {self.kind}: {self.text}\n    {label}: {self.repair}"


@dataclass
class Report:
    """What `doctor` found in a store, and what it repaired. `str(report)` is the report for people.

    Attributes:
        store: The folder of the store.
        findings: The problems, in the order in which they were found.
        notes: Remarks that are not problems.
        kept: The paths to which `repair=True` has moved original files.
    """

    store: Path
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)

    def add(self, kind: str, text: str, repair: str) -> Finding:
        """Add a finding and return it."""
        finding = Finding(kind, text, repair)
        self.findings.append(finding)
        return finding

    @property
    def is_healthy(self) -> bool:
        """Whether no problem was found."""
        return not self.findings

    @property
    def is_repaired(self) -> bool:
        """Whether every problem was repaired without a loss; also true if there was none."""
        return all(finding.state == REPAIRED for finding in self.findings)

    @property
    def has_losses(self) -> bool:
        """Whether something was repaired, but some data could not be recovered."""
        return any(finding.state == LOST for finding in self.findings)

    def __str__(self) -> str:
        found = counted(len(self.findings), "problem") if self.findings else "no problems"
        lines = [f"Store {self.store}: {found} found."]
        lines += [str(finding) for finding in self.findings]
        lines += [f"  {note}" for note in self.notes]
        lines += [f"  The original file was kept as {path}" for path in self.kept]
        return "\n".join(lines)
