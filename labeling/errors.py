"""The domain's exceptions. Each carries a stable code and the HTTP status its refusal maps to."""

from __future__ import annotations

from collections.abc import Mapping


class DomainError(Exception):
    """A refusal with a code, a sentence that says what to do, and details for the caller's program."""

    code = "invalid"
    status = 400

    def __init__(self, message: str, *, code: str = "", detail: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.detail: dict[str, object] = dict(detail or {})


class Invalid(DomainError):
    """The request itself is wrong; nothing was changed."""


class NotFound(DomainError):
    """It does not exist, or the caller may not know that it does."""

    code = "not_found"
    status = 404


class Forbidden(DomainError):
    """The caller sees the object but their role does not allow this."""

    code = "forbidden"
    status = 403


class Conflict(DomainError):
    """The state moved on, or another row stands in the way."""

    code = "conflict"
    status = 409


class StaleState(Conflict):
    """A move from a state that the row is no longer in."""

    code = "stale_state"


class StaleRevision(Conflict):
    """A save that started from an older revision than the stored one."""

    code = "stale_revision"


class Cancelled(Exception):
    """Raised inside a job when its row asks it to stop, or no longer belongs to this attempt."""


class PermanentError(Exception):
    """A job cannot succeed by trying again; the message tells a person what to do."""


class TransientError(Exception):
    """A job may succeed later (storage or network trouble)."""
