"""Environments of projects: which manager is used, what decides the digest, and environments that uv and pip create.

The packages are written by the tests, so no network is needed. conda and docker are not installed where the tests run:
programs of the same names record the command lines that they get.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbtrack.errors import ExecutionException, InvalidParameter, InvalidState, NbtrackError, NotFound, NotSupported
from nbtrack.projects.environments import Environment, environment_for
from nbtrack.projects.environments.requirements import PythonRequest, requirements_of_conda
from nbtrack.projects.environments.uv import uv_program
from nbtrack.projects.project import EnvironmentSpec

from .packages import write_package, write_wheel

pytestmark = pytest.mark.slow

REQUIREMENTS = "--no-index\n--find-links ./wheels\ntinydep\n"
SCRIPT = """\
# /// script
# requires-python = ">=3.11"
# dependencies = ["tinydep"]
#
# [tool.uv]
# find-links = ["wheels"]
# no-index = true
# ///
import tinydep
print(tinydep.VERSION)
"""
PREPARE = """
import sys
from pathlib import Path
from nbtrack.projects.environments import environment_for
from nbtrack.projects.project import EnvironmentSpec
folder = Path(sys.argv[1])
environment = environment_for(EnvironmentSpec("uv_project", folder / "pyproject.toml"), folder, None)
environment.prepare(lambda line: print(line, flush=True))
print("prefix", environment.prefix, flush=True)
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def offline(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environments of this module are shared by its tests, apart from the user's, and created without a network."""
    monkeypatch.setenv("NBTRACK_CACHE_DIR", str(cache))
    monkeypatch.setenv("UV_CACHE_DIR", str(cache / "uv"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    for variable in ("UV_CONSTRAINT", "UV_FIND_LINKS", "UV_INDEX", "PIP_FIND_LINKS", "PIP_CONSTRAINT"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder, with a space in its name, with a list of requirements and the wheel that it names."""
    folder = tmp_path / "my project"
    write_wheel(folder / "wheels", "tinydep")
    (folder / "requirements.txt").write_text(REQUIREMENTS, encoding="utf-8")
    (folder / "python_env.yaml").write_text("dependencies: [-r requirements.txt]\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that is a package, with a dependency and a uv.lock."""
    folder = tmp_path_factory.mktemp("original")
    write_package(folder, "demo", '["tinydep"]')
    write_wheel(folder / "wheels", "tinydep")
    lock(folder)
    return folder


@pytest.fixture
def locked(original: Path, tmp_path: Path) -> Path:
    """A copy of the project with a uv.lock."""
    return shutil.copytree(original, tmp_path / "locked")


def lock(folder: Path, *arguments: str) -> None:
    command = [uv_program(), "lock", "--quiet", "--offline", f"--python={sys.executable}", *arguments]
    subprocess.run(command, cwd=folder, check=True)


def environment_of(folder: Path, file: str = "python_env.yaml", manager: str | None = None) -> Environment:
    kinds = {"pyproject.toml": "uv_project", "train.py": "script", "conda.yaml": "conda_env"}
    return environment_for(EnvironmentSpec(kinds.get(file, "python_env"), folder / file), folder, manager)  # type: ignore[arg-type]


def prepared(environment: Environment, rebuild: bool = False) -> list[str]:
    lines: list[str] = []
    environment.prepare(lines.append, rebuild)
    return lines


def output(environment: Environment, command: str | list[str], folder: Path, env: dict[str, str] | None = None) -> str:
    arguments, variables = environment.launch(command, folder, env or {})
    done = subprocess.run(arguments, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def prefix_of(environment: Environment) -> Path:
    prefix = environment.prefix  # type: ignore[attr-defined]
    assert isinstance(prefix, Path)
    return prefix


def folders_of(environment: Environment, cache: Path) -> list[Path]:
    home = cache / "environments" / str(environment.digest)[:40]
    return [path for path in home.iterdir() if path.is_dir()] if home.exists() else []


# ---------------------------------------------------------------- which manager


@pytest.mark.parametrize(
    ("kind", "file", "default", "others"),
    [
        ("none", None, "local", {"uv", "virtualenv"}),
        ("python_env", "python_env.yaml", "uv", {"virtualenv", "local"}),
        ("python_env", "requirements.txt", "uv", {"virtualenv", "local"}),
        ("conda_env", "conda.yaml", "uv", {"conda", "virtualenv", "local"}),
        ("uv_project", "pyproject.toml", "uv", {"local"}),
        ("script", "train.py", "uv", {"virtualenv", "local"}),
        ("docker_env", None, "docker", {"local"}),
    ],
)
def test_the_manager_is_the_one_that_is_asked_for_or_else_the_first_that_fits(
    kind: Any, file: str | None, default: str, others: set[str], locked: Path, fake: Callable[[str], Path]
) -> None:
    (locked / "python_env.yaml").touch()
    (locked / "requirements.txt").touch()
    (locked / "conda.yaml").write_text("dependencies: [python=3.11, {pip: [tinydep]}]", encoding="utf-8")
    (locked / "train.py").write_text(SCRIPT, encoding="utf-8")
    fake("conda")
    spec = EnvironmentSpec(kind, locked / file if file else None, {"image": "python:3.12"})
    assert environment_for(spec, locked, None).manager == default
    for manager in ("uv", "virtualenv", "conda", "local", "docker"):
        if manager in {default, *others}:
            assert environment_for(spec, locked, manager).manager == manager
        else:
            with pytest.raises(
                InvalidParameter, match=rf"env_manager='{manager}' cannot be used here: .*\. Use one of"
            ):
                environment_for(spec, locked, manager)


def test_an_unknown_manager_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="must be one of uv, virtualenv, conda, local, docker, not 'pipenv'"):
        environment_for(EnvironmentSpec("none"), tmp_path, "pipenv")


def test_a_missing_uv_is_said_with_what_to_do(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotSupported, match=r"uv is not installed.*nbtrack\[projects\]"):
        environment_of(project)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("python_env.yaml", "- tinydep", "must contain keys with values"),
        ("python_env.yaml", "dependencies: tinydep", "dependencies in python_env.yaml must be a list of strings"),
        ("python_env.yaml", "dependencies: [1]", "must be a list of strings"),
        ("python_env.yaml", "build_dependencies: [{pip: 1}]", "build_dependencies in python_env.yaml"),
        ("python_env.yaml", "python: 3.10", 'must be a string such as "3.11", not 3.1'),
        ("python_env.yaml", "python: --help", "must be a version"),
        ("python_env.yaml", "pythn: '3.11'", "unknown keys: pythn"),
        ("python_env.yaml", "dependencies: [", "cannot be read as YAML"),
        ("python_env.yaml", 'dependencies: ["a\\0b"]', "NUL"),
        ("python_env.yaml", "!!python/object/apply:os.system ['touch pwned']", "cannot be read as YAML"),
        ("python_env.yaml", "dependencies: [-r nothing.txt]", "includes the file 'nothing.txt', which does not exist"),
        ("conda.yaml", "dependencies: [{npm: [left-pad]}]", "a dependency that is not valid"),
        ("conda.yaml", "dependencies: python", "must be a list"),
        ("conda.yaml", "dependencies: [python=3.9|3.10]", "must be a version"),
        ("train.py", "print()", "must have one block of inline metadata"),
        ("train.py", "# /// script\n# dependencies = [\n# ///\n", "is not valid TOML"),
        ("train.py", '# /// script\n# dependencies = "tinydep"\n# ///\n', "must be a list of strings"),
        ("pyproject.toml", "[project]", "uv.lock does not exist beside pyproject.toml"),
    ],
)
def test_files_of_a_wrong_form_are_refused_before_anything_starts(
    file: str, content: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / file).write_text(content, encoding="utf-8")
    with pytest.raises((InvalidParameter, NotFound), match=message):
        environment_of(tmp_path, file)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("dependency", "python", "build"),
    [
        ("python=3.10", "3.10", ()),
        ("python==3.10.4", "3.10.4", ()),
        ("python=3.10.*", "3.10", ()),
        ("python 3.10", "3.10", ()),
        ("python >=3.9, <3.13", ">=3.9,<3.13", ()),
        ("conda-forge::python=3.10=h4499717_0_cpython", "3.10", ()),
        ("python", None, ()),
        ("pip", None, ("pip",)),
        ("pip<=23.2.1", None, ("pip<=23.2.1",)),
        ("pip=23", None, ("pip==23.*",)),
        ("setuptools 65.*", None, ("setuptools==65.*",)),
        ("wheel==0.40", None, ("wheel==0.40",)),
    ],
)
def test_versions_of_conda_are_read_as_conda_reads_them(
    dependency: str, python: str | None, build: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "conda.yaml").write_text(json.dumps({"dependencies": [dependency]}))
    requirements, others = requirements_of_conda(tmp_path / "conda.yaml")
    assert (requirements.python.version, requirements.build, others) == (python, build, [])


@pytest.mark.parametrize(
    ("version", "matching", "others"),
    [
        ("3.11", ["3.11.0", "3.11.9", "3.11.0rc1"], ["3.1.1", "3.12.0"]),
        ("3", ["3.8.1", "3.12.0"], ["2.7.18"]),
        ("3.11.7", ["3.11.7"], ["3.11.70", "3.11.8"]),
        ("3.14rc1", ["3.14rc1"], ["3.14.0"]),
        (">=3.10,<3.13", ["3.10.0", "3.12.9"], ["3.9.9", "3.13.0"]),
    ],
)
def test_a_version_of_python_means_all_its_patch_releases(version: str, matching: list[str], others: list[str]) -> None:
    request = PythonRequest(version)
    assert [each for each in (*matching, *others) if request.matches(each)] == matching


def test_a_list_that_yaml_repeats_a_billion_times_is_refused_at_once(tmp_path: Path) -> None:
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    (tmp_path / "python_env.yaml").write_text(f"a0: &a0 [x]\n{levels}dependencies: *a9\n")
    with pytest.raises(InvalidParameter, match="unknown keys"):
        environment_of(tmp_path)
    (tmp_path / "conda.yaml").write_text(f"a0: &a0 [x]\n{levels}dependencies: *a9\n")
    with pytest.raises(InvalidParameter, match="not valid"):
        environment_of(tmp_path, "conda.yaml")


# ---------------------------------------------------------------- the digest


def test_every_file_that_decides_the_content_is_part_of_the_digest(project: Path, tmp_path: Path) -> None:
    write_package(project / "lib", "extra")
    (project / "python_env.yaml").write_text(
        "python: '3.11'\nbuild_dependencies: [tinydep]\ndependencies: [-r requirements.txt, ./lib]\n", encoding="utf-8"
    )
    (project / "requirements.txt").write_text(REQUIREMENTS + "-c sub/constraints.txt\n--requirement=sub/more.txt\n")
    (project / "sub").mkdir()
    (project / "sub/constraints.txt").write_text("tinydep<2\n")
    (project / "sub/more.txt").write_text(
        "tinydep>=1 \\\n  ; python_version > '3'\n./wheels/tinydep-1.0-py3-none-any.whl\n"
    )
    first = environment_of(project).digest
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    (copy / "data.csv").write_text("1,2\n")
    (copy / "lib/__pycache__").mkdir()
    (copy / "lib/__pycache__/extra.pyc").touch()
    assert environment_of(copy).digest == first
    changes = {
        "requirements.txt": "\n",
        "sub/constraints.txt": "\n",
        "sub/more.txt": "\n",
        "lib/extra.py": "VALUE = 2\n",
        "wheels/tinydep-1.0-py3-none-any.whl": "changed",
        "uv.toml": "no-index = true\n",
    }
    digests = {first, environment_of(copy, manager="virtualenv").digest}
    for number, (file, text) in enumerate(changes.items()):
        changed = tmp_path / f"changed {number}"
        shutil.copytree(project, changed)
        with (changed / file).open("a") as opened:
            opened.write(text)
        digests.add(environment_of(changed).digest)
    declared = (copy / "python_env.yaml").read_text()
    for text in (
        declared.replace("3.11", "3.12"),
        declared.replace("[tinydep]", "[]"),
        declared.replace(", ./lib", ""),
    ):
        (copy / "python_env.yaml").write_text(text)
        digests.add(environment_of(copy).digest)
    assert len(digests) == len(changes) + 5


def test_files_that_git_ignores_decide_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)

    def git(folder: Path, *arguments: str) -> None:
        identity = ["-c", "user.name=me", "-c", "user.email=me@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)

    folder = tmp_path / "project"
    write_package(folder, "demo")
    (folder / "requirements.txt").write_text(".\n")
    (folder / ".gitignore").write_text("results/\n")
    git(folder, "init")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "all")
    digest = environment_of(folder, "requirements.txt").digest
    (folder / "results").mkdir()
    (folder / "results/metrics.json").write_text("{}")
    assert environment_of(folder, "requirements.txt").digest == digest
    copy = tmp_path / "copy"
    git(tmp_path, "clone", str(folder), str(copy))
    shutil.rmtree(copy / ".git")
    assert environment_of(copy, "requirements.txt").digest == digest
    (folder / "new.py").touch()
    assert environment_of(folder, "requirements.txt").digest != digest
    # A repository around the project that ignores all of it changes nothing.
    git(copy.parent, "init")
    (copy.parent / ".gitignore").write_text("*\n")
    assert environment_of(copy, "requirements.txt").digest == digest
    (copy / "demo.py").unlink()
    assert environment_of(copy, "requirements.txt").digest != digest


