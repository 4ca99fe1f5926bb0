"""Projects, their people and their classes: the rules of who leads and what a class may become."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import Max
from django.utils.text import slugify
from django.utils.translation import gettext as _

from labeling.errors import Conflict, Invalid, NotFound
from labeling.models import LabelClass, Membership, Project, ProjectSettings, Role
from labeling.selectors.interactive import what_is_missing
from labeling.services import events
from models_zoo import list_acquisitions, list_interactive

# A colour-blind-safe start (Okabe and Ito, then Tol's light scheme): neighbours differ in lightness too.
PALETTE = [
    "#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2",
    "#77aadd", "#ee8866", "#eedd88", "#ffaabb", "#99ddff", "#44bb99", "#bbcc33", "#aaaa00",
]  # fmt: skip
BACKGROUND_COLOR = "#6b7280"


def clean(row: models.Model) -> None:
    """Run the model's own validation; raises Invalid with a message per field."""
    try:
        row.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        detail = {name: [str(m) for m in messages] for name, messages in error.message_dict.items()}
        name, messages = next(iter(detail.items()))
        raise Invalid(f"{name}: {messages[0]}", detail=detail) from error


def _take_over(row: models.Model, changes: Mapping[str, object]) -> list[str]:
    """Set what is not None; the names of what was set."""
    changed = [name for name, value in changes.items() if value is not None]
    for name in changed:
        setattr(row, name, changes[name])
    return changed


def _lock(project_id: int) -> None:
    """Hold the project's row until the commit, by an update that changes nothing."""
    Project.objects.filter(pk=project_id).update(event_seq=models.F("event_seq"))


