"""The tables, in SQL that DuckDB and PostgreSQL both take.

No index on the bulk tables: run ids are time-ordered, so DuckDB's zone maps find a run's rows, and an index would
make each apply and the file larger. What must be unique is made under the store's lock.
"""

from __future__ import annotations

VERSION = 1

TABLES = """
CREATE TABLE meta (key VARCHAR NOT NULL, value VARCHAR NOT NULL);

CREATE TABLE experiments (
    experiment_id BIGINT NOT NULL, name VARCHAR NOT NULL, artifact_location VARCHAR NOT NULL,
    lifecycle_stage VARCHAR NOT NULL, creation_time BIGINT NOT NULL, last_update_time BIGINT NOT NULL
);
CREATE TABLE experiment_tags (experiment_id BIGINT NOT NULL, key VARCHAR NOT NULL, value VARCHAR NOT NULL);

CREATE TABLE runs (
    run_id VARCHAR NOT NULL, experiment_id BIGINT NOT NULL, name VARCHAR NOT NULL, user_id VARCHAR NOT NULL,
    status VARCHAR NOT NULL, start_time BIGINT NOT NULL, end_time BIGINT, artifact_uri VARCHAR NOT NULL,
    lifecycle_stage VARCHAR NOT NULL, deleted_time BIGINT, writer VARCHAR
);
CREATE TABLE params (run_id VARCHAR NOT NULL, key VARCHAR NOT NULL, value VARCHAR NOT NULL, timestamp BIGINT NOT NULL);
CREATE TABLE param_history (
    run_id VARCHAR NOT NULL, key VARCHAR NOT NULL, value VARCHAR NOT NULL, timestamp BIGINT NOT NULL
);
CREATE TABLE tags (run_id VARCHAR NOT NULL, key VARCHAR NOT NULL, value VARCHAR NOT NULL);
CREATE TABLE metrics (
    run_id VARCHAR NOT NULL, key VARCHAR NOT NULL, step BIGINT NOT NULL, timestamp BIGINT NOT NULL,
    value DOUBLE PRECISION NOT NULL
);
CREATE TABLE latest_metrics (
    run_id VARCHAR NOT NULL, key VARCHAR NOT NULL, step BIGINT NOT NULL, timestamp BIGINT NOT NULL,
    value DOUBLE PRECISION NOT NULL, points BIGINT NOT NULL
);

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
    old VARCHAR, new VARCHAR
);

CREATE TABLE journals (journal VARCHAR NOT NULL, applied_bytes BIGINT NOT NULL);
CREATE TABLE rejected_events (
    journal VARCHAR NOT NULL, position BIGINT NOT NULL, line VARCHAR NOT NULL, reason VARCHAR NOT NULL
);
"""
