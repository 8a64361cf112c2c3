"""From a project's URI to its running command: everything is checked before anything starts."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from .. import capture, config
from ..client import Client
from ..entities import Run, RunStatus
from ..errors import InvalidParameter
from ..fluent.experiments import chosen_experiment_id, experiment_named
from ..runs import ancestors, stack
from ..store.protocol import DEFAULT_ID
from ..tags import (
    ENVIRONMENT_DIGEST,
    GIT_BRANCH,
    GIT_COMMIT,
    GIT_DIRTY,
    GIT_REPO_URL,
    KILLED,
    PARENT,
    PROJECT_BACKEND,
    PROJECT_COMMAND,
    PROJECT_ENTRY_POINT,
    PROJECT_ENV,
    SOURCE_NAME,
    SOURCE_TYPE,
    USER,
)
from .environments import Environment, environment_for
from .mlproject import read_project
from .notebooks import check_notebook, notebook_command
from .output import OutputFile, Screen, show
from .parameters import Resolved, resolve
from .process import Command, later_interrupts
from .project import EntryPoint, EnvironmentSpec, Project
from .sources import Source, fetched
from .submitted import ARTIFACTS, OUTPUT, SubmittedRun, missing_module, on_one_line, running_with

PROJECT = "PROJECT"
LOCAL = "local"
PATCH = "changes.patch"
PACKAGES_FILE = "packages.txt"
_WITH_THE_SPEC = ("requirements.txt", "uv.lock")
"""Files that belong to the file of an environment if they are beside it."""

_CREDENTIALS = re.compile(rb"(\bhttps?://)(?![^\s/@]*\$\{)[^\s/@'\"]+@")
"""User names, passwords and tokens in an address. The values of variables, `${TOKEN}`, are not in the file."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to run, as the arguments of `nbtrack.projects.run`."""

    uri: str
    entry_point: str = "main"
    version: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    experiment_name: str | None = None
    experiment_id: str | None = None
    run_id: str | None = None
    run_name: str | None = None
    env_manager: str | None = None
    storage_dir: str | os.PathLike[str] | None = None
    docker_args: Mapping[str, Any] | None = None
    rebuild: bool = False


@dataclass(frozen=True, slots=True)
class Display:
    """Where the run of a project is shown.

    Attributes:
        stream: Gets the output of the command.
        limit: The most bytes of output to show, or None.
        progress: Gets the messages of nbtrack.
        created: Called with the client and the run before the command starts.
    """

    stream: TextIO = field(default_factory=lambda: sys.stdout)
    limit: int | None = None
    progress: Callable[[str], None] = show
    created: Callable[[Client, Run], None] = lambda client, run: None


@dataclass(frozen=True, slots=True)
class Plan:
    """A project that was fetched and checked, and that can be started."""

    source: Source
    project: Project
    entry_point: EntryPoint
    resolved: Resolved
    environment: Environment

    @property
    def command(self) -> str:
        """The command line, or the name of the notebook."""
        return self.resolved.command or f"notebook {self.entry_point.notebook}"


@contextmanager
def planned(request: Request) -> Iterator[Plan]:
    """Fetch a project, and find its entry point, the values of its parameters and its environment.

    The fetched copy exists as long as the block runs. No environment is created, and nothing is run.

    Raises:
        NotFound: If the project, its version or its entry point does not exist.
        InvalidParameter: If its files or the parameters are not valid. The message lists all problems.
    """
    if not isinstance(request.parameters, Mapping):
        raise InvalidParameter(f"parameters must be a dict, not {type(request.parameters).__name__}.")
    for name in ("entry_point", "run_name", "experiment_name"):
        value = getattr(request, name)
        if not isinstance(value, str) and (value is not None or name == "entry_point"):
            raise InvalidParameter(f"{name} must be a string, not {type(value).__name__}.")
    if request.experiment_name is not None and request.experiment_id is not None:
        raise InvalidParameter("Pass either experiment_name or experiment_id, not both.")
    with fetched(request.uri, request.version) as source:
        project = read_project(source.folder)
        entry_point = project.entry_point(request.entry_point)
        resolved = resolve(entry_point, request.parameters)
        environment = environment_for(
            entry_point.environment, source.folder, request.env_manager, docker_args=request.docker_args
        )
        yield Plan(source, project, entry_point, resolved, environment)