def test_an_editable_package_ties_an_environment_to_its_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_package(tmp_path / name, "demo")
        (tmp_path / name / "requirements.txt").write_text("-e .\n")
    first = environment_of(tmp_path / "a", "requirements.txt").digest
    assert environment_of(tmp_path / "b", "requirements.txt").digest != first
    (tmp_path / "a/demo.py").write_text("VALUE = 2\n")
    assert environment_of(tmp_path / "a", "requirements.txt").digest == first


def test_constraints_of_the_user_are_part_of_the_digest(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    constraints = tmp_path / "constraints.txt"
    for manager, variable in (("uv", "UV_CONSTRAINT"), ("virtualenv", "PIP_CONSTRAINT")):
        digests = {environment_of(project, manager=manager).digest}
        monkeypatch.setenv(variable, str(constraints))
        for text in ("tinydep<2\n", "tinydep<3\n"):
            constraints.write_text(text)
            digests.add(environment_of(project, manager=manager).digest)
        assert len(digests) == 3
    digest = environment_of(project).digest
    monkeypatch.setenv("UV_INDEX_URL", "https://mirror")
    assert environment_of(project).digest == digest


def test_files_that_include_each_other_are_read_once_or_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-r level0.txt\n-r ./level0.txt\n")
    for level in range(15):
        (tmp_path / f"level{level}.txt").write_text(f"-r level{level + 1}.txt\n" * 10)
    (tmp_path / "level15.txt").touch()
    environment_of(tmp_path, "requirements.txt")
    (tmp_path / "level15.txt").write_text("-r level3.txt\n")
    with pytest.raises(InvalidParameter, match=r"includes the file 'level3\.txt' in itself"):
        environment_of(tmp_path, "requirements.txt")


def test_named_pipes_and_devices_are_not_opened(tmp_path: Path) -> None:
    write_package(tmp_path / "lib", "demo")
    os.mkfifo(tmp_path / "lib/pipe")
    (tmp_path / "requirements.txt").write_text("./lib\n")
    environment_of(tmp_path, "requirements.txt")
    (tmp_path / "requirements.txt").write_text("-r /dev/zero\n")
    with pytest.raises(NotFound, match="'/dev/zero', which does not exist"):
        environment_of(tmp_path, "requirements.txt")


# ---------------------------------------------------------------- uv


def test_uv_creates_an_environment_once_for_all_copies_of_a_project(project: Path, tmp_path: Path, cache: Path) -> None:
    environment = environment_of(project)
    assert environment.describe().endswith(
        "from python_env.yaml, Python " + sys.version.split()[0] + " (will be created)"
    )
    with pytest.raises(InvalidState, match="was not prepared"):
        environment.launch("true", project, {})
    lines = prepared(environment)
    assert lines[0].startswith("Creating uv environment")
    assert any("tinydep==1.0" in line for line in lines)
    assert lines[-1].startswith("Created the environment in ")
    command = "python -c 'import sys, tinydep; print(tinydep.VERSION, sys.prefix)'"
    assert output(environment, command, project) == f"1.0 {prefix_of(environment)}"
    assert output(environment, ["python", "-c", "print('$HOME')"], project) == "$HOME"
    assert environment.packages() == {"tinydep": "1.0"}

    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    again = environment_of(copy)
    assert again.describe().endswith("(exists)")
    assert again.packages() == {"tinydep": "1.0"}
    assert [line.partition(" environment")[0] for line in prepared(again)] == ["Using uv"]
    assert prefix_of(again) == prefix_of(environment)

    # A run may still use the environment that a rebuild replaces.
    assert prepared(again, rebuild=True)[0].startswith("Creating")
    assert set(folders_of(again, cache)) == {prefix_of(environment), prefix_of(again)}
    assert prefix_of(again) != prefix_of(environment)
    kept = prefix_of(again)
    prepared(again, rebuild=True)
    assert set(folders_of(again, cache)) == {kept, prefix_of(again)}

    # The Python that an environment was created from can be uninstalled.
    python = prefix_of(again) / "bin/python"
    python.unlink()
    python.symlink_to(tmp_path / "uninstalled")
    fresh = environment_of(copy)
    assert prepared(fresh)[0].startswith("Creating")
    assert prefix_of(fresh) != prefix_of(again)


def test_a_failed_installation_shows_the_output_and_leaves_nothing(project: Path, cache: Path) -> None:
    (project / "requirements.txt").write_text(REQUIREMENTS + "does-not-exist==1\n")
    environment = environment_of(project)
    with pytest.raises(
        ExecutionException, match=r"(?s)could not be created\. `.*uv pip install .*does-not-exist"
    ) as caught:
        prepared(environment)
    assert caught.value.exit_code is None
    assert folders_of(environment, cache) == []
    assert environment.describe().endswith("(will be created)")


def test_an_environment_without_packages_has_only_python(tmp_path: Path) -> None:
    environment = environment_for(EnvironmentSpec("none"), tmp_path, "uv")
    prepared(environment)
    assert environment.packages() == {}
    assert output(environment, "python -c 'import sys; print(sys.prefix)'", tmp_path) == str(prefix_of(environment))


def test_a_lock_is_honored_and_the_project_itself_installed(locked: Path, tmp_path: Path, cache: Path) -> None:
    write_wheel(locked / "wheels", "tinydep", "2.0")
    environment = environment_of(locked, "pyproject.toml")
    prepared(environment)
    assert environment.packages() == {"demo": "1.0", "tinydep": "1.0"}
    assert not (locked / ".venv").exists()
    # What is installed does not depend on the folder, which may be a temporary copy.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = "python -c 'import demo, tinydep; print(demo.VALUE, tinydep.VERSION)'"
    assert output(environment, command, elsewhere) == "1 1.0"

    (locked / "demo.py").write_text("VALUE = 2\n")
    changed = environment_of(locked, "pyproject.toml")
    assert changed.digest != environment.digest
    prepared(changed)
    assert output(changed, command, elsewhere) == "2 1.0"

    (locked / "pyproject.toml").write_text((locked / "pyproject.toml").read_text().replace('"tinydep"', '"tinydep>=2"'))
    outdated = environment_of(locked, "pyproject.toml")
    with pytest.raises(ExecutionException, match=r"uv\.lock is out of date: .* `uv lock`"):
        prepared(outdated)
    assert folders_of(outdated, cache) == []


def test_the_python_of_a_lock_is_pinned_or_else_this_one_if_it_fits(
    locked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    this = sys.version.split()[0]
    assert f"Python {this}" in environment_of(locked, "pyproject.toml").describe()
    (locked / ".python-version").write_text("3.99\n")
    pinned = environment_of(locked, "pyproject.toml")
    assert "Python 3.99 (.python-version)" in pinned.describe()
    with pytest.raises(ExecutionException, match=r"3\.99"):
        prepared(pinned)


@pytest.mark.parametrize("is_locked", [False, True])
def test_a_script_gets_the_packages_of_its_inline_metadata(is_locked: bool, project: Path, cache: Path) -> None:
    (project / "train.py").write_text(SCRIPT)
    if is_locked:
        lock(project, "--script", "train.py")
        write_wheel(project / "wheels", "tinydep", "2.0")
    environment = environment_of(project, "train.py")
    prepared(environment)
    assert output(environment, "python train.py", project) == "1.0"
    # The code of the script decides nothing.
    (project / "train.py").write_text(SCRIPT + "print(2)\n")
    assert environment_of(project, "train.py").digest == environment.digest
    if is_locked:
        (project / "train.py").write_text(SCRIPT.replace('tinydep"', 'tinydep>=2"'))
        with pytest.raises(ExecutionException, match=r"train\.py\.lock is out of date: .*`uv lock --script train\.py`"):
            prepared(environment_of(project, "train.py"))
        with pytest.raises(InvalidParameter, match=r"cannot install from train\.py\.lock"):
            environment_of(project, "train.py", "virtualenv")


@pytest.mark.parametrize("declared", ["python_env.yaml", "requirements.txt", "train.py", "setup.py"])
def test_local_packages_are_built_from_the_files_that_they_have_now(declared: str, tmp_path: Path) -> None:
    write_package(tmp_path / "lib", "demo")
    (tmp_path / "python_env.yaml").write_text("dependencies: [./lib]\n")
    (tmp_path / "requirements.txt").write_text("demo @ ./lib\n" if declared == "requirements.txt" else "./lib\n")
    (tmp_path / "train.py").write_text(
        '# /// script\n# dependencies = ["demo"]\n# [tool.uv.sources]\n# demo = {path = "lib"}\n# ///\n'
    )
    if declared == "setup.py":
        # The name of the package is known only to its build backend.
        table = (tmp_path / "lib/pyproject.toml").read_text()
        (tmp_path / "lib/pyproject.toml").write_text(table[table.index("[build-system]") : table.index("[tool.uv]")])
        declared = "requirements.txt"
    for value in (1, 2):
        (tmp_path / "lib/demo.py").write_text(f"VALUE = {value}\n")
        environment = environment_of(tmp_path, declared)
        prepared(environment)
        assert output(environment, ["python", "-c", "import demo; print(demo.VALUE)"], tmp_path) == str(value)
    assert not (tmp_path / "train.py.lock").exists()


def test_uv_honors_a_conda_yaml_that_names_only_packages_of_pip(project: Path) -> None:
    version = ".".join(map(str, sys.version_info[:2]))
    (project / "conda.yaml").write_text(
        f"name: x\nchannels: [conda-forge]\ndependencies: [python={version}, {{pip: [-r requirements.txt]}}]\n"
    )
    environment = environment_of(project, "conda.yaml")
    assert environment.manager == "uv"
    prepared(environment)
    assert environment.packages() == {"tinydep": "1.0"}


def test_virtualenv_installs_with_pip(project: Path) -> None:
    (project / "requirements.txt").write_text(REQUIREMENTS + "--no-deps\n".replace("--no-deps\n", ""))
    environment = environment_of(project, manager="virtualenv")
    lines = prepared(environment)
    assert any("Successfully installed tinydep-1.0" in line for line in lines)
    assert output(environment, "python -c 'import tinydep; print(tinydep.VERSION)'", project) == "1.0"
    assert (environment.packages() or {}).keys() >= {"pip", "tinydep"}
    assert prepared(environment_of(project, manager="virtualenv"))[0].startswith("Using virtualenv")


def test_virtualenv_says_if_the_python_is_not_installed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("PYENV_ROOT", str(project))
    (project / "python_env.yaml").write_text("python: '3.99'\n")
    with pytest.raises(NotFound, match=r"Python 3\.99 was not found in PATH .* env_manager='uv'"):
        prepared(environment_of(project, manager="virtualenv"))


# ---------------------------------------------------------------- several processes


def start_preparing(folder: Path, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PREPARE, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **variables},
        start_new_session=True,
    )


def wait_for(file: Path, process: subprocess.Popen[str]) -> str:
    while not (file.exists() and file.read_text()):
        assert process.poll() is None, process.stdout and process.stdout.read()
        time.sleep(0.02)
    return file.read_text()


@pytest.mark.parametrize("first_fails", [False, True])
def test_two_processes_create_one_environment(first_fails: bool, locked: Path, cache: Path, tmp_path: Path) -> None:
    (locked / "demo.py").write_text(f"VALUE = 'two processes, {first_fails}'\n")
    block = tmp_path / "block"
    block.touch()
    first = start_preparing(locked, TEST_BLOCK=str(block))
    backend = int(wait_for(tmp_path / "block.pid", first))
    second = start_preparing(locked)
    assert second.stdout is not None
    assert first.stdout is not None
    assert second.stdout.readline().startswith("Waiting for another process")
    if first_fails:
        # Then the second one has to create the environment.
        os.kill(backend, signal.SIGKILL)
    else:
        block.unlink()
    lines, others = second.stdout.read().splitlines(), first.stdout.read().splitlines()
    assert (first.wait(), second.wait()) == (int(first_fails), 0)
    if first_fails:
        assert any("could not be created" in line for line in others)
        assert lines[0].startswith("Creating")
    else:
        assert lines == [others[-1]]
    assert len(folders_of(environment_of(locked, "pyproject.toml"), cache)) == 1


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL])
def test_a_preparation_that_is_ended_leaves_nothing_that_is_used(
    signal_number: signal.Signals, locked: Path, cache: Path, tmp_path: Path
) -> None:
    (locked / "demo.py").write_text(f"VALUE = {signal_number.name!r}\n")
    block = tmp_path / "block"
    block.touch()
    process = start_preparing(locked, TEST_BLOCK=str(block))
    backend = psutil.Process(int(wait_for(tmp_path / "block.pid", process)))
    uv = backend.parent()
    process.send_signal(signal_number)
    process.wait()
    environment = environment_of(locked, "pyproject.toml")
    if signal_number == signal.SIGINT:
        backend.wait(timeout=30)
        assert folders_of(environment, cache) == []
    else:
        assert len(folders_of(environment, cache)) == 1
        assert environment.describe().endswith("(will be created)")
        assert uv is not None
        uv.kill()
        backend.kill()
    block.unlink()
    lines = prepared(environment)
    assert lines[0].startswith("Creating")
    assert folders_of(environment, cache) == [prefix_of(environment)]
    assert output(environment, "python -c 'import demo; print(demo.VALUE)'", tmp_path) == signal_number.name


