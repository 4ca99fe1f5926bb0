"""Pages for signing in and out, the password, and the first admin."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import login, views
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from labeling.errors import Conflict, NotFound
from labeling.pages.forms import FirstAdmin, NewPassword
from labeling.pages.guard import refusal
from labeling.services import accounts
from labeling.throttles import SignInThrottle


class SignIn(views.LoginView):
    """Sign in; on a fresh installation this leads to the set-up page."""

    template_name = "registration/signin.html"
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not accounts.is_set_up():
            return redirect("setup")
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Refuse before the password is looked at when one address tried a name too often."""
        throttle = SignInThrottle()
        if throttle.allow_request(request, None):
            return super().post(request, *args, **kwargs)
        wait_s = int(throttle.wait() or 60) + 1
        form = AuthenticationForm(request)
        context = self.get_context_data(form=form, wait_s=wait_s)
        return self.render_to_response(context, status=429, headers={"Retry-After": str(wait_s)})


def admin_signin(request: HttpRequest) -> HttpResponseBase:
    """Django's admin has a sign-in form of its own, which counts no attempts: ours is the only one."""
    if request.user.is_authenticated:
        return refusal(request, NotFound(_("There is nothing here, or you may not see it.")))
    wanted = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()})
    return redirect_to_login(wanted if is_ours else reverse("admin:index"), reverse("signin"))


class ChangePassword(views.PasswordChangeView):
    """Change one's own password; other sessions of the person end."""

    template_name = "registration/password.html"
    form_class = NewPassword
    success_url = reverse_lazy("home")

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, _("Your password was changed. Your other sessions have ended."))
        return super().form_valid(form)


@sensitive_post_parameters()
def setup(request: HttpRequest) -> HttpResponse:
    """Make the first account. The page exists only while there is none."""
    if accounts.is_set_up():
        return redirect("signin")
    form = FirstAdmin(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = accounts.create_first_admin(
                username=form.cleaned_data["username"], password=form.cleaned_data["password1"]
            )
        except Conflict as error:
            messages.error(request, error.message)
            return redirect("signin")
        login(request, user)
        return redirect("project-new")
    return render(request, "registration/setup.html", {"form": form})
