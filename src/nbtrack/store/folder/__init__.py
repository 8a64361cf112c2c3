"""A store in a folder: one DuckDB file, journals beside it, and what keeps both whole."""
