"""The IPython extension: registers the magics and follows the cells that they track."""

from __future__ import annotations

import linecache
import sys
from typing import Any

from IPython.core.error import UsageError

from .. import config
from ..capture import packages
from ..errors import NbtrackError
from ..fluent.analysis import sql
from . import line as line_commands
from .arguments import is_sql, parse_cell, parse_line, parse_sql
from .tracked_cell import TrackedCell
from .transform import MAGIC, REGISTERED, CellTransformer

_HELP = """Track the code of a cell, and look at what was tracked.

%%track at the head of a cell makes the cell a run::

    %%track [NAME] [-e EXPERIMENT] [-p a,b] [-t key=value] [--nested] [--note TEXT] [--no-code] [--autolog]

    NAME               the run's name, in quotes if it has spaces; without one the run gets a readable name
    -e, --experiment   log to this experiment, this once; it is made where there is none of the name
    -p, --params       variables to log as params, by name: -p lr,width (their values after the cell go last)
    -t, --tag          a tag, key=value; may be given several times
    --nested           run inside the run that is active
    --note             a description
    --no-code          do not keep the cell's source
    --autolog          log what the frameworks in the cell train: params, metrics, models (`nbtrack guide autologging`)

    {name} and $name in the line are replaced by variables, as in other magics.

  - Literals that the top level of the cell assigns become params at once: lr = 0.1, layers = (64, 32), note: str = "x".
    Names that begin with _ are left out; of several literals the last one counts.
  - nbtrack.log_metric(...) and the like in the cell go to its run, and so does a nested
    `with nbtrack.start_run(nested=True):`.
  - A last expression that is a mapping of numbers becomes metrics: {"val/accuracy": 0.93}. It is displayed as always.
  - Kept beside them: source, cell id, execution count, notebook path, git commit and whether files differ from it,
    Python and package versions.
  - An exception ends the run as FAILED, with its traceback kept, an interrupt as KILLED. The cell behaves as it does
    without %%track, with magics, !commands, await, tracebacks and line numbers.
  - Running the cell again is the next attempt, and what changed since the last one is shown. A cell is known by its
    id in its notebook; where the front end sends no id, by the run's NAME, or else by its code apart from literals.

%track in a line::

    %track                      where am I: the store, the experiment, the active run, the last runs
    %track NAME                 set the experiment
    %track -e NAME              the same, for a name such as list
    %track list [FILTER]        runs of the experiment that match
    %track compare [FILTER]     compare them
    %track registry [MODEL]     the registered models, or one
    %track autolog [on|off]     autologging for every framework, or what it is on for
    %track sql SELECT ...       a query on the store's views, as a DataFrame; `nbtrack guide sql` lists them

%%track sql at the head of a cell makes the rest of it such a query::

    %%track sql [VARIABLE]      its rows; with a name, they go into that variable

Examples::

    %load_ext nbtrack
    %track digits

    %%track baseline -p model -t owner=ada --note "a first look"
    lr = 0.1
    epochs = 20
    model = train(lr, epochs)
    {"val/accuracy": score(model)}

    %track list metrics.`val/accuracy` > 0.9 and params.lr = '0.1'
    cmp = %track compare params.lr IN (0.1, 0.2)
    %track sql SELECT status, count(*) FROM runs GROUP BY status
"""


class TrackMagics:
    """`%track` and `%%track`. One object a shell; it holds the cells that are running."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.transformer = CellTransformer(shell)
        self._executing: Any = None
        """IPython's ExecutionInfo of the cell that runs now; None in a silent one."""
        self._open: list[tuple[str, TrackedCell]] = []
        """Tracked cells that have not ended, with the text of the cell that they are in."""

    def line(self, line: str) -> object:
        """See _HELP."""
        command = parse_line(line)
        try:
            return line_commands.run(command)
        except NbtrackError as error:
            raise UsageError(f"%track: {error.message}") from error

    def cell(self, line: str, cell: str) -> object:
        """See _HELP."""
        if is_sql(line):
            return self._sql(parse_sql(line), cell)
        # Reached by code only, such as a notebook that was converted to a script: the transformer takes what is typed.
        result = self.shell.run_cell(f"%%track {line}\n{cell}")
        result.raise_error()
        return None

    def _sql(self, variable: str | None, query: str) -> object:
        try:
            frame = sql(query)
        except NbtrackError as error:
            raise UsageError(f"%%track sql: {error.message}") from error
        if variable is None:
            return frame
        self.shell.user_ns[variable] = frame
        rows = f"{len(frame):,} row{'' if len(frame) == 1 else 's'}"
        print(f"nbtrack: {variable} has {rows} of {', '.join(map(str, frame.columns))}")
        return None

    line.__doc__ = cell.__doc__ = _HELP

    def begin(self, line: str, body: str) -> None:
        """The first line of a transformed `%%track` cell: start its run."""
        if self._executing is None:
            raise UsageError("%%track: a request that is executed silently cannot be tracked.")
        options = parse_cell(self.shell.var_expand(line, 1))
        _show_first_line(sys._getframe(1).f_code.co_filename, line)
        raw = self._executing.raw_cell
        source = raw if raw.endswith((body, body.rstrip("\n"))) else f"%%track {line}\n{body}"
        try:
            self._open.append((raw, TrackedCell(self.shell, options, source, body)))
        except NbtrackError as error:
            raise UsageError(f"%%track: {error.message}") from error

    def pre_execute(self) -> None:
        """IPython's event before any execution, a silent one too."""
        self._executing = None

    def pre_run_cell(self, info: Any) -> None:
        """IPython's event before a cell."""
        self._executing = info

    def post_run_cell(self, result: Any) -> None:
        """IPython's event after a cell: end the runs of the cell that has ended.

        Cells run inside cells (`%%capture`, `shell.run_cell`), so the one that has ended is found by its text.
        """
        ended = getattr(getattr(result, "info", None), "raw_cell", None)
        while self._open and (result is None or self._open[-1][0] == ended):
            _, tracked = self._open.pop()
            error = KeyboardInterrupt() if result is None else result.error_before_exec or result.error_in_exec
            try:
                tracked.finish(error)
            except NbtrackError as problem:
                print(f"%%track: the run's end could not be kept whole: {problem.message}", file=sys.stderr)


def _show_first_line(filename: str, line: str) -> None:
    """Make tracebacks quote the cell's first line as it was typed, as a comment so that it stays Python."""
    cached = linecache.cache.get(filename)
    if cached is not None and len(cached) == 4 and cached[2]:
        cached[2][0] = f"# %%{MAGIC} {line}".rstrip() + "\n"


_EVENTS = ("pre_execute", "pre_run_cell", "post_run_cell")


def load_ipython_extension(shell: Any) -> None:
    """Register `%track` and `%%track`, and say where the runs are kept. Called by `%load_ext nbtrack`."""
    unload_ipython_extension(shell)
    magics = TrackMagics(shell)
    shell.magics_manager.registry[REGISTERED] = magics
    shell.register_magic_function(magics.line, "line", MAGIC)
    shell.register_magic_function(magics.cell, "cell", MAGIC)
    shell.input_transformers_post.append(magics.transformer)
    for event in _EVENTS:
        shell.events.register(event, getattr(magics, event))
    packages.prepare()
    config.announce(config.get_tracking_uri(), sys.stdout, again=True)


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics away again. Called by `%unload_ext nbtrack`."""
    magics = shell.magics_manager.registry.pop(REGISTERED, None)
    if magics is None:
        return
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop(MAGIC, None)
    shell.input_transformers_post.remove(magics.transformer)
    for event in _EVENTS:
        shell.events.unregister(event, getattr(magics, event))
