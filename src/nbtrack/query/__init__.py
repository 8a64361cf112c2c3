"""Filter strings and order_by clauses: parsing, compilation to SQL, and completion while a query is being typed.

    metrics.`val/accuracy` > 0.9 AND params.activation = 'relu'
    min(metrics.loss) < 0.1 AND start_time > now() - 7d

This is MLflow's filter language, and every filter that MLflow accepts means the same here. The page `query` of the
guide (`nbtrack guide query`) describes all of it, with examples.

- `grammar.lark` is the grammar, `vocabulary.py` lists the names and their SQL
- `parser.py` parses a query with both, `names.py` resolves its names, `reader.py` creates the tree of `tree.py`
- `sql.py` writes a tree as SQL
- `mistakes.py` explains what is wrong with a query
- `parts.py` finds the parts of a filter that a row does not satisfy
- `evaluation.py` evaluates a tree on the values of one run
- `grouping.py` compiles the name that runs are grouped by
- `cursor.py` and `completion.py` use the same grammar to find what can come next

>>> parse("metrics.m > 0.9 AND params.p = one")
Traceback (most recent call last):
    ...
nbtrack.errors.QueryError: A string must be in quotes: 'one' (at character 32)
  metrics.m > 0.9 AND params.p = one
                                 ^
Expected here: a number or a quoted string.
"""

from .completion import Completion, complete
from .known import Known
from .parser import parse, parse_ordering
from .parts import CompiledParts, compile_parts
from .sql import CompiledSearch, compile_search
from .vocabulary import EXPERIMENTS, MODELS, RUNS, VERSIONS, Vocabulary

__all__ = [
    "EXPERIMENTS",
    "MODELS",
    "RUNS",
    "VERSIONS",
    "CompiledParts",
    "CompiledSearch",
    "Completion",
    "Known",
    "Vocabulary",
    "compile_parts",
    "compile_search",
    "complete",
    "parse",
    "parse_ordering",
]
