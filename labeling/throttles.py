"""Attempts to sign in are counted, on the page and through the API together."""

from __future__ import annotations

import logging
from typing import Any

from redis.exceptions import RedisError
from rest_framework.throttling import SimpleRateThrottle

logger = logging.getLogger(__name__)


class SignInThrottle(SimpleRateThrottle):
    """Counts per address and name, so that one guesser does not lock everybody out."""

    scope = "sign_in"

    def get_cache_key(self, request: Any, view: Any) -> str | None:
        if request.method != "POST":
            return None
        sent = getattr(request, "data", None) or request.POST
        name = str(sent.get("username", ""))[:150] if hasattr(sent, "get") else ""
        ident = f"{self.get_ident(request)}:{name.encode().hex()}"
        return self.cache_format % {"scope": self.scope, "ident": ident}

    def allow_request(self, request: Any, view: Any) -> bool:
        """While Redis is away attempts go uncounted: nobody is shut out of their work by that."""
        try:
            return super().allow_request(request, view)
        except (RedisError, OSError) as error:
            logger.warning("sign-in attempts are not counted: %s", error)
            return True
