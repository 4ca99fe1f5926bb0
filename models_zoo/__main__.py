"""`python -m models_zoo`."""

import sys

from models_zoo.cli import main

sys.exit(main())
