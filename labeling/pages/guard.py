"""What every page does first and last: ask for a session, and show refusals as pages."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from labeling.errors import DomainError

P = ParamSpec("P")
PageView = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def page(view: PageView[P]) -> PageView[P]:
    """Signed out: to the sign-in page and back. A DomainError: a page that says what to do."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path(), reverse("signin"))
        try:
            return view(request, *args, **kwargs)
        except DomainError as error:
            return refusal(request, error)

    return guarded


def refusal(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The error as a page, under its own status."""
    titles = {403: _("Not allowed"), 404: _("Not found")}
    context = {"title": titles.get(error.status, _("That did not work")), "message": error.message}
    return render(request, "refusal.html", context, status=error.status)


def person(request: HttpRequest) -> User:
    """The signed-in user; `page` has turned everybody else away."""
    assert isinstance(request.user, User)
    return request.user
