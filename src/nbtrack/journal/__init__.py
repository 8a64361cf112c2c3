"""The journal: append-only files of JSON lines, one event a line.

Each process writes files of its own, and its events apply in the order of its lines. Their names are
`WRITER-PART.jsonl`, so a writer's files sort in the order they were written in; a name that ends in `r.jsonl` is that
of a file that came back from a detour.

Writing:

    recorder.py  what is logged to one run, checked and made into events
    events.py    one constructor for each kind of event
    kinds.py     the fields of each kind, and the rules that constructors and readers hold them to
    writer.py    the file of this process: one `write()` a call, a new file when this one has grown large
    detour.py    where lines wait while that file cannot be written; its rescue file begins with a header that names
                 the store
    syncing.py   when the disk is asked to keep what was written

Reading:

    reading.py   the files of a folder, their whole lines from an offset on, and whether a file's writer is done
    process.py   who writes a file, and whether that process is still alive

What the fields of a line mean, all but `e` optional:

    e           the kind of event
    r           the run's ID
    k           a key, an artifact's or a model's path, a dataset's name
    s           a step, or an artifact's size in bytes
    t           a timestamp in milliseconds since the epoch
    v           a metric's value; "NaN", "Infinity" and "-Infinity" as strings
    x           a param's or a tag's value, a status, a dataset's digest, a model's entry, the writer (`open`)
    d           an object with what else there is: of the process (`open`), the new run (`run`), the dataset (`input`)
    ss, tt, vv  the steps, timestamps and values of many points of one metric (`series`)

Nothing here knows a database. A store brings events into its tables; `store/folder/loading.py` does it for DuckDB.
"""

from .process import Process
from .recorder import RunRecorder
from .writer import Journal, now

__all__ = ["Journal", "Process", "RunRecorder", "now"]
