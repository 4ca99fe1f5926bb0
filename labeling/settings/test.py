"""Settings of the test suite: a scratch folder, quick hashes, the real database and the real Redis."""

import os
import tempfile

# Each worker of pytest-xdist gets a folder, and with it a Redis and a database, of its own.
if "PYTEST_XDIST_WORKER" in os.environ or "BURNISH_VAR" not in os.environ:
    os.environ["BURNISH_VAR"] = tempfile.mkdtemp(prefix="burnish-test-")

from labeling.settings.base import *  # noqa: F403
from labeling.settings.base import DATABASES, VAR_DIR

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
VAR_DIR.mkdir(parents=True, exist_ok=True)
if str(DATABASES["default"]["ENGINE"]).endswith("sqlite3"):
    # A file, not memory: worker processes and threads of the tests share it.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
