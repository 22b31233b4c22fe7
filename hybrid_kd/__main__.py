"""``python -m hybrid_kd`` is ``hybrid-kd``."""

import sys

from hybrid_kd.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
