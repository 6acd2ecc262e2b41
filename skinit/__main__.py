"""``python -m skinit`` is ``skinit``."""

import sys

from skinit.cli import main

sys.exit(main())
