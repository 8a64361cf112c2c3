"""The journal: one append-only file of JSON lines for each writing process.

A line is one event. Its fields, all but `e` optional:

    e  kind      open · close · run · metric · param · tag · untag · status
    r  run id
    k  key
    s  step
    t  timestamp, epoch milliseconds
    v  a metric's value; "NaN", "Infinity", "-Infinity" as texts
    x  a param's or a tag's value, or a status
    d  what else belongs to an event, as an object (`open`: who writes; `run`: the new run)

Events of one process apply in the order of its lines. `store/apply.py` reads what this package writes.
"""

from .process import Process
from .recorder import RunRecorder
from .writer import Journal, event, now

__all__ = ["Journal", "Process", "RunRecorder", "event", "now"]
