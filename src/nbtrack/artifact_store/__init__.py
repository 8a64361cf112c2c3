"""Where the files of runs are kept."""