def launch(request: Request, display: Display) -> SubmittedRun:
    """Start the command of a project and return its run, without waiting for its end.

    The environment is created before the run, so that the run's time is that of the command.

    Raises:
        NotFound: If the project, its version, its entry point or the experiment does not exist.
        InvalidParameter: If its files or the parameters are not valid.
        ExecutionException: If the environment cannot be created, or the command cannot be started.
    """
    with ExitStack() as resources:
        plan = resources.enter_context(planned(request))
        scratch = Path(
            resources.enter_context(tempfile.TemporaryDirectory(prefix="nbtrack-", ignore_cleanup_errors=True))
        )
        client, parent = _client_and_parent()
        experiment_id = _experiment_id(client, request, parent)
        if request.run_id is not None:
            client.get_run(request.run_id)
        plan.environment.prepare(display.progress, request.rebuild)
        # Only now are remote files of the parameters downloaded.
        storage = _storage(request, resources)
        plan = replace(plan, resolved=resolve(plan.entry_point, request.parameters, storage))
        notebook = None if plan.entry_point.notebook is None else plan.source.folder / plan.entry_point.notebook
        if notebook is not None:
            check_notebook(notebook, plan.environment)
        run = _create_run(client, request, plan, experiment_id, parent)
        running: Command | None = None
        try:
            display.created(client, run)
            _log_files(client, run, plan)
            environment = _variables(client, run, is_notebook=notebook is not None)
            executed: tuple[Path, ...] = ()
            if notebook is None:
                arguments, environment = plan.environment.launch(plan.command, plan.source.folder, environment)
            else:
                executed = (scratch / notebook.name,)
                given = plan.resolved.arguments
                arguments, environment = notebook_command(notebook, given, plan.environment, executed[0], environment)
            output = OutputFile(scratch / OUTPUT)
            display.progress(f"Run {run.info.run_name!r} ({run.info.run_id}) started: {on_one_line(plan.command)}")
            screen = Screen(display.stream, display.limit)
            # From here on, an interrupt ends the command, and not only this function.
            with later_interrupts():
                running = Command(arguments, plan.source.folder, environment)
                return SubmittedRun(
                    client,
                    run,
                    running,
                    plan.command,
                    output,
                    screen,
                    artifacts=executed,
                    hint=lambda recent: _hint(recent, plan.environment),
                    progress=display.progress,
                    keep=plan.source.keep,
                    resources=resources.pop_all(),
                )
        except BaseException as error:
            # An interrupt can come between any two of these steps.
            _end_unfinished(client, run, running, error)
            raise


def _end_unfinished(client: Client, run: Run, running: Command | None, error: BaseException) -> None:
    """End a run whose launch was interrupted or has failed, and its command if it has been started."""
    reason = str(error) or "interrupted"
    followed = running_with(run.info.run_id)
    if followed is not None:
        followed.cancel(reason)
        return
    if running is not None:
        running.kill()
    if isinstance(error, Exception):
        client.set_terminated(run.info.run_id, RunStatus.FAILED)
    else:
        client.recorder(run.info.run_id).tags({KILLED: reason})
        client.set_terminated(run.info.run_id, RunStatus.KILLED)


def _storage(request: Request, resources: ExitStack) -> Path:
    """Return a new folder for downloads: a temporary one, or one that is kept below the folder that was asked for."""
    if request.storage_dir is None:
        temporary = tempfile.TemporaryDirectory(prefix="nbtrack-", ignore_cleanup_errors=True)
        return Path(resources.enter_context(temporary))
    folder = Path(request.storage_dir).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="nbtrack-", dir=folder))
    except OSError as error:
        raise InvalidParameter(f"storage_dir={str(folder)!r:.200} cannot be written: {error.strerror}.") from error


def _client_and_parent() -> tuple[Client, ancestors.Parent | None]:
    """Return the client of the store, and the run that the project's run is nested in.

    Unlike in MLflow, the parent can also be a run of the process that started this one, such as a project whose command
    is `nbtrack run`.
    """
    around = stack.current()
    if around is not None:
        client = Client()
        is_here = around.store == client.tracking_uri
        return client, ancestors.Parent(
            around.info.run_id, around.store, around.info.experiment_id
        ) if is_here else None
    above = ancestors.parent_run()
    return Client(above.store if above is not None and not config.is_tracking_uri_set() else None), above


def _experiment_id(client: Client, request: Request, parent: ancestors.Parent | None) -> str:
    if request.experiment_id is not None:
        return client.get_experiment(str(request.experiment_id)).experiment_id
    if request.experiment_name is not None:
        return experiment_named(client, request.experiment_name).experiment_id
    chosen = chosen_experiment_id(client, inherited=False)
    if chosen is None and parent is not None:
        chosen = parent.experiment_id or client.get_run(parent.run_id).info.experiment_id
    return chosen or chosen_experiment_id(client) or DEFAULT_ID


