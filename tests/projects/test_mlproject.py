"""What an MLproject file means, and how one that is not valid is reported."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbtrack.errors import InvalidParameter, NotFound
from nbtrack.projects.mlproject import read_project
from nbtrack.projects.parameters import resolve
from nbtrack.projects.project import EnvironmentSpec, Parameter, inline_metadata_blocks

CLASSIC = """
name: tutorial

conda_env: conda.yaml

entry_points:
  main:
    parameters:
      alpha: float
      l1_ratio: {type: float, default: 0.1}
    command: "python train.py {alpha} {l1_ratio}"
"""
"""The example of MLflow's documentation (mlflow-example)."""

SCRIPT = '# /// script\n# requires-python = ">=3.11"\n# dependencies = []\n# ///\nprint("hello")\n'


@pytest.fixture(autouse=True)
def no_warning():
    """A project is read without a warning, unless the test expects one."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def write(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        (folder / name.replace("_yaml", ".yaml").replace("_toml", ".toml")).write_text(content)
    return folder


def test_the_classic_example_is_read(tmp_path: Path):
    project = read_project(write(tmp_path, MLproject=CLASSIC, conda_yaml="name: tutorial\n"))
    main = project.entry_point()
    assert project.name == "tutorial"
    assert main.command == "python train.py {alpha} {l1_ratio}"
    assert dict(main.parameters) == {
        "alpha": Parameter("alpha", "float"),
        "l1_ratio": Parameter("l1_ratio", "float", "0.1"),
    }
    assert main.environment == project.environment == EnvironmentSpec("conda_env", tmp_path / "conda.yaml")


def test_all_forms_of_a_parameter(tmp_path: Path):
    text = """
entry_points:
  main:
    command: "python a.py {a} {b} {c} {d} {e} {f}"
    parameters:
      a: str
      b: {default: 3}
      c: {type: path, default: data.csv, description: The table}
      d: uri
      e: {type: int, default: 1e-3}
      f: {type: string, default: null, choices: [adam, sgd]}
"""
    parameters = read_project(write(tmp_path, MLproject=text)).entry_point().parameters
    assert list(parameters.values()) == [
        Parameter("a", "string"),
        Parameter("b", "string", "3"),
        Parameter("c", "path", "data.csv", description="The table"),
        Parameter("d", "uri"),
        Parameter("e", "int", "1e-3"),
        Parameter("f", "string", None, ("adam", "sgd")),
    ]


def test_an_entry_point_can_have_an_environment_of_its_own(tmp_path: Path):
    text = """
python_env: python_env.yaml
entry_points:
  main: {command: python a.py}
  docker: {command: python a.py, docker_env: {image: python, volumes: ["/a:/a"], environment: [["A", "1"], "B"]}}
  uv: {command: python a.py, uv_env: .}
  script: {command: python a.py, script_env: a.py}
  notebook: {notebook: train.ipynb, parameters: {alpha: float}}
