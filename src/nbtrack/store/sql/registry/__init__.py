"""The model registry in SQL."""
