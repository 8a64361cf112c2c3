"""Values of parameters are checked together, and cannot run a command wherever they stand in one."""

from __future__ import annotations

import json
import shlex
import subprocess
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack.errors import InvalidParameter
from nbtrack.projects.mlproject import read_project
from nbtrack.projects.parameters import Resolved, resolve
from nbtrack.projects.project import EntryPoint, Parameter
from nbtrack.projects.quoting import fill

SHELLS = [["bash", "-c"], ["sh", "-c"]]


def entry_point(command: str | None = "run", *parameters: Parameter, folder: Path | None = None) -> EntryPoint:
    notebook = "train.ipynb" if command is None else None
    return EntryPoint("main", folder or Path(), command, notebook, {one.name: one for one in parameters})


def problems_of(entry: EntryPoint, values: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidParameter) as caught:
        resolve(entry, values)
    head, *problems = str(caught.value).split("\n- ")
    assert head == "Entry point 'main' cannot be started:"
    return problems


def test_values_are_put_into_the_command_and_logged_as_they_were_given(tmp_path: Path):
    (tmp_path / "data.csv").write_text("")
    entry = entry_point(
        "python train.py {alpha} {s} {data} {u}",
        Parameter("alpha", "float", "0.5"),
        Parameter("s", "string", "a b"),
        Parameter("data", "path"),
        Parameter("u", "uri", "s3://b/k"),
    )
    assert resolve(entry, {"data": "data.csv", "alpha": "1e-3", "extra": "z", "n": 3}) == Resolved(
        f"python train.py 1e-3 'a b' {tmp_path}/data.csv s3://b/k --extra z --n 3",
        {"alpha": "1e-3", "s": "a b", "data": "data.csv", "u": "s3://b/k", "extra": "z", "n": "3"},
        {"alpha": 0.001, "s": "a b", "data": f"{tmp_path}/data.csv", "u": "s3://b/k", "extra": "z", "n": "3"},
    )


def test_all_problems_are_reported_at_once():
    entry = entry_point(
        "run",
        Parameter("alpha", "float"),
        Parameter("beta", "float"),
        Parameter("depth", "int"),
        Parameter("data", "path"),
        Parameter("u", "uri"),
        Parameter("optimizer", choices=("adam", "sgd")),
        Parameter("fast", "bool", "true"),
        Parameter("wrong", "int", "many"),
    )
    values = {
        "beta": "notafloat",
        "depth": "1.5",
        "data": "nope.txt",
        "u": "notauri",
        "optimizer": "adamw",
        "fast": "2",
        "--x": "1",
        "none": None,
        "nul": "a\0b",
    }
    assert problems_of(entry, values) == [
        "Parameter 'alpha' (float) is required. Pass it, as in -P alpha=VALUE.",
        "Parameter 'beta' must be a number, not 'notafloat'.",
        "Parameter 'depth' must be an integer, not '1.5'.",
        "Parameter 'data' must be the path of a file or folder, and 'nope.txt' does not exist.",
        "Parameter 'u' must be a URI such as s3://bucket/key, not 'notauri'.",
        "Parameter 'optimizer' must be one of adam, sgd, not 'adamw'. Did you mean 'adam'?",
        "Parameter 'fast' must be true or false, not '2'.",
        "The default of parameter 'wrong' must be an integer, not 'many'.",
        (
            "'--x' is not a valid parameter name. It must be letters, digits, underscores, dots and dashes, and not "
            "begin with a dot or a dash."
        ),
        "Parameter 'none' must have a value, not None.",
        "Parameter 'nul' must not contain a NUL character, which cannot be stored.",
    ]


def test_choices_of_numbers_are_numbers():
    entry = entry_point("run {a}", Parameter("a", "float", choices=("0.1", "1")))
    assert resolve(entry, {"a": "1.0"}).command == "run 1.0"
    assert resolve(entry, {"a": np.float64(0.1)}).command == "run 0.1"
    assert problems_of(entry, {"a": "0.2"}) == ["Parameter 'a' must be one of 0.1, 1, not '0.2'."]


