"""All operations of a store in SQL, with one module for each subject. A backend adds sessions."""

from __future__ import annotations

from .aggregates import AggregateTables
from .bands import BandTables
from .columns import ColumnTables
from .experiments import ExperimentTables
from .groups import GroupTables
from .known import KnownTables
from .metrics import MetricTables
from .points import PointTables
from .registry.tables import RegistryTables
from .settings import SettingTables
from .stopping import StopTables
from .survey import SurveyTables


class SqlTables(
    ExperimentTables,
    SurveyTables,
    MetricTables,
    ColumnTables,
    PointTables,
    AggregateTables,
    GroupTables,
    BandTables,
    KnownTables,
    RegistryTables,
    SettingTables,
    StopTables,
):
    """All tables."""
