"""A part's own process: a scratch database and storage, gone afterwards; the result is one JSON file.

Started by `manage.py simulate` with the settings `labeling.settings.simulation`; the part comes on standard input.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import django


def main() -> int:
    """Play the part given on standard input; 1 and one line on standard error when it cannot be played."""
    django.setup()
    from django.core.management import call_command

    from labeling.errors import DomainError, PermanentError
    from labeling.simulation.arms import play
    from labeling.simulation.plan import Part
    from models_zoo import FolderError

    logging.getLogger("labeling").setLevel(logging.WARNING)
    part = Part.from_json(sys.stdin.read())
    call_command("migrate", verbosity=0)
    try:
        result = play(part)
    except (DomainError, PermanentError, FolderError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    out = Path(part.out)
    temporary = out.with_name(out.name + ".tmp")
    temporary.write_text(json.dumps(result, indent=1) + "\n")
    temporary.replace(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
