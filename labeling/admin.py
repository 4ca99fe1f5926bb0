"""Django's admin, for rescue work: people are made here, rows are read here, history is not rewritten here."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest

from labeling import models

admin.site.site_header = "Burnish"
admin.site.unregister(User)

RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]
    """Only a superuser may hand out rights or touch another admin: staff cannot raise themselves."""

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        fixed = list(super().get_readonly_fields(request, obj))
        return fixed if _is_superuser(request) else [*fixed, *RIGHTS]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and self._may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may_touch(request, obj)

    @staticmethod
    def _may_touch(request: HttpRequest, obj: User | None) -> bool:
        return obj is None or _is_superuser(request) or not (obj.is_staff or obj.is_superuser)


def _is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows change through services, which keep the rules and write the events."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


for _model in (
    models.Project,
    models.Membership,
    models.LabelClass,
    models.Image,
    models.Annotation,
    models.Mask,
    models.Proposal,
    models.Review,
    models.TrainingRun,
    models.ModelVersion,
    models.ProposalRun,
    models.ImportJob,
    models.ExportJob,
    models.Event,
):
    admin.site.register(_model, ReadOnly)
