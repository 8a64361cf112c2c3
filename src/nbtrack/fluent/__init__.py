"""The module-level API, by subject: MLflow's names, arguments and meanings on the active run and experiment."""
