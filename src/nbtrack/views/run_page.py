"""All that is known about a run, except the points of its metrics and its artifacts, which have views of their own."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

from ..capture.packages import installed_version
from ..entities import LifecycleStage, Run
from ..errors import NotFound
from ..journal import now
from ..models.history import read_history
from ..names import SYSTEM, filter_value
from ..tags import (
    CELL_EXECUTION_COUNT,
    CELL_SOURCE,
    GIT_BRANCH,
    GIT_COMMIT,
    GIT_DIRTY,
    GIT_REPO_URL,
    IMPORTED,
    KILLED,
    PACKAGES,
    PARENT,
    PYTHON,
    SOURCE_NAME,
    SOURCE_TYPE,
    TRACEBACK,
)
from .attempts import changes_since, code_diff, earlier_run
from .contract import (
    MOST_DATASETS,
    MOST_LINES,
    MOST_PARAMS,
    MOST_PREVIEW_BYTES,
    MOST_SERIES,
    MOST_TAGS,
    ModelVersionLink,
    PackageRow,
    RunCell,
    RunLink,
    RunModel,
    RunPageReply,
    RunPageRequest,
    RunSource,
)
from .live import dataset_row, page_of, panels_of, system_panels_of, user_tags, with_page
from .runs import run_rows
from .source import Source
from .view import view

_MOST_MODELS = 100
_MOST_PARENTS = 10
_MOST_PACKAGES = 200
_LONGEST_TRACEBACK = 20_000
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


@view("run_page")
def run_page(source: Source, request: RunPageRequest) -> RunPageReply:
    """Return a run with pages of its params, metrics, datasets and packages, and where it stands among other runs."""
    with source.reading.snapshot():
        run = source.get_run(request["run_id"])
        (row,) = run_rows(source, [run])
        parents = _parents(source, run)
        earlier = earlier_run(source, run)
        child_count = source.reading.survey(None, _children(run), [], 0, 1, False, [], [], []).total
        models = _models(source, run)
        directions = source.directions
    tags = run.data.tags
    search = request.get("param_search", "").lower()
    params = [(key, value) for key, value in run.data.params.items() if search in key.lower()]
    every = sorted(run.data.metrics, key=lambda key: key.startswith(SYSTEM))
    keys = page_of(every, request.get("metric_offset", 0), MOST_SERIES)
    own_tags = user_tags(tags)
    packages = _packages(tags)
    differing = sum(one["version"] != one["here"] for one in packages)
    changes = changes_since(earlier, run, directions) if earlier else None
    return {
        "run": {
            **row,
            "params": dict(page_of(params, request.get("param_offset", 0), MOST_PARAMS)),
            "metrics": {key: row["metrics"][key] for key in keys},
        },
        "now": now(),
        "is_deleted": run.info.lifecycle_stage == LifecycleStage.DELETED,
        "artifact_uri": run.info.artifact_uri,
        "tags": dict(list(own_tags.items())[:MOST_TAGS]),
        "tag_count": len(own_tags),
        "source": _source(tags),
        "cell": _cell(tags),
        "error": tags[TRACEBACK][-_LONGEST_TRACEBACK:] if TRACEBACK in tags else None,
        "reason": tags.get(KILLED),
        "imported": tags.get(IMPORTED),
        "parents": parents,
        "child_count": child_count,
        "param_count": len(run.data.params),
        "found_params": len(params),
        "metric_count": len(every),
        "panels": panels_of([key for key in keys if not key.startswith(SYSTEM)]),
        "system": system_panels_of([key for key in keys if key.startswith(SYSTEM)]),
        "datasets": [
            dataset_row(one)
            for one in page_of(run.inputs.dataset_inputs, request.get("dataset_offset", 0), MOST_DATASETS)
        ],
        "dataset_count": len(run.inputs.dataset_inputs),
        "python": tags.get(PYTHON, ""),
        "python_here": platform.python_version(),
        "packages": list(page_of(packages, request.get("package_offset", 0), _MOST_PACKAGES)),
        "package_count": len(packages),
        "differing_packages": differing,
        "models": models[:_MOST_MODELS],
        "model_count": len(models),
        "changes": changes and with_page(changes, request.get("change_offset", 0)),
        "code_diff": code_diff(earlier, run)[:MOST_LINES] if earlier else [],
    }


def _children(run: Run) -> str:
    """Return a filter of the runs that are nested directly in a run."""
    return f"tags.`{PARENT}` = {filter_value(run.info.run_id)}"


def _parents(source: Source, run: Run) -> list[RunLink]:
    found: list[RunLink] = []
    with suppress(NotFound):
        while len(found) < _MOST_PARENTS and (parent_id := run.data.tags.get(PARENT)):
            run = source.get_run(parent_id)
            found.append({"run_id": run.info.run_id, "run_name": run.info.run_name})
    return found


def _source(tags: Mapping[str, str]) -> RunSource:
    return {
        "name": tags.get(SOURCE_NAME, ""),
        "type": tags.get(SOURCE_TYPE, ""),
        "commit": tags.get(GIT_COMMIT, ""),
        "branch": tags.get(GIT_BRANCH, ""),
        "repository": tags.get(GIT_REPO_URL, ""),
        "dirty": tags.get(GIT_DIRTY) == "true",
    }


def _cell(tags: Mapping[str, str]) -> RunCell | None:
    if CELL_SOURCE not in tags:
        return None
    source = tags[CELL_SOURCE]
    return {
        "source": source[:MOST_PREVIEW_BYTES],
        "is_cut": len(source) > MOST_PREVIEW_BYTES,
        "execution_count": tags.get(CELL_EXECUTION_COUNT, ""),
    }


def _packages(tags: Mapping[str, str]) -> list[PackageRow]:
    """Return the packages that the run imported, those with another version here first."""
    try:
        packages = json.loads(tags.get(PACKAGES, "{}"))
    except (ValueError, RecursionError):
        return []
    if not isinstance(packages, dict):
        return []
    rows: list[PackageRow] = [
        {"name": name, "version": version, "here": installed_version(name)}
        for name, version in packages.items()
        if isinstance(version, str) and _PACKAGE.fullmatch(name)
    ]
    return sorted(rows, key=lambda row: row["version"] == row["here"])


def _models(source: Source, run: Run) -> list[RunModel]:
    """Return the models that the run logged, each once, with the versions that were registered from it."""
    prefix = f"runs:/{run.info.run_id}/"
    versions: dict[str, list[ModelVersionLink]] = {}
    # Versions of nested runs have the artifacts of these as their source.
    for version in source.registry.versions_from(run_id=run.info.run_id):
        if version.source.startswith(prefix):
            versions.setdefault(version.source.removeprefix(prefix), []).append(
                {
                    "name": version.name,
                    "version": int(version.version),
                    "stage": version.current_stage,  # type: ignore[typeddict-item]
                    "aliases": list(version.aliases),
                }
            )
    entries = {entry["artifact_path"]: entry for entry in read_history(run.data.tags)}
    found = {**{path: {} for path in versions}, **entries}
    return [
        {
            "path": path,
            "flavors": _names(entry.get("flavors")),
            "created": str(entry.get("utc_time_created") or "")[:100],
            "versions": versions.get(path, []),
        }
        for path, entry in found.items()
    ]


def _names(flavors: object) -> list[str]:
    found: Sequence[object] = list(flavors) if isinstance(flavors, dict) else []
    return [name[:100] for name in found[:_MOST_PACKAGES] if isinstance(name, str)]