def _create_run(
    client: Client, request: Request, plan: Plan, experiment_id: str, parent: ancestors.Parent | None
) -> Run:
    """Create the run with its tags and params, or add them to the run that was asked for."""
    source, environment = plan.source, plan.environment
    known = {
        USER: capture.user(),
        SOURCE_NAME: source.uri,
        SOURCE_TYPE: PROJECT,
        GIT_COMMIT: source.commit,
        GIT_REPO_URL: source.repo_url,
        GIT_BRANCH: source.branch,
        GIT_DIRTY: None if source.commit is None else "true" if source.patch else "false",
        PROJECT_ENTRY_POINT: plan.entry_point.name,
        PROJECT_BACKEND: LOCAL,
        PROJECT_ENV: None if environment.manager == LOCAL else environment.manager,
        PROJECT_COMMAND: plan.command,
        ENVIRONMENT_DIGEST: environment.digest,
        PARENT: parent.run_id if parent is not None else None,
    }
    tags = {key: value for key, value in known.items() if value is not None}
    if request.run_id is None:
        run = client.create_run(experiment_id, tags=tags, run_name=request.run_name)
    else:
        run = client.resume_run(request.run_id)
        client.recorder(request.run_id).tags({key: value for key, value in tags.items() if key != PARENT})
        client.update_run(request.run_id, name=request.run_name)
    try:
        client.recorder(run.info.run_id).params(plan.resolved.values)
    except BaseException:
        client.set_terminated(run.info.run_id, RunStatus.FAILED)
        raise
    return run


def _log_files(client: Client, run: Run, plan: Plan) -> None:
    """Keep the files that describe the project and its environment, and what differs from its commit."""
    described = [plan.project.file, *_files_of(plan.entry_point.environment)]
    for file in dict.fromkeys(filter(None, described)):
        if not file.is_file() or file.is_symlink():
            continue
        content = file.read_bytes()
        shown = _CREDENTIALS.sub(rb"\1***@", content)
        if shown == content:
            client.log_artifact(run.info.run_id, file, ARTIFACTS)
        else:
            # For example the address of an index in a requirements.txt.
            client.log_text(run.info.run_id, shown.decode(errors="replace"), f"{ARTIFACTS}/{file.name}")
    packages = plan.environment.packages() if plan.environment.digest else None
    if packages:
        # Without a lock file, the same files can give other versions on another day.
        listed = "".join(f"{name}=={version}\n" for name, version in packages.items())
        client.log_text(run.info.run_id, listed, f"{ARTIFACTS}/{PACKAGES_FILE}")
    if plan.source.patch:
        client.log_text(run.info.run_id, plan.source.patch, f"{ARTIFACTS}/{PATCH}")


def _files_of(environment: EnvironmentSpec) -> list[Path]:
    if environment.file is None:
        return []
    return [environment.file, *(environment.file.parent / name for name in _WITH_THE_SPEC)]


def _variables(client: Client, run: Run, *, is_notebook: bool) -> dict[str, str]:
    """Return the environment variables by which the command finds the store, the experiment and its run.

    Variables that this process has from its own parent must not reach the command, so they are set to be empty.
    """
    parent = ancestors.Parent(run.info.run_id, client.tracking_uri, run.info.experiment_id)
    project = ancestors.ProjectRun(parent, os.getpid(), is_notebook)
    ours = {
        "TRACKING_URI": client.tracking_uri,
        "EXPERIMENT_ID": run.info.experiment_id,
        "EXPERIMENT_STORE": "",
        "RUN_ID": run.info.run_id,
        "PARENT_RUN_ID": "",
        ancestors.PROJECT_RUN: project.to_environment(),
    }
    variables = {f"NBTRACK_{name}": value for name, value in ours.items()}
    # Scripts for MLflow read the first two themselves.
    variables |= {f"MLFLOW_{name}": ours[name] for name in ("RUN_ID", "EXPERIMENT_ID", "PARENT_RUN_ID")}
    if not os.environ.get("PYTHONUNBUFFERED"):
        # Without a terminal, Python would keep the output back.
        variables["PYTHONUNBUFFERED"] = "1"
    return variables


def _hint(recent: str, environment: Environment) -> str | None:
    """Return a sentence that helps with a failure, from the last lines of the output."""
    missing = missing_module(recent)
    if missing is not None:
        if environment.manager == LOCAL:
            return (
                f"The module {missing!r:.80} is not installed in this Python. Install it, or leave env_manager out if "
                "the project declares an environment."
            )
        return (
            f"The module {missing!r:.80} is not in the project's environment. Add its package to the project's "
            "dependencies, or run the project in this Python, with env_manager='local' (--env-manager local)."
        )
    if re.search(r"^mlflow\.exceptions", recent, re.MULTILINE):
        return "The package mlflow cannot write to a store of nbtrack. Write `import nbtrack as mlflow` in the project."
    return None
