"""Each screen looks as it did when somebody last looked at it, and axe finds nothing serious in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser import looks
from tests.browser.notebook import CURRENT, Notebook

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
CHECK = """
async root => {
    const found = await axe.run(root, { resultTypes: ['violations'] });
    return found.violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, help, nodes }) => [id, help, ...nodes.slice(0, 3).map(({ html }) => html.slice(0, 200))]);
}
"""
BROKEN = {
    "a table without its cells": ".nbt-table [role=row], .nbt-row { display: none !important; }",
    "charts that have no height": ".nbt-curves { display: none !important; }",
    "a page that ignores the theme": ".nbt { background: #fff !important; filter: invert(1); }",
}


@pytest.fixture(scope="module")
def screens(notebook: Notebook, lab: tuple[str, Path]) -> Notebook:
    looks.prepare(notebook, lab[1])
    return notebook


def test_each_screen_looks_as_before(screens: Notebook, tmp_path: Path) -> None:
    wrong = {}
    for name, picture in looks.pictures(screens, until=looks.is_as_before):
        found = looks.differences(looks.small(picture), looks.reference(name))
        if found:
            picture.save(tmp_path / f"{name}.png")
            wrong[name] = found
    hint = f"Look at {tmp_path}. If the screens are right, take the pictures anew: python -m tests.browser.looks"
    assert not wrong, f"{wrong}\n{hint}"


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_layout_is_seen(screens: Notebook, what: str) -> None:
    screens.use_theme(looks.THEMES["light"])
    screens.page.set_viewport_size({"width": 1400, "height": 1700})
    style = screens.page.add_style_tag(content=BROKEN[what])
    (look,) = looks.pictures_of(screens, ["compare-200"], "light", 1400, until=_is_broken)
    style.evaluate("tag => tag.remove()")
    assert _is_broken(*look)


def _is_broken(name: str, picture: Image.Image) -> bool:
    return not looks.is_as_before(name, picture)


@pytest.mark.parametrize("theme", looks.THEMES)
def test_axe_finds_nothing_serious(screens: Notebook, theme: str) -> None:
    screens.use_theme(looks.THEMES[theme])
    screens.page.set_viewport_size({"width": 1400, "height": 1700})
    screens.page.add_script_tag(path=AXE)
    found = {}
    for cell_id in ("compare-0", "compare-3", "compare-200", "live", "registry"):
        violations = looks.screen(screens, cell_id).evaluate(CHECK)
        if violations:
            found[cell_id] = violations
    live = looks.screen(screens, "live")
    live.get_by_role("button", name="Edit the name").click()
    live.get_by_role("button", name="Add a tag").click()
    if violations := live.evaluate(CHECK):
        found["live, edited"] = violations
    for button in live.get_by_role("button", name="Cancel").all()[::-1]:
        button.click()
    page = looks.screen(screens, "run-page")
    for tab in page.get_by_role("tab").all():
        tab.click()
        # The code of the cell, the folder and the charts come a moment later.
        expect(page.get_by_text("Loading…")).to_have_count(0)
        violations = page.evaluate(CHECK)
        if violations:
            found[tab.inner_text()] = violations
    assert not found


def test_a_run_in_a_cell_is_a_page_whose_cell_can_be_inserted_again(screens: Notebook) -> None:
    page = looks.screen(screens, "run-page")
    page.get_by_role("tab", name="Code").click()
    page.get_by_role("button", name="Insert below").click()
    expect(page.get_by_text("Inserted below.")).to_be_visible()
    inserted = f"() => {{ {CURRENT} return cells[panel.content.activeCellIndex].model.sharedModel.getSource(); }}"
    assert screens.page.evaluate(inserted) == looks.CELLS["live"].strip()
    assert screens.page.evaluate(f"() => {{ {CURRENT} return cells.length; }}") == len(looks.CELLS) + 1
