"""Run the command `nbtrack` from this checkout."""

import sys

from nbtrack.cli import main

if __name__ == "__main__":
    sys.exit(main())
