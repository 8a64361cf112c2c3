"""The page of a run: what it says of the run, and previews of artifacts that anybody may have written."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nbtrack
from nbtrack import views
from nbtrack.artifact_store import local
from nbtrack.entities import Run
from nbtrack.errors import InvalidParameter, NotFound
from nbtrack.tags import ATTEMPT, CELL_SOURCE, HISTORY_TAG, PACKAGES, PREVIOUS_RUN
from nbtrack.views.contract import MOST_PREVIEW_BYTES, MOST_PREVIEW_ROWS, MOST_WHOLE_BYTES


def ask(name: str, run_id: str, **fields: Any) -> dict[str, Any]:
    reply, _ = views.handle(nbtrack.Client(), name, {"run_id": run_id, **fields})
    json.dumps(reply, allow_nan=False).encode()
    return reply


@pytest.fixture
def run() -> Run:
    """A finished run without artifacts."""
    with nbtrack.start_run(run_name="calm-owl") as active:
        pass
    return nbtrack.get_run(active.info.run_id)


@pytest.fixture
def folder(run: Run) -> Path:
    """The folder of the run's artifacts."""
    path = Path(run.info.artifact_uri)
    path.mkdir(parents=True, exist_ok=True)
    return path


# -- the run ------------------------------------------------------------------------------------------------------


def test_params_are_found_by_a_part_of_their_names_and_returned_in_pages() -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_params({f"layer{i:03}": i for i in range(250)} | {"lr": 0.1})
    first = ask("run_page", run.info.run_id)
    assert (len(first["run"]["params"]), first["found_params"], first["param_count"]) == (200, 251, 251)
    rest = ask("run_page", run.info.run_id, param_search="AYER", param_offset=200)
    assert (len(rest["run"]["params"]), rest["found_params"], rest["param_count"]) == (50, 250, 251)
    assert "layer249" in rest["run"]["params"]


def test_its_parents_children_tags_and_packages_are_named() -> None:
    packages = {"numpy": "0.1", "gone-package": "2", "../../etc": "1", "pip": 3}
    with nbtrack.start_run(run_name="sweep") as parent:
        nbtrack.set_tags({"team": "vision", PACKAGES: json.dumps(packages), CELL_SOURCE: "lr = 0.1"})
        with nbtrack.start_run(run_name="trial", nested=True) as child:
            pass
    of_parent, of_child = ask("run_page", parent.info.run_id), ask("run_page", child.info.run_id)
    assert (of_parent["child_count"], of_parent["parents"]) == (1, [])
    assert of_child["parents"] == [{"run_id": parent.info.run_id, "run_name": "sweep"}]
    assert of_parent["tags"] == {"team": "vision"}
    assert of_parent["cell"] == {"source": "lr = 0.1", "is_cut": False, "execution_count": ""}
    assert of_parent["packages"] == [
        {"name": "numpy", "version": "0.1", "here": np.__version__},
        {"name": "gone-package", "version": "2", "here": None},
    ]
    assert (of_parent["differing_packages"], of_child["package_count"]) == (2, 0)
    assert of_child["python"] == of_child["python_here"] == sys.version.split()[0]


def test_a_run_without_a_cell_is_compared_with_the_run_before_in_the_same_experiment() -> None:
    for lr in (0.1, 0.2):
        with nbtrack.start_run(run_name=f"lr {lr}") as run:
            nbtrack.log_param("lr", lr)
            with nbtrack.start_run(run_name="trial", nested=True):
                nbtrack.log_param("lr", 7)
        nbtrack.set_experiment("another")
        with nbtrack.start_run():
            pass
        nbtrack.set_experiment("Default")
    changes = ask("run_page", run.info.run_id)["changes"]
    assert (changes["number"], changes["previous_run_name"], changes["code_changed"]) == (None, "lr 0.1", False)
    assert changes["changes"] == [{"kind": "param", "key": "lr", "old": "0.1", "new": "0.2"}]


