"""The figures of the comparison in Chromium, in JupyterLab: `python -m tests.benchmarks.screens [FOLDER]`.

The store is the team's of `workload.py`, with 200 and with 10,000 runs. Each figure is in milliseconds, until the frame
that shows the change has been painted: the median, and the best. Chromium renders in software here, so these are upper
bounds. `kernel` is the part until the kernel's answer has arrived in the page, and `work` all that the main thread did
(script, style and layout, from a trace).

The answer to a cell is its output, because a page cannot draw before there is a place for it. The widget's data arrives
before it, while the kernel still describes the output for the notebook file. So the time from the start of the cell is
measured too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from nbtrack.widgets.snapshot import MIME
from tests.benchmarks import synthetic
from tests.benchmarks import workload as w
from tests.benchmarks.__main__ import machine
from tests.browser import notebook as notebooks
from tests.browser.notebook import CELL, CURRENT, Notebook, write_notebook
from tests.browser.server import jupyterlab
from tests.browser.trace import SCROLL, work

REPEAT = 5
SIZES = (200, 10_000)
SELECTED = 1_000
LONG_RUNS, LONG_STEPS = 100, 100_000
MOVES = 60
FRAMES = 100

HELPERS = f"""
() => {{
    {CURRENT}
    const figures = window.figures = {{ arrived: [] }};
    // Resolves in the frame after the one in which a condition holds.
    figures.painted = (condition) => new Promise((resolve, reject) => {{
        const began = performance.now();
        const look = () => {{
            if (performance.now() > began + 60_000) {{
                reject(new Error(`The page did not change: ${{condition}}`));
            }}
            requestAnimationFrame(condition() ? () => resolve(performance.now()) : look);
        }};
        look();
    }});
    figures.names = () => [...document.querySelectorAll('.nbt-row')].slice(0, 9).map((row) => row.dataset.runId).join();
    figures.count = () => document.querySelector('.nbt-count')?.innerText ?? '';
    figures.isIdle = () => !document.querySelector('.nbt-comparison [aria-busy="true"], .nbt-old, .nbt-pending')
        && document.querySelector('.nbt-comparison canvas');
    figures.after = (start, kind) => figures.arrived.find((one) => one.at > start && one.kind === kind)?.at;
    panel.sessionContext.session.kernel.anyMessage.connect((_, {{ msg, direction }}) => {{
        const isOutput = msg.header.msg_type === 'display_data' && '{MIME}' in msg.content.data;
        const kind = isOutput ? 'output' : msg.content.data?.content?.kind;
        if (direction === 'recv' && kind) {{
            figures.arrived.push({{ at: performance.now(), kind }});
        }}
    }});
}}
"""
FIRST_PAINT = """
(cell) => {
    const find = (part) => document.querySelector(`[data-cell-id="${cell}"] .nbt-comparison ${part}`);
    const { painted, isIdle } = window.figures;
    window.figures.first = Promise.all([
        painted(() => find('.nbt-row')),
        painted(() => find('.nbt-row') && find('canvas') && isIdle()),
    ]);
}
"""
# Acts in the page and returns the time until the table shows something else, and until the answer has arrived.
ACT = """
async (act) => {
    const { names, count, painted, after } = window.figures;
    const [rows, text] = [names(), count()];
    const start = performance.now();
    new Function(act)();
    const end = await painted(() => names() !== rows || count() !== text);
    return { painted: end - start, kernel: (after(start, 'nbtrack:reply') ?? start) - start };
}
"""
# Scrolls the table sideways until the header of a column is in the page.
REVEAL = """
async (column) => {
    const table = document.querySelector('.nbt-table-scroll');
    const find = () => document.querySelector(`th[data-column='${column}'] .nbt-sort`);
    table.scrollTop = 0;
    for (let left = 0; !find() && left < table.scrollWidth; left += 100) {
        table.scrollLeft = left;
        await window.figures.painted(() => true);
    }
    await window.figures.painted(window.figures.isIdle);
}
"""
ENTER = """
const input = document.querySelector('.nbt-query-input');
Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, %r);
input.dispatchEvent(new Event('input', { bubbles: true }));
input.form.requestSubmit();
"""
# Counts the lines that are drawn, so that a chart is known to be drawn again.
COUNT_LINES = """
() => {
    const { stroke } = CanvasRenderingContext2D.prototype;
    window.figures.drawn = 0;
    CanvasRenderingContext2D.prototype.stroke = function (...path) {
        window.figures.drawn = performance.now();
        return stroke.apply(this, path);
    };
}
"""
# Acts in the page and returns the time until the chart has been drawn again, with the answer if the kernel was asked.
REDRAW = """
async ([act, asks]) => {
    const { painted, after, isIdle } = window.figures;
    await painted(isIdle);
    const start = performance.now();
    new Function(act)();
    const isDrawn = () => window.figures.drawn > (asks ? after(start, 'nbtrack:reply') ?? Infinity : start);
    const end = await painted(() => isIdle() && isDrawn());
    return { painted: end - start };
}
"""
OF_CURVES = "const root = document.querySelector('[data-cell-id=\"curves\"]');"
CHART_ACTS = {
    "smoothing": """
        const slider = root.querySelector('.nbt-smoothing input');
        slider.value = slider.value === '0.9' ? '0' : '0.9';
        slider.dispatchEvent(new Event('input', { bubbles: true }));
    """,
    "log y": "root.querySelector('.nbt-log input').click();",
    "untick one": "root.querySelector('.nbt-row.nbt-selected .nbt-checkbox').click();",
    "zoom": """
        const plot = root.querySelector('.nbt-chart');
        plot.dispatchEvent(new KeyboardEvent('keydown', { key: '+', bubbles: true }));
    """,
}
ASKING = ("zoom",)
CELLS = {
    "import": """
