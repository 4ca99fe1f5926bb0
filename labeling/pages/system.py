"""Page for site admins: the machinery and the accounts."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from labeling.errors import DomainError, NotFound
from labeling.pages.forms import NewAccount
from labeling.pages.guard import page, person
from labeling.services import accounts


@page
def system(request: HttpRequest) -> HttpResponseBase:
    """Queues, workers, jobs and room; accounts to open and close. For others it does not exist."""
    if not person(request).is_staff:
        raise NotFound(_("There is nothing here, or you may not see it."))
    new = NewAccount()
    if request.method == "POST":
        if request.POST.get("action") == "add":
            new = NewAccount(request.POST)
            if _added(request, new):
                return redirect("system")
        else:
            _change(request)
            return redirect("system")
    return render(request, "system.html", {"new": new, "accounts": User.objects.order_by("username")})


def _added(request: HttpRequest, form: NewAccount) -> bool:
    if not form.is_valid():
        return False
    values = form.cleaned_data
    try:
        account = accounts.create_account(
            username=values["username"], password=values["password1"], is_admin=values["is_admin"]
        )
    except DomainError as error:
        form.add_error("username", error.message)
        return False
    messages.success(request, _("The account %(name)s is open.") % {"name": account.username})
    return True


def _change(request: HttpRequest) -> None:
    text = request.POST.get("account", "")
    account = User.objects.filter(pk=text).first() if text.isascii() and text.isdigit() and len(text) < 19 else None
    if account is None:
        raise NotFound(_("There is no such account."))
    is_active = request.POST.get("action") == "open"
    try:
        accounts.set_account_active(account=account, is_active=is_active, by=person(request))
    except DomainError as error:
        messages.error(request, error.message)
        return
    said = _("%(name)s can sign in again.") if is_active else _("%(name)s can no longer sign in.")
    messages.success(request, said % {"name": account.username})
