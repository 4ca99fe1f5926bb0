"""Accounts of people on this installation."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils.translation import gettext as _

from labeling.errors import Conflict


def is_set_up() -> bool:
    """Whether anybody can sign in; until then the set-up page is open."""
    return User.objects.exists()


@transaction.atomic
def create_first_admin(*, username: str, password: str) -> User:
    """The first account, a site admin. Raises Conflict when somebody else was first.

    The update is a lock that works on every database: the second of two simultaneous
    requests waits for the first one's commit and then sees its user.
    """
    ContentType.objects.get_for_model(User)
    ContentType.objects.filter(app_label="auth", model="user").update(model="user")
    if is_set_up():
        raise Conflict(_("This installation already has an account: sign in instead."), code="set_up")
    return User.objects.create_superuser(username, password=password)


@transaction.atomic
def create_account(*, username: str, password: str, is_admin: bool) -> User:
    """An account for another person; an admin may do everything everywhere. Raises Conflict."""
    if User.objects.filter(username=username).exists():
        raise Conflict(
            _("There is already an account named %(username)s.") % {"username": username}, code="account_exists"
        )
    if is_admin:
        return User.objects.create_superuser(username, password=password)
    return User.objects.create_user(username, password=password)


@transaction.atomic
def set_account_active(*, account: User, is_active: bool, by: User) -> User:
    """Let an account sign in, or no longer. Raises Conflict for one's own."""
    if account.pk == by.pk:
        raise Conflict(_("You cannot close your own account: ask another admin."), code="own_account")
    User.objects.filter(pk=account.pk).update(is_active=is_active)
    account.is_active = is_active
    return account
