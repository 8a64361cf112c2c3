"""The page of a run: everything that is known about it, with its artifacts and curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from ..names import filter_value
from ..tags import PARENT
from . import picture
from .host import ViewWidget
from .live_page import attempt_text
from .run_traits import RunTraits
from .saved import LONGEST_ERROR, Page, line, number, part, time
from .snapshot import Answer, Snapshot
from .table import Table, printable

ARTIFACTS = 200
"""How many artifacts the screen shows first, as in js/components/run_page/artifacts.tsx."""
CHILDREN = 50
"""How many nested runs the screen shows at a time, as in js/components/run_page/children.tsx."""
CHILD_COLUMNS = 4
POINTS = 200
"""About how many points of a curve a notebook keeps."""
CURVES = 40
"""How many curves a notebook keeps."""
MOST_PICTURES = 4
"""How many charts a notebook shows without the widget."""
MOST_LISTED = 20
"""How many params, metrics and artifacts a notebook lists without the widget."""
LONGEST_TAB = 2_000


class RunPage(RunTraits, ViewWidget):
    """A run with its params, curves, artifacts, code, environment, datasets, nested runs and models.

    `nbtrack.run_page()` creates one, and a notebook shows one for a run that is the last value of a cell. While the run
    is active, the page follows it.

    Args:
        client: Client of the store that has the run.
        run_id: ID of the run.

    Attributes:
        run_id: ID of the run.

    Raises:
        NotFound: If the run does not exist.

    Example:
        >>> import nbtrack
        >>> from nbtrack.widgets import RunPage
        >>> run = nbtrack.start_run()
        >>> RunPage(nbtrack.Client(), run.info.run_id)  # doctest: +SKIP
    """

    screen = "run_page"

    _tab = traitlets.Unicode("Overview").tag(sync=True)
    """The name of the tab that is open. That of the artifacts is followed by the path of the selected one."""

    @traitlets.validate("_tab")
    def _valid_tab(self, proposal: Any) -> str:
        return str(proposal.value)[:LONGEST_TAB]

    @traitlets.observe("_tab")
    def _keep_tab(self, change: Any) -> None:
        self._keep_view(change)

    def snapshot(self) -> Snapshot:
        """Read the current state of the screen."""
        return self._snapshot_of({"run_page": self._run(), "artifacts": self._artifacts()})

    def thin_snapshot(self, share: float = 1.0) -> Snapshot:
        """Read a state of the screen that is to be kept in a notebook.

        Args:
            share: How much of what is usually kept, between 0 and 1.

        Returns:
            The same as `snapshot`, with fewer rows and points.
        """
        run = self._run()
        answers = {"run_page": _thinned(run, share), "artifacts": self._artifacts(part(ARTIFACTS, share))}
        own = [key for panel in run.reply["panels"] for key in panel["keys"]]
        keys = own[: part(CURVES, share)]
        if keys:
            answers["curves"] = self.recall(
                "curves",
                {
                    "run_ids": [self.run_id],
                    "keys": keys,
                    "x_axis": "step",
                    "x_min": None,
                    "x_max": None,
                    "max_points": part(POINTS, share, 10),
                },
            )
        if run.reply["child_count"]:
            answers["runs"] = self._children(part(CHILDREN, share))
        return self._snapshot_of(answers)

    def page(self, snapshot: Snapshot) -> Page:
        """Describe a snapshot without a widget."""
        reply = snapshot.answers["run_page"].reply
        run = reply["run"]
        seconds = ((run["end_time"] or reply["now"]) - run["start_time"]) / 1000
        parts: list[Table | str] = [*_facts(reply)]
        if run["params"]:
            params = list(run["params"].items())[:MOST_LISTED]
            parts.append(Table(["param", "value"], [[key, value] for key, value in params]))
            parts += _more(reply["param_count"] - len(params), "param")
        metrics = list(run["metrics"].items())[:MOST_LISTED]
        if metrics:
            rows = [[key, number(value)] for key, value in metrics]
            parts.append(Table(["metric", "last"], rows, frozenset({"last"})))
            parts += _more(reply["metric_count"] - len(metrics), "metric")
        listed = snapshot.answers["artifacts"].reply
        files = listed["entries"][:MOST_LISTED]
        if files:
            rows = [[one["name"], "" if one["size"] is None else f"{one['size']:,}"] for one in files]
            parts.append(Table(["artifact", "bytes"], rows, frozenset({"bytes"})))
            parts += _more(listed["count"] - len(files), "artifact")
        curves = snapshot.answers.get("curves")
        by_key = {series.key: series for series in curves.series()} if curves else {}
        pictures = [
            picture.curves(panel["title"], [line(key, by_key[key]) for key in panel["keys"] if key in by_key])
            for panel in reply["panels"][:MOST_PICTURES]
        ]
        return Page(f"{printable(run['run_name'])}: {run['status']}, {seconds:.1f} s", parts, pictures)

    def _snapshot_of(self, answers: Mapping[str, Answer]) -> Snapshot:
        return Snapshot(self.screen, {"run_id": self.run_id, "tab": self._tab, "view": self._panels_view}, answers)

    def _run(self) -> Answer:
        return self.recall("run_page", {"run_id": self.run_id})

    def _artifacts(self, limit: int = ARTIFACTS) -> Answer:
        return self.recall("artifacts", {"run_id": self.run_id, "path": "", "offset": 0, "limit": limit})

    def _children(self, limit: int) -> Answer:
        return self.recall(
            "runs",
            {
                "filter": f"tags.`{PARENT}` = {filter_value(self.run_id)}",
                "experiment_ids": None,
                "order_by": ["attributes.start_time ASC"],
                "grouped": False,
                "unfolded": None,
                "offset": 0,
                "limit": limit,
                "column_limit": CHILD_COLUMNS,
            },
        )


def _thinned(run: Answer, share: float) -> Answer:
    """Return an answer with a share of its params, metrics, packages and other lists."""
    reply = run.reply
    row = reply["run"]
    lists = {
        name: reply[name][: part(len(reply[name]), share)] for name in ("datasets", "packages", "models", "code_diff")
    }
    metrics = dict(list(row["metrics"].items())[: part(len(row["metrics"]), share)])
    params = dict(list(row["params"].items())[: part(len(row["params"]), share)])
    return Answer(run.payload, {**reply, **lists, "run": {**row, "params": params, "metrics": metrics}})


def _facts(reply: Mapping[str, Any]) -> list[str]:
    """Return a run's properties as lines of text."""
    run, source = reply["run"], reply["source"]
    facts = [f"Started {time(run['start_time'])}"]
    facts += [f"by {printable(run['user_id'])}"] if run["user_id"] else []
    facts += [f"in experiment {printable(run['experiment_name'])}"]
    facts += [f"from {printable(source['name'])}"] if source["name"] else []
    facts += [f"at commit {printable(source['commit'][:12])}"] if source["commit"] else []
    lines = [", ".join(facts)]
    if reply["is_deleted"]:
        lines.append("This run is deleted.")
    if reply["error"]:
        lines.append(printable(reply["error"].rstrip().splitlines()[-1], LONGEST_ERROR))
    if run["note"]:
        lines.append(printable(run["note"], LONGEST_ERROR))
    if reply["changes"]:
        lines.append(attempt_text(reply["changes"]))
    return lines


def _more(count: int, noun: str) -> list[str]:
    return [f"… and {count:,} more {noun}{'' if count == 1 else 's'}"] if count > 0 else []