import nbtrack, time
nbtrack.set_tracking_uri({store!r})
nbtrack.set_experiment({experiment!r})
run_ids = list(nbtrack.search_runs(max_results={selected}).run_id)
""",
    "compare": "cmp = nbtrack.compare()\ncmp",
    "select": "began = time.time()\ncmp.selected = run_ids\nprint(began, time.time() - began)",
    "clear": "cmp.selected = run_ids[:5]",
    "long": """
long_ids = list(nbtrack.search_runs(experiment_names=[{long!r}], max_results={long_runs}).run_id)
long = nbtrack.compare(experiment_names=[{long!r}])
long.view = {{"selected": long_ids, "panels": [{{"metrics": [{key!r}]}}]}}
long.save_view("long")
""",
    "curves": "nbtrack.compare(experiment_names=[{long!r}], view='long')",
}


def summarized(rows: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure, and the best of those that were taken more than once."""
    found: dict[str, float] = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        found[name] = statistics.median(values)
        if len(values) > 1:
            found[f"{name}, best"] = min(values)
    return found


def first_paint(sheet: Notebook, cell: str = "compare") -> dict[str, float]:
    """From the answer, which is the output of the cell, until the table and the curves are painted."""
    page = sheet.page
    sheet.show(cell)
    page.evaluate(f"(id) => {{ {CELL} cell.model.outputs.clear(); }}", cell)
    page.wait_for_function("(id) => !document.querySelector(`[data-cell-id='${id}'] .nbt-comparison`)", arg=cell)
    page.evaluate(FIRST_PAINT, cell)
    start = page.evaluate("() => performance.now()")
    painted: list[float] = []

    def act() -> None:
        sheet.start(cell)
        painted.extend(page.evaluate("() => window.figures.first"))

    spent = work(page, act)
    ended = sheet.wait(cell)
    answer = page.evaluate("(start) => window.figures.after(start, 'output')", start)
    table, curves = painted
    found = {"cell until the answer": answer - start, "table": table - answer, "curves": curves - answer}
    return {
        **found,
        "table after the cell's start": table - start,
        "curves after the cell's end": curves - ended,
        "work": spent,
    }


def acted(sheet: Notebook, act: str) -> dict[str, float]:
    found: dict[str, float] = {}
    spent = work(sheet.page, lambda: found.update(sheet.page.evaluate(ACT, act)))
    sheet.page.evaluate("() => window.figures.painted(window.figures.isIdle)")
    return {**found, "work": spent}


def sorted_by(sheet: Notebook, column: str) -> dict[str, float]:
    sheet.page.evaluate(REVEAL, column)
    return acted(sheet, f"document.querySelector(\"th[data-column='{column}'] .nbt-sort\").click()")


def selected(sheet: Notebook) -> dict[str, float]:
    """From `cmp.selected = …` in the kernel until the count is painted, and until the curves are."""
    page = sheet.page
    sheet.run("clear")
    page.evaluate(
        "() => { const { painted, count, isIdle } = window.figures;"
        "window.figures.many = painted(isIdle).then(() => painted(() => !count().includes(', 5 selected'))); }"
    )
    began, call = map(float, sheet.run("select").split())
    painted = page.evaluate("async () => (await window.figures.many) + performance.timeOrigin")
    curves = page.evaluate("async () => (await window.figures.painted(window.figures.isIdle)) + performance.timeOrigin")
    return {"painted": painted - began * 1000, "kernel": call * 1000, "curves": curves - began * 1000}


def scrolled(sheet: Notebook, step: int) -> dict[str, float]:
    """The work of a frame while the table is scrolled by `step` pixels a frame."""
    spent = work(sheet.page, lambda: sheet.page.evaluate(SCROLL, [0, step, FRAMES]))
    return {"work": spent / FRAMES}


def charts(sheet: Notebook, repeat: int = 1) -> dict[str, dict[str, float]]:
    """Measure the curves of the long runs: their first paint, a move of the pointer, and what changes them."""
    page = sheet.page
    sheet.run("long")
    found = {"curves: first paint": first_paint(sheet, "curves")}
    page.evaluate(COUNT_LINES)
    over = sheet.cell("curves").locator(".nbt-chart .u-over").first
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box is not None

    def move() -> None:
        for i in range(MOVES):
            page.mouse.move(
                box["x"] + (i + 1) * box["width"] / (MOVES + 2), box["y"] + box["height"] * (0.4 + i % 5 / 20)
            )

    found["curves: a move of the pointer"] = {"work": work(page, move) / MOVES}
    page.mouse.move(2, 2)
    for what, act in CHART_ACTS.items():
        rows: list[dict[str, float]] = []
        for _ in range(repeat):
            row: dict[str, float] = {}
            spent = work(page, lambda act=act, row=row, what=what: row.update(chart_act(page, act, what in ASKING)))
            rows.append({**row, "work": spent})
        found[f"curves: {what}"] = summarized(rows)
    return found


