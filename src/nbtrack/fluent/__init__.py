"""The module-level functions, by subject: MLflow's names and arguments on the active run and experiment."""