# ---------------------------------------------------------------- environment variables


def test_variables_of_the_environment_of_this_process_are_not_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = {
        "PYTHONPATH": "/here",
        "PYTHONHOME": "/here",
        "VIRTUAL_ENV": "/active",
        "CONDA_PREFIX": "/conda",
        "CONDA_PREFIX_1": "/conda",
        "CONDA_DEFAULT_ENV": "base",
        "UV_PROJECT_ENVIRONMENT": "/here",
        "UV_PYTHON": "3.9",
        "PIP_TARGET": "/here",
    }
    kept = {
        "PYTHONUNBUFFERED": "1",
        "PIP_INDEX_URL": "https://index",
        "UV_INDEX": "https://index",
        "CONDA_PKGS_DIRS": "/p",
    }
    environment = environment_for(EnvironmentSpec("none"), tmp_path, "uv")
    prepared(environment)
    for name, value in {**ours, **kept, "NBTRACK_RUN_ID": "outer"}.items():
        monkeypatch.setenv(name, value)
    path = ["/active/bin", "/usr/bin", str(Path(sys.prefix) / "bin"), "/conda/bin"]
    monkeypatch.setenv("PATH", os.pathsep.join(path))
    monkeypatch.setattr(sys, "base_prefix", "/elsewhere")
    _, variables = environment.launch("true", tmp_path, {"NBTRACK_RUN_ID": "run"})
    prefix = prefix_of(environment)
    assert {name: variables.get(name) for name in ours} == {**dict.fromkeys(ours), "VIRTUAL_ENV": str(prefix)}
    assert variables.items() >= {**kept, "NBTRACK_RUN_ID": "run"}.items()
    assert variables["PATH"].split(os.pathsep) == [str(prefix / "bin"), "/usr/bin"]


