"""The newest run that matches a filter, for a widget that follows one run after another."""

from __future__ import annotations

from collections.abc import Sequence

from ..client import Client
from ..errors import NotFound


class Newest:
    """Finds runs by a filter.

    Args:
        client: Client of the store.
        filter_string: The filter. The empty string matches all runs.
        experiment_ids: IDs of the experiments to search. None stands for all.
    """

    def __init__(self, client: Client, filter_string: str, experiment_ids: Sequence[str] | None) -> None:
        self._client = client
        self._filter = filter_string
        self._experiment_ids = experiment_ids

    def first(self) -> str:
        """Return the ID of the newest running run that matches, or else of the newest that matches.

        Returns:
            The ID.

        Raises:
            NotFound: If no run matches.
            QueryError: If the filter is not valid.
        """
        newest = self._find(self._filter)
        if newest is None:
            raise NotFound(f"No run matches the filter {self._filter!r:.200}.")
        return self.running() or newest

    def running(self) -> str | None:
        """Return the ID of the newest running run that matches.

        Returns:
            The ID, or None.
        """
        is_running = "attributes.status = 'RUNNING'"
        return self._find(f"({self._filter}) AND {is_running}" if self._filter.strip() else is_running)

    def _find(self, filter_string: str) -> str | None:
        runs = self._client.search_runs(
            self._experiment_ids, filter_string, max_results=1, order_by=["attributes.start_time DESC"]
        )
        return runs[0].info.run_id if runs else None
