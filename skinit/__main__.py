"""Run the command line by ``python -m skinit``."""

import sys

from skinit.cli import main

sys.exit(main())
