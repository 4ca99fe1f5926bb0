"""One shape for every refusal: {"code", "message", "detail"}."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from labeling.errors import DomainError

_CODES = {
    status.HTTP_401_UNAUTHORIZED: "not_authenticated",
    status.HTTP_403_FORBIDDEN: "forbidden",
    status.HTTP_404_NOT_FOUND: "not_found",
    status.HTTP_405_METHOD_NOT_ALLOWED: "method_not_allowed",
    status.HTTP_415_UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
    status.HTTP_429_TOO_MANY_REQUESTS: "throttled",
}


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. Unknown exceptions stay unhandled: they are bugs, logged with a traceback."""
    set_rollback()
    if isinstance(error, DomainError):
        return _response(error.status, error.code, error.message, error.detail)
    if isinstance(error, Http404):
        return _response(404, "not_found", "There is nothing here, or you may not see it.", {})
    if isinstance(error, exceptions.ValidationError):
        return _response(400, "invalid", _first_sentence(error.detail), _as_detail(error.detail))
    if isinstance(error, exceptions.APIException):
        headers = {}
        if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
            headers["WWW-Authenticate"] = getattr(error, "auth_header", None) or "Session"
        wait = getattr(error, "wait", None)
        if wait is not None:
            headers["Retry-After"] = str(int(wait) + 1)
        code = _CODES.get(error.status_code, "invalid")
        return _response(error.status_code, code, str(error.detail), {}, headers)
    return None


def _response(
    code: int, name: str, message: str, detail: dict[str, object], headers: dict[str, str] | None = None
) -> Response:
    return Response({"code": name, "message": message, "detail": detail}, status=code, headers=headers)


def _as_detail(detail: object) -> dict[str, object]:
    return detail if isinstance(detail, dict) else {"errors": detail}


def _first_sentence(detail: object, path: str = "") -> str:
    """The first message found in DRF's nested detail, prefixed with the field it is about."""
    if isinstance(detail, dict) and detail:
        name, inner = next(iter(detail.items()))
        own = "" if name == "non_field_errors" else f"{path}.{name}" if path else str(name)
        return _first_sentence(inner, own)
    if isinstance(detail, list) and detail:
        position = next((i for i, inner in enumerate(detail) if inner), 0)
        nested = isinstance(detail[position], dict)
        return _first_sentence(detail[position], f"{path}[{position}]" if nested else path)
    return f"{path}: {detail}" if path else str(detail)
