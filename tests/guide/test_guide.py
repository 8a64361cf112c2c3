"""Every example of the guide runs: a page's Python and its commands, one after another, on a store of its own."""

from __future__ import annotations

import re
import shlex
from importlib.resources import files
from pathlib import Path

import pytest

from nbtrack.cli import main

PAGES = {entry.name: entry.read_text("utf-8") for entry in Path(str(files("nbtrack") / "guide")).glob("*.md")}
ONLY_TABLES = {"benchmarks.md"}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_loky")
@pytest.mark.parametrize("page", sorted(set(PAGES) - ONLY_TABLES))
def test_the_examples_of_a_page_run(
    page: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The user's cache gets no environments of these examples.
    monkeypatch.setenv("NBTRACK_CACHE_DIR", str(tmp_path / "cache"))
    namespace: dict[str, object] = {"__name__": "__main__"}
    ran = 0
    for block in BLOCK.finditer(PAGES[page]):
        line = PAGES[page].count("\n", 0, block.start()) + 1
        if block[1] == "python":
            exec(compile("\n" * line + block[2], page, "exec"), namespace)
            ran += 1
        elif block[1] == "console":
            for command in re.findall(r"^\$ nbtrack (.*)$", block[2], re.MULTILINE):
                code = main(shlex.split(command, comments=True))
                assert code == 0, f"{page}, line {line}: nbtrack {command}: {capsys.readouterr().err}"
                ran += 1
    assert ran, f"{page} has no example that runs"


def test_the_command_lists_and_prints_the_pages(capsys: pytest.CaptureFixture[str]) -> None:
    listed = {page: text for page, text in PAGES.items() if page != "index.md"}
    assert main(["guide"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        page.removesuffix(".md") for page in sorted(listed)
    ]
    for page, text in listed.items():
        assert main(["guide", page.removesuffix(".md")]) == 0
        assert text in capsys.readouterr().out
    assert main(["guide", "no such page"]) == 1
    assert "The pages are" in capsys.readouterr().err
    # Neither the home page nor the stubs of the API reference are made for a terminal.
    assert main(["guide", "index"]) == main(["guide", "api"]) == 1
