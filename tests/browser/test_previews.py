"""HTML files among the artifacts of a run: what a hostile one can do in a browser."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

import nbtrack
from nbtrack.widgets import RunPage
from tests.browser.widget import shown

REPORT = """
<meta http-equiv="refresh" content="0;url=/?refreshed">
<script>document.title = "script"; parent.document.title = "script"</script>
<h1>All is &quot;well&quot;</h1>
<img src="/?image">
<a href="/?blank">blank</a><a href="/?top" target="_top">top</a><a href="/?self" target="_self">self</a>
"""


def test_a_page_of_html_runs_nothing_loads_nothing_and_leads_nowhere(chromium: Browser) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_text(REPORT, "report.html")
    widget = RunPage(nbtrack.Client(), run.info.run_id)
    widget._tab = "Artifacts/report.html"
    with shown(chromium, widget) as page:
        requested: list[str] = []
        page.on("response", lambda response: requested.append(response.url))
        address, title = page.url, page.title()
        report = page.frame_locator(".nbt-preview").frame_locator("iframe")
        expect(report.get_by_role("heading")).to_have_text('All is "well"')
        box = page.locator(".nbt-preview").bounding_box()
        inner = report.locator("html").bounding_box()
        assert box is not None
        assert inner is not None
        assert inner["width"] > box["width"] - 40, "The inner frame fills the outer one."
        for link in ("top", "blank", "self"):
            report.get_by_role("link", name=link).click()
        # The last one replaces the page by the browser's own, which says that it was blocked.
        expect(report.get_by_role("link")).to_have_count(0)
        assert [frame.url for frame in page.frames if frame.url.startswith("http")] == [address]
        assert [url for url in requested if "?" in url] == []
        assert page.title() == title
