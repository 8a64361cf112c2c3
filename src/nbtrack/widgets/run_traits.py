"""What the widgets that show one run have in common."""

from __future__ import annotations

from typing import Any

import traitlets

from ..client import Client
from ..views.contract import PanelsView
from ..views.panels_view import default_panels_view, read_panels_view
from .output import Output


class RunTraits(traitlets.HasTraits):
    """The traits of a `ViewWidget` on one run. How its panels of curves are shown is kept in the notebook."""

    _output: Output

    run_id = traitlets.Unicode(read_only=True)
    _view = traitlets.Dict().tag(sync=True)

    def __init__(self, client: Client, run_id: str) -> None:
        self.set_trait("run_id", run_id)
        self._panels_view = default_panels_view()
        super().__init__(client, _view=self._panels_view)

    @traitlets.validate("_view")
    def _valid_view(self, proposal: Any) -> PanelsView:
        # Not on top of self._view, which has the proposed state already while a message of a browser is handled.
        self._panels_view = read_panels_view(proposal.value, self._panels_view)
        return self._panels_view

    @traitlets.observe("_view")
    def _keep_view(self, _: Any) -> None:
        if hasattr(self, "_output"):
            self._output.update_later()
