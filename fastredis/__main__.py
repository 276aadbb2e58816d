"""`python -m fastredis` is `fastredis-server`."""

import sys

from fastredis.cli import main

if __name__ == "__main__":
    sys.exit(main())
