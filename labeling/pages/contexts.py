"""Typed contexts of the pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from labeling import access
from labeling.errors import Forbidden
from labeling.models import Project, Role
from labeling.pages.guard import person
from labeling.selectors.rounds import offered_round

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


@dataclass(frozen=True)
class NavItem:
    """One entry of the side navigation."""

    tab: str
    label: str | StrPromise
    icon: str
    url: str


@dataclass(frozen=True)
class NavGroup:
    """Entries under one heading."""

    title: str | StrPromise
    items: list[NavItem]


# (group, [(tab, label, icon, least role)]); the URL name is "project-" + tab.
_NAVIGATION: list[tuple[StrPromise, list[tuple[str, StrPromise, str, Role]]]] = [
    (
        _("Label"),
        [
            ("images", _("Images"), "images", Role.VIEWER),
            ("check", _("Check by class"), "check", Role.ANNOTATOR),
            ("review", _("Review"), "review", Role.REVIEWER),
            ("progress", _("Progress"), "progress", Role.VIEWER),
            ("guidelines", _("Guidelines"), "guidelines", Role.VIEWER),
        ],
    ),
    (
        _("Learn"),
        [
            ("training", _("Training"), "training", Role.REVIEWER),
            ("models", _("Models"), "models", Role.REVIEWER),
        ],
    ),
    (
        _("Data"),
        [
            ("import", _("Import"), "import", Role.OWNER),
            ("exports", _("Exports"), "export", Role.OWNER),
        ],
    ),
    (
        _("Set up"),
        [
            ("classes", _("Classes"), "classes", Role.VIEWER),
            ("members", _("Members"), "members", Role.OWNER),
            ("settings", _("Settings"), "settings", Role.OWNER),
        ],
    ),
]


@dataclass(frozen=True)
class ProjectPage:
    """What every page of a project knows: the project, the person's role in it, which tab is open."""

    project: Project
    role: Role
    tab: str

    @property
    def can_annotate(self) -> bool:
        return access.at_least(self.role, Role.ANNOTATOR) and not self.project.is_archived

    @property
    def can_review(self) -> bool:
        return access.at_least(self.role, Role.REVIEWER) and not self.project.is_archived

    @property
    def can_manage(self) -> bool:
        return access.at_least(self.role, Role.OWNER)

    @property
    def num_for_next_round(self) -> int:
        """Newly accepted masks worth another training, for those who may start it; else 0."""
        return offered_round(self.project) if self.can_manage and not self.project.is_archived else 0

    @property
    def navigation(self) -> list[NavGroup]:
        """The groups and entries that the role may open."""
        groups = [
            NavGroup(
                title,
                [
                    NavItem(tab, label, icon, reverse(f"project-{tab}", args=[self.project.pk]))
                    for tab, label, icon, least in entries
                    if access.at_least(self.role, least)
                ],
            )
            for title, entries in _NAVIGATION
        ]
        return [group for group in groups if group.items]


def project_page(request: HttpRequest, project_id: int, tab: str, *, needs: Role = Role.VIEWER) -> ProjectPage:
    """The context of a project's page. Raises NotFound for strangers, Forbidden for too small a role."""
    project = access.project_read(person(request), project_id)
    role = access.role_in(person(request), project_id)
    assert role is not None
    if not access.at_least(role, needs):
        text = gettext("This page needs the role %(needed)s; yours is %(own)s. Ask an owner of the project.")
        raise Forbidden(text % {"needed": needs.label, "own": role.label})
    return ProjectPage(project=project, role=role, tab=tab)
