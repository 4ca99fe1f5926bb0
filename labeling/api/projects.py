"""HTTP for projects, classes, members, progress and events: parse, permit, call, render."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import access
from labeling.api.pagination import CursorPages
from labeling.api.people import person
from labeling.api.serializers import StrictSerializer, parsed
from labeling.models import LabelClass, Membership, Project, Role
from labeling.selectors import events, progress
from labeling.selectors.pace import own_pace
from labeling.selectors.projects import listed_projects
from labeling.services import projects
from labeling.text import markdown_html

Json = dict[str, Any]


class ProjectIn(StrictSerializer):
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=2_000, allow_blank=True, required=False)


class ProjectPatch(StrictSerializer):
    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=2_000, allow_blank=True, required=False)
    guidelines = serializers.CharField(max_length=50_000, allow_blank=True, required=False)
    is_archived = serializers.BooleanField(required=False)
    settings = serializers.DictField(required=False)


class ClassIn(StrictSerializer):
    name = serializers.CharField(max_length=80)
    color = serializers.CharField(max_length=7, required=False)
    is_background = serializers.BooleanField(required=False)


class ClassPatch(StrictSerializer):
    name = serializers.CharField(max_length=80, required=False)
    color = serializers.CharField(max_length=7, required=False)
    order = serializers.IntegerField(min_value=0, max_value=30_000, required=False)
    is_background = serializers.BooleanField(required=False)
    is_retired = serializers.BooleanField(required=False)


class MemberIn(StrictSerializer):
    username = serializers.CharField(max_length=150)
    role = serializers.ChoiceField(choices=Role.choices)


class MemberPatch(StrictSerializer):
    role = serializers.ChoiceField(choices=Role.choices)


class EventQuery(StrictSerializer):
    after = serializers.IntegerField(min_value=0, max_value=2**62, default=0)
    limit = serializers.IntegerField(min_value=1, max_value=500, default=200)


def project_row(project: Any, user: User) -> Json:
    """One project as the API shows it; `project` comes from `listed_projects`."""
    return {
        "id": project.pk,
        "name": project.name,
        "slug": project.slug,
        "description": project.description,
        "guidelines": project.guidelines,
        "guidelines_html": markdown_html(project.guidelines),
        "is_archived": project.is_archived,
        "role": Role.OWNER if user.is_staff else project.my_role,
        "event_seq": project.event_seq,
        "num_images": project.num_images,
        "num_accepted": project.num_accepted,
        "settings": project.options.to_json(),
        "active_model": (
            {"id": project.active_version_id, "number": project.active_version_number}
            if project.active_version_id
            else None
        ),
        "created_at": project.created_at,
    }


def class_row(row: LabelClass) -> Json:
    return {
        "id": row.pk,
        "index": row.index,
        "name": row.name,
        "color": row.color,
        "order": row.order,
        "is_background": row.is_background,
        "is_retired": row.is_retired,
    }


def member_row(row: Membership) -> Json:
    return {"id": row.pk, "user": {"id": row.user.pk, "username": row.user.username}, "role": row.role}


def _shown(request: Request, project: Project) -> Json:
    return project_row(listed_projects(person(request)).get(pk=project.pk), person(request))


class Projects(APIView):
    """GET: projects I am in, newest first. POST: a new one, owned by me."""

    @extend_schema(operation_id="projects_list", responses=Json)
    def get(self, request: Request) -> Response:
        pages = CursorPages()
        rows = pages.paginate_queryset(listed_projects(person(request)), request, view=self) or []
        return pages.get_paginated_response([project_row(row, person(request)) for row in rows])

    @extend_schema(request=ProjectIn, responses={201: Json})
    def post(self, request: Request) -> Response:
        project = projects.create_project(by=person(request), **parsed(ProjectIn, request.data))
        return Response(_shown(request, project), status=status.HTTP_201_CREATED)


class OneProject(APIView):
    """GET for members, PATCH for owners."""

    @extend_schema(operation_id="projects_retrieve", responses=Json)
    def get(self, request: Request, project_id: int) -> Response:
        return Response(_shown(request, access.project_read(request.user, project_id)))

    @extend_schema(request=ProjectPatch, responses=Json)
    def patch(self, request: Request, project_id: int) -> Response:
        project = access.project_manage(request.user, project_id)
        projects.update_project(project=project, by=person(request), **parsed(ProjectPatch, request.data))
        return Response(_shown(request, project))


class Classes(APIView):
    """GET: all classes, retired ones included. POST: one more (owner)."""

    @extend_schema(responses=Json)
    def get(self, request: Request, project_id: int) -> Response:
        project = access.project_read(request.user, project_id)
        rows = [class_row(row) for row in project.classes.all()]
        return Response({"results": rows, "next": None, "previous": None})

    @extend_schema(request=ClassIn, responses={201: Json})
    def post(self, request: Request, project_id: int) -> Response:
        project = access.project_change(request.user, project_id)
        row = projects.add_class(project=project, by=person(request), **parsed(ClassIn, request.data))
        return Response(class_row(row), status=status.HTTP_201_CREATED)


class OneClass(APIView):
    """PATCH: rename, recolour, order, retire (owner). The index never changes."""

    @extend_schema(request=ClassPatch, responses=Json)
    def patch(self, request: Request, class_id: int) -> Response:
        found = LabelClass.objects.select_related("project").filter(pk=class_id).first()
        row = access.in_project(request.user, found, noun="class", rule=access.project_change)
        values = parsed(ClassPatch, request.data)
        return Response(class_row(projects.update_class(label_class=row, by=person(request), **values)))


class Members(APIView):
    """GET: who is in. POST: let somebody in (owner)."""

    @extend_schema(responses=Json)
    def get(self, request: Request, project_id: int) -> Response:
        project = access.project_read(request.user, project_id)
        rows = [member_row(row) for row in project.memberships.select_related("user")]
        return Response({"results": rows, "next": None, "previous": None})

    @extend_schema(request=MemberIn, responses={201: Json})
    def post(self, request: Request, project_id: int) -> Response:
        project = access.project_manage(request.user, project_id)
        row = projects.add_member(project=project, by=person(request), **parsed(MemberIn, request.data))
        return Response(member_row(row), status=status.HTTP_201_CREATED)


class OneMember(APIView):
    """PATCH: another role. DELETE: out. Owners only."""

    @extend_schema(request=MemberPatch, responses=Json)
    def patch(self, request: Request, member_id: int) -> Response:
        row = self._row(request, member_id)
        values = parsed(MemberPatch, request.data)
        return Response(member_row(projects.change_role(membership=row, by=person(request), **values)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, member_id: int) -> Response:
        projects.remove_member(membership=self._row(request, member_id), by=person(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _row(self, request: Request, member_id: int) -> Membership:
        row = Membership.objects.select_related("project", "user").filter(pk=member_id).first()
        return access.in_project(request.user, row, noun="member", rule=access.project_manage)


class Progress(APIView):
    """GET: states, splits, class balance, accepted by day, seconds spent."""

    @extend_schema(responses=Json)
    def get(self, request: Request, project_id: int) -> Response:
        return Response(progress.progress(access.project_read(request.user, project_id)))


class PaceQuery(StrictSerializer):
    since = serializers.DateTimeField(default=lambda: timezone.now() - timedelta(days=1))


class MyPace(APIView):
    """GET ?since=TIME (or a day ago): images I decided about since then, and the seconds I was at work."""

    @extend_schema(parameters=[PaceQuery], responses=Json)
    def get(self, request: Request, project_id: int) -> Response:
        project = access.project_read(request.user, project_id)
        query = parsed(PaceQuery, request.query_params.dict())
        return Response(asdict(own_pace(project, person(request), since=query["since"])))


class Events(APIView):
    """GET ?after=SEQ: what happened since, oldest first."""

    @extend_schema(parameters=[EventQuery], responses=Json)
    def get(self, request: Request, project_id: int) -> Response:
        project = access.project_read(request.user, project_id)
        query = parsed(EventQuery, request.query_params.dict())
        rows = events.events_after(project_id=project.pk, seq=query["after"], limit=query["limit"])
        return Response({"results": rows, "seq": events.latest_seq(project_id=project.pk)})


urlpatterns = [
    path("projects", Projects.as_view(), name="api-projects"),
    path("projects/<int:project_id>", OneProject.as_view(), name="api-project"),
    path("projects/<int:project_id>/classes", Classes.as_view(), name="api-classes"),
    path("classes/<int:class_id>", OneClass.as_view(), name="api-class"),
    path("projects/<int:project_id>/members", Members.as_view(), name="api-members"),
    path("members/<int:member_id>", OneMember.as_view(), name="api-member"),
    path("projects/<int:project_id>/progress", Progress.as_view(), name="api-progress"),
    path("projects/<int:project_id>/pace", MyPace.as_view(), name="api-pace"),
    path("projects/<int:project_id>/events", Events.as_view(), name="api-events"),
]