def _free_slug(name: str) -> str:
    base = slugify(name)[:120] or "project"
    taken = set(Project.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(slug for slug in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if slug not in taken)


@transaction.atomic
def create_project(*, name: str, by: User, description: str = "", guidelines: str = "") -> Project:
    """A new project owned by `by`. Raises Invalid."""
    project = Project(name=name.strip(), slug="x", description=description, guidelines=guidelines)
    clean(project)
    _save_new(project)
    Membership.objects.create(project=project, user=by, role=Role.OWNER)
    events.record(project=project, verb="project.changed", subject=project, actor=by, data={"created": True})
    return project


def _save_new(project: Project) -> None:
    """Save under a free slug; somebody may take the same one in the same moment, so once more if need be."""
    for is_last in (False, False, True):
        project.slug = _free_slug(project.name)
        try:
            with transaction.atomic():
                project.save()
            return
        except IntegrityError:
            if is_last:
                raise Conflict(_("Somebody made a project of that name at the same moment; try again.")) from None


@transaction.atomic
def update_project(
    *,
    project: Project,
    by: User,
    name: str | None = None,
    description: str | None = None,
    guidelines: str | None = None,
    is_archived: bool | None = None,
    settings: Mapping[str, object] | None = None,
) -> Project:
    """Change what is given, leave the rest. `settings` may be partial. Raises Invalid."""
    _lock(project.pk)
    project.refresh_from_db()  # two owners who change different things at once both get their way
    if settings is not None:
        _check_interactive(project, settings)
    changes = {
        "name": name.strip() if name is not None else None,
        "description": description,
        "guidelines": guidelines,
        "is_archived": is_archived,
        "settings_json": (
            checked_settings({**project.options.to_json(), **settings}).to_json() if settings is not None else None
        ),
    }
    changed = _take_over(project, changes)
    clean(project)
    project.save(update_fields=changed)
    events.record(project=project, verb="project.changed", subject=project, actor=by)
    return project


def _check_interactive(project: Project, settings: Mapping[str, object]) -> None:
    """A method that cannot answer yet is no choice. What was chosen once may stay, whatever became of it."""
    wanted = settings.get("interactive_method", project.options.interactive_method)
    is_known = any(info.name == wanted for info in list_interactive())
    if wanted != project.options.interactive_method and is_known:
        missing = what_is_missing(project, str(wanted))
        if missing:
            raise Invalid(_("settings.interactive_method: %(missing)s") % {"missing": missing}, code="method_not_ready")


def checked_settings(values: Mapping[str, object]) -> ProjectSettings:
    """Typed settings from untrusted values. Raises Invalid naming the setting."""
    kinds = {field.name: type(getattr(ProjectSettings(), field.name)) for field in fields(ProjectSettings)}
    for name, value in values.items():
        if name not in kinds:
            raise Invalid(_("settings.%(name)s: there is no such setting.") % {"name": name})
        if type(value) is not kinds[name] and not (kinds[name] is float and type(value) is int):
            raise Invalid(_("settings.%(name)s: expected %(kind)s.") % {"name": name, "kind": kinds[name].__name__})
    chosen = ProjectSettings(**values)  # type: ignore[arg-type]
    if not 0 <= chosen.random_share <= 1:
        raise Invalid(_("settings.random_share: give a share between 0 and 1."))
    if not 1 <= chosen.retrain_after <= 100_000:
        raise Invalid(_("settings.retrain_after: give a number between 1 and 100000."))
    for setting, known in (
        ("interactive_method", [info.name for info in list_interactive()]),
        ("acquisition", [info.name for info in list_acquisitions()]),
    ):
        if getattr(chosen, setting) not in known:
            raise Invalid(
                _("settings.%(setting)s: choose one of %(known)s.") % {"setting": setting, "known": ", ".join(known)}
            )
    return chosen


@transaction.atomic
def add_class(*, project: Project, name: str, by: User, color: str = "", is_background: bool = False) -> LabelClass:
    """A class with the next free index; indexes are never reused. Raises Invalid or Conflict."""
    last = project.classes.aggregate(last=Max("index"))["last"]
    index = 0 if last is None else last + 1
    if index > LabelClass.MAX_INDEX:
        raise Invalid(_("A project holds at most 254 classes over its life, retired ones included."))
    color = color.lower() or (BACKGROUND_COLOR if is_background else PALETTE[index % len(PALETTE)])
    row = LabelClass(
        project=project, index=index, name=name.strip(), color=color, order=index, is_background=is_background
    )
    clean(row)
    _save_class(row)
    events.record(project=project, verb="class.changed", subject=row, actor=by, data={"class_id": row.pk})
    return row


@transaction.atomic
def update_class(
    *,
    label_class: LabelClass,
    by: User,
    name: str | None = None,
    color: str | None = None,
    order: int | None = None,
    is_background: bool | None = None,
    is_retired: bool | None = None,
) -> LabelClass:
    """Rename, recolour, order, retire or bring back. The index stays. Raises Invalid or Conflict."""
    changes = {
        "name": name.strip() if name is not None else None,
        "color": color.lower() if color is not None else None,
        "order": order,
        "is_background": is_background,
        "is_retired": is_retired,
    }
    changed = _take_over(label_class, changes)
    clean(label_class)
    _save_class(label_class, fields=changed)
    events.record(
        project=label_class.project,
        verb="class.changed",
        subject=label_class,
        actor=by,
        data={"class_id": label_class.pk},
    )
    return label_class


def _save_class(row: LabelClass, *, fields: list[str] | None = None) -> None:
    """Save (only `fields`, if given), turning the two unique rules into sentences."""
    others = LabelClass.objects.filter(project_id=row.project_id).exclude(pk=row.pk)
    if others.filter(name=row.name).exists():
        raise Conflict(_("There is already a class named %(name)s.") % {"name": repr(row.name)}, code="class_exists")
    if row.is_background and others.filter(is_background=True).exists():
        raise Conflict(
            _("This project already has a background class; unset that one first."), code="background_exists"
        )
    try:
        with transaction.atomic():
            row.save(update_fields=fields)
    except IntegrityError as error:
        raise Conflict(
            _("Somebody changed the classes at the same moment; look again."), code="class_exists"
        ) from error


_USERNAME = re.compile(r"[\w.@+-]{1,150}")


@transaction.atomic
def add_member(*, project: Project, username: str, role: str, by: User) -> Membership:
    """Let a person in. Raises Invalid, NotFound (no such user) or Conflict (already in)."""
    wanted = _role(role)
    user = User.objects.filter(username=username, is_active=True).first() if _USERNAME.fullmatch(username) else None
    if user is None:
        raise NotFound(
            _("There is no user named %(username)s. A site admin can create one.") % {"username": repr(username)},
            code="no_such_user",
        )
    membership, is_new = Membership.objects.get_or_create(project=project, user=user, defaults={"role": wanted})
    if not is_new:
        raise Conflict(
            _("%(username)s is already a member; change the role instead.") % {"username": username},
            code="member_exists",
        )
    events.record(project=project, verb="member.added", subject=membership, actor=by, data={"user": user.pk})
    return membership


@transaction.atomic
def change_role(*, membership: Membership, role: str, by: User) -> Membership:
    """Give a member another role. Raises Invalid, or Conflict for the last owner."""
    wanted = _role(role)
    if wanted != Role.OWNER:
        _refuse_last_owner(membership)
    if not Membership.objects.filter(pk=membership.pk).update(role=wanted):
        raise NotFound(_("This person is no longer in the project."))
    membership.role = wanted
    data = {"user": membership.user_id, "role": wanted.value}
    events.record(project=membership.project, verb="member.changed", subject=membership, actor=by, data=data)
    return membership


@transaction.atomic
def remove_member(*, membership: Membership, by: User) -> None:
    """Take a person out; their marks stay. Raises Conflict for the last owner."""
    _refuse_last_owner(membership)
    if not Membership.objects.filter(pk=membership.pk).delete()[0]:
        raise NotFound(_("This person is no longer in the project."))
    data = {"user": membership.user_id}
    events.record(project=membership.project, verb="member.removed", subject=membership, actor=by, data=data)


def _role(role: str) -> Role:
    if role not in Role.values:
        raise Invalid(_("role: choose one of %(values)s.") % {"values": ", ".join(Role.values)})
    return Role(role)


def _refuse_last_owner(membership: Membership) -> None:
    """Checked under the project's row: two owners leaving at once are serialised by this update."""
    _lock(membership.project_id)
    stored = Membership.objects.filter(pk=membership.pk).values_list("role", flat=True).first()
    others = Membership.objects.filter(project_id=membership.project_id, role=Role.OWNER).exclude(pk=membership.pk)
    if stored == Role.OWNER and not others.exists():
        raise Conflict(_("A project needs an owner: make somebody else one first."), code="last_owner")
