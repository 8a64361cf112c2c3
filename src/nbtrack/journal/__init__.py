"""The journal: one append-only file of JSON lines for each writing process.

A line is one event. Its fields, all but `e` optional:

    e  kind      open · close · run · metric · series · param · tag · untag · status · artifact · input
    r  run id
    k  key, an artifact's path, a dataset's name
    s  step, an artifact's size in bytes
    t  timestamp, epoch milliseconds
    v  a metric's value; "NaN", "Infinity", "-Infinity" as texts
    x  a param's or a tag's value, a status, or a dataset's digest
    d  what else belongs to an event, as an object (`open`: who writes; `run`: the new run; `input`: the dataset)
    ss, tt, vv  steps, timestamps and values of many points of one metric (`series`), lists of one length

A file is `WRITER-PART.jsonl`; its parts sort in the order that they were written in. One that ends in `r.jsonl` came
back from a rescue file (`detour.py`), whose header also names its store.

Events of one process apply in the order of its lines. `store/folder/loading.py` reads what this package writes.
"""

from .process import Process
from .recorder import RunRecorder
from .writer import Journal, event, now

__all__ = ["Journal", "Process", "RunRecorder", "event", "now"]