def test_an_attempt_is_compared_with_the_one_before_line_by_line() -> None:
    sources = ["lr = 0.1\nfit(lr)\n", "lr = 0.1\nmodel = fit(lr)\n"]
    run_ids = []
    for number, source in enumerate(sources, 1):
        previous = {PREVIOUS_RUN: run_ids[-1]} if run_ids else {}
        with nbtrack.start_run(tags={ATTEMPT: str(number), CELL_SOURCE: source, **previous}) as run:
            run_ids.append(run.info.run_id)
    reply = ask("run_page", run_ids[-1])
    assert (reply["changes"]["number"], reply["changes"]["code_changed"]) == (2, True)
    assert reply["code_diff"] == ["@@ -1,2 +1,2 @@", " lr = 0.1", "-fit(lr)", "+model = fit(lr)"]
    first = ask("run_page", run_ids[0])
    assert (first["changes"], first["code_diff"]) == (None, [])


def test_a_model_has_its_flavors_and_versions_and_a_damaged_list_of_models_is_empty(run: Run) -> None:
    client, run_id = nbtrack.Client(), run.info.run_id
    client.log_text(run_id, "flavors: {python_function: {}}", "model/MLmodel")
    entry = {"artifact_path": "model", "flavors": {"sklearn": {}, "python_function": {}}, "utc_time_created": "2026"}
    client.set_tag(run_id, HISTORY_TAG, json.dumps([entry]))
    client.create_registered_model("digits")
    client.create_model_version("digits", f"runs:/{run_id}/model", run_id)
    (model,) = ask("run_page", run_id)["models"]
    assert model == {
        "path": "model",
        "flavors": ["sklearn", "python_function"],
        "created": "2026",
        "versions": [{"name": "digits", "version": 1, "stage": "None", "aliases": []}],
    }
    for damaged in ("[", "{}", '[{"artifact_path": 3}]', '[{"artifact_path": "model", "flavors": [1]}]'):
        client.set_tag(run_id, HISTORY_TAG, damaged)
        assert [one["flavors"] for one in ask("run_page", run_id)["models"]] == [[]]


def test_a_deleted_run_says_so_and_an_unknown_one_is_not_found(run: Run) -> None:
    nbtrack.delete_run(run.info.run_id)
    assert ask("run_page", run.info.run_id)["is_deleted"] is True
    with pytest.raises(NotFound):
        ask("run_page", "0" * 32)


# -- artifacts ----------------------------------------------------------------------------------------------------


def test_a_folder_is_listed_in_pages_and_a_series_of_images_is_one_entry(run: Run) -> None:
    client, run_id = nbtrack.Client(), run.info.run_id
    for step in (10, 2, 1):
        client.log_image(run_id, np.full((2, 2), step, "uint8"), key="rec/left", step=step)
    client.log_image(run_id, np.zeros((2, 2), "uint8"), "images/other.png")
    client.log_text(run_id, "small", "images/rec~left%step%1%timestamp%5%a%compressed.webp")
    listed = ask("artifacts", run_id, path="images")
    assert listed["count"] == 2
    other, series = listed["entries"]
    assert (other["path"], other["is_dir"]) == ("images/other.png", False)
    assert (series["name"], series["steps"]) == ("rec/left", 3)
    assert ask("artifacts", run_id, path="images", offset=1, limit=1)["entries"] == [series]
    shown = ask("artifact", run_id, path=series["path"])
    assert (shown["kind"], shown["data"][:22]) == ("image", "data:image/png;base64,")
    assert [image["step"] for image in shown["series"]["images"]] == [1, 2, 10]
    assert shown["series"]["images"][-1]["path"] == series["path"]
    assert ask("artifact", run_id, path="images/other.png")["series"] is None


@pytest.mark.parametrize("path", ["..", "../..", "a/../../b", "/etc/passwd", "\\windows", "C:\\x", "link", "link/x"])
def test_a_path_that_leads_out_is_refused(run: Run, folder: Path, path: str) -> None:
    (folder / "link").symlink_to("/etc")
    (folder / "file").symlink_to("/etc/hostname")
    for name, fields in (("artifacts", {}), ("artifact", {}), ("artifact", {"whole": True})):
        with pytest.raises(InvalidParameter):
            ask(name, run.info.run_id, path=path, **fields)
    with pytest.raises(InvalidParameter):
        ask("artifact", run.info.run_id, path="file", whole=True)
    assert ask("artifacts", run.info.run_id, path="") == {"entries": [], "count": 0}


