"""Stores the artifacts of runs."""
