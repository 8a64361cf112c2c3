"""What a saved notebook and a terminal show of a widget."""

from __future__ import annotations

import base64
import io
import json
import math
import re
import xml.etree.ElementTree as ElementTree
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import nbtrack
from nbtrack.widgets import LiveRun, picture
from nbtrack.widgets.host import MOST_IMAGE, ViewWidget
from nbtrack.widgets.raster import Raster
from nbtrack.widgets.saved import Page
from nbtrack.widgets.snapshot import MIME, Answer, Snapshot
from nbtrack.widgets.table import Table

MakeRun = Callable[..., str]
HOSTILE = "<script>alert(1)</script>\"'&\N{ROCKET}\n\x1b[31m" + "x" * 10_000


def bundle(widget: Any) -> dict[str, Any]:
    data, _ = widget._repr_mimebundle_()
    return dict(data)


def test_a_comparison_keeps_text_picture_table_and_data(make_run: MakeRun) -> None:
    run_ids = [make_run(loss, name=f"run-{loss}") for loss in (0.1, 0.2)]
    data = bundle(nbtrack.compare())
    assert "run-0.1" in data["text/plain"]
    assert "<svg" in data["text/html"]
    assert "<table" in data["text/html"]
    saved = json.loads(json.dumps(data[MIME], allow_nan=False))
    assert saved["view"] == "comparison"
    assert saved["options"]["view"]["selected"] == run_ids
    curves = saved["answers"]["curves"]
    assert len(curves["buffers"]) == 2 * len(curves["reply"]["series"]) == 8
    assert "application/vnd.jupyter.widget-view+json" in data


def test_a_comparison_keeps_a_png_of_its_chart_and_table_for_viewers_without_scripts(make_run: MakeRun) -> None:
    for loss in (0.1, 0.2):
        make_run(loss, name=f"run-{loss}")
    data, metadata = nbtrack.compare()._repr_mimebundle_()  # type: ignore[misc]
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    image.load()
    size = metadata["image/png"]
    assert image.size == (2 * size["width"], 2 * size["height"])
    assert size["width"] >= 560
    colors = {color for _, color in image.convert("RGB").getcolors() or []}
    # The background, the ink of strings, and the lines of both runs.
    assert {(255, 255, 255), (0x1F, 0x23, 0x28), (0x1F, 0x86, 0xC7), (0xD9, 0x70, 0x1F)} <= colors
    assert len(data["image/png"]) < MOST_IMAGE


def test_a_png_of_any_strings_and_sizes_is_valid_and_small() -> None:
    lines = [picture.Line(HOSTILE + str(i), [0, 1, 2, 3], [i, math.nan, -i, 1e300]) for i in range(30)]
    tables: list[Table | str] = [Table(["a" * 50, HOSTILE], [[HOSTILE, "é…✓中"]] * 20), HOSTILE, ""]
    page = Page(HOSTILE, tables, [picture.curves(HOSTILE, lines), None, *[picture.curves("b", lines[:1])] * 20])
    drawn = page.png()
    assert drawn is not None
    image = Image.open(io.BytesIO(drawn[0]))
    image.load()
    assert image.size == (2 * drawn[1], 2 * drawn[2])
    assert image.size[0] < 2_500
    assert len(base64.b64encode(drawn[0])) < MOST_IMAGE
    assert Page("no runs", ["Nothing yet."], [None]).png() is None


def test_a_dashed_line_has_gaps_and_a_string_its_dots() -> None:
    raster = Raster(101, 21, ["#ffffff", "#000000", "#ff0000"])
    raster.line([(0, 4), (100, 4)], 2, 1, [10, 10])
    raster.text(-3, 10, "T", 1, 1)
    raster.text(10, 10, "T", 1, 1)
    raster.rectangle(95, 15, 100, 100, 1)
    dots = Image.open(io.BytesIO(raster.png())).convert("RGB")
    row = [dots.getpixel((x, 4)) for x in range(100)]
    assert row.count((255, 0, 0)) in range(45, 56)
    letter = ["".join("#" if dots.getpixel((x, y)) == (0, 0, 0) else "." for x in range(10, 15)) for y in range(10, 17)]
    assert letter == ["#####", *["..#.."] * 6]
    assert dots.getpixel((2, 10)) == (255, 255, 255), "A character that does not fit is left out."
    assert dots.getpixel((100, 20)) == (0, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("exporter", "shows"),
    [("html", ("<svg", "<table")), ("markdown", ("<svg", "<table")), ("latex", ("includegraphics",))],
)
def test_nbconvert_shows_the_saved_view(make_run: MakeRun, exporter: str, shows: tuple[str, ...]) -> None:
    import nbconvert
    import nbformat

    for loss in (0.1, 0.2):
        make_run(loss, name=f"run-{loss}")
    data, metadata = nbtrack.compare()._repr_mimebundle_()  # type: ignore[misc]
    cell = nbformat.v4.new_code_cell("nbtrack.compare()", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("display_data", data=data, metadata=metadata)]
    converted, resources = nbconvert.get_exporter(exporter)().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    for each in shows:
        assert each in converted
    assert exporter != "latex" or [name for name in resources["outputs"] if name.endswith(".png")]


