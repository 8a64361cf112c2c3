"""Stages of model versions: transitions and rollback, each checked and done in one transaction."""

from __future__ import annotations

from ....entities import ModelVersion
from ....errors import Conflict, InvalidParameter, InvalidState
from ....model_names import check_model_name, check_version
from ....stages import ACTIVE_STAGES, ARCHIVED, PRODUCTION, canonical_stage
from ...protocol import TransitionPreview, Versions
from ..base import Cursor
from . import rows as rows
from .changes import ChangeTables
from .events import OF_THE_MODEL, record_event
from .expected import listed_versions, require_expected, version_numbers
from .gates import check_gates, pass_gates
from .models import touch


class ModelStageTables(ChangeTables):
    """Moving versions between stages."""

    def transition_model_version_stage(
        self,
        name: str,
        version: int | str,
        stage: str,
        archive_existing_versions: bool = False,
        *,
        expected_stage: str | None = None,
        expected_current: Versions | None = None,
        override_gates: bool = False,
        user_id: str,
        reason: str | None = None,
    ) -> ModelVersion:
        """Move a version to a stage."""
        check_model_name(name)
        number, target = check_version(version), canonical_stage(stage)
        seen = None if expected_stage is None else canonical_stage(expected_stage, "expected_stage")
        expected = version_numbers(expected_current, "expected_current")
        if archive_existing_versions and target not in ACTIVE_STAGES:
            raise InvalidParameter(
                f"archive_existing_versions=True requires the stage {' or '.join(ACTIVE_STAGES)}, not {target}."
            )
        with self.changing(name) as cur:
            stage_now = rows.require_version(cur, name, number)[rows.STAGE]
            if seen is not None and stage_now != seen:
                raise Conflict(
                    f"Version {number} of registered model {name!r:.120} is now in stage {stage_now}, but stage {seen} "
                    f"was expected.{_last_move(cur, name, number)} Nothing was changed."
                )
            current = _require_current(cur, name, target, expected, number)
            if stage_now != target:
                pass_gates(self, cur, name, number, target, override_gates, user_id, reason)
            if archive_existing_versions:
                for other in current:
                    if other != number:
                        _move(cur, name, other, ARCHIVED, user_id, reason)
            _move(cur, name, number, target, user_id, reason)
            return rows.version(cur, name, number)

    def rollback_stage(
        self,
        name: str,
        stage: str = PRODUCTION,
        *,
        expected_current: Versions | None = None,
        expected_restored: int | str | None = None,
        override_gates: bool = False,
        user_id: str,
        reason: str | None = None,
    ) -> ModelVersion:
        """Undo the last promotion to a stage."""
        check_model_name(name)
        target, expected = _stage_to_roll_back(stage), version_numbers(expected_current, "expected_current")
        restored = None if expected_restored is None else check_version(expected_restored, "expected_restored")
        with self.changing(name) as cur:
            rows.require_model(cur, name)
            current = _require_current(cur, name, target, expected)
            leaving, back = _previous(cur, name, target, current)
            if restored is not None:
                what = f"The version that a rollback of {target} restores in registered model {name!r:.120}"
                require_expected(what, f"version {back}", f"version {restored}")
            if back not in current:
                pass_gates(self, cur, name, back, target, override_gates, user_id, reason)
            replaced = None if leaving is None else str(leaving)
            record_event(cur, name, "rolled_back", user_id, reason, version=back, old=replaced, new=target)
            if leaving is not None:
                _move(cur, name, leaving, ARCHIVED, user_id, reason)
            _move(cur, name, back, target, user_id, reason)
            return rows.version(cur, name, back)

    def preview_transition(self, name: str, version: int | str | None, stage: str) -> TransitionPreview:
        """Return what a transition, or a rollback if `version` is None, would do."""
        check_model_name(name)
        coming = None if version is None else check_version(version)
        target = _stage_to_roll_back(stage) if coming is None else canonical_stage(stage)
        leaving: int | None = None
        with self.reading() as cur:
            rows.require_model(cur, name)
            current = _require_current(cur, name, target, None)
            if coming is None:
                leaving, coming = _previous(cur, name, target, current)
            entering = rows.version(cur, name, coming)
            gates = [] if coming in current else check_gates(self, cur, name, coming, target)
        return TransitionPreview(entering, current, leaving, gates)


