"""The files that log_text, log_dict, log_figure, log_image and log_table write can be read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import nbtrack
from nbtrack.errors import InvalidParameter, NotFound


@pytest.fixture
def root() -> Iterator[str]:
    with nbtrack.start_run() as run:
        yield f"runs:/{run.info.run_id}"


def test_text_and_dicts(root: str) -> None:
    nbtrack.log_text("zwölf\n😀", "notes/a.txt")
    assert nbtrack.artifacts.load_text(f"{root}/notes/a.txt") == "zwölf\n😀"
    values = {"n": np.int64(3), "x": np.array([1.5, 2]), "t": (1, 2), "day": date(2026, 1, 2), "nested": {"é": None}}
    plain = {"n": 3, "x": [1.5, 2.0], "t": [1, 2], "day": "2026-01-02", "nested": {"é": None}}
    for file in ("d.json", "d.yaml", "d.yml", "d"):
        nbtrack.log_dict(values, file)
        assert nbtrack.artifacts.load_dict(f"{root}/{file}") == plain
    with pytest.raises(InvalidParameter, match="log_dict"):
        nbtrack.log_text({"a": 1}, "a.txt")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="is not valid JSON or YAML"):
        nbtrack.artifacts.load_dict(f"{root}/notes/a.txt")


@pytest.mark.slow
def test_figures(root: str) -> None:
    from matplotlib.figure import Figure

    class Plotly:
        """The methods by which log_figure recognizes a plotly figure."""

        def to_html(self, **options: Any) -> str:
            return f"<html>{options['include_plotlyjs']}</html>"

        def to_image(self, **options: Any) -> bytes:
            return f"picture in {options['format']}".encode()

    figure = Figure()
    figure.subplots().plot([1, 2])
    nbtrack.log_figure(figure, "f.png", save_kwargs={"dpi": 20})
    nbtrack.log_figure(figure, "f.svg")
    nbtrack.log_figure(Plotly(), "p.html")
    nbtrack.log_figure(Plotly(), "p.webp")
    assert nbtrack.artifacts.load_image(f"{root}/f.png").size == (128, 96)
    assert "<svg" in nbtrack.artifacts.load_text(f"{root}/f.svg")
    assert nbtrack.artifacts.load_text(f"{root}/p.html") == "<html>True</html>"
    assert nbtrack.artifacts.load_text(f"{root}/p.webp") == "picture in webp"
    for wrong, file, words in ((figure, "f", "suffix"), (figure, "f.xyz", "cannot write"), ([1], "f.png", "log_image")):
        with pytest.raises(InvalidParameter, match=words):
            nbtrack.log_figure(wrong, file)


@pytest.mark.parametrize(
    ("pixels", "mode", "expected"),
    [
        (np.array([[True, False]]), "L", [[255, 0]]),
        (np.array([[0, 255]]), "L", [[0, 255]]),
        (np.array([[0.0, 1.0]]), "L", [[0, 255]]),
        (np.array([[[7], [8]]]), "L", [[7, 8]]),
        (np.array([[[1, 2, 3]]], dtype=np.uint8), "RGB", [[[1, 2, 3]]]),
        (np.array([[[1, 2, 3, 4]]]), "RGBA", [[[1, 2, 3, 4]]]),
    ],
)
def test_images(root: str, pixels: np.ndarray[Any, Any], mode: str, expected: list[Any]) -> None:
    nbtrack.log_image(pixels, "i.png")
    image = nbtrack.artifacts.load_image(f"{root}/i.png")
    assert (image.mode, np.array(image).tolist()) == (mode, expected)


def test_float_pixels_out_of_range_are_rescaled_with_a_warning(root: str) -> None:
    with pytest.warns(UserWarning, match="from -1 to 3"):
        nbtrack.log_image(np.array([[-1.0, 1.0, 3.0]]), "i.png")
    assert np.array(nbtrack.artifacts.load_image(f"{root}/i.png")).tolist() == [[0, 127, 255]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.array([[0, 256]]), "0 to 256"),
        (np.array([[-1, 0]]), "-1 to 0"),
        (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\)"),
        (np.zeros(3), "must have the shape"),
        (np.zeros((0, 3)), r"shape \(0, 3\)"),
        (np.array([[np.nan, 0.0]]), "NaN"),
        (np.array([["a"]]), "not <U1"),
        ("a.png", "not str"),
    ],
)
def test_arrays_that_are_not_images(root: str, pixels: Any, words: str) -> None:
    with pytest.raises(InvalidParameter, match=words):
        nbtrack.log_image(pixels, "i.png")
    assert nbtrack.artifacts.list_artifacts(root) == []


def test_images_of_a_key_by_step(root: str) -> None:
    picture = np.zeros((2, 2))
    nbtrack.log_image(picture, key="val/sample 1", step=3, timestamp=17)
    (info,) = nbtrack.artifacts.list_artifacts(f"{root}/images")
    assert info.path.startswith("images/val~sample 1+step+3+timestamp+17+")
    for arguments in ({}, {"artifact_file": "a.png", "key": "k"}, {"artifact_file": "a.png", "step": 1}, {"key": ""}):
        with pytest.raises(InvalidParameter):
            nbtrack.log_image(picture, **arguments)
    with pytest.raises(InvalidParameter, match="suffix"):
        nbtrack.log_image(picture, "picture")


def test_tables_grow(root: str) -> None:
    nbtrack.log_table({"a": [1, 2], "b": ["x", np.nan]}, "t.json")
    nbtrack.log_table(pd.DataFrame({"a": [3.5], "b": ["z"]}), "t.json")
    nbtrack.log_table({"b": "single", "c": np.float32(1)}, "t.json")
    table = nbtrack.artifacts.load_dict(f"{root}/t.json")
    assert table == {
        "columns": ["a", "b", "c"],
        "data": [[1, "x", None], [2, None, None], [3.5, "z", None], [None, "single", 1.0]],
    }
    path = nbtrack.artifacts.download_artifacts(f"{root}/t.json")
    assert pd.read_json(path, orient="split").shape == (4, 3)


VALUES = {
    "float": [3.7e-13, 1 / 7, float("inf")],
    "time": pd.to_datetime(["2026-02-03T04:05:06.789012345", None, "2026-02-03"], format="ISO8601"),
    "zoned": pd.date_range("2026-10-25T00:30", periods=3, freq="h", tz="Europe/Berlin"),
    "length": pd.to_timedelta([90061, None, 1], "s"),
    "nested": [{"at": pd.Timestamp("2026-02-03"), "x": [np.float32(0.1), np.nan]}, [None], b"\x00\xff"],
    "integer": pd.array([2**60 + 1, None, 3], dtype="Int64"),
    "category": pd.Categorical(["NA", None, "b"]),
}
CELLS = {
    "float": [3.7e-13, 1 / 7, None],
    "time": ["2026-02-03T04:05:06.789012345", None, "2026-02-03T00:00:00"],
    "zoned": ["2026-10-25T00:30:00+02:00", "2026-10-25T01:30:00+02:00", "2026-10-25T02:30:00+02:00"],
    "length": ["P1DT1H1M1S", None, "P0DT0H0M1S"],
    "nested": [{"at": "2026-02-03T00:00:00", "x": [float(np.float32(0.1)), None]}, [None], "AP8="],
    "integer": [2**60 + 1, None, 3],
    "category": ["NA", None, "b"],
}


@pytest.mark.parametrize("container", [dict, pd.DataFrame])
def test_tables_keep_values_of_every_type(root: str, container: Any) -> None:
    nbtrack.log_table(container(VALUES), "t.json")
    table = nbtrack.artifacts.load_dict(f"{root}/t.json")
    assert dict(zip(table["columns"], map(list, zip(*table["data"], strict=True)), strict=True)) == CELLS


@pytest.mark.parametrize("container", [dict, pd.DataFrame])
def test_tables_in_parquet_keep_types(root: str, container: Any) -> None:
    values = {name: cells for name, cells in VALUES.items() if name != "nested"}
    values["lists"] = [[1, 2], None, []]
    nbtrack.log_table(container(values), "eval/t.parquet")
    table = nbtrack.load_table("eval/t.parquet")
    pd.testing.assert_frame_equal(
        table.drop(columns=["lists", "category"]), pd.DataFrame(values).drop(columns=["lists", "category"])
    )
    assert [None if cell is None else list(cell) for cell in table["lists"]] == values["lists"]
    assert table["category"].astype(object).where(table["category"].notna(), None).tolist() == ["NA", None, "b"]
    path = nbtrack.artifacts.download_artifacts(f"{root}/eval/t.parquet")
    assert len(pd.read_parquet(path)) == 3


def test_rows_are_appended_to_a_table_in_parquet(root: str) -> None:
    nbtrack.log_table({"a": [1, 2], "b": ["x", None]}, "t.parquet")
    nbtrack.log_table(pd.DataFrame({"a": [3.5], "b": ["z"]}), "t.parquet")
    nbtrack.log_table({"b": "single", "c": np.float32(1)}, "t.parquet")
    table = nbtrack.load_table("t.parquet")
    assert table["a"].tolist()[:3] == [1, 2, 3.5]
    assert table["b"].fillna("missing").tolist() == ["x", "missing", "z", "single"]
    assert table["c"].tolist()[3] == 1
    assert table.isna().sum().tolist() == [1, 1, 3]
    with pytest.raises(InvalidParameter, match=r"values from row 5 on have another type.*Log the table as \.json"):
        nbtrack.log_table({"a": ["text"]}, "t.parquet")
    assert len(nbtrack.load_table("t.parquet")) == 4
    nbtrack.log_text("no table", "d.parquet")
    with pytest.raises(InvalidParameter, match="is not a table that log_table wrote"):
        nbtrack.log_table({"a": [1]}, "d.parquet")


@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_images_in_tables_become_files(root: str, kind: str) -> None:
    images = [Image.new("RGB", (400, 2), "red"), Image.new("L", (3, 5))]
    nbtrack.log_table({"prompt": ["a", "b"], "image": images}, f"eval/t.{kind}")
    nbtrack.log_table(pd.DataFrame({"prompt": ["c"], "image": images[:1]}), f"eval/t.{kind}")
    cells = nbtrack.load_table(f"eval/t.{kind}")["image"].tolist()
    assert [cell["type"] for cell in cells] == ["image"] * 3
    read = [Image.open(nbtrack.artifacts.download_artifacts(f"{root}/{cell['filepath']}")) for cell in cells]
    assert [image.size for image in read] == [(400, 2), (3, 5), (400, 2)]
    assert read[0].getpixel((0, 0)) == (255, 0, 0)
    small = Image.open(nbtrack.artifacts.download_artifacts(f"{root}/{cells[0]['compressed_filepath']}"))
    assert (small.size, small.format) == ((256, 1), "WEBP")
    assert cells[0]["filepath"].startswith("table_images/eval/t/")
    assert isinstance(images[0], Image.Image)


def test_the_tables_of_a_run_are_listed_in_its_tag(root: str) -> None:
    for file in ("b.json", "a/t.parquet", "b.json"):
        nbtrack.log_table({"x": [1]}, file)
    with pytest.raises(InvalidParameter):
        nbtrack.log_table({"x": [1]}, "no.csv")

    def listed() -> Any:
        return json.loads(nbtrack.get_run(root[6:]).data.tags["mlflow.loggedArtifacts"])

    entries = [{"path": "b.json", "type": "table"}, {"path": "a/t.parquet", "type": "table"}]
    assert listed() == entries
    nbtrack.log_table({"x": [1]}, "c.json")
    nbtrack.log_table({"x": [1]}, "a/t.parquet")
    assert listed() == [*entries, {"path": "c.json", "type": "table"}]
    # A tag of another form is replaced.
    nbtrack.set_tag("mlflow.loggedArtifacts", "no list")
    nbtrack.log_table({"x": [1]}, "c.json")
    assert listed() == [{"path": "c.json", "type": "table"}]


def test_tables_are_loaded_with_what_is_known_about_their_runs() -> None:
    levels = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    runs = []
    for kind in ("first", "second"):
        with nbtrack.start_run(tags={"kind": kind}) as run:
            runs.append(run.info.run_id)
            nbtrack.log_table({"answer": [kind], "x": [0.1 + 0.2]}, "eval/t.json")
            nbtrack.log_table(levels, "levels.json")
    both = nbtrack.load_table("eval/t.json", extra_columns=["run_id", "tags.kind", "params.none", "status"])
    assert both["answer"].tolist() == both["tags.kind"].tolist() == ["second", "first"]
    assert both["run_id"].tolist() == runs[::-1]
    assert both["x"].tolist() == [0.1 + 0.2] * 2
    assert both["params.none"].isna().all()
    with nbtrack.start_run() as empty:
        pass
    with pytest.warns(UserWarning, match=f"left out.*{empty.info.run_id}"):
        one = nbtrack.load_table("eval/t.json", [runs[0], empty.info.run_id])
    assert one["answer"].tolist() == ["first"]
    pd.testing.assert_frame_equal(nbtrack.load_table("levels.json", runs[:1]), levels)
    with pytest.raises(NotFound, match=r"has the table 'none\.json'"):
        nbtrack.load_table("none.json")
    with pytest.raises(InvalidParameter, match="'colour' is not a valid extra column"):
        nbtrack.load_table("eval/t.json", extra_columns=["colour"])


def test_data_that_is_not_a_table(root: str) -> None:
    for data, file, words in (
        ({"a": [1], "b": [1, 2]}, "t.json", "'a' has 1, 'b' has 2"),
        ([1, 2], "t.json", "DataFrame"),
        ({"a": [1]}, "t.csv", "must have the suffix .json or .parquet"),
        ({"a": [1], "b": [1, 2]}, "t.parquet", "'a' has 1, 'b' has 2"),
        ({"a": [{1}, 2]}, "t.parquet", "cannot be written as Parquet"),
        ({"a": [Image.new("L", (2, 2)), "x"]}, "t.json", "must hold only images, or none"),
        ({"a": [1]}, "d.json", "is not a table"),
    ):
        nbtrack.log_dict({"x": 1}, "d.json")
        with pytest.raises(InvalidParameter, match=words):
            nbtrack.log_table(data, file)
    stored = Path(nbtrack.artifacts.download_artifacts(f"{root}/d.json"))
    assert json.loads(stored.read_text()) == {"x": 1}
