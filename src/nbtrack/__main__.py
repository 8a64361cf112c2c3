"""`python -m nbtrack` is the command `nbtrack`, of this very Python: its scripts need not be on the PATH."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
