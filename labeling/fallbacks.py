"""What answers when no view did: JSON below /api/, a page elsewhere."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    if request.path.startswith("/api/"):
        return _json(404, "not_found", "There is no such address in the API; see /api/v1/schema/.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: a bug; the log has the traceback, the answer has none of it."""
    if request.path.startswith("/api/"):
        return _json(500, "server_error", "The server made a mistake. Try again; an admin finds it in the log.")
    return defaults.server_error(request)


def _json(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"code": code, "message": message, "detail": {}}, status=status)
