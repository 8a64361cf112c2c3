"""Find the run, code, data and environment of a version, and the versions from a run or a dataset."""

from __future__ import annotations

import numpy as np
import pytest

import nbtrack
from nbtrack import MlflowClient, views
from nbtrack.errors import InvalidParameter, NotFound


def test_lineage_of_a_version(client: MlflowClient) -> None:
    data = nbtrack.data.from_numpy(np.arange(6.0).reshape(3, 2), name="digits-train")
    with nbtrack.start_run(run_name="sweep") as parent, nbtrack.start_run(run_name="trial 7", nested=True) as run:
        nbtrack.log_input(data, context="training")
        nbtrack.set_tag("nbtrack.cell.source", "model.fit(x, y)")
        nbtrack.log_text("# what it needs\nnumpy==2.4.0\n\nscipy==1.17\n", "model/requirements.txt")
    client.create_registered_model("digits")
    client.create_model_version("digits", f"runs:/{run.info.run_id}/model", run.info.run_id)
    client.copy_model_version("models:/digits/1", "digits-prod")

    found = nbtrack.lineage("models:/digits-prod/latest")
    assert (found.version.name, found.copied_from and found.copied_from.name) == ("digits-prod", "digits")
    assert found.run is not None
    assert found.run.info.run_id == run.info.run_id
    assert [one.info.run_name for one in found.parents] == ["sweep"]
    assert {"source", "type"} <= found.code.keys()
    assert found.cell == {"source": "model.fit(x, y)"}
    assert [(one.dataset.name, one.dataset.digest, one.context) for one in found.datasets] == [
        ("digits-train", data.digest, "training")
    ]
    assert found.environment["requirements"] == ["numpy==2.4.0", "scipy==1.17"]
    assert found.environment["python"].startswith("3.")

    both = [("digits", 1), ("digits-prod", 1)]
    for versions in (
        nbtrack.versions_from(run_id=run.info.run_id),
        nbtrack.versions_from(run_id=parent.info.run_id),
        nbtrack.versions_from(dataset=data.digest),
    ):
        assert [(version.name, version.version) for version in versions] == both
    assert nbtrack.versions_from(dataset="0" * 32) == []

    reply, _ = views.handle(client, "lineage", {"name": "digits-prod", "version": 1})
    assert (reply["copied_from"], reply["parents"], reply["cell"]) == ("digits 1", ["sweep"], "model.fit(x, y)")
    assert reply["datasets"][0]["digest"] == data.digest


def test_lineage_is_empty_where_data_is_missing(client: MlflowClient) -> None:
    client.create_registered_model("digits")
    client.create_model_version("digits", "s3://elsewhere/model")
    client.create_model_version("digits", "runs:/nobody/model", "nobody")
    for version in (1, 2):
        found = client.get_lineage("digits", version)
        assert (found.run, found.parents, found.datasets, found.environment) == (None, [], [], {})
    with pytest.raises(NotFound):
        client.get_lineage("digits", 3)
    with pytest.raises(NotFound):
        nbtrack.versions_from(run_id="nobody")
    with pytest.raises(InvalidParameter, match="either"):
        nbtrack.versions_from()
    with pytest.raises(InvalidParameter, match="versions_from"):
        nbtrack.lineage("runs:/x/model")


def test_lineage_finds_the_run_in_the_source(trained: MlflowClient) -> None:
    run_id = trained.get_model_version("digits", 1).run_id
    trained.create_model_version("digits", f"runs:/{run_id}/other")
    assert [version.version for version in nbtrack.versions_from(run_id=run_id)] == [1, 5]
