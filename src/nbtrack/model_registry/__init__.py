"""Parse and resolve model URIs, find the lineage of model versions, and watch stages."""
