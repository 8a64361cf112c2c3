"""The life of a run in this process: ActiveRun, the stack of active runs, ancestors, system metrics."""