def test_a_pipe_is_not_waited_for_and_a_file_that_is_deleted_meanwhile_is_left_out(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(folder / "pipe.txt")
    for more in ({}, {"whole": True}):
        with pytest.raises(InvalidParameter, match=r"'pipe.txt' is a pipe or a device, not a file\."):
            ask("artifact", run.info.run_id, path="pipe.txt", **more)
    (folder / "old.ckpt").write_text("x")
    (folder / "pipe.txt").unlink()
    is_link = local._is_link
    monkeypatch.setattr(local, "_is_link", lambda path: path.unlink() if path.name == "old.ckpt" else is_link(path))
    assert ask("artifacts", run.info.run_id, path="") == {"entries": [], "count": 0}


def test_deeply_nested_json_is_not_indented(run: Run, folder: Path) -> None:
    for levels, is_indented in ((10, True), (200, False)):
        text = "[" * levels + "0,0" + "]" * levels
        (folder / "nested.json").write_text(text)
        shown = ask("artifact", run.info.run_id, path="nested.json")["text"]
        assert (shown != text, json.loads(shown)) == (is_indented, json.loads(text))


def test_hostile_names_are_listed_as_text(run: Run, folder: Path) -> None:
    names = ["<img src=x onerror=alert(1)>", "a\nb", "'); drop table runs; --", "%2e%2e", "+step+1+timestamp+1+a.png"]
    for name in names:
        (folder / name).write_text("x")
    (Path(os.fsencode(folder).decode()) / os.fsdecode(b"not \xff utf-8")).write_text("x")
    listed = ask("artifacts", run.info.run_id, path="")["entries"]
    assert {entry["name"] for entry in listed} == {*names, "not ? utf-8"}
    assert ask("artifact", run.info.run_id, path=names[0])["text"] == "x"


def kinds(run: Run, folder: Path, files: dict[str, bytes]) -> dict[str, str]:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return {name: ask("artifact", run.info.run_id, path=name)["kind"] for name in files}


def test_what_is_shown_of_a_file_follows_its_content(run: Run, folder: Path) -> None:
    assert kinds(
        run,
        folder,
        {
            "log.txt": "épochs\n".encode(),
            "no_suffix": b"text",
            "empty": b"",
            "real.jpg": b"\xff\xd8\xff\xe0rest",
            "page.png": b"<script>alert(1)</script>",
            "page.html": b"<script>alert(1)</script>",
            "drawing.svg": b"<svg onload='alert(1)'/>",
            "model.pkl": b"\x80\x04cos\nsystem\n\x00",
            "latin.txt": b"\xe9",
            "data.parquet": b"PAR1 but no table",
            "table.json": b'{"columns": ["a"], "data": [[1]]}',
            "other.json": b'{"columns": ["a"]}',
            "ragged.json": b'{"columns": ["a"], "data": {"a": 1}}',
            "deep.json": b"[" * 100_000,
            "table.csv": b"a,b\n1,2\n",
        },
    ) == {
        "log.txt": "text",
        "no_suffix": "text",
        "empty": "text",
        "real.jpg": "image",
        "page.png": "text",
        "page.html": "html",
        "drawing.svg": "html",
        "model.pkl": "binary",
        "latin.txt": "binary",
        "data.parquet": "text",
        "table.json": "table",
        "other.json": "text",
        "ragged.json": "text",
        "deep.json": "text",
        "table.csv": "table",
    }


def test_nothing_large_or_binary_reaches_the_screen(run: Run, folder: Path) -> None:
    (folder / "weights.bin").write_bytes(b"\0" * 1000)
    (folder / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * MOST_WHOLE_BYTES)
    (folder / "huge.html").write_bytes(b"x" * (MOST_WHOLE_BYTES + 1))
    (folder / "huge.log").write_bytes("é".encode() * MOST_PREVIEW_BYTES)
    for name in ("weights.bin", "huge.png", "huge.html"):
        shown = ask("artifact", run.info.run_id, path=name)
        assert (shown["data"], shown["text"]) == (None, None), name
    log = ask("artifact", run.info.run_id, path="huge.log")
    assert (len(log["text"].encode()), log["is_cut"]) == (MOST_PREVIEW_BYTES, True)
    assert ask("artifact", run.info.run_id, path="huge.png", whole=True)["data"] is None
    whole = ask("artifact", run.info.run_id, path="weights.bin", whole=True)
    assert whole["data"].startswith("data:application/octet-stream;base64,AAAA")
    assert whole["code"].endswith(f"(run_id='{run.info.run_id}', artifact_path='weights.bin')")


def test_tables_show_their_first_rows_and_how_many_there_are(run: Run, folder: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame({"q": [f"question {i}" for i in range(300)], "score": np.arange(300) / 2, "note": None})
    client, run_id = nbtrack.Client(), run.info.run_id
    for name in ("t.json", "t.parquet"):
        client.log_table(run_id, frame, name)
    frame.to_csv(folder / "t.csv", index=False)
    shown = {name: ask("artifact", run_id, path=name)["table"] for name in ("t.json", "t.parquet", "t.csv")}
    assert {name: table["row_count"] for name, table in shown.items()} == {
        "t.json": 300,
        "t.parquet": 300,
        "t.csv": None,
    }
    for table in shown.values():
        assert (table["columns"], table["column_count"]) == (["q", "score", "note"], 3)
        assert len(table["rows"]) == MOST_PREVIEW_ROWS
        assert table["rows"][3][:2] == ["question 3", "1.5"]
    assert shown["t.json"]["rows"][0][2] is None
    client.log_text(run_id, '{"columns": ["a", ["b", 1]], "data": [["\\ud800", {"x": [NaN]}], [null]]}', "odd.json")
    assert ask("artifact", run_id, path="odd.json")["table"]["rows"] == [["?", '{"x": [NaN]}'], [None]]


def test_dates_in_tables_are_shown_as_text_and_those_that_python_cannot_have_are_no_table(
    run: Run, folder: Path
) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    for name, days in (("day", 0), ("far", 2**30)):
        table = pa.table({"d": pa.array([days], pa.int32()).cast(pa.date32())})
        parquet.write_table(table, folder / f"{name}.parquet")
    assert ask("artifact", run.info.run_id, path="day.parquet")["table"]["rows"] == [["1970-01-01"]]
    assert ask("artifact", run.info.run_id, path="far.parquet")["kind"] == "binary"


BOMB = "a: &a [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1 or ''}, *a{i - 1 or ''}]\n" for i in range(1, 40))


def test_a_model_shows_its_signature_and_the_code_that_loads_it(run: Run, folder: Path) -> None:
    inputs = json.dumps([{"type": "double", "name": "<b>age</b>", "required": True}])
    signature = {"inputs": inputs, "outputs": None, "params": None}
    files = {
        "model": {"flavors": {"sklearn": {}, "python_function": {}, "os": {}}, "signature": signature},
        "newer": {"flavors": {"python_function": {}}, "signature": {"inputs": '[{"type": "quaternion"}]'}},
        "not a model": {"flavors": []},
    }
    client, run_id = nbtrack.Client(), run.info.run_id
    for name, fields in files.items():
        client.log_text(run_id, json.dumps(fields), f"{name}/MLmodel")
    client.log_text(run_id, "!!python/object/apply:os.system [true]", "code/MLmodel")
    client.log_text(run_id, f"{BOMB}flavors: {{}}\nutc_time_created: *a39\n", "bomb/MLmodel")
    client.log_text(run_id, "x", "plain/x.txt")
    model = ask("artifact", run_id, path="model")
    assert (model["kind"], model["model"]["inputs"]) == ("model", ["'<b>age</b>': double (required)"])
    assert model["model"]["code"] == [
        f"nbtrack.sklearn.load_model('runs:/{run_id}/model')",
        f"nbtrack.pyfunc.load_model('runs:/{run_id}/model')",
    ]
    assert ask("artifact", run_id, path="newer")["model"]["inputs"] == []
    assert ask("artifact", run_id, path="bomb")["model"]["created"] == ""
    for name in ("not a model", "code", "plain"):
        assert ask("artifact", run_id, path=name)["kind"] == "folder", name
    with pytest.raises(InvalidParameter, match="is a folder, not a file"):
        ask("artifact", run_id, path="plain", whole=True)