def test_an_undeclared_parameter_is_appended_with_a_warning_if_it_looks_like_a_mistake():
    entry = entry_point("run {alpha}\n", Parameter("alpha", default="1"))
    with pytest.warns(UserWarning, match=r"appended to its command as --alpah. Did you mean 'alpha'\?"):
        assert resolve(entry, {"alpah": "2"}).command == "run 1 --alpah 2"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert resolve(entry, {"model.depth": "2"}).command == "run 1 --model.depth 2"


def test_a_notebook_takes_declared_parameters_only():
    entry = entry_point(None, Parameter("alpha", "float"), Parameter("name", "string", "a b"))
    assert resolve(entry, {"alpha": "0.5"}) == Resolved(
        None, {"alpha": "0.5", "name": "a b"}, {"alpha": 0.5, "name": "a b"}
    )
    assert problems_of(entry, {"alpha": "1", "alpah": "1"}) == [
        "Parameter 'alpah' is not a parameter of the notebook. Did you mean 'alpha'? The notebook has alpha, name."
    ]
    undeclared = entry_point(None)
    assert resolve(undeclared, {"alpha": "0.5", "name": "a b"}).arguments == {"alpha": 0.5, "name": "a b"}
    assert problems_of(undeclared, {"a-b": "1"}) == ["Parameter 'a-b' is not a parameter of the notebook."]