def test_nothing_of_a_run_becomes_markup(client: nbtrack.Client) -> None:
    with nbtrack.start_run(run_name=HOSTILE[:400]) as run:
        nbtrack.log_param("p", HOSTILE)
        nbtrack.log_metric("loss", 1.0, step=0)
        nbtrack.log_metric("loss", 0.5, step=1)
        nbtrack.set_tag("nbtrack.traceback", f"ValueError: {HOSTILE}")
    widgets = [nbtrack.compare(), LiveRun(client, run.info.run_id), nbtrack.registry()]
    for widget in widgets:
        data = bundle(widget)
        assert "<script" not in data["text/html"]
        assert "\x1b" not in data["text/plain"]
        assert len(data["text/html"]) < 20_000


def test_values_that_are_not_finite_are_valid_json_and_leave_a_gap(client: nbtrack.Client) -> None:
    with nbtrack.start_run() as run:
        for step, value in enumerate([1.0, math.nan, math.inf, 0.5, 0.25]):
            nbtrack.log_metric("loss", value, step=step)
    data = bundle(LiveRun(client, run.info.run_id))
    text = json.dumps(data, allow_nan=False)
    assert "null" in text
    assert "nan" not in data["text/html"].split("<svg")[1].split("</svg>")[0]


@pytest.mark.slow
def test_200_runs_of_many_points_stay_small() -> None:
    for index in range(12):
        with nbtrack.start_run(run_name=f"r{index}"):
            for step in range(2_000):
                nbtrack.log_metric("loss", math.sin(step) / (index + 1), step=step)
    widget = nbtrack.compare()
    widget.selected = nbtrack.search_runs()
    saved = bundle(widget)[MIME]
    series = saved["answers"]["curves"]["reply"]["series"]
    assert len(series) == 10
    assert all(entry["points"] <= 202 and entry["total"] == 2_000 for entry in series)
    assert len(json.dumps(saved)) < 150_000


def test_a_live_run_is_kept_as_it_ended(client: nbtrack.Client, make_run: MakeRun) -> None:
    run_id = make_run(0.1, name="tried", status="FAILED")
    nbtrack.Client().set_tag(run_id, "nbtrack.traceback", "Traceback …\nValueError: no luck")
    data = bundle(LiveRun(client, run_id))
    assert data["text/plain"].startswith("tried: FAILED")
    assert "ValueError: no luck" in data["text/plain"]
    assert data["text/html"].count("<svg") == 1  # train/loss and val/loss share a panel


def test_the_registry_as_text(client: nbtrack.Client, make_run: MakeRun) -> None:
    assert "No" in repr(nbtrack.registry()) or "0 registered models" in repr(nbtrack.registry())
    run_id = make_run(0.1, name="best")
    client.create_registered_model("digits")
    client.create_model_version("digits", f"runs:/{run_id}/model", run_id)
    client.transition_model_version_stage("digits", "1", "Production")
    lines = repr(nbtrack.registry("digits")).splitlines()
    (version,) = [line for line in lines if "best" in line]
    assert version.split()[:2] == ["1", "Production"]
    with pytest.raises(nbtrack.errors.NotFound):
        nbtrack.registry("no such model")


@pytest.mark.parametrize(
    "values",
    [[1.0], [0.0, 0.0], [1e308, -1e308], [5e-324, 1e-323], [math.nan, 1.0, math.nan, 2.0, 3.0]],
)
def test_any_finite_curve_becomes_a_picture(values: list[float]) -> None:
    drawn = picture.curves("loss", [picture.Line("a & b", list(range(len(values))), values)])
    assert drawn is not None
    root = ElementTree.fromstring(drawn.svg())
    numbers = " ".join(element.get("d", "") + element.get("cx", "") for element in root.iter())
    assert "nan" not in numbers
    assert "inf" not in numbers


def test_a_curve_without_a_finite_point_is_no_picture() -> None:
    assert picture.curves("loss", [picture.Line("a", [0.0, 1.0], [math.nan, math.inf])]) is None


