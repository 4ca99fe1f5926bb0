"""What two owners do at the same moment, and what a project's rows may become."""

from __future__ import annotations

import pytest

from labeling.errors import NotFound
from labeling.models import LabelClass, Membership, Project
from labeling.services import projects
from tests.conftest import Cast


def test_two_owners_who_change_different_things_both_get_their_way(cast: Cast) -> None:
    first, second = (Project.objects.get(pk=cast.project.pk) for _ in range(2))
    projects.update_project(
        project=first, by=cast.ada, guidelines="Mark the whole leaf.", settings={"random_share": 0.5}
    )
    projects.update_project(project=second, by=cast.root, name="Leaves", settings={"retrain_after": 7})
    stored = Project.objects.get(pk=cast.project.pk)
    assert (stored.name, stored.guidelines) == ("Leaves", "Mark the whole leaf.")
    assert (stored.options.random_share, stored.options.retrain_after) == (0.5, 7)


def test_a_class_that_is_renamed_while_it_is_retired_is_both(cast: Cast) -> None:
    first, second = (LabelClass.objects.select_related("project").get(project=cast.project, index=1) for _ in range(2))
    projects.update_class(label_class=first, by=cast.ada, is_retired=True)
    projects.update_class(label_class=second, by=cast.ada, name="renamed")
    stored = LabelClass.objects.get(pk=first.pk)
    assert (stored.name, stored.is_retired) == ("renamed", True)


def test_a_colour_may_be_written_in_capitals(cast: Cast) -> None:
    assert projects.add_class(project=cast.project, by=cast.ada, name="cat", color="#AABBCC").color == "#aabbcc"


def test_a_slug_that_somebody_takes_in_the_same_moment_is_passed_over(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    projects.create_project(name="Leaves", by=cast.ada)
    found = iter(["leaves", "leaves-2"])  # what a reader sees who looks before the other has committed, and after
    monkeypatch.setattr(projects, "_free_slug", lambda name: next(found))
    assert projects.create_project(name="Leaves", by=cast.ben).slug == "leaves-2"


def test_a_member_who_is_gone_already_is_neither_changed_nor_removed_again(cast: Cast) -> None:
    row = Membership.objects.select_related("project").get(project=cast.project, user=cast.ben)
    projects.remove_member(membership=Membership.objects.select_related("project").get(pk=row.pk), by=cast.ada)
    seq = Project.objects.get(pk=cast.project.pk).event_seq
    with pytest.raises(NotFound):
        projects.change_role(membership=row, role="reviewer", by=cast.ada)
    with pytest.raises(NotFound):
        projects.remove_member(membership=row, by=cast.ada)
    assert Project.objects.get(pk=cast.project.pk).event_seq == seq