def test_local_is_the_python_of_this_process_with_all_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", "") + os.pathsep + "/mine")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    environment = environment_for(EnvironmentSpec("python_env", tmp_path / "missing.yaml"), tmp_path, "local")
    assert prepared(environment) == []
    assert environment.digest is None
    assert "nbtrack" in (environment.packages() or {})
    command = 'python -c \'import os, sys, nbtrack; print(sys.prefix, os.environ["PYTHONPATH"][-5:], os.environ["X"])\''
    assert output(environment, command, tmp_path, {"X": "1"}) == f"{sys.prefix} /mine 1"


# ---------------------------------------------------------------- conda and docker, by their command lines

FAKE = """\
#!{python}
import json, os, sys
from pathlib import Path
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
{body}
"""
CONDA = """
for argument in sys.argv:
    if argument.startswith("--prefix=") and "create" in sys.argv:
        Path(argument.partition("=")[2], "conda-meta").mkdir(parents=True)
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Put a program of a name into PATH that writes its arguments to a file, which is returned."""
    folder = tmp_path / "fake bin"
    for variable in ("CONDA_EXE", "MAMBA_EXE"):
        monkeypatch.delenv(variable, raising=False)

    def install(name: str, body: str = CONDA) -> Path:
        folder.mkdir(exist_ok=True)
        log = tmp_path / f"{name}.log"
        program = folder / name
        program.write_text(FAKE.format(python=sys.executable, log=str(log), body=body))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
        return log

    return install


