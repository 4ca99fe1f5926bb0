"""HTTP for checking proposals class by class: parse, permit, call, render."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import access, storage
from labeling.api.files import made_response
from labeling.api.people import person
from labeling.api.serializers import StrictSerializer, parsed
from labeling.crops import LOOK, draw_crop
from labeling.errors import NotFound
from labeling.models import ClassCheck, LabelClass, Proposal
from labeling.selectors.checking import ORDERS, classes_left, crops_page
from labeling.selectors.proposals import proposals_seen_by
from labeling.services.checking import MOST_AT_ONCE, Outcome, check_class, take_back

Json = dict[str, Any]


class CropsQuery(StrictSerializer):
    order = serializers.ChoiceField(choices=ORDERS, required=False, default=ORDERS[0])
    checked = serializers.BooleanField(required=False, default=False)
    after = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=MOST_AT_ONCE, required=False, default=48)


class CropQuery(StrictSerializer):
    v = serializers.CharField(max_length=100, required=False, default="")


class ProposalsIn(StrictSerializer):
    proposals = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), min_length=1, max_length=MOST_AT_ONCE
    )


class ChecksIn(ProposalsIn):
    verdict = serializers.ChoiceField(choices=ClassCheck.Verdict.choices)


def _version(proposal: Proposal, class_index: int) -> str:
    """Names a crop by all that it is made from, so that its address never means another picture."""
    made_from = f"{LOOK} {proposal.mask.sha256} {proposal.image.sha256} {class_index}"
    return hashlib.sha256(made_from.encode()).hexdigest()[:16]


def crop_row(proposal: Proposal, class_index: int, left: list[int]) -> Json:
    """One crop; `left` are the classes of the proposal that the person has not confirmed."""
    image, pixels = proposal.image, proposal.mask.pixel_counts.get(str(class_index), 0)
    url = reverse("api-proposal-crop", args=[proposal.pk, class_index])
    return {
        "proposal": proposal.pk,
        "image": {"id": image.pk, "name": image.name},
        "url": f"{url}?v={_version(proposal, class_index)}",
        "uncertainty": proposal.uncertainty,
        "share": pixels / (image.width * image.height),
        "left": left,
    }


def _class(request: Request, class_id: int, rule: access.Rule) -> LabelClass:
    row = LabelClass.objects.select_related("project").filter(pk=class_id).first()
    return access.in_project(request.user, row, noun="class", rule=rule)


class ProjectClassChecks(APIView):
    """GET: how much waits for one's own word, by class."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, project_id: int) -> Response:
        project = access.project_read(request.user, project_id)
        rows = [
            {
                "id": row.label_class.pk,
                "index": row.label_class.index,
                "name": row.label_class.name,
                "color": row.label_class.color,
                "num_left": row.num_left,
                "num_checked": row.num_checked,
            }
            for row in classes_left(project, person(request))
        ]
        return Response({"classes": rows})


class ClassCrops(APIView):
    """GET: a page of what a model proposes for the class, cut out of the images."""

    @extend_schema(parameters=[CropsQuery], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, class_id: int) -> Response:
        label_class = _class(request, class_id, access.project_read)
        query = parsed(CropsQuery, request.query_params.dict())
        page = crops_page(person(request), label_class, **query)
        rows = [crop_row(proposal, label_class.index, page.left[proposal.pk]) for proposal in page.proposals]
        return Response({"results": rows, "next": page.next})


class ClassChecks(APIView):
    """POST: say of many proposals' regions of the class: right, or wrong."""

    @extend_schema(request=ChecksIn, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, class_id: int) -> Response:
        label_class = _class(request, class_id, access.project_annotate)
        outcomes = check_class(label_class=label_class, by=person(request), **parsed(ChecksIn, request.data))
        return _told(outcomes)


class TakenBackChecks(APIView):
    """POST: take one's word on the class back from many proposals, and what followed from it."""

    @extend_schema(request=ProposalsIn, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, class_id: int) -> Response:
        label_class = _class(request, class_id, access.project_annotate)
        return _told(take_back(label_class=label_class, by=person(request), **parsed(ProposalsIn, request.data)))


def _told(outcomes: list[Outcome]) -> Response:
    return Response({"results": [{"proposal": row.proposal_id, "outcome": row.outcome} for row in outcomes]})


@extend_schema(parameters=[CropQuery], responses=OpenApiTypes.BINARY)
class ProposalCrop(APIView):
    """GET: a JPEG of one class of a proposal with its outline. `v` comes with the list: what it is made from."""

    def get(self, request: Request, proposal_id: int, class_index: int) -> HttpResponse:
        proposal = proposals_seen_by(request.user).filter(pk=proposal_id).first()
        if proposal is None:
            raise NotFound(_("There is no such proposal, or you are not a member of its project."))
        if parsed(CropQuery, request.query_params.dict())["v"] != _version(proposal, class_index):
            raise NotFound(_("There is no such picture; the list of crops has the address of the one there is."))
        try:
            picture, mask = storage.read(proposal.image.file), storage.read(proposal.mask.blob)
        except FileNotFoundError:
            raise NotFound(_("This file is gone from storage; ask an administrator to restore it.")) from None
        drawn = draw_crop(picture=picture, mask_png=mask, class_index=class_index)
        if drawn is None:
            raise NotFound(_("The mask has nothing of this class."))
        return made_response(drawn, content_type="image/jpeg")


urlpatterns = [
    path("projects/<int:project_id>/class-checks", ProjectClassChecks.as_view(), name="api-project-class-checks"),
    path("classes/<int:class_id>/crops", ClassCrops.as_view(), name="api-class-crops"),
    path("classes/<int:class_id>/checks", ClassChecks.as_view(), name="api-class-checks"),
    path("classes/<int:class_id>/checks/undo", TakenBackChecks.as_view(), name="api-class-checks-undo"),
    path("proposals/<int:proposal_id>/crops/<int:class_index>", ProposalCrop.as_view(), name="api-proposal-crop"),
]