def chart_act(page: Page, act: str, asks: bool) -> dict[str, float]:
    """Do something to the chart of the long runs. Return how long it takes until it has been drawn again."""
    return dict(page.evaluate(REDRAW, [OF_CURVES + act, asks]))


def open_notebook(sheet: Notebook, folder: Path, store: Path, runs: int) -> None:
    """Open a new notebook in `folder` whose kernel has imported nbtrack and uses the store."""
    names = {
        "store": str(store / ".nbtrack"),
        "experiment": w.TEAM,
        "selected": SELECTED,
        "long": w.LONG,
        "long_runs": LONG_RUNS,
        "key": w.LONG_KEY,
    }
    cells = {cell: source.format(**names) for cell, source in CELLS.items()}
    write_notebook(folder / f"runs_{runs}.ipynb", cells)
    sheet.open(f"runs_{runs}.ipynb")
    sheet.page.evaluate(HELPERS)
    sheet.run("import")


def paints(sheet: Notebook, repeat: int) -> dict[str, dict[str, float]]:
    """Measure the first paint of comparisons, and leave one in the page."""
    # A page loads the code with its first comparison.
    first = first_paint(sheet)
    return {"first paint, with the code": first, "first paint": summarized([first_paint(sheet) for _ in range(repeat)])}


def actions(sheet: Notebook, repeat: int) -> dict[str, dict[str, float]]:
    """Measure what a user does with the comparison in the page, and what Python does."""
    keys, params = list(w.METRICS), list(w.PARAMS)
    acts: dict[str, Callable[[int], dict[str, float]]] = {
        # The kernel has not been asked for these orders before. The second click reverses the order.
        "sort by a metric": lambda turn: sorted_by(sheet, f"metrics.`{keys[turn]}`"),
        "sort by a param": lambda turn: sorted_by(sheet, f"params.{params[turn]}"),
        "sort by it in reverse": lambda turn: sorted_by(sheet, f"params.{params[turn]}"),
        "sort back": lambda turn: sorted_by(sheet, f"params.{params[turn]}"),
        "query on Enter": lambda turn: acted(sheet, ENTER % f"metrics.`val/accuracy` > {w.ACCURACY + turn / 100}"),
        f"cmp.selected = {SELECTED:,} runs": lambda turn: selected(sheet),
    }
    rows: dict[str, list[dict[str, float]]] = {what: [] for what in acts}
    for turn in range(repeat):
        for what, act in acts.items():
            rows[what].append(act(turn))
        acted(sheet, ENTER % "")
    return {what: summarized(each) for what, each in rows.items()}


def scrolling(sheet: Notebook) -> dict[str, dict[str, float]]:
    """Measure the work of a frame while the table scrolls, with few and with many selected runs."""
    sheet.run("clear")
    sheet.page.evaluate("() => window.figures.painted(window.figures.isIdle)")
    found = {
        "scrolling a row a frame": scrolled(sheet, 26),
        "scrolling five rows a frame": scrolled(sheet, 130),
    }
    selected(sheet)
    return {**found, f"scrolling five rows a frame, {SELECTED:,} selected": scrolled(sheet, -130)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.screens", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/bench"))
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    sizes, repeat = ((50, 1_200), 1) if options.quick else (SIZES, REPEAT)
    report: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "runs": {}}
    with (
        tempfile.TemporaryDirectory(prefix="nbtrack-screens-", ignore_cleanup_errors=True) as scratch,
        jupyterlab(Path(scratch)) as url,
        sync_playwright() as playwright,
    ):
        browser = notebooks.launch(playwright)
        for runs in sizes:
            store = Path(scratch) / f"{runs}"
            store.mkdir()
            long = (
                {}
                if runs > sizes[0]
                else {"long_runs": LONG_RUNS, "long_steps": 1_000 if options.quick else LONG_STEPS}
            )
            synthetic.fill(store, runs, **long)
            with notebooks.page(browser, url) as sheet:
                open_notebook(sheet, Path(scratch) / "work", store, runs)
                report["runs"][runs] = {**paints(sheet, repeat), **actions(sheet, repeat), **scrolling(sheet)}
                if long:
                    report["runs"][runs] |= charts(sheet, repeat)
        browser.close()
    file = options.folder / f"screens-{report['date'][:10]}.json"
    file.write_text(json.dumps(report, indent=2) + "\n")
    for runs, rows in report["runs"].items():
        for what, values in rows.items():
            print(f"{runs:>6} runs  {what:50}", "; ".join(f"{name} {value:.1f}" for name, value in values.items()))
    print(f"\nThe figures are in {file}.")


if __name__ == "__main__":
    main()
