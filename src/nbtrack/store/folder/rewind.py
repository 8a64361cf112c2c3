"""Rewinding a run: points after a step are deleted, and the summaries of its metrics are computed again."""

from __future__ import annotations

from ...entities import LifecycleStage, Rewound
from ...errors import InvalidParameter
from ...names import SYSTEM
from ..sql.base import Tables
from ..sql.runs import no_such_run
from .summaries import summary


class RewindTables(Tables):
    """Rewinding runs. System metrics (`system/…`) are kept, because their steps count samples, not training steps."""

    def rewind_run(self, run_id: str, step: int) -> Rewound:
        """Delete a run's points with a step above `step`."""
        with self.writing() as cursor:
            found = cursor.execute("SELECT run, name, lifecycle_stage FROM runs WHERE run_id = $1", [run_id]).fetchone()
            if found is None:
                raise no_such_run(run_id)
            run, name, stage = found
            if stage != LifecycleStage.ACTIVE:
                raise InvalidParameter(f"Run {name!r} ({run_id}) is deleted. Restore it with restore_run() first.")
            beyond = cursor.execute(
                "SELECT series FROM latest_metrics WHERE run = $1 AND step > $2 AND LEFT(key, $3) <> $4",
                [run, step, len(SYSTEM), SYSTEM],
            ).fetchall()
            if not beyond:
                return Rewound(run_id, step, 0)
            # Written as literals, which is safe for integers, so that the database can skip blocks of the table.
            series = f"({', '.join(str(number) for (number,) in beyond)})"
            dropped = dict(
                cursor.execute(
                    "SELECT l.key, COUNT(*) FROM metrics AS m JOIN latest_metrics AS l ON l.series = m.series "
                    f"WHERE m.series IN {series} AND m.step > $1 GROUP BY l.key ORDER BY l.key",
                    [step],
                ).fetchall()
            )
            cursor.execute(f"DELETE FROM metrics WHERE series IN {series} AND step > $1", [step])
            source = f"metrics AS m JOIN latest_metrics AS l ON l.series = m.series WHERE m.series IN {series}"
            left = summary("l.series, l.run, l.key", source, "m")
            cursor.execute(f"CREATE OR REPLACE TEMP TABLE rewound AS {left}")
            cursor.execute(f"DELETE FROM latest_metrics WHERE series IN {series}")
            cursor.execute("INSERT INTO latest_metrics BY NAME SELECT * FROM rewound")
        return Rewound(run_id, step, sum(dropped.values()), dropped)
