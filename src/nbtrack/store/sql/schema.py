"""The tables, in SQL for DuckDB and PostgreSQL.

The rows of a run have its number `run`, and points have the number `series` of their run and key. DuckDB stores the
lowest and the highest value of each block of rows, so a run's rows are found without an index, which would make the
file larger and each apply slower. Names are unique because changes run under the store's lock, or because of
constraints that a backend adds. Users query the views of `folder/sql_views.py` instead of these tables.
"""

from __future__ import annotations

VERSION = 4

RUN_TABLES = """
CREATE TABLE runs (
    run BIGINT NOT NULL, run_id VARCHAR NOT NULL, experiment_id BIGINT NOT NULL, name VARCHAR NOT NULL,
    user_id VARCHAR NOT NULL, status VARCHAR NOT NULL, start_time BIGINT NOT NULL, end_time BIGINT,
    artifact_uri VARCHAR NOT NULL, lifecycle_stage VARCHAR NOT NULL, deleted_time BIGINT, writer VARCHAR
);
CREATE TABLE params (
    run BIGINT NOT NULL, key VARCHAR NOT NULL, value VARCHAR NOT NULL, number DOUBLE PRECISION,
    timestamp BIGINT NOT NULL
);
CREATE TABLE param_history (
    run BIGINT NOT NULL, key VARCHAR NOT NULL, value VARCHAR NOT NULL, timestamp BIGINT NOT NULL
);
CREATE TABLE tags (run BIGINT NOT NULL, key VARCHAR NOT NULL, value VARCHAR NOT NULL, number DOUBLE PRECISION);
CREATE TABLE metrics (
    series BIGINT NOT NULL, step BIGINT NOT NULL, timestamp BIGINT NOT NULL, value DOUBLE PRECISION NOT NULL
);
CREATE TABLE latest_metrics (
    series BIGINT NOT NULL, run BIGINT NOT NULL, key VARCHAR NOT NULL,
    step BIGINT NOT NULL, timestamp BIGINT NOT NULL, value DOUBLE PRECISION NOT NULL, points BIGINT NOT NULL,
    first_step BIGINT NOT NULL, first_timestamp BIGINT NOT NULL, first_value DOUBLE PRECISION NOT NULL,
    min_value DOUBLE PRECISION NOT NULL, max_value DOUBLE PRECISION NOT NULL,
    total DOUBLE PRECISION NOT NULL, numbers BIGINT NOT NULL
);
CREATE TABLE inputs (
    run BIGINT NOT NULL, name VARCHAR NOT NULL, digest VARCHAR NOT NULL, source_type VARCHAR NOT NULL,
    source VARCHAR NOT NULL, schema VARCHAR, profile VARCHAR, context VARCHAR, tags VARCHAR,
    timestamp BIGINT NOT NULL
);
CREATE TABLE artifacts (run BIGINT NOT NULL, path VARCHAR NOT NULL, size BIGINT NOT NULL, timestamp BIGINT NOT NULL);
"""
"""Data logged to runs. `number` is the number that the string `value` holds (see `nbtrack.query`). `total` is the sum
of the points of a series that are not NaN, and `numbers` is how many of them there are."""

GATE_TABLES = """
CREATE TABLE model_gates (
    name VARCHAR NOT NULL, stage VARCHAR NOT NULL, gate VARCHAR NOT NULL, filter VARCHAR NOT NULL,
    user_id VARCHAR NOT NULL, creation_time BIGINT NOT NULL
);
"""

SETTING_TABLES = """
CREATE TABLE settings (
    kind VARCHAR NOT NULL, name VARCHAR NOT NULL, value VARCHAR NOT NULL, last_update_time BIGINT NOT NULL
);
"""
"""What all users of the store share: the modes of metrics, and saved views."""

TABLES = (
    RUN_TABLES
    + """
CREATE TABLE meta (key VARCHAR NOT NULL, value VARCHAR NOT NULL);

CREATE TABLE experiments (
    experiment_id BIGINT NOT NULL, name VARCHAR NOT NULL, artifact_location VARCHAR NOT NULL,
    lifecycle_stage VARCHAR NOT NULL, creation_time BIGINT NOT NULL, last_update_time BIGINT NOT NULL
);
CREATE TABLE experiment_tags (experiment_id BIGINT NOT NULL, key VARCHAR NOT NULL, value VARCHAR NOT NULL);

CREATE TABLE registered_models (
    name VARCHAR NOT NULL, description VARCHAR NOT NULL, creation_time BIGINT NOT NULL,
    last_update_time BIGINT NOT NULL, next_version BIGINT NOT NULL
);
CREATE TABLE registered_model_tags (name VARCHAR NOT NULL, key VARCHAR NOT NULL, value VARCHAR NOT NULL);
CREATE TABLE registered_model_aliases (name VARCHAR NOT NULL, alias VARCHAR NOT NULL, version BIGINT NOT NULL);
CREATE TABLE model_versions (
    name VARCHAR NOT NULL, version BIGINT NOT NULL, creation_time BIGINT NOT NULL, last_update_time BIGINT NOT NULL,
    current_stage VARCHAR NOT NULL, description VARCHAR NOT NULL, user_id VARCHAR NOT NULL, source VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL, run_link VARCHAR NOT NULL, status VARCHAR NOT NULL, status_message VARCHAR NOT NULL
);
CREATE TABLE model_version_tags (
    name VARCHAR NOT NULL, version BIGINT NOT NULL, key VARCHAR NOT NULL, value VARCHAR NOT NULL
);
CREATE TABLE model_events (
    name VARCHAR NOT NULL, version BIGINT, timestamp BIGINT NOT NULL, user_id VARCHAR NOT NULL, kind VARCHAR NOT NULL,
    old VARCHAR, new VARCHAR, reason VARCHAR
);
"""
    + GATE_TABLES
    + SETTING_TABLES
    + """

CREATE TABLE journals (journal VARCHAR NOT NULL, applied_bytes BIGINT NOT NULL);
CREATE TABLE rejected_events (
    journal VARCHAR NOT NULL, position BIGINT NOT NULL, line VARCHAR NOT NULL, reason VARCHAR NOT NULL
);
"""
)