"""
    write(tmp_path, MLproject=text, python_env_yaml="", pyproject_toml="")
    for name, content in {"uv.lock": "", "a.py": SCRIPT, "train.ipynb": "{}"}.items():
        (tmp_path / name).write_text(content)
    project = read_project(tmp_path)
    own = EnvironmentSpec("python_env", tmp_path / "python_env.yaml")
    assert project.entry_point("main").environment == own
    assert project.entry_point("docker").environment == EnvironmentSpec(
        "docker_env", docker={"image": "python", "volumes": ["/a:/a"], "environment": [["A", "1"], "B"]}
    )
    assert project.entry_point("uv").environment == EnvironmentSpec("uv_project", tmp_path / "pyproject.toml")
    assert project.entry_point("script").environment == EnvironmentSpec("script", tmp_path / "a.py")
    notebook = project.entry_point("notebook")
    assert (notebook.command, notebook.notebook, notebook.environment) == (None, "train.ipynb", own)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], EnvironmentSpec("none")),
        (["requirements.txt"], "requirements.txt"),
        (["requirements.txt", "pyproject.toml"], "requirements.txt"),
        (["requirements.txt", "pyproject.toml", "uv.lock"], "pyproject.toml"),
        (["uv.lock", "pyproject.toml", "conda.yaml"], "conda.yaml"),
        (["conda.yaml", "python_env.yaml"], "python_env.yaml"),
    ],
)
def test_an_environment_that_is_not_declared_is_found_by_its_file(tmp_path: Path, files: list[str], expected: object):
    for name in files:
        (tmp_path / name).write_text("")
    environment = read_project(tmp_path).environment
    assert environment == expected or environment.file == tmp_path / str(expected)


def test_scripts_and_notebooks_are_entry_points_without_a_declaration(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    for name in ("train it.py", "sub/{x}.sh", "-c.py", "train.ipynb"):
        (tmp_path / name).write_text("")
    (tmp_path / "inline.py").write_text(SCRIPT)
    project = read_project(tmp_path)
    assert project.entry_point("train it.py").command == "python 'train it.py'"
    assert project.entry_point("sub/{x}.sh").command == "bash 'sub/{{x}}.sh'"
    assert project.entry_point("-c.py").command == "python ./-c.py"
    assert project.entry_point("train.ipynb").notebook == "train.ipynb"
    assert project.entry_point("train it.py").environment.kind == "none"
    assert project.entry_point("inline.py").environment == EnvironmentSpec("script", tmp_path / "inline.py")


def test_an_entry_point_that_does_not_exist_is_reported_with_the_nearest_one(tmp_path: Path):
    (tmp_path / "train.py").write_text("")
    (tmp_path.parent / "outside.py").write_text("")
    (tmp_path / "link.py").symlink_to(tmp_path.parent / "outside.py")
    project = read_project(write(tmp_path, MLproject="entry_points: {prepare: {command: 'true'}}"))
    with pytest.raises(NotFound, match=r"'main' does not exist.* Entry points and scripts: prepare, link.py, train.py"):
        project.entry_point()
    with pytest.raises(NotFound, match=r"Did you mean 'prepare'\?"):
        project.entry_point("prepar")
    for outside in ("../outside.py", str(tmp_path.parent / "outside.py"), "link.py", "train.txt", "a\0.py", "sub"):
        with pytest.raises(NotFound, match="does not exist"):
            project.entry_point(outside)


INVALID = {
    "- a": "must contain a mapping",
    "a: [": "is not valid YAML",
    "entry_points: [main]": "entry_points must be a mapping, not a list.",
    "entry_points: {main: python a.py}": "entry_points.main must be a mapping with command",
    "entry_points: {main: {parameters: {a: float}}}": "entry_points.main must have a command or a notebook.",
    "entry_points: {main: {command: a, notebook: b.ipynb}}": "or a notebook, not both.",
    "entry_points: {main: {command: [a]}}": "entry_points.main.command must be a string",
    "entry_points: {main: {notebook: a.ipynb}}": "main.notebook: the file 'a.ipynb' does not exist.",
    "entry_points: {main: {command: a, parameters: [a]}}": "main.parameters must be a mapping",
    "entry_points: {main: {command: a, parameters: {a: 3}}}": "main.parameters.a must be a mapping, not 3.",
    "entry_points: {main: {command: a, parameters: {a: {type: [x]}}}}": "a.type must be one of",
    "entry_points: {main: {command: a, parameters: {a: {default: [x]}}}}": "a.default must be a string or a number",
    "entry_points: {main: {command: a, parameters: {a: {choices: x}}}}": "a.choices must be a list",
    "entry_points: {main: {command: a, parameters: {'a;b': float}}}": "'a;b' is not a valid parameter name",
    "entry_points: {main: {command: a, parameters: {'-a': float}}}": "'-a' is not a valid parameter name",
    "{python_env: a.yaml, conda_env: b.yaml}": "at most one environment, not python_env and conda_env.",
    "python_env: a.yaml": "python_env: the file 'a.yaml' does not exist.",
    "python_env: ../outside.yaml": "python_env: the file '../outside.yaml' is outside the project's folder.",
    "conda_env: /etc/passwd": "is outside the project's folder",
    "conda_env: {a: b}": "conda_env must be the path of a file, not a dict.",
    "docker_env: python": "docker_env must be a mapping with the key image",
    "docker_env: {volumes: [a]}": "docker_env.image must be the name of a Docker image, not None.",
    "docker_env: {image: a, volumes: /a}": "docker_env.volumes must be a list of strings",
    "docker_env: {image: a, environment: [[A]]}": "docker_env.environment must be a list of names",
    "uv_env: pyproject.toml": "has no uv.lock beside it",
    "script_env: a.py": "has no block of inline script metadata",
    "name: [a]": "name must be a string or a number (write a list or a mapping in quotes), not a list.",
    "{a: [}": "is not valid YAML: while parsing a flow node did not find expected node content in line 1, column 6",
    "[" * 5000: "is not valid YAML",
    "entry_points: {? [a] : b}": "found unhashable key",
    "entry_points: {main: {notebook: a.ipynb, parameters: 3}}": "main.parameters must be a mapping, not 3.",
    "entry_points: {main: {notebook: b.ipynb, parameters: {a-b: float}}}": "'a-b' cannot be a variable of a notebook.",
    "entry_points: {main: {notebook: b.ipynb, parameters: {class: float}}}": "'class' cannot be a variable",
    "entry_points: {main: {command: a, parameters: {a: {default: 0x" + "f" * 9000 + "}}}}": "must have fewer digits",
    "entry_points: {main: {command: 0x"
    + "f" * 9000
    + "}}": "main.command must be a string that is not empty, not an int.",
    "entry_points: {main: {command: a, parameters: {a: {default: !!binary YQ==}}}}": "not a bytes.",
}


@pytest.mark.parametrize("text", INVALID, ids=lambda text: text[:60])
def test_the_place_of_a_mistake_is_reported(tmp_path: Path, text: str):
    (tmp_path.parent / "outside.yaml").write_text("")
    (tmp_path / "b.ipynb").write_text("{}")
    (tmp_path / "a.py").write_text("")
    with pytest.raises(InvalidParameter) as caught:
        read_project(write(tmp_path, MLproject=text, pyproject_toml=""))
    assert INVALID[text] in str(caught.value)
    assert str(tmp_path / "MLproject") in str(caught.value)


def test_all_mistakes_are_reported_together(tmp_path: Path):
    text = "{name: [a], python_env: a.yaml, entry_points: {main: {}}}"
    with pytest.raises(InvalidParameter, match=r"(?s)name must.*python_env: the file.*entry_points\.main must have"):
        read_project(write(tmp_path, MLproject=text))


def test_a_key_without_a_meaning_is_ignored_with_a_warning(tmp_path: Path):
    text = "entry_points: {main: {command: a, parameter: {a: float}, parameters: {b: {type: date, default: true}}}}"
    with pytest.warns(UserWarning, match="unknown") as caught:
        project = read_project(write(tmp_path, MLproject=text))
    assert [str(warning.message).partition(" in '")[0] for warning in caught] == [
        "Ignoring the unknown key 'parameter' of entry_points.main (did you mean parameters?)",
        "Treating the unknown type 'date' of entry_points.main.parameters.b as string",
    ]
    assert project.entry_point().parameters["b"] == Parameter("b", "string", "True")


@pytest.mark.slow
def test_the_command_line_shows_warnings_as_plain_lines(tmp_path: Path):
    write(tmp_path, MLproject="entry_points: {main: {command: 'true', comand: a, parameters: {alpha: {default: 1}}}}")
    command = [sys.executable, "-m", "nbtrack", "run", str(tmp_path), "-P", "alpa=1", "--env-manager", "local"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
    assert [line for line in lines if line.startswith(("nbtrack: Ignoring", "nbtrack: Parameter"))] == lines[:2]
    assert not [line for line in lines if "Warning" in line or not line.startswith("nbtrack: ")]


def test_the_file_is_found_in_any_case_and_may_be_empty(tmp_path: Path):
    write(tmp_path, mlproject="")
    assert dict(read_project(tmp_path).entry_points) == {}
    write(tmp_path, MLproject="entry_points: {main: {command: 'true'}}")
    assert read_project(tmp_path).entry_point().command == "true"


def test_the_file_must_be_in_the_folder_and_of_a_reasonable_size(tmp_path: Path):
    (tmp_path / "MLproject").symlink_to("/etc/hostname")
    with pytest.raises(InvalidParameter, match="must be a file in the folder"):
        read_project(tmp_path)
    (tmp_path / "MLproject").unlink()
    with pytest.raises(InvalidParameter, match="at most 1,000,000 bytes"):
        read_project(write(tmp_path, MLproject="#" * 1_000_001))
    with pytest.raises(NotFound, match="does not exist"):
        read_project(tmp_path / "missing")


def test_a_file_cannot_build_python_objects(tmp_path: Path):
    with pytest.raises(InvalidParameter, match="is not valid YAML"):
        read_project(write(tmp_path, MLproject="name: !!python/object/apply:os.system ['touch hacked']"))
    assert not Path("hacked").exists()


KEYS = """
name entry_points main command notebook parameters a type default choices
python_env conda_env docker_env uv_env script_env image volumes environment
"""
keys = st.sampled_from(KEYS.split())
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.text(max_size=5), keys)
content = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys | scalars, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=80)
@given(content=content)
def test_a_file_of_any_shape_is_read_or_refused(content: object, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    (folder / "MLproject").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            project = read_project(folder)
        except InvalidParameter:
            return
    for name, entry_point in project.entry_points.items():
        assert project.entry_point(name) is entry_point
        assert (entry_point.command is None) != (entry_point.notebook is None)


AS_MLFLOW = {
    "classic": CLASSIC,
    "types": """
