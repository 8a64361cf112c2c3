"""The journal: append-only files of JSON lines, one event per line.

Each process writes files of its own, and its events apply in the order of its lines. Their names are
`WRITER-PART.jsonl`, so the files of a writer sort in the order in which they were written. A name that ends in
`r.jsonl` belongs to a file that came back from a detour.

Writing:

    recorder.py  checks the data logged to one run and converts it to events
    events.py    one constructor for each kind of event
    kinds.py     the fields of each kind, and the rules for constructors and readers
    writer.py    the file of this process: one `write()` per call, a new file when this one has grown large
    detour.py    keeps lines while that file cannot be written; its rescue file begins with a header that names the
                 store
    syncing.py   forces written data to disk

Reading:

    reading.py   the files of a folder, their whole lines after an offset, and whether a file's writer is done
    process.py   the process that writes a file, and whether it is still alive

The fields of a line, all optional except `e`:

    e           the kind of event
    r           the run's ID
    k           a key, an artifact's or a model's path, a dataset's name
    s           a step, or an artifact's size in bytes
    t           a timestamp in milliseconds since the epoch
    v           a metric's value; "NaN", "Infinity" and "-Infinity" as strings
    x           a param's or a tag's value, a status, a dataset's digest, a model's entry, the writer (`open`)
    d           an object with more fields: of the process (`open`), the new run (`run`), the dataset (`input`)
    ss, tt, vv  the steps, timestamps and values of many points of one metric (`series`)

This package knows no database. A store loads events into its tables; `store/folder/loading.py` does so for DuckDB.
"""

from .process import Process
from .recorder import RunRecorder
from .writer import Journal, now

__all__ = ["Journal", "Process", "RunRecorder", "now"]