def test_a_notebook_can_declare_its_parameters_itself(tmp_path: Path):
    source = "lr = 0.1\ndepth, name = 3, 'a'\nbetas = [0.9, 0.999]\nseed = None\nshuffle = True\nx = f()\n_y = 1"
    cells = [
        {"cell_type": "markdown", "metadata": {"tags": ["parameters"]}, "source": "a = 1"},
        {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": source.splitlines(keepends=True)},
    ]
    (tmp_path / "train.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "MLproject").write_text("entry_points: {main: {notebook: train.ipynb}}")
    project = read_project(tmp_path)
    declared = project.entry_point().parameters
    assert declared == project.entry_point("train.ipynb").parameters
    assert list(declared.values()) == [
        Parameter("lr", "float", "0.1"),
        Parameter("depth", "int", "3"),
        Parameter("name", "string", "a"),
        Parameter("betas", "literal", "[0.9, 0.999]"),
        Parameter("seed", "literal", "None"),
        Parameter("shuffle", "bool", "True"),
    ]
    given = {"depth": "4", "name": "5", "shuffle": "false", "seed": "1", "betas": "[1, {'a': None}]"}
    assert resolve(project.entry_point(), given) == Resolved(
        None,
        {"lr": "0.1", **given},
        {"lr": 0.1, "depth": 4, "name": "5", "betas": [1, {"a": None}], "seed": 1, "shuffle": False},
    )
    assert resolve(project.entry_point(), {}).arguments == {"lr": 0.1, "depth": 3, "name": "a", "shuffle": True}
    assert problems_of(project.entry_point(), {"lr": "x", "shuffle": "maybe", "sed": 1}) == [
        "Parameter 'lr' must be a number, not 'x'.",
        "Parameter 'shuffle' must be true or false, not 'maybe'.",
        (
            "Parameter 'sed' is not a parameter of the notebook. Did you mean 'seed'? "
            "The notebook has lr, depth, name, betas, seed, shuffle."
        ),
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("0.5", 0.5), ("1e-3", 0.001), ("True", True), ("None", None), ("'a'", "a"), ("adam", "adam"), ("01", "01"),
        ("[1, 2]", [1, 2]), ("{1: 2}", "{1: 2}"), ("{1}", "{1}"), ("1+2j", "1+2j"), ("b'a'", "b'a'"), ("", ""),
        ("__import__('os')", "__import__('os')"), ("(" * 5000, "(" * 5000), ("9" * 5000, "9" * 5000),
    ],
)  # fmt: skip
def test_what_a_literal_stands_for(given: str, expected: object):
    assert resolve(entry_point(None), {"a": given}).arguments == {"a": expected}


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", "{}", '{"cells": 3}', '{"cells": [3, {"cell_type": "code", "metadata": 3}]}', "[" * 100_000, "3"],
)
def test_a_file_that_is_no_notebook_declares_nothing(tmp_path: Path, content: str):
    (tmp_path / "a.ipynb").write_text(content)
    assert read_project(tmp_path).entry_point("a.ipynb").parameters == {}


@pytest.mark.parametrize("source", [3, None, [3], "a = (", "%matplotlib inline"])
def test_a_tagged_cell_without_assignments_declares_nothing(tmp_path: Path, source: object):
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": source}
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": [cell]}))
    assert read_project(tmp_path).entry_point("a.ipynb").parameters == {}


def test_a_given_path_begins_at_the_working_directory_and_a_default_at_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    for folder in (project, elsewhere):
        folder.mkdir()
        (folder / "data.csv").write_text("")
    monkeypatch.chdir(elsewhere)
    entry = entry_point("run {data}", Parameter("data", "path", "data.csv"), folder=project)
    assert resolve(entry, {}).command == f"run {project}/data.csv"
    assert resolve(entry, {"data": "data.csv"}).command == f"run {elsewhere}/data.csv"
    assert resolve(entry, {"data": elsewhere.as_uri()}).command == f"run {elsewhere}"
    assert "does not exist" in problems_of(entry, {"data": f"file://{elsewhere}/missing"})[0]
    assert "not an empty string" in problems_of(entry, {"data": ""})[0]


def test_artifacts_are_copied_for_a_path(tmp_path: Path):
    with nbtrack.start_run() as run:
        nbtrack.log_text("hello", "notes/a.txt")
    uri = f"runs:/{run.info.run_id}/notes/a.txt"
    entry = entry_point("run {a}", Parameter("a", "path"))
    assert resolve(entry, {"a": uri}).command == f"run {uri}"
    resolved = resolve(entry, {"a": uri}, tmp_path / "storage")
    assert resolved.values == {"a": uri}
    path = Path(str(resolved.arguments["a"]))
    assert path.is_relative_to(tmp_path / "storage")
    assert path.read_text() == "hello"
    for missing in (f"runs:/{run.info.run_id}/none.txt", "s3://bucket/key", "http://localhost:1/a"):
        with pytest.raises(InvalidParameter, match=r"Parameter 'a': '.*' cannot be copied\."):
            resolve(entry, {"a": missing}, tmp_path / "storage")


# ---------------------------------------------------------------- what a shell makes of it

HOSTILE = [
    "' $(touch hacked) '",
    '" $(touch hacked) "',
    "; touch hacked #",
    '\\"; touch hacked; "',
    "E\ntouch hacked\n",
    ") touch hacked; (",
    "y[$(touch hacked)]",
    "$(touch hacked)",
    "`touch hacked`",
    "'; touch hacked; '",
    '"; touch hacked; "',
    "\\'; touch hacked #",
    "\ntouch hacked\n",
    "a && touch hacked",
    "| touch hacked",
    "> hacked",
    "${HOME}",
    "$HOME",
    "-rf",
    "--help",
    "*",
    "~",
    "!!",
    "",
    " ",
    "{other}",
    "é 猫 \u2028",
    "a[$(touch hacked)]",
    "\\",
    "'",
    '"',
    "#",
]
values = st.one_of(
    st.sampled_from(HOSTILE),
    st.text("'\"\\$`;&|<>(){}[]*?!#~ \n\tab-=", max_size=12),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
)

SAFE = [
    "show {a} {b}",
    "show '{a}' \"{b}\"",
    "show --x='{a}' --y=\"{b}\"",
    "show x{a}y {b}{a}",
    "show 'x {a} '\\''y' \"a\\\" {b} \\\\\"",
    'show "$(show {a})" "{b}"',
    'show "$(show "{a}" "$(show \'{b}\')")" "{a}"',
    "show $(nproc >&2) {a} \\\n  {b}",
    'show ${{HOME}} "${{HOME:-x}}" {a} # it\'s a comment\nshow {b}',
    "(show {a}; show '#' \"{b}\") | cat",
    "X='{a}' bash -c 'show \"$X\" \"$1\"' _ {b}",
    "show {{a}} 'it''s' {a} > /dev/stdout; show {b}",
    "show {a} && show '\"' {b} '\"'",
    "show {a} 2>&1 '{b}'",
]
"""Commands whose placeholders stand where the shell takes a word."""

READ_AGAIN = [
    "show {{a}} 'it''s' > /dev/stdout; show $'it\\'s' {b}",
    "show `show {a}` {b}",
    "show {a} # {b}",
    "cat <<END\n{a} {b}\nEND",
    "show \\{a} {b}",
    "show ${a} $'{b}'",
    'show "\\{a}" "${b}"',
    "bash -c 'show {a}' {b}",
    "bash -ec \"show '{a}'\" {b}",
    "bash -c -o pipefail 'show {a}' {b}",
    "eval show {a} '{b}'",
    "show $((1 + 0{a})) {b}",
    "(( 0 == 0{a} )) ; show {b}",
    "[[ {a} -eq 1 ]] ; show {b}",
    "python -c 'print(\"{a}\")' {b}",
    'python -c"print(1) # {a}" {b}',
    "x[{a}]=1 ; show {b}",
    "test -v {a} ; show {b}",
    "declare -a {a} ; show {b}",
    "case {a} in x) show '{b}';; *) show other;; esac",
    "show ${{HOME:-{a}}} {b}",
    "show \"${{HOME:-'}}\" {a} '{b}'",
    "bash -c 2>&1 'show {a}' {b}",
    "show >&{a} {b}",
    "show {{a}} >& 2{a} {b}",
    "bash -c >/dev/stdout 'show {a}' {b}",
    "bash -c &>/dev/stdout 'show {a}' {b}",
    "bash --rcfile none -c 'show {a}' {b}",
    "X=bash; $X -c 'show {a}' {b}",
    "echo 'show {a}' {b} | bash",
    "echo show '{a}' {b} | (cat | /bin/sh -s) && show",
]
"""Commands with a placeholder where a shell or another program reads code, or may do so."""


def arguments_of(command: str, shell: list[str], folder: Path) -> list[str]:
    """Run a command in which `show` prints its arguments, and return them."""
    show = folder / "show"
    if not show.exists():
        show.write_text("#!/bin/sh\nfor one; do printf '%s\\0' \"$one\"; done\n")
        show.chmod(0o755)
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "HOME": "/home", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [*shell, command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.stdout.decode(errors="replace").split("\0")[:-1]


@pytest.mark.slow
@settings(max_examples=200)
@given(template=st.sampled_from(SAFE + READ_AGAIN), a=values, b=values, shell=st.sampled_from(SHELLS))
def test_no_value_runs_a_command_wherever_it_stands(
    template: str, a: str, b: str, shell: list[str], tmp_path_factory: pytest.TempPathFactory
):
    """The shell gets the words that it gets with harmless values, with the values in their place."""
    folder = tmp_path_factory.getbasetemp() / "shell"
    folder.mkdir(exist_ok=True)
    filled = fill(template, {"a": a, "b": b})
    assert not (filled.problems and template in SAFE)
    if filled.problems:
        return
    found = arguments_of(filled.command, shell, folder)
    assert not (folder / "hacked").exists(), filled.command
    # Command substitution drops the NUL characters between arguments.
    if template in SAFE and "$(" not in template and not {"A", "B"} & set(a + b):
        harmless = fill(template, {"a": "AAA", "b": "BBB"}).command
        words = arguments_of(harmless, shell, folder)
        assert found == [word.replace("AAA", a).replace("BBB", b) for word in words], filled.command


PIECES = [*["{a}"] * 6, *"'\"\\$`# \n\t\r()[]=;&|~*!x", "<<E\n", "[[ ", " -eq ", "case x in ", "-o pipefail "]
PIECES += [
    "''",
    '""',
    "$(",
    "$'",
    '$"',
    "$((",
    "((",
    "))",
    "${{X}}",
    "${{X:-",
    "${{#X}}",
    "}}",
    "{{",
    "&&",
    "<<<",
    "<",
    ";;",
    "]]",
    "y[",
    "a=",
    "+=",
    "@(",
    "f()",
]
PIECES += [
    f"{word} "
    for word in [
        "show",
        "x)",
        "esac",
        "eval",
        "bash",
        "sh",
        "-c",
        "test",
        "-v",
        "declare",
        "let",
        "trap",
        "awk",
        "python3",
    ]
]
PIECES += [f"{word} " for word in ["if", "then", "fi", "for", "i", "in", "do", "done"]]


@pytest.mark.slow
@settings(max_examples=600)
@given(
    template=st.lists(st.sampled_from(PIECES), min_size=2, max_size=9).map("".join).filter(lambda text: "{a}" in text),
    a=st.sampled_from([value for value in HOSTILE if "hacked" in value]),
    shell=st.sampled_from(SHELLS),
)
def test_no_value_runs_a_command_in_a_command_of_any_form(
    template: str, a: str, shell: list[str], tmp_path_factory: pytest.TempPathFactory
):
    """Most of these commands are not valid, and a shell can go on after a mistake."""
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    filled = fill(template, {"a": a})
    if not filled.problems:
        arguments_of(filled.command, shell, folder)
    assert not (folder / "hacked").exists(), filled.command


@settings(max_examples=30)
@given(name=st.from_regex(r"\w[\w.-]{0,8}", fullmatch=True), a=values)
def test_appended_values_are_words(name: str, a: str):
    filled = fill("show", {}, {name: a})
    assert shlex.split(filled.command) == ["show", f"--{name}", a]


@pytest.mark.parametrize("template", READ_AGAIN)
def test_a_place_that_is_read_as_code_takes_plain_values_only(template: str):
    assert not fill(template, {"a": "0.5", "b": "x/y-z_1"}).problems
    assert "read again as code" in "".join(fill(template, {"a": "$(id)", "b": "$(id)"}).problems)


@pytest.mark.parametrize(
    "command",
    [
        *("make train ALPHA={a}", "just train {a}", "tmux new 'python {a}'", "flock lock -c 'python {a}'"),
        *("julia -e 'f({a})'", "ipython -c 'f({a})'", "octave --eval 'f({a})'", "matlab -batch 'f({a})'"),
        *("python -W ignore -c 'f({a})'", "node -r module -e 'f({a})'", "perl -I lib -e 'f {a}'"),
        *("\"$PYTHON\" -c 'f({a})'", "X=1 ${{PYTHON:-python}} -c 'f({a})'"),
    ],
)
def test_programs_that_read_arguments_as_code_take_plain_values_only(command: str):
    assert not fill(command, {"a": "0.5"}).problems
    assert "read again as code" in "".join(fill(command, {"a": "$(id)"}).problems)


@pytest.mark.parametrize(
    "command",
    [
        *("python -u train.py -c 'conf/{a}.yaml'", "python -m train -c 'conf/{a}'", "$HOME/train --conf='{a}'"),
        *("train 2>&1 > {a}", "train '{a}' | tee log | python report.py", "echo {a} > log; bash train.sh '{a}'"),
    ],
)
def test_options_of_scripts_are_no_code(command: str):
    assert not fill(command, {"a": "$(id)"}).problems


@pytest.mark.parametrize("template", SAFE)
def test_every_other_place_takes_every_value(template: str):
    assert not fill(template, {"a": "$(id)'\"\n", "b": "\\`id`"}).problems


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("run {beta}", "'{beta}'"),
        ("find -exec a {} ;", "'{}'"),
        ("echo ${HOME}", "'{HOME}'"),
        ("echo {a.b}", "'{a.b}'"),
        ("echo {a!r:>5}", "'{a!r:>5}'"),
        ("awk {", "'{'"),
        ("awk }", "'}'"),
    ],
)
def test_a_placeholder_without_a_parameter_is_reported(template: str, shown: str):
    problems = problems_of(entry_point(template, Parameter("a", default="1")), {})
    assert len(problems) == 1
    assert problems[0].startswith(f"The command has {shown}, which is not a declared parameter.")


@pytest.mark.parametrize("template", ["run # comment", "run 'a", 'run "$(a', "run \\", "cat <<END\nEND", "run `a`"])
def test_nothing_is_appended_to_a_command_that_ends_in_something_else(template: str):
    assert "cannot be appended" in problems_of(entry_point(template), {"a": "1"})[0]


def test_a_command_that_is_too_long_is_refused():
    entry = entry_point("run {a}", Parameter("a"))
    assert problems_of(entry, {"a": "x" * 100_000}) == [
        "The command with its parameters must have at most 100,000 bytes."
    ]
