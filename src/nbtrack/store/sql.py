"""Everything a store answers in SQL, put together from one module a subject. A backend adds sessions to it."""

from __future__ import annotations

from .experiments import ExperimentTables
from .metrics import MetricTables
from .registry import RegistryTables
from .rewind import RewindTables
from .survey import SurveyTables


class SqlTables(ExperimentTables, SurveyTables, MetricTables, RewindTables, RegistryTables):
    """The whole schema."""
