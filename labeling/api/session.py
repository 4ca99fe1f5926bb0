"""HTTP for the session: sign in (also in place, when a session ended), see who one is, sign out."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import AnonymousUser, User
from django.middleware.csrf import get_token
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.csrf import ensure_csrf_cookie
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.authentication import SessionAuthentication
from labeling.api.serializers import StrictSerializer, parsed
from labeling.errors import Invalid
from labeling.throttles import SignInThrottle


class SignIn(StrictSerializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1_000, trim_whitespace=False)


class OpenToAll(BasePermission):
    """This route is how one becomes somebody; everything else asks who you are first."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return True


@method_decorator(ensure_csrf_cookie, name="dispatch")
class Session(APIView):
    """GET: who am I. POST: sign in. DELETE: sign out."""

    permission_classes = [OpenToAll]
    throttle_classes = [SignInThrottle]
    serializer_class = SignIn

    @extend_schema(responses=dict[str, Any])
    def get(self, request: Request) -> Response:
        return Response(_state(request))

    @extend_schema(request=SignIn, responses=dict[str, Any])
    def post(self, request: Request) -> Response:
        SessionAuthentication().enforce_csrf(request)  # DRF asks only those who are signed in already
        values = parsed(SignIn, request.data)
        user = authenticate(request._request, **values)
        if not isinstance(user, User):
            raise Invalid(_("Name and password do not match."), code="bad_credentials")
        login(request._request, user)
        request.user = user
        return Response(_state(request))

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        logout(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _state(request: Request) -> dict[str, Any]:
    user: User | AnonymousUser = request.user
    shown = {"id": user.pk, "username": user.username, "is_staff": user.is_staff} if user.is_authenticated else None
    return {"user": shown, "csrf_token": get_token(request._request)}


urlpatterns = [path("session", Session.as_view(), name="api-session")]
