"""Files that somebody brings, compared to the hash that may lie beside them; imports no torch."""

from __future__ import annotations

import hashlib
from pathlib import Path


def differs_from_its_hash(path: Path) -> bool:
    """Whether `<file>.sha256` lies beside a file and names another hash than its own; False where there is none."""
    beside = path.with_name(path.name + ".sha256")
    if not beside.is_file():
        return False
    words = beside.read_text(errors="replace").split()
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return not words or words[0].lower() != digest
