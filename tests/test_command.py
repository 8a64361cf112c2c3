"""Test the command line as a whole: its help, and its behavior without a store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import nbtrack
from nbtrack.cli import main

SERVE = ["models", "serve", "-m", "models:/digits/Production", "--port", "0"]


@pytest.mark.parametrize(
    "command",
    [["doctor"], ["doctor", "--repair"], ["gc"], ["gc", "--yes"], ["export", "out"], ["backup", "copy"], SERVE],
)
def test_maintenance_commands_do_not_create_a_store(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    monkeypatch.chdir(place)
    assert main([*command, "--store", "here"]) == 1
    assert f"No store exists in {place / 'here'}" in capsys.readouterr().err
    assert not list(place.iterdir())


def test_a_project_folder_instead_of_its_store_is_recognized(
    own_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "project"
    nbtrack.set_tracking_uri(project / ".nbtrack")
    nbtrack.search_runs()
    assert main(["gc", "--store", str(project)]) == 1
    assert f"A store exists in {project / '.nbtrack'}" in capsys.readouterr().err
    assert [path.name for path in project.iterdir()] == [".nbtrack"]


def test_an_unsupported_store_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--store", "s3://bucket"]) == 1
    assert "s3://bucket" in capsys.readouterr().err


@pytest.mark.slow
def test_the_store_can_be_named_before_or_after_the_command(
    own_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nbtrack.search_experiments()
    nbtrack.set_tracking_uri(tmp_path / "another")
    for arguments in (["--store", str(own_store), "doctor"], ["doctor", "--store", str(own_store)]):
        assert main(arguments) == 0
        assert str(own_store) in capsys.readouterr().out


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"nbtrack {nbtrack.__version__}\n"
    for arguments in (["--help"], ["-h", "gc"]):
        with pytest.raises(SystemExit):
            main(arguments)
        said = capsys.readouterr().out
        for command in ("backup", "doctor", "export", "gc", "guide", "import", "merge", "models", "restore", "run"):
            assert f"\n    {command} " in said
    with pytest.raises(SystemExit):
        main(["guides"])
    assert "restore" in capsys.readouterr().err


def test_a_command_imports_only_what_it_needs() -> None:
    program = "import sys; from nbtrack.cli import main; main(['guide', 'query']); print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = {name.split(".")[1] for name in done.stdout.splitlines() if name.startswith("nbtrack.")}
    assert "cli" in imported
    assert not imported & {"projects", "models", "store", "client", "serving"}


def test_a_closed_pipe_is_not_an_error() -> None:
    program = "import sys; from nbtrack.cli import main; sys.exit(main(['guide', 'query']))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.slow
def test_it_runs_as_a_module_of_this_python() -> None:
    done = subprocess.run([sys.executable, "-m", "nbtrack", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"nbtrack {nbtrack.__version__}\n"
