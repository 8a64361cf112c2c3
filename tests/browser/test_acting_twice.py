"""The forms that change the registry: double clicks, two tabs that show the same store, and what axe says."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import nbtrack
from tests.browser.test_looks import AXE, CHECK
from tests.browser.widget import shown

ML_MODEL = "artifact_path: model\nflavors:\n  python_function:\n    loader_module: mlflow.sklearn\n"


@pytest.fixture
def client() -> nbtrack.MlflowClient:
    """A store with versions in Staging and Production, and with a run whose model is not registered."""
    client = nbtrack.MlflowClient()
    for number, name in enumerate(("in production", "in staging", "candidate")):
        with nbtrack.start_run(run_name=name) as run:
            nbtrack.log_metric("val/accuracy", 0.9 + number / 100)
            nbtrack.log_text(ML_MODEL, "model/MLmodel")
            nbtrack.set_tag(
                "mlflow.log-model.history", f'[{{"artifact_path": "model", "run_id": "{run.info.run_id}"}}]'
            )
        if name != "candidate":
            nbtrack.register_model(f"runs:/{run.info.run_id}/model", "digits")
    client.transition_model_version_stage("digits", 1, "Production")
    client.transition_model_version_stage("digits", 2, "Staging")
    return client


def stages(client: nbtrack.MlflowClient) -> dict[int, str]:
    return {version.version: version.current_stage for version in client.search_model_versions("name = 'digits'")}


def twice(button: Locator) -> None:
    """Click as a hurried user does, on what is there and on what stands in the same place 150 ms later."""
    expect(button).to_have_attribute("aria-disabled", "false")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    page, (x, y) = button.page, (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.dblclick(x, y, delay=30)
    page.wait_for_timeout(150)
    page.mouse.dblclick(x, y, delay=30)


def form_of(page: Page) -> Locator:
    page.get_by_role("button", name="Register model of candidate").click()
    panel = page.get_by_role("dialog")
    expect(panel.get_by_label("Name")).to_have_value("digits")
    return panel


def test_a_double_click_promotes_to_staging_and_no_further(chromium: Browser, client: nbtrack.MlflowClient) -> None:
    with shown(chromium, nbtrack.compare()) as page:
        panel = form_of(page)
        twice(panel.get_by_role("button", name="Register", exact=True))
        expect(panel).to_contain_text("Registered as digits version 3")
        expect(panel.locator(".nbt-effect")).to_have_text("Replaces version 2, which moves to Archived.")
        assert stages(client) == {1: "Production", 2: "Staging", 3: "None"}
        twice(panel.get_by_role("button", name="Promote"))
        expect(panel).to_contain_text("digits version 3 is now in Staging")
        page.wait_for_timeout(1000)
        assert stages(client) == {1: "Production", 2: "Archived", 3: "Staging"}


def test_of_two_tabs_the_second_is_refused(chromium: Browser, client: nbtrack.MlflowClient) -> None:
    with shown(chromium, nbtrack.compare()) as first, shown(chromium, nbtrack.compare()) as second:
        panels = form_of(first), form_of(second)
        panels[0].get_by_role("button", name="Register", exact=True).click()
        expect(panels[0]).to_contain_text("Registered as digits version 3")
        panels[1].get_by_role("button", name="Register", exact=True).click()
        expect(panels[1]).to_contain_text("is already version 3 of registered model 'digits'. Nothing was changed.")
    with shown(chromium, nbtrack.registry()) as first, shown(chromium, nbtrack.registry()) as second:
        forms = [page.get_by_role("form", name=re.compile("^Move digits")) for page in (first, second)]
        for page, form, number in ((first, forms[0], 2), (second, forms[1], 3)):
            page.get_by_role("button", name=f"Move version {number} of digits").click()
            form.get_by_label("Move to").select_option("Production")
            expect(form.locator(".nbt-effect")).to_have_text("Replaces version 1, which moves to Archived.")
        forms[0].get_by_role("button", name="Promote").click()
        expect(first.get_by_text("digits version 2 is now in Production.")).to_be_visible()
        forms[1].get_by_role("button", name="Promote").click()
        expect(forms[1].get_by_role("alert")).to_contain_text("now has version 2, but version 1 was expected.")
        expect(forms[1].locator(".nbt-effect")).to_have_text("Replaces version 2, which moves to Archived.")
        assert stages(client) == {1: "Archived", 2: "Production", 3: "None"}

        forms = [page.get_by_role("form", name="Roll back Production of digits") for page in (first, second)]
        for page, form in zip((first, second), forms, strict=True):
            page.get_by_role("button", name="Roll back Production", exact=True).click()
            expect(form.locator(".nbt-effect")).to_have_text("Restores version 1 and moves version 2 to Archived.")
        # The second click comes on what stands in the same place after the first one.
        twice(forms[0].get_by_role("button", name="Roll back"))
        expect(first.get_by_text("digits version 1 is now in Production.")).to_be_visible()
        forms[1].get_by_role("button", name="Roll back").click()
        expect(forms[1].get_by_role("alert")).to_contain_text("now has version 1, but version 2 was expected.")
        assert stages(client) == {1: "Production", 2: "Archived", 3: "None"}


def test_axe_finds_nothing_serious_in_the_forms_of_the_board(chromium: Browser, client: nbtrack.MlflowClient) -> None:
    client.set_gate("digits", "Production", "metrics.`val/accuracy` > 0.905 AND tags.approved = 'yes'")
    client.set_registered_model_alias("digits", "champion", 2)
    client.set_model_version_tag("digits", 2, "reviewed", "yes")
    with shown(chromium, nbtrack.registry(), light=False) as page:
        card = page.locator(".nbt-version[data-version='2']")
        card.locator(".nbt-version-run").click()
        card.get_by_role("button", name="Add an alias").click()
        page.get_by_role("button", name="Move version 2 of digits").click()
        form = page.get_by_role("form", name="Move digits version 2")
        expect(form.get_by_role("list", name="Gates")).to_contain_text("✗ not passed")
        form.get_by_label("Override the gate").check()
        form.get_by_label("Reason").fill("demo at noon")
        expect(form.get_by_role("button", name="Promote")).to_have_attribute("aria-disabled", "false")
        page.add_script_tag(path=AXE)
        assert page.locator(".nbt").evaluate(CHECK) == []
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Move version 2 of digits")).to_be_focused()
        page.get_by_role("button", name="Delete version 2 of digits").press("Enter")
        expect(page.get_by_role("button", name="Delete", exact=True)).to_have_attribute("aria-disabled", "false")
        assert page.locator(".nbt").evaluate(CHECK) == []
