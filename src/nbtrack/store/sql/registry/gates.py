"""Gates: filters that the run of a version must match before the version can enter a stage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ....entities import LifecycleStage, ModelGate
from ....errors import GateClosed, InvalidParameter, NotFound
from ....model_names import MAX_ALIAS_LENGTH, check_model_name, check_reason
from ....names import check_name, check_text
from ....query import RUNS, compile_parts
from ....stages import ACTIVE_STAGES, canonical_stage
from ...protocol import GateCheck
from ..base import Cursor, Tables, located_names
from . import rows as rows
from .changes import ChangeTables
from .events import record_event

_COLUMNS = "name, stage, gate, filter, user_id, creation_time"
_KEY = "name = $1 AND stage = $2 AND gate = $3"


class ModelGateTables(ChangeTables):
    """The gates of stages. A stage can have several, each with its own name, and a version must pass all of them."""

    def set_gate(
        self,
        name: str,
        stage: str,
        filter_string: str | None,
        gate: str,
        *,
        user_id: str,
        reason: str | None = None,
    ) -> ModelGate | None:
        """Set a gate of a stage, or delete it if the filter is None."""
        check_model_name(name)
        if filter_string is None:
            self._delete_gate(name, canonical_stage(stage), gate, user_id, reason)
            return None
        stage, gate = _stage_with_gates(stage), check_name(gate, "Gate name", max_length=MAX_ALIAS_LENGTH)
        if not isinstance(filter_string, str) or not filter_string.strip():
            raise InvalidParameter(
                "filter_string must be a filter that a version's run must match, such as \"metrics.`val/accuracy` > "
                f'0.9", not {filter_string!r:.80}.'
            )
        text = check_text(filter_string.strip(), "filter_string")
        compile_parts(text, RUNS)
        with self.changing(name) as cur:
            rows.require_model(cur, name)
            old = {one.gate: one for one in _gates(cur, name, stage)}.get(gate)
            if old is not None and old.filter_string == text:
                return old
            cur.execute(f"DELETE FROM model_gates WHERE {_KEY}", [name, stage, gate])
            was = None if old is None else describe_gate(old)
            made = ModelGate(name, stage, gate, text, user_id, 0)
            now = record_event(cur, name, "gate_set", user_id, reason, old=was, new=describe_gate(made))
            cur.execute(
                f"INSERT INTO model_gates ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)",
                [name, stage, gate, text, user_id, now],
            )
            return ModelGate(name, stage, gate, text, user_id, now)

    def get_gates(self, name: str, stage: str | None = None) -> list[ModelGate]:
        """Return the gates of a stage, or of all stages, sorted by stage and name."""
        check_model_name(name)
        stage = None if stage is None else canonical_stage(stage)
        with self.reading() as cur:
            rows.require_model(cur, name)
            return _gates(cur, name, stage)

    def _delete_gate(self, name: str, stage: str, gate: str, user_id: str, reason: str | None) -> None:
        with self.changing(name) as cur:
            rows.require_model(cur, name)
            there = {one.gate: one for one in _gates(cur, name, stage)}
            if gate not in there:
                has = f"Its gates are {', '.join(map(repr, there))}." if there else "It has no gates."
                raise NotFound(f"Stage {stage} of registered model {name!r:.120} has no gate {gate!r:.80}. {has}")
            cur.execute(f"DELETE FROM model_gates WHERE {_KEY}", [name, stage, gate])
            record_event(cur, name, "gate_deleted", user_id, reason, old=describe_gate(there[gate]))


def pass_gates(
    tables: Tables, cur: Cursor, name: str, version: int, stage: str, override: bool, user_id: str, reason: str | None
) -> None:
    """Raise GateClosed if the run of a version does not match every gate of the stage that the version enters.

    With `override`, each gate that it does not match is recorded as an event instead.
    """
    if override and check_reason(reason) is None:
        raise InvalidParameter(
            "Overriding a gate requires a reason, which is kept in the model's history.",
            "Pass reason= with override_gates=True.",
        )
    for gate, mismatch, _ in check_gates(tables, cur, name, version, stage):
        if mismatch is None:
            continue
        if not override:
            raise GateClosed(
                f"Version {version} of registered model {name!r:.120} cannot enter {stage}, because {mismatch}. Gate "
                f"{gate.gate!r} requires {gate.filter_string:.400}.",
                "To move the version anyway, pass override_gates=True and a reason.",
            )
        record_event(
            cur, name, "gate_overridden", user_id, reason, version=version, old=mismatch, new=describe_gate(gate)
        )


def check_gates(tables: Tables, cur: Cursor, name: str, version: int, stage: str) -> list[GateCheck]:
    """Check the run of a version against every gate of a stage."""
    run_id = rows.require_version(cur, name, version)[rows.RUN_ID]
    return [GateCheck(gate, *_compare(tables, cur, run_id, gate)) for gate in _gates(cur, name, stage)]


def _gates(cur: Cursor, name: str, stage: str | None) -> list[ModelGate]:
    found = cur.execute(
        f"SELECT {_COLUMNS} FROM model_gates WHERE name = $1 AND (CAST($2 AS VARCHAR) IS NULL OR stage = $2) "
        'ORDER BY stage COLLATE "C", gate COLLATE "C"',
        [name, stage],
    ).fetchall()
    return [ModelGate(*row) for row in found]


def _stage_with_gates(stage: str) -> str:
    """Return a stage's canonical name. Raises InvalidParameter if the stage cannot have gates."""
    stage = canonical_stage(stage)
    if stage not in ACTIVE_STAGES:
        raise InvalidParameter(
            f"stage must be {' or '.join(ACTIVE_STAGES)} for a gate. Every version can enter the stage {stage}."
        )
    return stage


def describe_gate(gate: ModelGate) -> str:
    """Return a gate as the history stores it."""
    return f"{gate.stage} {gate.gate}: {gate.filter_string}"


def _compare(tables: Tables, cur: Cursor, run_id: str, gate: ModelGate) -> tuple[str | None, str]:
    """Return why a run does not match a gate, as a clause that follows "because", and the run's values.

    The clause is None if the run matches, and the values are "" if there are none.
    """
    if not run_id:
        return "the version has no run", ""
    parts = compile_parts(gate.filter_string, located_names(tables, RUNS))
    found = cur.execute(
        f"SELECT r.name, r.lifecycle_stage, {parts.columns} FROM runs AS r {parts.joins} "
        f"WHERE r.run_id = ${len(parts.parameters) + 1}",
        [*parts.parameters, run_id],
    ).fetchall()
    if not found:
        return f"its run {run_id:.40} does not exist in this store", ""
    run_name, lifecycle_stage, *answers = found[0]
    if lifecycle_stage != LifecycleStage.ACTIVE:
        return f"its run {run_name!r:.80} ({run_id:.40}) is deleted", ""
    failing, values = parts.failing(answers), _listed(list(parts.values(answers).items()))
    if not failing:
        return None, values
    return f"its run {run_name!r:.80} ({run_id:.40}) has {_listed(list(failing.items()))}", values


def _listed(values: Sequence[tuple[str, Any]], most: int = 5) -> str:
    shown = [f"no {name:.80}" if value is None else f"{name:.80} = {_shown(value)}" for name, value in values[:most]]
    if len(values) > most:
        shown.append(f"{len(values) - most} more")
    return ", ".join(shown[:-1]) + f" and {shown[-1]}" if len(shown) > 1 else shown[0]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return f"{value!r:.80}"
