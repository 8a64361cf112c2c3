r"""Filter strings and order_by clauses: text -> tree -> SQL.

A filter says which runs you want:

    metrics.`val/accuracy` > 0.9 AND params.activation = 'relu'

It is MLflow's filter language, and a filter that MLflow understands means the same here. OR, NOT, parentheses, IN and
BETWEEN for everything, and numbers for params and tags come on top.

Names
-----
A metric (its last value), a param and a tag are written with their kind in front. A name with anything but letters,
digits, underscores and dots in it stands in backticks or double quotes; double the mark to have it within the name.

    metrics.loss < 0.1
    metrics.`val/accuracy` > 0.9
    params."batch size" = 32
    tags.mlflow.runName LIKE 'sweep%'

The attributes of a run are run_id, run_name, status, user_id, start_time, end_time, duration, artifact_uri,
experiment_id and lifecycle_stage. Times are epoch milliseconds, and duration is milliseconds.

    status = 'FINISHED' AND duration > 60000
    attributes.start_time >= 1767225600000
    `Run name` = 'baseline'

Comparisons
-----------
Numbers take = != < <= > >= (== and <> too), IN and BETWEEN. Texts stand in single or double quotes, a quote within
one is doubled, and they take = != IN LIKE ILIKE. In a LIKE pattern % is any text and _ any character; a backslash
takes the character after it as it is. LIKE minds upper and lower case, ILIKE does not; status, lifecycle_stage and
a model version's stage never do. Each of IN, BETWEEN, LIKE and ILIKE may have a NOT before it.

    params.lr >= 1e-4 AND params.lr < 0.01
    params.activation IN ('relu', 'tanh')
    metrics.loss NOT BETWEEN 0.1 AND 0.2
    tags.note ILIKE '%don''t%' OR tags.discount LIKE '100\%'

A param or tag is compared with a number as a number, if that is what it holds: -3, 0.5, 1e-3 and inf are numbers;
nan, 1_000 and 0x10 are texts. Compared with a text, even a quoted number, it is a text.

    params.layers = 3
    params.layers = '3'

Together
--------
NOT binds before AND, and AND before OR; parentheses do it otherwise. Keywords are written in any case.

    NOT status = 'FAILED' AND (metrics.acc > 0.9 OR metrics.f1 > 0.8)

Missing and NaN
---------------
What a run has no value for matches IS NULL and nothing else, not under NOT either: `NOT (metrics.loss > 1)` leaves out
the runs without a loss. For a comparison with a number, a param that holds none is missing.

    metrics.loss IS NULL
    end_time IS NOT NULL

NaN is neither above nor below any number and differs from each of them, so that `metrics.loss != 3` finds the runs
whose loss is NaN. It equals itself:

    metrics.loss = NaN
    metrics.loss < inf AND metrics.loss > -inf

A filter that is empty or blank matches everything.

Order
-----
Each clause of order_by is a name, then perhaps ASC or DESC:

    metrics.`val/accuracy` DESC
    params.lr
    duration desc

Runs without a value come last, in both directions, and NaN just before them. Params and tags that are numbers come
first, in the order of the numbers; the others follow in the order of their characters. Runs that are equal in all of
that come newest first, then by run_id.

Experiments, registered models and model versions
-------------------------------------------------
The same language, with these names beside the tags:

- experiments: name, experiment_id, creation_time, last_update_time, lifecycle_stage, artifact_location
- registered models: name, creation_timestamp, last_updated_timestamp, description
- model versions: name, version_number, run_id, source_path, current_stage, user_id, creation_timestamp,
  last_updated_timestamp, description, status

A wrong query
-------------
is a QueryError that says where it is wrong and what may stand there:

>>> parse("metrics.m > 0.9 AND params.p = one")
Traceback (most recent call last):
    ...
nbtrack.errors.QueryError: one is not quoted: write 'one' for a text (at character 32)
  metrics.m > 0.9 AND params.p = one
                                 ^
Expected here: a number, a quoted text.
"""

from .completion import Completion, complete
from .known import Known, provide
from .parser import parse, parse_ordering
from .sql import CompiledSearch, compile_search
from .vocabulary import EXPERIMENTS, MODELS, RUNS, VERSIONS, Vocabulary

__all__ = [
    "EXPERIMENTS",
    "MODELS",
    "RUNS",
    "VERSIONS",
    "CompiledSearch",
    "Completion",
    "Known",
    "Vocabulary",
    "compile_search",
    "complete",
    "parse",
    "parse_ordering",
    "provide",
]
