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
from . import inner
from . import line as line_commands
from .arguments import is_sql, parse_cell, parse_line, parse_sql
from .tracked_cell import TrackedCell
from .transform import MAGIC, REGISTERED, CellTransformer

_HELP = """Track the code of a cell as a run, and show what was tracked.

A cell that starts with %%track is a run::

    %%track [NAME] [-e EXPERIMENT] [-p a,b] [-t key=value] [--nested] [--note TEXT] [--no-code] [--autolog]

    NAME               The run's name, in quotes if it has spaces. By default, a readable name is generated.
    -e, --experiment   Log this run to another experiment, which is created if it does not exist.
    -p, --params       Variables to log as params, separated by commas: -p lr,width. If the cell changes a variable,
                       its value after the cell is logged.
    -t, --tag          A tag as key=value. Can be given several times.
    --nested           Make the run a child of the active run.
    --note             A description of the run.
    --no-code          Do not store the cell's source.
    --autolog          Turn autologging on for this cell: the params, metrics and models of every supported framework
                       are logged. See `nbtrack guide autologging`.

    {name} and $name in the line are replaced by variables, as in other magics.

  - Literals that are assigned at the top level of the cell become params before the cell runs: lr = 0.1,
    layers = (64, 32), note: str = "x". Names that start with _ are left out. If a name is assigned several literals,
    the last one is used.
  - nbtrack.log_metric(...) and the other log functions in the cell log to its run. A run started in the cell with
    `nbtrack.start_run(nested=True)` is a child of it.
  - If the last expression of the cell is a mapping, its numbers become metrics: {"val/accuracy": 0.93}. The value is
    displayed as usual.
  - The run also stores the cell's source, ID and execution count, the path of the notebook, the git commit and
    whether files differ from the commit, and the versions of Python and of the imported packages.
  - If the cell raises an exception, the run ends as FAILED and stores the traceback. If the cell is interrupted, the
    run ends as KILLED. Apart from that the cell behaves as it does without %%track: magics, !commands, await,
    tracebacks and line numbers are the same.
  - Running the cell again creates a new run, the next attempt of the cell, and shows what changed since the previous
    attempt. A cell is identified by its ID in the notebook. If the front end sends no ID, it is identified by NAME, or
    else by its code without the literals.

%track is for single lines::

    %track                      Show the store, the experiment, the active run and the last runs.
    %track NAME                 Set the experiment, which is created if it does not exist.
    %track -e NAME              Set an experiment whose name is one of the commands below.
    %track list [FILTER]        List the runs of the experiment that match the filter. See `nbtrack guide query`.
    %track compare [FILTER]     Compare the runs that match the filter.
    %track registry [MODEL]     Show the registered models, or one of them.
    %track run URI [OPTIONS]    Run a project, with the options of `nbtrack run`. See `nbtrack guide projects`.
    %track autolog [on|off]     Turn autologging on or off for every framework, or show where it is on.
    %track sql SELECT ...       Return the rows of an SQL query as a DataFrame. See `nbtrack guide sql`.

A cell that starts with %%track sql is an SQL query::

    %%track sql [VARIABLE]      Show the rows, or assign them to the variable.

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
    %track run . -e train -P alpha=0.5
    %track sql SELECT status, count(*) FROM runs GROUP BY status
"""


