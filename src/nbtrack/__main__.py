"""`python -m nbtrack` runs the command `nbtrack` with this Python, also if its scripts are not on the PATH."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
