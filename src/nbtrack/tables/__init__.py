"""Tables in CSV, JSON lines and Parquet: one reader and one writer for files, request bodies and logged tables.

Values come back as they went in. Floats keep their last digit and times their last nanosecond. Rows are never dropped,
added or moved.

cells    one value as JSON has it
reading  files and request bodies as DataFrames
writing  DataFrames to files
"""
