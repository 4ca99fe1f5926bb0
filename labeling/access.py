"""Who may do what: each function returns the object or raises NotFound / Forbidden. Never says more than needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from labeling.errors import Forbidden, NotFound
from labeling.models import Image, Membership, Project, Role

# What `missing` may name, for the catalogues.
NOUNS = (
    gettext_noop("image"),
    gettext_noop("class"),
    gettext_noop("member"),
    gettext_noop("mask"),
    gettext_noop("proposal"),
    gettext_noop("comment"),
    gettext_noop("upload"),
    gettext_noop("import"),
    gettext_noop("export"),
    gettext_noop("training run"),
    gettext_noop("proposal run"),
    gettext_noop("model version"),
    gettext_noop("import job"),
    gettext_noop("export job"),
)

_RANK = {Role.VIEWER: 0, Role.ANNOTATOR: 1, Role.REVIEWER: 2, Role.OWNER: 3}


def visible_projects(user: User | AnonymousUser) -> QuerySet[Project]:
    """Projects the user is a member of; all of them for a site admin."""
    if not user.is_authenticated or not user.is_active:
        return Project.objects.none()
    if user.is_staff:
        return Project.objects.all()
    return Project.objects.filter(memberships__user=user)


def role_in(user: User | AnonymousUser, project_id: int) -> Role | None:
    """The user's role, OWNER for a site admin, None for a stranger."""
    if not user.is_authenticated or not user.is_active:
        return None
    if user.is_staff:
        return Role.OWNER
    stored = Membership.objects.filter(user=user, project_id=project_id).values_list("role", flat=True).first()
    return None if stored is None else Role(stored)


def at_least(role: Role | None, wanted: Role) -> bool:
    """Whether `role` may do what `wanted` may."""
    return role is not None and _RANK[role] >= _RANK[wanted]


def _project(user: User | AnonymousUser, project_id: int, wanted: Role, *, changes: bool) -> Project:
    """`changes`: what is asked for would change what an archived project holds."""
    project = Project.objects.filter(pk=project_id).first()
    role = role_in(user, project_id) if project is not None else None
    if project is None or role is None:
        raise NotFound(_("There is no such project, or you are not a member of it."))
    if not at_least(role, wanted):
        raise Forbidden(
            _("This needs the role %(wanted)s; yours is %(role)s. Ask an owner of the project.")
            % {"wanted": wanted.label, "role": role.label}
        )
    if project.is_archived and changes:
        raise Forbidden(_("This project is archived. An owner can bring it back in its settings."), code="archived")
    return project


def project_read(user: User | AnonymousUser, project_id: int) -> Project:
    """Any member."""
    return _project(user, project_id, Role.VIEWER, changes=False)


def project_annotate(user: User | AnonymousUser, project_id: int) -> Project:
    """Annotator or more; not in an archived project."""
    return _project(user, project_id, Role.ANNOTATOR, changes=True)


def project_review(user: User | AnonymousUser, project_id: int) -> Project:
    """Reviewer or owner; not in an archived project."""
    return _project(user, project_id, Role.REVIEWER, changes=True)


def project_manage(user: User | AnonymousUser, project_id: int) -> Project:
    """Owner or site admin; an archived project too, to bring it back, to take data out or to stop what runs."""
    return _project(user, project_id, Role.OWNER, changes=False)


def project_change(user: User | AnonymousUser, project_id: int) -> Project:
    """Owner or site admin, to change images, classes or models; not in an archived project."""
    return _project(user, project_id, Role.OWNER, changes=True)


class InProject(Protocol):
    """A row that belongs to a project."""

    @property
    def project_id(self) -> int: ...


RowT = TypeVar("RowT", bound=InProject)
Rule = Callable[["User | AnonymousUser", int], Project]


def missing(noun: str) -> NotFound:
    """What everybody hears of a row that does not exist, and strangers of any other."""
    return NotFound(_("There is no such %(noun)s, or you are not a member of its project.") % {"noun": _(noun)})


def in_project(user: User | AnonymousUser, row: RowT | None, *, noun: str, rule: Rule) -> RowT:
    """The row, if `rule` (a `project_…` function above) lets the user into its project.

    A stranger hears the same as of a row that does not exist, and so learns nothing.
    """
    if row is None:
        raise missing(noun)
    try:
        rule(user, row.project_id)
    except NotFound:
        raise missing(noun) from None
    return row


def _image(user: User | AnonymousUser, image_id: int, rule: Rule) -> Image:
    row = Image.objects.select_related("project").filter(pk=image_id).first()
    return in_project(user, row, noun="image", rule=rule)


def image_read(user: User | AnonymousUser, image_id: int) -> Image:
    """An image of a project the user reads."""
    return _image(user, image_id, project_read)


def image_annotate(user: User | AnonymousUser, image_id: int) -> Image:
    """An image the user may mark and decide on."""
    return _image(user, image_id, project_annotate)


def image_review(user: User | AnonymousUser, image_id: int) -> Image:
    """An image whose masks the user may review."""
    return _image(user, image_id, project_review)


def image_manage(user: User | AnonymousUser, image_id: int) -> Image:
    """An image the user may delete; not in an archived project."""
    return _image(user, image_id, project_change)
