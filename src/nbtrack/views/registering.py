"""Changes of registered models: a new version, its aliases and tags, and its deletion."""

from __future__ import annotations

from ..errors import InvalidParameter, InvalidState
from ..models import register_model
from ..stages import PRODUCTION
from .contract import DeleteVersionRequest, RegisterRequest, SetAliasRequest, SetVersionTagRequest, VersionReply
from .runs import logged_models
from .source import Source
from .version_rows import version_rows
from .view import view


@view("register", writes=True)
def register(source: Source, request: RegisterRequest) -> VersionReply:
    """Register a model of a run as the next version of a registered model, which is created if it does not exist.

    A model that is a version of it already is not registered again. Raises Conflict.
    """
    path = request["artifact_path"]
    if path is None:
        run = source.get_run(request["run_id"])
        models = logged_models(run.data.tags)
        if not models:
            raise InvalidParameter(
                f"Run {run.info.run_name!r:.80} has not logged a model.",
                "Log one, for example with nbtrack.sklearn.log_model.",
            )
        if len(models) > 1:
            raise InvalidParameter(
                f"Run {run.info.run_name!r:.80} logged {len(models):,} models: {', '.join(models[:20]):.400}. Choose "
                "one of them."
            )
        path = models[0]
    version = register_model(f"runs:/{request['run_id']}/{path}", request["name"], expected_versions=[], client=source)
    return {"version": version_rows(source, [version])[0]}


@view("delete_version", writes=True)
def delete_version(source: Source, request: DeleteVersionRequest) -> VersionReply:
    """Delete a version if it is in the stage in which the screen showed it, and return it as it was.

    A version in Production is not deleted. Raises InvalidState.
    """
    name, number, stage = request["name"], request["version"], request["expected_stage"]
    if stage == PRODUCTION:
        raise InvalidState(
            f"Version {number} of registered model {name!r:.120} is in Production. Move it to another stage before you "
            "delete it."
        )
    (row,) = version_rows(source, [source.get_model_version(name, number)])
    source.delete_model_version(name, number, reason=request["reason"], expected_stage=stage)
    return {"version": row}


@view("set_alias", writes=True)
def set_alias(source: Source, request: SetAliasRequest) -> VersionReply:
    """Assign an alias to a version, or delete it, if it is where the screen showed it. Return the version."""
    name, alias, number, seen = request["name"], request["alias"], request["version"], request["expected_version"]
    expected = [] if seen is None else [seen]
    if number is not None:
        source.set_registered_model_alias(name, alias, number, expected_version=expected)
    elif seen is None:
        raise InvalidParameter("The version whose alias is deleted must be given.")
    else:
        source.delete_registered_model_alias(name, alias, expected_version=expected)
        number = seen
    return _reply(source, name, number)


@view("set_version_tag", writes=True)
def set_version_tag(source: Source, request: SetVersionTagRequest) -> VersionReply:
    """Set or delete a tag of a version, if it has the value that the screen showed. Return the version."""
    name, number, key, value = request["name"], request["version"], request["key"], request["value"]
    seen = request["expected_value"]
    expected = [] if seen is None else [seen]
    if value is None:
        source.delete_model_version_tag(name, number, key, expected_value=expected)
    else:
        source.set_model_version_tag(name, number, key, value, expected_value=expected)
    return _reply(source, name, number)


def _reply(source: Source, name: str, number: int) -> VersionReply:
    return {"version": version_rows(source, [source.get_model_version(name, number)])[0]}
