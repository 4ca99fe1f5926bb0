"""Session authentication that answers 401, so that a page knows it has to sign in again."""

from __future__ import annotations

from rest_framework import authentication
from rest_framework.request import Request


class SessionAuthentication(authentication.SessionAuthentication):
    """DRF's, with a WWW-Authenticate header: without one DRF turns 401 into 403."""

    def authenticate_header(self, request: Request) -> str:
        return "Session"
