"""Model URIs, the lineage of model versions, and watching a stage."""