def _stage_to_roll_back(stage: str) -> str:
    target = canonical_stage(stage)
    if target not in ACTIVE_STAGES:
        raise InvalidParameter(f"stage must be {' or '.join(ACTIVE_STAGES)} for a rollback, not {target}.")
    return target


def _require_current(
    cur: Cursor, name: str, stage: str, expected: list[int] | None, coming: int | None = None
) -> list[int]:
    """Return the versions in a stage. Raises Conflict if they are not those that the caller expects.

    The version `coming`, which is about to enter the stage, is not compared.
    """
    found = cur.execute(
        "SELECT version FROM model_versions WHERE name = $1 AND current_stage = $2 ORDER BY version", [name, stage]
    ).fetchall()
    current = [int(version) for (version,) in found]
    if expected is not None and set(current) - {coming} != set(expected) - {coming}:
        raise Conflict(
            f"Stage {stage} of registered model {name!r:.120} now has {listed_versions(current)}, but "
            f"{listed_versions(expected)} was expected.{_last_move(cur, name, *current, *expected)} "
            "Nothing was changed."
        )
    return current


def _last_move(cur: Cursor, name: str, *versions: int) -> str:
    """Return a sentence that says which user moved one of these versions last; "" if no move is known."""
    if not versions:
        return ""
    marks = ", ".join(f"${place}" for place in range(2, len(versions) + 2))
    row = cur.execute(
        f"SELECT user_id, version, old, new FROM model_events WHERE {OF_THE_MODEL} AND kind = 'stage' "
        f"AND version IN ({marks}) ORDER BY timestamp DESC LIMIT 1",
        [name, *versions],
    ).fetchone()
    if row is None:
        return ""
    return f" {f'User {row[0]}' if row[0] else 'An unknown user'} moved version {row[1]} from {row[2]} to {row[3]}."


def _previous(cur: Cursor, name: str, stage: str, current: list[int]) -> tuple[int | None, int]:
    """Return the version that entered a stage last and is still there (None if the stage is empty), and the one before.

    Raises InvalidState if no earlier version still exists.
    """
    entered = [version for version in _entered(cur, name, stage) if _exists(cur, name, version)]
    leaving = next((version for version in reversed(entered) if version in current), None)
    if leaving is None and current:
        # The versions were imported without a history.
        leaving = max(current)
    elif leaving is not None:
        while entered.pop() != leaving:
            pass
    back = next((version for version in reversed(entered) if version != leaving), None)
    if back is None:
        why = f"version {leaving} is the first one in" if leaving is not None else "none of its versions has been in"
        raise InvalidState(
            f"Stage {stage} of registered model {name!r:.120} cannot be rolled back, because {why} this stage"
            f"{'' if leaving is None else ' that still exists'}."
        )
    return leaving, back


def _entered(cur: Cursor, name: str, stage: str) -> list[int]:
    """Return the versions that entered a stage, in this order, without those whose promotion was rolled back."""
    entered: list[int] = []
    for kind, version in cur.execute(
        f"SELECT kind, version FROM model_events WHERE {OF_THE_MODEL} AND new = $2 "
        "AND kind IN ('stage', 'rolled_back') ORDER BY timestamp",
        [name, stage],
    ).fetchall():
        if kind == "rolled_back" and version in entered:
            while entered[-1] != version:
                entered.pop()
        elif not entered or entered[-1] != version:
            entered.append(version)
    return entered


def _exists(cur: Cursor, name: str, version: int) -> bool:
    sql = "SELECT 1 FROM model_versions WHERE name = $1 AND version = $2"
    return bool(cur.execute(sql, [name, version]).fetchall())


def _move(cur: Cursor, name: str, version: int, stage: str, user_id: str, reason: str | None) -> None:
    old = rows.require_version(cur, name, version)[rows.STAGE]
    if old == stage:
        return
    now = record_event(cur, name, "stage", user_id, reason, version=version, old=old, new=stage)
    cur.execute(
        "UPDATE model_versions SET current_stage = $3, last_update_time = $4 WHERE name = $1 AND version = $2",
        [name, version, stage, now],
    )
    touch(cur, name, now)
