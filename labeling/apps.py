"""App configuration: registers tasks and system checks."""

from django.apps import AppConfig


class LabelingConfig(AppConfig):
    name = "labeling"
    verbose_name = "Burnish"

    def ready(self) -> None:
        from labeling import checks, tasks  # noqa: F401
