"""The public function that runs a project."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..errors import NotSupported
from .launching import LOCAL, Display, Request, launch
from .output import show
from .submitted import SubmittedRun


def run(
    uri: str,
    entry_point: str = "main",
    version: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    docker_args: Mapping[str, Any] | None = None,
    experiment_name: str | None = None,
    experiment_id: str | None = None,
    backend: str = LOCAL,
    backend_config: Any = None,
    storage_dir: str | os.PathLike[str] | None = None,
    synchronous: bool = True,
    run_id: str | None = None,
    run_name: str | None = None,
    env_manager: str | None = None,
    build_image: bool = False,
    docker_auth: Mapping[str, Any] | None = None,
    *,
    rebuild: bool = False,
) -> SubmittedRun:
    """Run an entry point of a project, and record the run.

    The source, the entry point, the parameters and the environment are checked before anything starts. The run gets the
    parameters as params, MLflow's tags of a project, and the command's output as the artifact `project/output.log`. Its
    status is that of the command: FINISHED for exit code 0, KILLED if the command was interrupted or killed, else
    FAILED. In the command, the first `start_run` resumes the run. If a run is active here, the new run is nested in it.

    Args:
        uri: A folder, a git repository or a zip file, with an optional `#subfolder`.
        entry_point: Name of an entry point, or a `.py`, `.sh` or `.ipynb` file of the project.
        version: Branch, tag or commit of a git repository. Defaults to the branch that the repository has checked out.
        parameters: Values by name. Those that the entry point does not declare are passed on as `--name value`.
        docker_args: Arguments of `docker run` by name. Defaults to none.
        experiment_name: Experiment of the run, which is created if it does not exist. Defaults to the active one.
        experiment_id: ID of the experiment, instead of `experiment_name`.
        backend: "local", the only backend of nbtrack.
        backend_config: Not supported, because only other backends of MLflow have one.
        storage_dir: Folder below which remote files of `path` parameters are downloaded. Defaults to a temporary one.
        synchronous: Whether to wait for the end of the command. If False, a thread of this process follows it.
        run_id: Run to use instead of a new one.
        run_name: Name of the run. Defaults to a generated name such as "keen-otter-417".
        env_manager: "uv", "virtualenv", "conda", "docker", or "local" for the programs that this process finds. By
            default, the project's files decide.
        build_image: Not supported: the image of a docker environment is used as it is.
        docker_auth: Not supported: docker uses the registries that `docker login` has set up.
        rebuild: Whether to create the environment again.

    Returns:
        The run, with `wait`, `cancel`, `get_status`, `run_id` and `exit_code`.

    Raises:
        ExecutionException: If the command fails and `synchronous` is True, or if it cannot be started.
        NotFound: If the project, its version, its entry point or the experiment does not exist.
        InvalidParameter: If the project's files or the arguments are not valid. Everything wrong with the parameters is
            listed at once.
        NotSupported: If another backend is asked for.

    Example:
        >>> submitted = run("examples/wine", parameters={"alpha": 0.5})  # doctest: +SKIP
        >>> submitted.get_status()  # doctest: +SKIP
        'FINISHED'
    """
    for name, value, default in (
        ("backend", backend, LOCAL),
        ("backend_config", backend_config or None, None),
        ("docker_auth", docker_auth or None, None),
        ("build_image", bool(build_image), False),
    ):
        if value != default:
            raise NotSupported(f"{name}={value!r:.80} is not supported. Projects of nbtrack run on this machine only.")
    request = Request(
        uri=uri,
        entry_point=entry_point,
        version=version,
        parameters=parameters or {},
        experiment_name=experiment_name,
        experiment_id=experiment_id,
        run_id=run_id,
        run_name=run_name,
        env_manager=env_manager,
        storage_dir=storage_dir,
        docker_args=docker_args,
        rebuild=rebuild,
    )
    submitted = launch(request, Display())
    if synchronous:
        finish(submitted)
        show(submitted.summary)
    return submitted


def finish(submitted: SubmittedRun) -> None:
    """Wait for the end of a run. Raises ExecutionException if it failed. An interrupt cancels it."""
    try:
        submitted.raise_failure()
    except KeyboardInterrupt as interrupt:
        submitted.cancel(str(interrupt) or "interrupted")
        raise
