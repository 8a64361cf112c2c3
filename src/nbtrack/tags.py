"""The tags that nbtrack itself reads and writes: MLflow's names where MLflow has one, else names of its own."""
