"""Typed contexts of the pages."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from labeling import access
from labeling.errors import Forbidden
from labeling.models import Project, Role
from labeling.pages.guard import person
from labeling.selectors.rounds import offered_round


@dataclass(frozen=True)
class NavItem:
    """One entry of the side navigation."""

    tab: str
    label: str
    icon: str
    url: str


@dataclass(frozen=True)
class NavGroup:
    """Entries under one heading."""

    title: str
    items: list[NavItem]


# (group, [(tab, label, icon, least role)]); the URL name is "project-" + tab.
_NAVIGATION: list[tuple[str, list[tuple[str, str, str, Role]]]] = [
    (
        "Label",
        [
            ("images", "Images", "images", Role.VIEWER),
            ("check", "Check by class", "check", Role.ANNOTATOR),
            ("review", "Review", "review", Role.REVIEWER),
            ("progress", "Progress", "progress", Role.VIEWER),
            ("guidelines", "Guidelines", "guidelines", Role.VIEWER),
        ],
    ),
    (
        "Learn",
        [
            ("training", "Training", "training", Role.REVIEWER),
            ("models", "Models", "models", Role.REVIEWER),
        ],
    ),
    (
        "Data",
        [
            ("import", "Import", "import", Role.OWNER),
            ("exports", "Exports", "export", Role.OWNER),
        ],
    ),
    (
        "Set up",
        [
            ("classes", "Classes", "classes", Role.VIEWER),
            ("members", "Members", "members", Role.OWNER),
            ("settings", "Settings", "settings", Role.OWNER),
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
        raise Forbidden(f"This page needs the role {needs.value}; yours is {role.value}. Ask an owner of the project.")
    return ProjectPage(project=project, role=role, tab=tab)
