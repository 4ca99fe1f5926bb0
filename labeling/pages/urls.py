"""Routes of the server-rendered pages."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, path
from django.views.i18n import set_language

from labeling.pages import account, classes, guidelines, images, members, projects, runs, system

urlpatterns: list[URLPattern] = [
    path("", projects.home, name="home"),
    path("signin/", account.SignIn.as_view(), name="signin"),
    path("signout/", LogoutView.as_view(), name="signout"),
    path("password/", account.ChangePassword.as_view(), name="password"),
    path("setup/", account.setup, name="setup"),
    path("language/", set_language, name="language"),
    path("system/", system.system, name="system"),
    path("projects/", projects.project_list, name="project-list"),
    path("projects/new/", projects.project_new, name="project-new"),
    path("projects/<int:project_id>/", images.project_images, name="project-images"),
    path("projects/<int:project_id>/import/", images.project_import, name="project-import"),
    path("projects/<int:project_id>/annotate/", images.project_annotate, name="project-annotate"),
    path("projects/<int:project_id>/images/<int:image_id>/", images.image_annotate, name="image-annotate"),
    path(
        "projects/<int:project_id>/images/<int:image_id>/history/", images.image_history, name="project-image-history"
    ),
    path("projects/<int:project_id>/classes/", classes.project_classes, name="project-classes"),
    path("projects/<int:project_id>/members/", members.project_members, name="project-members"),
    path("projects/<int:project_id>/guidelines/", guidelines.project_guidelines, name="project-guidelines"),
    path("projects/<int:project_id>/settings/", projects.project_settings, name="project-settings"),
    path("projects/<int:project_id>/progress/", runs.project_progress, name="project-progress"),
    path("projects/<int:project_id>/training/", runs.project_training, name="project-training"),
    path("projects/<int:project_id>/training/<int:run_id>/", runs.training_run, name="training-run"),
    path("projects/<int:project_id>/models/", runs.project_models, name="project-models"),
    path("projects/<int:project_id>/exports/", runs.project_exports, name="project-exports"),
    path("projects/<int:project_id>/check/", runs.project_check, name="project-check"),
    path("projects/<int:project_id>/review/", runs.project_review, name="project-review"),
]
