"""HTTP for proposals: parse, permit, call, render."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import access
from labeling.api.files import blob_response
from labeling.api.images import ImageDetailOut, image_json, mask_url
from labeling.api.pagination import CursorPages
from labeling.api.people import person
from labeling.api.serializers import StrictSerializer, parsed
from labeling.errors import NotFound
from labeling.models import Proposal
from labeling.selectors.proposals import image_proposals, proposals_seen_by
from labeling.services import decisions, proposals

Json = dict[str, Any]


class RequestIn(StrictSerializer):
    method = serializers.CharField(max_length=60)
    revision = serializers.IntegerField(min_value=0, max_value=2**31 - 1)


class AcceptIn(StrictSerializer):
    mask_sha256 = serializers.RegexField(r"\A[0-9a-f]{64}\Z")


class RejectIn(StrictSerializer):
    reason = serializers.CharField(max_length=200, allow_blank=True, required=False, default="")


def proposal_row(proposal: Proposal) -> Json:
    """One proposal; `proposal` comes from `image_proposals` or `proposals_seen_by`."""
    version, mask = proposal.model_version, proposal.mask
    return {
        "id": proposal.pk,
        "image_id": proposal.image_id,
        "status": proposal.status,
        "source": proposal.source,
        "method": proposal.method,
        "model_version": {"id": version.pk, "number": version.number} if version is not None else None,
        "source_revision": proposal.source_revision,
        "uncertainty": proposal.uncertainty,
        "mask": {"id": mask.pk, "sha256": mask.sha256, "url": mask_url(mask.sha256), "origin": mask.origin},
        "uncertainty_url": (
            reverse("api-proposal-uncertainty", args=[proposal.pk]) if proposal.uncertainty_blob else None
        ),
        "provenance_url": reverse("api-proposal-provenance", args=[proposal.pk]) if mask.provenance else None,
        "created_at": proposal.created_at,
        "decided_by": proposal.decided_by.username if proposal.decided_by is not None else None,
        "decided_at": proposal.decided_at,
    }


def _seen(request: Request, proposal_id: int) -> Proposal:
    proposal = proposals_seen_by(request.user).filter(pk=proposal_id).first()
    if proposal is None:
        raise NotFound(_("There is no such proposal, or you are not a member of its project."))
    return proposal


def _decidable(request: Request, proposal_id: int) -> Proposal:
    proposal = _seen(request, proposal_id)
    access.project_annotate(request.user, proposal.image.project_id)
    return proposal


class ImageProposals(APIView):
    """GET: proposals of an image, newest first. POST: ask for an interactive one (202)."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, image_id: int) -> Response:
        rows = image_proposals(access.image_read(request.user, image_id))
        pages = CursorPages()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response([proposal_row(row) for row in page or []])

    @extend_schema(request=RequestIn, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, image_id: int) -> Response:
        image = access.image_annotate(request.user, image_id)
        run = proposals.request_for_revision(image=image, by=person(request), **parsed(RequestIn, request.data))
        return Response({"proposal_run": run.pk}, status=status.HTTP_202_ACCEPTED)


class AcceptProposal(APIView):
    """POST: accept what was on the screen; 200 with the image's new state, 409 if already decided."""

    @extend_schema(request=AcceptIn, responses=ImageDetailOut)
    def post(self, request: Request, proposal_id: int) -> Response:
        proposal = _decidable(request, proposal_id)
        decisions.accept_proposal(proposal=proposal, by=person(request), **parsed(AcceptIn, request.data))
        return Response(image_json(proposal.image))


class RejectProposal(APIView):
    """POST: turn it down; marks and accepted mask stay."""

    @extend_schema(request=RejectIn, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, proposal_id: int) -> Response:
        proposal = _decidable(request, proposal_id)
        decisions.reject_proposal(proposal=proposal, by=person(request), **parsed(RejectIn, request.data))
        return Response(proposal_row(proposal))


class AcceptMask(APIView):
    """POST: accept a painted or edited mask that answers no proposal."""

    @extend_schema(request=AcceptIn, responses=ImageDetailOut)
    def post(self, request: Request, image_id: int) -> Response:
        image = access.image_annotate(request.user, image_id)
        decisions.accept_mask(image=image, by=person(request), **parsed(AcceptIn, request.data))
        return Response(image_json(image))


@extend_schema(responses=OpenApiTypes.BINARY)
class ProposalUncertainty(APIView):
    """GET: 8-bit grey PNG, 0 sure to 255 not sure."""

    def get(self, request: Request, proposal_id: int) -> HttpResponse:
        proposal = _seen(request, proposal_id)
        if not proposal.uncertainty_blob:
            raise NotFound(_("This proposal has no uncertainty map."))
        return blob_response(proposal.uncertainty_blob)


@extend_schema(responses=OpenApiTypes.BINARY)
class ProposalProvenance(APIView):
    """GET: index PNG of where each pixel comes from; 6 is what a mask polisher changed."""

    def get(self, request: Request, proposal_id: int) -> HttpResponse:
        proposal = _seen(request, proposal_id)
        if not proposal.mask.provenance:
            raise NotFound(_("It is not known where this proposal's pixels come from."))
        return blob_response(proposal.mask.provenance)


urlpatterns = [
    path("images/<int:image_id>/proposals", ImageProposals.as_view(), name="api-image-proposals"),
    path("images/<int:image_id>/accept", AcceptMask.as_view(), name="api-image-accept"),
    path("proposals/<int:proposal_id>/accept", AcceptProposal.as_view(), name="api-proposal-accept"),
    path("proposals/<int:proposal_id>/reject", RejectProposal.as_view(), name="api-proposal-reject"),
    path("proposals/<int:proposal_id>/uncertainty", ProposalUncertainty.as_view(), name="api-proposal-uncertainty"),
    path("proposals/<int:proposal_id>/provenance", ProposalProvenance.as_view(), name="api-proposal-provenance"),
]