class TrackMagics:
    """The functions of `%track` and `%%track`. The one object of a shell holds the cells that are running."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.transformer = CellTransformer(shell)
        self._executing: Any = None
        """IPython's ExecutionInfo of the running cell, or None if it runs silently."""
        self._around: list[Any] = []
        """The ExecutionInfo of the running cell and of the cells that run it, the outermost first."""
        self._errors: inner.HandledErrors | None = None
        """What the cell magic above a `%%track` handles, until the `%%track` begins."""
        self._open: list[tuple[str, TrackedCell]] = []
        """Tracked cells that have not ended, each with the source of the cell that it is in."""

    def line(self, line: str) -> object:
        """Run a `%track` line. Its help is `_HELP`."""
        command = parse_line(line)
        try:
            return line_commands.run(command)
        except NbtrackError as error:
            raise UsageError(f"%track: {error.message}") from error

    def cell(self, line: str, cell: str) -> object:
        """Run a `%%track` cell. Its help is `_HELP`."""
        if is_sql(line):
            return self._sql(parse_sql(line), cell)
        # Only code gets here, such as a notebook converted to a script: the transformer handles cells that are typed.
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
        print(f"nbtrack: {variable} has {rows} with the columns {', '.join(map(str, frame.columns))}")
        return None

    line.__doc__ = cell.__doc__ = _HELP

    def begin(self, line: str, body: str) -> None:
        """Start the run of a cell. The first line of a transformed `%%track` cell calls this."""
        if self._executing is None:
            raise UsageError("%%track: A cell that is executed silently cannot be tracked.")
        options = parse_cell(self.shell.var_expand(line, 1))
        _show_first_line(sys._getframe(1).f_code.co_filename, line)
        raw = self._executing.raw_cell
        if any(cell.execution is self._executing and cell.body == body for _, cell in self._open):
            # A loop, such as that of a %%timeit above.
            return
        if inner.is_refused(self.shell, body):
            # As with a syntax error in other cells, there is no run.
            return
        source = raw if raw.endswith((body, body.rstrip("\n"))) else f"%%track {line}\n{body}"
        try:
            errors, self._errors = self._errors, None
            self._open.append((raw, TrackedCell(self.shell, options, source, body, self._executing, errors)))
        except NbtrackError as error:
            raise UsageError(f"%%track: {error.message}") from error

    def pre_execute(self) -> None:
        """Handle IPython's event before any execution, including silent ones."""
        self._executing = None

    def post_execute(self) -> None:
        """Handle IPython's event after any execution, including silent ones."""
        self._executing = self._around[-1] if self._around else None

    def pre_run_cell(self, info: Any) -> None:
        """Handle IPython's event before a cell runs, including one that a magic in a cell runs."""
        self._executing = info
        self._around.append(info)
        if self._errors is None and inner.is_below_a_magic(info.raw_cell):
            self._errors = inner.HandledErrors(self.shell)
        if self._open:
            self._open[-1][1].begin_inner(info.raw_cell)

    def post_run_cell(self, result: Any) -> None:
        """Handle IPython's event after a cell: end the runs of the cell that has ended.

        A cell can run another one (`%%capture`, `shell.run_cell`), so the cell that has ended is found by its source.
        """
        info = getattr(result, "info", None)
        ended = getattr(info, "raw_cell", None)
        self._end_execution(info)
        for _, tracked in reversed(self._open):
            tracked.end_inner(ended)
        while self._open and (result is None or self._open[-1][0] == ended):
            _, tracked = self._open.pop()
            error = KeyboardInterrupt() if result is None else result.error_before_exec or result.error_in_exec
            try:
                tracked.finish(error)
            except NbtrackError as problem:
                print(f"%%track: The end of the run could not be stored completely: {problem.message}", file=sys.stderr)

    def _end_execution(self, info: Any) -> None:
        """Continue with the cell that has run the ended one. Without an ExecutionInfo, everything has ended."""
        if self._errors is not None:
            self._errors.close()
            self._errors = None
        if info is None:
            self._around.clear()
        elif any(one is info for one in self._around):
            while self._around.pop() is not info:
                pass
        self._executing = self._around[-1] if self._around else None


def _show_first_line(filename: str, line: str) -> None:
    """Make tracebacks quote the first line of the cell as it was typed, in a comment so that it is valid Python."""
    cached = linecache.cache.get(filename)
    if cached is not None and len(cached) == 4 and cached[2]:
        cached[2][0] = f"# %%{MAGIC} {line}".rstrip() + "\n"


_EVENTS = ("pre_execute", "pre_run_cell", "post_execute", "post_run_cell")


def load_ipython_extension(shell: Any) -> None:
    """Register the magics `%track` and `%%track`, and print where runs are stored.

    IPython calls this for `%load_ext nbtrack`.

    Args:
        shell: The IPython shell.
    """
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
    """Remove the magics `%track` and `%%track`.

    IPython calls this for `%unload_ext nbtrack`.

    Args:
        shell: The IPython shell. Nothing happens if the magics are not registered.
    """
    magics = shell.magics_manager.registry.pop(REGISTERED, None)
    if magics is None:
        return
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop(MAGIC, None)
    shell.input_transformers_post.remove(magics.transformer)
    for event in _EVENTS:
        shell.events.unregister(event, getattr(magics, event))
