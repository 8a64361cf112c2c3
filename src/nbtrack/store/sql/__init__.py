"""The SQL that DuckDB and PostgreSQL both run: tables, queries, and how rows become entities."""
