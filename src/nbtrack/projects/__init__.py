"""Projects: a training run that one command reproduces, under the names of MLflow Projects."""
