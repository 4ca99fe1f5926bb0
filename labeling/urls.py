"""HTTP routes: pages for people, /api/v1 for programs and the pages' scripts, Django's admin for rescue work."""

from django.contrib import admin
from django.urls import include, path

from labeling.pages.account import admin_signin

urlpatterns = [
    path("", include("labeling.pages.urls")),
    path("api/v1/", include("labeling.api.urls")),
    path("admin/login/", admin_signin),
    path("admin/", admin.site.urls),
]
handler404 = "labeling.fallbacks.not_found"
handler500 = "labeling.fallbacks.server_error"