name: types
python_env: python_env.yaml
entry_points:
  main:
    parameters:
      a: {type: float, default: 0.10}
      b: {type: int, default: 1e-3}
      c: str
      d: {default: true}
      e: {type: uri, default: "s3://b/k"}
      f: {type: bool, default: true}
      h: {type: date, default: 2020-01-01}
      g: {type: path, default: "."}
    command: "python a.py {a} --b={b} {c}{d} {e} ${{HOME}} {f} {g} {h}"
  second:
    command: "echo {{}} 'x'"
""",
    "docker": "docker_env: {image: python, volumes: ['/a:/a'], environment: [A]}\nentry_points: {main: {command: a}}",
    "name": "name: x",
}


@pytest.mark.slow
def test_files_mean_what_they_mean_to_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from mlflow.projects import _project_spec, env_type

    warnings.simplefilter("ignore")
    kinds = {env_type.PYTHON: "python_env", env_type.CONDA: "conda_env", env_type.DOCKER: "docker_env"}
    for name, text in AS_MLFLOW.items():
        folder = tmp_path / name
        folder.mkdir()
        write(folder, MLproject=text, python_env_yaml="", conda_yaml="", train="")
        (folder / "train it.py").write_text("")
        # A relative default of a path begins at the project here, and at the working directory in MLflow.
        monkeypatch.chdir(folder)
        expected, project = _project_spec.load_project(str(folder)), read_project(folder)
        assert (project.name, project.environment.kind) == (expected.name, kinds[expected.env_type])
        assert project.environment.docker == expected.docker_env
        assert str(project.environment.file) == str(expected.env_config_path)
        assert list(project.entry_points) == list(expected._entry_points)
        for entry_point in [*project.entry_points, "train it.py"]:
            values = {"c": "a b", "alpha": "0.5", "extra": "'x y'", "b": "3"}
            mlflow_entry, entry = expected.get_entry_point(entry_point), project.entry_point(entry_point)
            assert list(entry.parameters) == list(mlflow_entry.parameters)
            command = mlflow_entry.compute_command(values, str(tmp_path))
            assert resolve(entry, values).command == command.replace(f"{folder}/.", str(folder))


PEP_723 = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
"""The regular expression of the specification."""


@given(
    st.lists(st.sampled_from(["# /// script", "# /// other", "# ///", "#", "# a = 1", "#a", "x = 1", "", "  # ///"]))
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_blocks_of_inline_metadata_are_those_of_the_specification(tmp_path: Path, lines: list[str]) -> None:
    file = tmp_path / "script.py"
    file.write_text("\n".join(lines))
    blocks = [found["content"] for found in PEP_723.finditer("\n".join(lines)) if found["type"] == "script"]
    assert inline_metadata_blocks(file) == [
        "".join(line[2:] if line.startswith("# ") else line[1:] for line in block.splitlines(keepends=True))
        for block in blocks
    ]
