"""Which interactive methods a project can use: some need a trained version or files that a site brings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from labeling.models import ModelVersion, Project
from models_zoo import InteractiveInfo, list_interactive, list_methods

SITE_FILES = {"sam_onnx": ("SAM_ENCODER", "SAM_DECODER")}
"""Settings that name an interactive method's files, in the order of its `files`."""


def answering_methods() -> dict[str, str]:
    """Training methods whose versions answer marks, and the interactive method that runs them."""
    return {info.name: info.interactive for info in list_methods() if info.interactive}


def assisting_methods() -> set[str]:
    """Training methods whose versions make no proposals by themselves: they answer marks, or mend others' proposals."""
    return {info.name for info in list_methods() if not info.proposes}


def polishing_version(project: Project) -> ModelVersion | None:
    """The newest version that mends proposals, where it made those of the val split better; else None."""
    polishing = [info.name for info in list_methods() if info.polishes]
    version = project.model_versions.filter(run__method__in=polishing).order_by("-number").first()
    return version if version is not None and polishing_gain(version.metrics) > 0 else None


def polishing_gain(metrics: Mapping[str, Any]) -> float:
    """How much mean IoU a polisher's version added on the val split; 0 where that is not known."""
    found = metrics.get("polishing") or {}
    return float(found["after"]) - float(found["before"]) if found else 0.0


def answering_version(project: Project, method: str) -> ModelVersion | None:
    """The newest version that an interactive method runs; None where there is none, or it needs none."""
    trained_by = [name for name, interactive in answering_methods().items() if interactive == method]
    return project.model_versions.filter(run__method__in=trained_by).order_by("-number").first()


def site_files(method: str) -> dict[str, str]:
    """Paths by the method's own names for them; empty unless all of them are set."""
    names = SITE_FILES.get(method, ())
    found = [str(getattr(settings, name)) for name in names]
    info = next(info for info in list_interactive() if info.name == method)
    return dict(zip(info.files, found, strict=True)) if found and all(found) else {}


def what_is_missing(project: Project, method: str) -> str:
    """Why a registered method cannot be used in this project, as a sentence that says what to do; empty if it can."""
    info = next(info for info in list_interactive() if info.name == method)
    if not info.files or site_files(method) or answering_version(project, method) is not None:
        return ""
    if method in SITE_FILES:
        text = _("%(method)s needs files on the server: a site admin sets %(names)s first.")
        return text % {"method": _(info.title), "names": ", ".join(SITE_FILES[method])}
    text = _("%(method)s has to be trained first: start it on the Training page, then choose it here.")
    return text % {"method": _(info.title)}


def usable_methods(project: Project) -> list[InteractiveInfo]:
    """Those that can answer now, the default first."""
    return [info for info in list_interactive() if not what_is_missing(project, info.name)]
