"""A set of projects in which every page has something to show, and the addresses of those pages."""

from __future__ import annotations

import json
from dataclasses import dataclass

from django.urls import reverse
from django.urls.resolvers import RoutePattern

from labeling.pages.urls import urlpatterns
from tests.instance import Instance

PASSWORD = "a fairly long password"
# Leads elsewhere, or takes only POST.
NOT_PAGES = {"home", "signout", "setup", "signin", "project-annotate", "language"}

# A full project, an empty and an archived one; ids come back as JSON on the last line.
FILL = """
import json
from django.contrib.auth.models import User
from django.utils import timezone
from labeling.models import Image, ImportJob, Review, Role
from tests.factories import *

now = timezone.now()
ada = User.objects.create_superuser("ada", password="a fairly long password")
vera = User.objects.create_user("vera", password="a fairly long password")
full = make_project(owner=ada, num_classes=4, name="Full",
                    settings_json={"review_required": True},
                    description="Squares on smooth ground: what is bright, and what only looks so.",
                    guidelines="# What counts\\n\\nAll that is **bright**.\\n\\n|a|b|\\n|-|-|\\n|1|2|\\n\\n[More](https://example.org)")
make_member(full, vera, Role.VIEWER)
full.classes.filter(index=3).update(is_retired=True)
figure = {"kind": "miou", "value": 0.81, "n": 3, "per_class": {"0": 0.9, "1": 0.7}}
version = make_version(full, is_active=True, metrics={"validation": figure})
make_version(full)
images = {}
for state in ["new", "marked", "proposed", "in_review", "changes_requested", "accepted", "skipped"]:
    image = images[state] = make_image(full, width=96, height=96, name=f"{state} with a name that is long.png")
    if state == "marked":
        make_annotation(image, ada, marks=2)
    elif state == "proposed":
        make_model_proposal(image, version)
    elif state == "skipped":
        Image.objects.filter(pk=image.pk).update(skip_reason="unclear")
    elif state != "new":
        if state == "accepted":
            make_mask(image, value=2, origin="polished", model_version=version)
        mask = make_mask(image, created_by=ada)
        if state != "changes_requested":
            Image.objects.filter(pk=image.pk).update(accepted_mask=mask, accepted_at=now)
        if state != "in_review":
            verdict = "approved" if state == "accepted" else state
            Review.objects.create(mask=mask, reviewer=vera, verdict=verdict, comment="The border is too wide.")
make_run(full, status="failed", error="The training data holds no marks. Mark some images first.", finished_at=now)
run = make_run(full, status="succeeded", finished_at=now, curve=[{"step": n, "loss": 1 / n} for n in range(1, 9)])
ImportJob.objects.create(project=full, status="succeeded", finished_at=now, created_by=ada)
ImportJob.objects.create(project=full, status="failed", error="The zip is damaged.", finished_at=now, created_by=ada)
empty = make_project(owner=ada, num_classes=0, name="Nothing yet")
archived = make_project(owner=ada, name="Put aside", is_archived=True)
print(json.dumps({"full": full.pk, "empty": empty.pk, "archived": archived.pk, "run": run.pk,
                  **{state: image.pk for state, image in images.items()}}))
"""


@dataclass(frozen=True)
class Filled:
    """Ids of what was made: projects by name, images by state."""

    ids: dict[str, int]

    def address(self, name: str, project: str = "full") -> str:
        """The address of a page of the project."""
        route = next(each for each in urlpatterns if each.name == name)
        assert isinstance(route.pattern, RoutePattern)
        known = {"project_id": self.ids[project], "image_id": self.ids["accepted"], "run_id": self.ids["run"]}
        return reverse(name, kwargs={word: known[word] for word in route.pattern.converters})


def fill(instance: Instance) -> Filled:
    """Make the projects; Ada owns all of them, Vera may look at the full one. Their password is PASSWORD."""
    return Filled(json.loads(instance.manage("shell", "-c", FILL).splitlines()[-1]))


def page_names() -> list[str]:
    """The names of all routes that show a page to a person who is signed in."""
    names = [str(each.name) for each in urlpatterns if each.name]
    return [name for name in names if name not in NOT_PAGES]
