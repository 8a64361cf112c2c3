"""The name, the note and the tags of a run, changed in a form."""

from __future__ import annotations

from ..errors import InvalidParameter
from ..tags import MLFLOW, NBTRACK, NOTE, RUN_NAME
from .contract import EditRunReply, EditRunRequest
from .live import user_tags
from .source import Source
from .view import view


@view("edit_run", writes=True)
def edit_run(source: Source, request: EditRunRequest) -> EditRunReply:
    """Change what the form changed, if the run still has what the form showed. Raises Conflict if it has not."""
    new: dict[str, str | None] = dict(request.get("set_tags", {}))
    deleted = request.get("delete_tags", [])
    for key in deleted:
        if key in new:
            raise InvalidParameter(f"Tag {key!r:.80} must be either set or deleted, not both.")
        new[key] = None
    for key in new:
        if key.startswith((MLFLOW, NBTRACK)):
            raise InvalidParameter(f"Tag {key!r:.80} belongs to MLflow or nbtrack. It cannot be changed here.")
    seen = request.get("seen", {})
    expected: dict[str, str | None] = dict(seen.get("tags", {}))
    if "name" in request:
        new[RUN_NAME] = request["name"]
    if "name" in seen:
        expected[RUN_NAME] = seen["name"]
    if "note" in request:
        new[NOTE] = request["note"] or None
    if "note" in seen:
        expected[NOTE] = seen["note"] or None
    run = source.edit_tags(request["run_id"], new, expected=expected)
    return {"name": run.info.run_name, "note": run.data.tags.get(NOTE, ""), "tags": user_tags(run.data.tags)}