def calls(log: Path) -> list[list[str]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.parametrize(
    ("program", "create", "run"),
    [
        ("conda", ["env", "create"], ["run", "--no-capture-output"]),
        ("mamba", ["env", "create"], ["run"]),
        ("micromamba", ["create", "--yes"], ["run"]),
    ],
)
def test_conda_creates_an_environment_by_prefix_and_runs_in_it(
    program: str, create: list[str], run: list[str], fake: Callable[[str], Path], project: Path
) -> None:
    log = fake(program)
    file = project / "conda.yaml"
    file.write_text(
        f"# {program}\ndependencies: [python=3.10, 'scipy>=1.1', conda-forge::libgdal, {{pip: [tinydep]}}]\n"
    )
    environment = environment_of(project, "conda.yaml")
    assert environment.manager == "conda"
    assert "Python 3.10 (will be created)" in environment.describe()
    prepared(environment)
    prefix = prefix_of(environment)
    assert calls(log) == [[*create, f"--prefix={prefix}", f"--file={file}"]]
    arguments, variables = environment.launch("python train.py; echo $X 'a b'", project, {"X": "1"})
    assert arguments[1:] == [*run, f"--prefix={prefix}", "bash", "-c", "python train.py; echo $X 'a b'"]
    assert Path(arguments[0]).name == program
    assert (variables["X"], variables["PYTHONNOUSERSITE"]) == ("1", "1")
    assert environment.launch(["python", "a b.py"], project, {})[0][-2:] == ["python", "a b.py"]
    assert prepared(environment_of(project, "conda.yaml"))[0].startswith("Using conda")
    with pytest.raises(
        InvalidParameter, match=r"'virtualenv' cannot install .* scipy>=1\.1, conda-forge::libgdal\. Use"
    ):
        environment_of(project, "conda.yaml", "virtualenv")


def test_conda_is_found_in_the_folder_that_mlflow_names(
    fake: Callable[[str], Path], project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "conda.yaml").write_text("dependencies: [scipy]")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    for variable in ("CONDA_EXE", "MAMBA_EXE"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(NotSupported, match=r"conda, mamba or micromamba was not found in PATH.*MLFLOW_CONDA_HOME"):
        environment_of(project, "conda.yaml")
    home = tmp_path / "miniforge"
    monkeypatch.setenv("MLFLOW_CONDA_HOME", str(home))
    with pytest.raises(NotSupported, match="in the bin folder of MLFLOW_CONDA_HOME"):
        environment_of(project, "conda.yaml")
    for name in ("conda", "mamba"):
        fake(name)
    (tmp_path / "fake bin").rename(home)
    (home / "bin").mkdir()
    for name in ("conda", "mamba"):
        (home / name).rename(home / "bin" / name)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("MLFLOW_CONDA_CREATE_ENV_CMD", "mamba")
    environment = environment_of(project, "conda.yaml")
    prepared(environment)
    assert len(calls(tmp_path / "mamba.log")) == 1
    # The output of a command in mamba would come at its end.
    assert environment.launch("true", project, {})[0][0] == str(home / "bin/conda")


DOCKER = """
if sys.argv[1] == "info":
    if os.environ.get("NO_DAEMON"):
        print("Cannot connect to the Docker daemon")
        sys.exit(1)
    print('["name=seccomp,profile=builtin"]')
if sys.argv[1] == "pull":
    Path("pulled").touch()
if sys.argv[1] == "image":
    if not Path("pulled").exists():
        print("Error: No such image")
        sys.exit(1)
    print("sha256:0123")
if sys.argv[1] == "run":
    print(os.environ.get("SECRET"), os.environ.get("NBTRACK_TRACKING_URI"), os.environ.get("DOCKER_HOST"))
"""


def docker_environment(settings: dict[str, Any], folder: Path, **arguments: Any) -> Environment:
    return environment_for(EnvironmentSpec("docker_env", None, settings), folder, None, docker_args=arguments)


def test_docker_pulls_the_image_and_mounts_the_project_and_the_store(
    fake: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = fake("docker", DOCKER)
    monkeypatch.setenv("SECRET", "hush")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getgid", lambda: 1001)
    folder = tmp_path / 'a, "b": c'
    folder.mkdir()
    settings = {
        "image": "registry.example:5000/team/image:1.0@sha256:ab",
        "volumes": ["/data:/data:ro", "named:/cache"],
        "environment": ["SECRET", ["DOCKER_HOST", "tcp://evil"], ["N", 1]],
    }
    environment = docker_environment(settings, folder, gpus="all", t=True, detach=False, label=["a=1", "b"])
    assert environment.digest is None
    lines = prepared(environment)
    assert lines[0] == f"Pulling the docker image {settings['image']}."
    assert environment.digest == "sha256:0123"
    prepared(environment, rebuild=True)
    assert [call[0] for call in calls(log)] == ["info", "image", "pull", "image", "info", "pull", "image"]

    store = tmp_path / ".nbtrack"
    env = {"NBTRACK_RUN_ID": "abc", "NBTRACK_TRACKING_URI": str(store)}
    arguments, variables = environment.launch("python train.py 'a b' && true", folder, env)
    done = subprocess.run(arguments, env=variables, capture_output=True, text=True, check=True, cwd=folder)
    assert done.stdout == "hush /mlflow/tmp/nbtrack None\n"
    source = f"source={folder}".replace('"', '""')
    assert calls(log)[-1] == [
        *("run", "--rm", "--init", "--env=TINI_KILL_PROCESS_GROUP=1", "--user=1000:1001", "--env=HOME=/tmp"),
        *("--gpus=all", "-t", "--label=a=1", "--label=b"),
        f'--mount=type=bind,"{source}",target=/mlflow/projects/code',
        f"--mount=type=bind,source={store},target=/mlflow/tmp/nbtrack",
        *("--volume=/data:/data:ro", "--volume=named:/cache", "--workdir=/mlflow/projects/code"),
        *("--env=DOCKER_HOST=tcp://evil", "--env=N=1"),
        *("--env=SECRET", "--env=NBTRACK_RUN_ID", "--env=NBTRACK_TRACKING_URI"),
        *(settings["image"], "/bin/sh", "-c", "python train.py 'a b' && true"),
    ]
    assert "hush" not in "".join(arguments)
    assert environment.packages() is None
    chosen = docker_environment(settings, folder, user="0:0").launch(["true"], folder, {})[0]
    assert [each for each in chosen if each.startswith("--user")] == ["--user=0:0"]
    assert chosen[-2:] == [settings["image"], "true"]


def test_docker_without_a_daemon_or_a_variable_is_an_error(
    fake: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = docker_environment({"image": "python", "environment": ["NOT_SET_1", "NOT_SET_2"]}, tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotSupported, match="docker was not found in PATH"):
        prepared(environment)
    fake("docker", DOCKER)
    monkeypatch.setenv("NO_DAEMON", "1")
    with pytest.raises(
        ExecutionException, match=r"its daemon does not answer.*\n.*Cannot connect to the Docker daemon"
    ):
        prepared(environment)
    with pytest.raises(NotFound, match="not set: NOT_SET_1, NOT_SET_2"):
        environment.launch("true", tmp_path, {})


@pytest.mark.parametrize(
    ("settings", "arguments", "message"),
    [
        ({}, {}, "image in docker_env must be the name of an image"),
        ({"image": "--privileged"}, {}, "not '--privileged'"),
        ({"image": "a b"}, {}, "not 'a b'"),
        ({"image": "a\n"}, {}, "must be the name"),
        ({"image": "a", "volumes": "/:/host"}, {}, "volumes in docker_env must be a list"),
        ({"image": "a", "volumes": ["--privileged"]}, {}, "volumes in docker_env must be strings"),
        ({"image": "a", "volumes": [["/", "/host"]]}, {}, "volumes in docker_env must be strings"),
        ({"image": "a", "volumes": ["/a:/b\0"]}, {}, "volumes in docker_env must be strings"),
        ({"image": "a", "environment": {"A": 1}}, {}, "environment in docker_env must be a list"),
        ({"image": "a", "environment": ["--privileged"]}, {}, "names of variables to copy and of pairs"),
        ({"image": "a", "environment": [["A", "1", "2"]]}, {}, "names of variables to copy and of pairs"),
        ({"image": "a", "environment": [[]]}, {}, "names of variables to copy and of pairs"),
        ({"image": "a", "environment": [["A=B", "1"]]}, {}, "names of variables to copy and of pairs"),
        ({"image": "a", "environment": [["A", {"b": 1}]]}, {}, "names of variables to copy and of pairs"),
        ({"image": "a", "environment": [["A", "\0"]]}, {}, "NUL"),
        ({"image": "a"}, {"-v": "/:/host"}, "docker_args must have names of options"),
        ({"image": "a"}, {"gpus": "\0"}, "NUL"),
    ],
)
def test_hostile_values_are_no_options_of_docker(
    settings: dict[str, Any], arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(NbtrackError, match=message):
        docker_environment(settings, tmp_path, **arguments)
