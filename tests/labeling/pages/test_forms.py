"""Server-rendered forms: projects, classes, members, guidelines, settings."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from labeling.models import Image, Membership, Project, Role, TrainingRun
from tests.conftest import Cast
from tests.factories import make_image, make_mask, make_project, make_run, make_user


@pytest.fixture
def ada(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.ada)
    return client


def send(client: Client, page: str, project: Project, /, **values: object) -> Any:
    return client.post(reverse(page, args=[project.pk]), values, follow=True)


def text(response: Any) -> str:
    """The page as the browser gets it."""
    html: str = response.content.decode()
    return html


def test_somebody_without_projects_is_told_the_next_step(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.dan)
    html = text(client.get(reverse("project-list")))
    assert "You are not in a project yet" in html
    assert reverse("project-new") in html
    assert "<b>dan</b>" in html


def test_the_list_shows_pictures_and_counts_of_ones_own_projects(ada: Client, cast: Cast) -> None:
    images = [make_image(cast.project) for _ in range(6)]
    foreign = make_project(owner=cast.dan)
    html = text(ada.get(reverse("project-list")))
    assert sum(f"/api/v1/images/{image.pk}/thumb" in html for image in images) == 4
    assert "0 of 6 accepted" in html
    assert foreign.name not in html


def test_the_list_costs_the_same_queries_for_more_projects(
    ada: Client, cast: Cast, django_assert_max_num_queries: object
) -> None:
    for _ in range(5):
        make_image(make_project(owner=cast.ada))
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        ada.get(reverse("project-list"))


def test_a_new_project_belongs_to_its_maker_and_leads_to_its_classes(ada: Client, cast: Cast) -> None:
    response = ada.post(reverse("project-new"), {"name": " Galaxies ", "description": "Hubble"})
    project = Project.objects.get(name="Galaxies")
    assert response.headers["Location"] == reverse("project-classes", args=[project.pk])
    assert Membership.objects.get(project=project).user == cast.ada


@pytest.mark.parametrize("name", ["", "   ", "x" * 121])
def test_a_project_needs_a_name_of_fair_length(ada: Client, name: str) -> None:
    before = Project.objects.count()
    response = ada.post(reverse("project-new"), {"name": name})
    assert response.status_code == 200
    assert 'aria-invalid="true"' in text(response)
    assert Project.objects.count() == before


def test_long_and_hostile_names_are_escaped_and_kept_whole_in_the_tooltip(ada: Client, cast: Cast) -> None:
    name = '<img src=x onerror=alert(1)> "' + "x" * 80
    send(ada, "project-settings", cast.project, action="text", name=name, description="")
    html = text(ada.get(reverse("project-images", args=[cast.project.pk])))
    assert "<img src=x" not in html
    assert 'title="&lt;img src=x onerror=alert(1)&gt; &quot;xxx' in html


def test_renaming_and_describing(ada: Client, cast: Cast) -> None:
    send(ada, "project-settings", cast.project, action="text", name="Cells", description="Stained")
    cast.project.refresh_from_db()
    assert (cast.project.name, cast.project.description) == ("Cells", "Stained")
    send(ada, "project-settings", cast.project, action="text", name="", description="")
    cast.project.refresh_from_db()
    assert cast.project.name == "Cells"


RULES = {
    "action": "rules",
    "review_required": "on",
    "retrain_after": "25",
    "random_share": "0.2",
    "acquisition": "entropy",
    "interactive_method": "live_head",
}


def test_rules_are_saved_and_an_absent_tick_means_no(ada: Client, cast: Cast) -> None:
    assert "Saved." in text(send(ada, "project-settings", cast.project, **RULES))
    options = Project.objects.get(pk=cast.project.pk).options
    assert (options.review_required, options.auto_activate) == (True, False)
    assert (options.retrain_after, options.random_share) == (25, 0.2)


@pytest.mark.parametrize(
    "bad", [{"random_share": "1.5"}, {"retrain_after": "0"}, {"acquisition": "astrology"}, {"interactive_method": ""}]
)
def test_impossible_rules_change_nothing(ada: Client, cast: Cast, bad: dict[str, str]) -> None:
    html = text(send(ada, "project-settings", cast.project, **(RULES | bad)))
    assert "Saved." not in html
    assert 'role="alert"' in html
    assert Project.objects.get(pk=cast.project.pk).settings_json == {}


def test_archiving_hides_a_project_and_can_be_taken_back(ada: Client, cast: Cast) -> None:
    send(ada, "project-settings", cast.project, action="archive")
    assert cast.project.name not in text(ada.get(reverse("project-list")))
    assert cast.project.name in text(ada.get(reverse("project-list") + "?archived=1"))
    send(ada, "project-settings", cast.project, action="restore")
    assert cast.project.name in text(ada.get(reverse("project-list")))


def test_classes_are_added_changed_and_never_deleted(ada: Client, cast: Cast) -> None:
    send(ada, "project-classes", cast.project, action="add", name="Horse", color="#AA5500")
    horse = cast.project.classes.get(name="Horse")
    assert (horse.index, horse.color, horse.is_background) == (2, "#aa5500", False)
    send(ada, "project-classes", cast.project, action="save", **{"class": horse.pk}, name="Mare", color="#00aa55")
    send(ada, "project-classes", cast.project, action="retire", **{"class": horse.pk})
    horse.refresh_from_db()
    assert (horse.name, horse.color, horse.is_retired) == ("Mare", "#00aa55", True)
    assert "Retired" in text(ada.get(reverse("project-classes", args=[cast.project.pk])))
    send(ada, "project-classes", cast.project, action="restore", **{"class": horse.pk})
    horse.refresh_from_db()
    assert not horse.is_retired


def test_classes_move_up_and_down(ada: Client, cast: Cast) -> None:
    send(ada, "project-classes", cast.project, action="add", name="third", color="#aa5500")
    third = cast.project.classes.get(name="third")

    def order() -> list[int]:
        return [row.index for row in cast.project.classes.all()]

    send(ada, "project-classes", cast.project, action="up", **{"class": third.pk})
    assert order() == [0, 2, 1]
    send(ada, "project-classes", cast.project, action="up", **{"class": third.pk})
    send(ada, "project-classes", cast.project, action="up", **{"class": third.pk})
    assert order() == [2, 0, 1]
    send(ada, "project-classes", cast.project, action="down", **{"class": third.pk})
    assert order() == [0, 2, 1]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": "", "color": "#aa5500"}, "required"),
        ({"name": "class 1", "color": "#aa5500"}, "already a class named"),
        ({"name": "new", "color": "red"}, "valid value"),
        ({"name": "new", "color": "#aa5500", "is_background": "on"}, "already has a background class"),
    ],
)
def test_a_class_that_cannot_be_is_refused_with_a_sentence(
    ada: Client, cast: Cast, values: dict[str, str], said: str
) -> None:
    html = text(send(ada, "project-classes", cast.project, action="add", **values))
    assert said in html
    assert cast.project.classes.count() == 2


def test_saving_a_class_under_a_taken_name_changes_nothing(ada: Client, cast: Cast) -> None:
    row = cast.project.classes.get(index=1)
    html = text(
        send(ada, "project-classes", cast.project, action="save", **{"class": row.pk}, name="class 0", color="")
    )
    assert "already a class named" in html
    row.refresh_from_db()
    assert row.name == "class 1"


@pytest.mark.parametrize("who", ["vera", "ben", "cleo"])
def test_only_owners_change_classes(cast: Cast, who: str) -> None:
    client = Client()
    client.force_login(getattr(cast, who))
    html = text(client.get(reverse("project-classes", args=[cast.project.pk])))
    assert 'name="action"' not in html
    assert "class 1" in html
    response = send(client, "project-classes", cast.project, action="add", name="x", color="#aa5500")
    assert response.status_code == 403
    assert cast.project.classes.count() == 2


def test_a_class_of_another_project_is_out_of_reach(ada: Client, cast: Cast) -> None:
    foreign = make_project(owner=cast.ada).classes.get(index=1)
    response = send(ada, "project-classes", cast.project, action="retire", **{"class": foreign.pk})
    assert response.status_code == 404
    foreign.refresh_from_db()
    assert not foreign.is_retired
    for nonsense in ("", "x", "9" * 40, "-1"):
        assert send(ada, "project-classes", cast.project, action="up", **{"class": nonsense}).status_code == 404


def test_members_come_change_and_go(ada: Client, cast: Cast) -> None:
    send(ada, "project-members", cast.project, action="add", username="dan", role="annotator")
    member = Membership.objects.get(project=cast.project, user=cast.dan)
    assert member.role == Role.ANNOTATOR
    send(ada, "project-members", cast.project, action="role", member=member.pk, role="reviewer")
    member.refresh_from_db()
    assert member.role == Role.REVIEWER
    send(ada, "project-members", cast.project, action="remove", member=member.pk)
    assert not Membership.objects.filter(pk=member.pk).exists()


@pytest.mark.parametrize(
    ("username", "role", "said"),
    [
        ("nobody", "viewer", "There is no user named"),
        ("ben", "viewer", "already a member"),
        ("dan", "emperor", "valid choice"),
        ("", "viewer", "required"),
    ],
)
def test_impossible_members_are_refused(ada: Client, cast: Cast, username: str, role: str, said: str) -> None:
    html = text(send(ada, "project-members", cast.project, action="add", username=username, role=role))
    assert said in html
    assert cast.project.memberships.count() == 4


def test_the_last_owner_stays(ada: Client, cast: Cast) -> None:
    own = Membership.objects.get(project=cast.project, user=cast.ada)
    for values in ({"action": "remove"}, {"action": "role", "role": "viewer"}):
        html = text(send(ada, "project-members", cast.project, member=own.pk, **values))
        assert "A project needs an owner" in html
    own.refresh_from_db()
    assert own.role == Role.OWNER


def test_an_owner_who_leaves_lands_on_the_list(ada: Client, cast: Cast) -> None:
    eve = make_user("eve")
    Membership.objects.create(project=cast.project, user=eve, role=Role.OWNER)
    own = Membership.objects.get(project=cast.project, user=cast.ada)
    response = send(ada, "project-members", cast.project, action="remove", member=own.pk)
    assert response.status_code == 200
    assert "You are not in a project yet" in text(response)


def test_a_member_of_another_project_is_out_of_reach(ada: Client, cast: Cast) -> None:
    foreign = Membership.objects.get(project=make_project(owner=cast.dan), user=cast.dan)
    response = send(ada, "project-members", cast.project, action="remove", member=foreign.pk)
    assert response.status_code == 404
    assert Membership.objects.filter(pk=foreign.pk).exists()


HOSTILE = "# Rules\n\n<script>alert(1)</script> [x](javascript:alert(1)) **bold** <b onclick='x()'>hm</b>"


def test_guidelines_are_shown_as_safe_html(ada: Client, cast: Cast) -> None:
    send(ada, "project-guidelines", cast.project, action="save", guidelines=HOSTILE)
    html = text(ada.get(reverse("project-guidelines", args=[cast.project.pk])))
    article = html[html.index("<article") : html.index("</article>")]
    assert "<h1>Rules</h1>" in article
    assert "<strong>bold</strong>" in article
    for danger in ("<script", "javascript:", "onclick"):
        assert danger not in article


def test_a_preview_saves_nothing(ada: Client, cast: Cast) -> None:
    html = text(send(ada, "project-guidelines", cast.project, action="preview", guidelines="**soon**"))
    assert "<strong>soon</strong>" in html
    assert "**soon**" in html
    assert Project.objects.get(pk=cast.project.pk).guidelines == ""


def test_guidelines_have_a_limit_and_an_author(ada: Client, cast: Cast) -> None:
    html = text(send(ada, "project-guidelines", cast.project, action="save", guidelines="x" * 50_001))
    assert 'aria-invalid="true"' in html
    client = Client()
    client.force_login(cast.cleo)
    assert send(client, "project-guidelines", cast.project, action="save", guidelines="mine").status_code == 403
    assert client.get(reverse("project-guidelines", args=[cast.project.pk]) + "?edit=1").status_code == 403
    assert "No guidelines yet" in text(client.get(reverse("project-guidelines", args=[cast.project.pk])))


def test_a_project_without_classes_says_so_on_its_home_page(ada: Client, cast: Cast) -> None:
    bare = make_project(owner=cast.ada, num_classes=0)
    html = text(ada.get(reverse("project-images", args=[bare.pk])))
    assert "There are no classes yet" in html
    assert reverse("project-classes", args=[bare.pk]) in html


def accept(image: Image, by: User) -> None:
    """Give the image an accepted mask, now."""
    image.accepted_mask = make_mask(image, created_by=by)
    image.accepted_at = timezone.now()
    image.save()


def test_another_round_is_offered_to_owners_after_enough_new_masks(ada: Client, cast: Cast) -> None:
    cast.project.settings_json = {"retrain_after": 2}
    cast.project.save()
    home = reverse("project-images", args=[cast.project.pk])
    accept(make_image(cast.project), cast.ada)
    assert "no training has seen" not in text(ada.get(home))
    accept(make_image(cast.project), cast.ada)
    assert "2 masks were accepted that no training has seen" in text(ada.get(home))
    ben = Client()
    ben.force_login(cast.ben)
    assert "no training has seen" not in text(ben.get(home))
    run = make_run(cast.project, status="running")
    assert "no training has seen" not in text(ada.get(home))
    TrainingRun.objects.filter(pk=run.pk).update(status="failed", finished_at=timezone.now())
    assert "2 masks were accepted" in text(ada.get(home))
    make_run(cast.project, status="succeeded", finished_at=timezone.now())
    assert "no training has seen" not in text(ada.get(home))
    accept(make_image(cast.project), cast.ada)
    accept(make_image(cast.project), cast.ada)
    assert "2 masks were accepted" in text(ada.get(home))
