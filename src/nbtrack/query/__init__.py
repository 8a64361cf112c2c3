"""Filter strings and order_by clauses: text -> tree -> SQL, and what may come next in a text that is being written.

    metrics.`val/accuracy` > 0.9 AND params.activation = 'relu'
    min(metrics.loss) < 0.1 AND start_time > now() - 7d

It is MLflow's filter language, and a filter that MLflow understands means the same here. The whole of it, with
examples, is the page `query` of the guide (`nbtrack guide query`).

- `grammar.lark` says what may stand where, `vocabulary.py` what there is to name and where it is kept
- `parser.py` reads a text with both, `names.py` resolves its names, `reader.py` makes the tree of `tree.py`
- `sql.py` writes a tree as SQL
- `mistakes.py` says in a person's words why a text is no query
- `parts.py` asks which parts of a filter a row does not satisfy
- `cursor.py` and `completion.py` ask the same grammar what may come next

>>> parse("metrics.m > 0.9 AND params.p = one")
Traceback (most recent call last):
    ...
nbtrack.errors.QueryError: one is not quoted: write 'one' for a text (at character 32)
  metrics.m > 0.9 AND params.p = one
                                 ^
Expected here: a number, a quoted text.
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