def test_a_widget_and_its_screen_have_one_name() -> None:
    """The bundle, the screen's entry in js/screens and the view in saved notebooks."""
    index = (Path(__file__).parents[2] / "js" / "screens" / "index.ts").read_text(encoding="utf-8")
    screens = set(re.findall(r"export \{ (\w+) \}", index))
    assert {widget.screen for widget in ViewWidget.__subclasses__()} == screens
    assert {"live", "comparison", "registry"} <= screens


def test_a_saved_registry_says_how_much_it_leaves_out(client: nbtrack.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        client.create_registered_model(name)
    for _ in range(22):
        client.create_model_version("a", "s3://elsewhere/model")
    monkeypatch.setattr("nbtrack.widgets.registry_board.SAVED_MODELS", 2)
    data = bundle(nbtrack.registry())
    assert data["text/plain"].splitlines()[0] == "3 registered models"
    assert "… and 2 more versions" in data["text/plain"]
    assert "… and 1 more model" in data["text/html"]
    reply = data[MIME]["answers"]["registry"]["reply"]
    assert (len(reply["models"]), reply["count"], reply["models"][0]["stages"]) == (2, 3, {"None": 22})


def size_of(widget: Any) -> int:
    """Return how many bytes of a notebook a widget's output takes."""
    return len(json.dumps(bundle(widget)))


@pytest.mark.slow
def test_what_is_kept_of_a_widget_stays_below_200_kb(client: nbtrack.Client) -> None:
    """Of many runs with many columns, of a run with many metrics, and of values as long as they can be."""
    long = "x" * 6_000
    for number in range(250):
        with nbtrack.start_run(run_name=f"run-{number}"):
            nbtrack.log_params({f"group/param-{key}": f"value {number} {key}" for key in range(30)})
            nbtrack.log_metrics({f"metric-{key}": number / (key + 1.7) for key in range(15)}, step=0)
    with nbtrack.start_run(run_name="many metrics") as run:
        for step in range(300):
            nbtrack.log_metrics(
                {f"group-{key % 30}/metric-{key}": math.sqrt(step + key) for key in range(120)}, step=step
            )
    comparison = nbtrack.compare()
    assert 100_000 < size_of(comparison) < 200_000
    saved = bundle(comparison)[MIME]["answers"]
    assert saved["runs"]["reply"]["total"] == 251
    assert len(saved["runs"]["reply"]["rows"]) > 50
    live = LiveRun(client, run.info.run_id)
    assert 100_000 < size_of(live) < 200_000
    series = bundle(live)[MIME]["answers"]["live"]["reply"]["series"]
    assert len(series) == 120
    assert min(entry["points"] for entry in series) >= 20
    with nbtrack.start_run(run_name="long values") as run:
        nbtrack.log_params({f"param-{key}": long for key in range(200)})
        nbtrack.log_metric("loss", 1.0)
        nbtrack.set_tag("mlflow.note.content", long * 10)
    assert size_of(LiveRun(client, run.info.run_id)) < 200_000
    assert size_of(nbtrack.compare("params.`param-1` != ''")) < 200_000


def test_saved_numbers_and_strings_are_short_and_ids_stay_whole() -> None:
    answer = Answer(
        {}, {"note": "n" * 5_000, "run_id": "f" * 32, "keys": {"k" * 100: "v"}}, [array("d", [3.0, 1 / 3]).tobytes()]
    )
    saved = Snapshot("live", {}, {"live": answer}).saved(64)["answers"]["live"]
    assert saved["buffers"] == [[3, 0.333333]]
    assert isinstance(saved["buffers"][0][0], int)
    assert saved["reply"] == {"note": "n" * 63 + "…", "run_id": "f" * 32, "keys": {"k" * 100: "v"}}


def test_a_saved_run_of_many_groups_draws_some_of_them_and_says_so(client: nbtrack.Client) -> None:
    with nbtrack.start_run() as run:
        for step in range(3):
            nbtrack.log_metrics({f"group-{number}/loss-{number}": step for number in range(20)}, step=step)
    data = bundle(LiveRun(client, run.info.run_id))
    assert data["text/html"].count("<svg") == 12
    assert "Charts of 12 of 20 groups of metrics are drawn here." in data["text/html"]


def test_long_names_are_cut_in_the_middle_because_they_differ_at_their_ends() -> None:
    for seed in (14, 38):
        with nbtrack.start_run(run_name=f"resnet50-imagenet-augmented-cosine-seed{seed}"):
            nbtrack.log_metric("val/loss", 0.5, step=0)
    data = bundle(nbtrack.compare())
    for seed in (14, 38):
        for form in ("text/plain", "text/html"):
            assert f"cosine-seed{seed}" in data[form]
        assert f"e-seed{seed}</text>" in data["text/html"], "The legend of the picture is cut in the middle, too."
