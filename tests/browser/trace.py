"""The work of a page's main thread, from a trace of Chromium."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

WORK = {"FunctionCall", "EvaluateScript", "RunMicrotasks", "UpdateLayoutTree", "Layout", "EventDispatch"}

SCROLL = """
async ([x, y, frames]) => {
    const table = document.querySelector('.nbt-table-scroll');
    for (let i = 0; i < frames; i++) {
        table.scrollLeft += x;
        table.scrollTop += y;
        await new Promise(requestAnimationFrame);
    }
}
"""
"""Scrolls the run table in each of some frames."""


def work(page: Page, act: Callable[[], Any]) -> float:
    """Return the milliseconds of script, style and layout on the main thread while `act` runs."""
    session = page.context.new_cdp_session(page)
    events: list[dict[str, Any]] = []
    complete: list[object] = []
    session.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    session.on("Tracing.tracingComplete", lambda data: complete.append(data))
    session.send("Tracing.start", {"categories": "devtools.timeline,v8.execute", "transferMode": "ReportEvents"})
    act()
    session.send("Tracing.end")
    while not complete:
        page.wait_for_timeout(20)
    total, end = 0.0, 0.0
    for event in sorted((each for each in events if each.get("ph") == "X"), key=lambda each: each["ts"]):
        # Events inside another one are a part of it.
        if event["name"] in WORK and event["ts"] >= end:
            total += event.get("tdur", event["dur"]) / 1000
            end = event["ts"] + event["dur"]
    return total
