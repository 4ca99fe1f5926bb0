"""Offer a model version's masks for the pool: many images at once, safe to repeat, never over a person's decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from labeling import storage
from labeling.errors import Cancelled
from labeling.models import AcquisitionScore, Image, ImagePrior, Mark, Mask, ModelVersion, Proposal, ProposalRun, Split
from labeling.services import events, runs
from labeling.services.proposals import supersede, tell_ready, tell_superseded


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One image's polished mask, already stored: blob names, pixels per class, uncertainty (0 sure … 1 not).

    `scores` maps acquisition functions to what this image is worth; higher means more worth a person's time.
    `prior` is what the version sees in the image, None where that is nothing.
    """

    image_id: int
    blob: str
    sha256: str
    pixel_counts: dict[str, int]
    provenance: str
    uncertainty: float
    uncertainty_blob: str
    scores: dict[str, float]
    prior: storage.Blob | None = None


@transaction.atomic
def offer_proposals(*, run: ProposalRun, offers: Sequence[Offer]) -> int:
    """Store masks, pending proposals and scores; return how many proposals were new.

    Skips images that were decided meanwhile and those this run has offered before; pending proposals of other
    versions give way. Rows are locked in the order every decision takes them: image, proposal, project.
    Raises Cancelled once the version is out of use.
    """
    version = run.model_version
    assert version is not None
    if not ModelVersion.objects.filter(pk=version.pk, is_active=True).exists():
        raise Cancelled("the version went out of use; its proposals would take the place of another's")
    images = _still_open(offers)
    store_scores(version=version, scores={o.image_id: o.scores for o in offers if o.image_id in images})
    _store_priors(version, [offer for offer in offers if offer.image_id in images])
    offered = set(Proposal.objects.filter(run=run, image__in=images).values_list("image_id", flat=True))
    fresh = [offer for offer in offers if offer.image_id in images and offer.image_id not in offered]
    aside = _supersede_others(version, [images[offer.image_id] for offer in fresh])
    taken = _with_pending(version, fresh)
    fresh = [offer for offer in fresh if offer.image_id not in taken]
    masks = Mask.objects.bulk_create([_mask(version, offer) for offer in fresh])
    proposals = Proposal.objects.bulk_create(
        [_proposal(run, version, offer, mask) for offer, mask in zip(fresh, masks, strict=True)]
    )
    for image_id, ids in aside.items():
        tell_superseded(image=images[image_id], ids=ids)
    _tell(proposals, images, masks)
    return len(proposals)


@transaction.atomic
def store_scores(*, version: ModelVersion, scores: dict[int, dict[str, float]]) -> None:
    """Insert or replace acquisition scores: image id -> function -> number."""
    rows = [
        AcquisitionScore(image_id=image_id, model_version=version, function=function, score=score)
        for image_id, by_function in scores.items()
        for function, score in by_function.items()
    ]
    AcquisitionScore.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["image", "model_version", "function"],
        update_fields=["score"],
    )


@transaction.atomic
def finish_pool_run(*, run: ProposalRun) -> None:
    """The pool has its proposals: the run succeeds and the queue has a new order."""
    version = run.model_version
    assert version is not None
    runs.succeed(run, done=run.total)
    data = {"model_version": version.pk}
    events.record(project=run.project, verb="queue.reordered", subject=version, data=data)


def _store_priors(version: ModelVersion, offers: Sequence[Offer]) -> None:
    """In the place of what another version saw; where this one sees nothing, nothing is left."""
    ImagePrior.objects.filter(image__in=[offer.image_id for offer in offers if offer.prior is None]).delete()
    rows = [
        ImagePrior(image_id=offer.image_id, model_version=version, blob=offer.prior.name, sha256=offer.prior.sha256)
        for offer in offers
        if offer.prior is not None
    ]
    ImagePrior.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["image"],
        update_fields=["model_version", "blob", "sha256"],
    )


def _still_open(offers: Sequence[Offer]) -> dict[int, Image]:
    """Undecided images among those offered, locked by an update that changes nothing."""
    ids = sorted(offer.image_id for offer in offers)
    rows = Image.objects.filter(pk__in=ids, accepted_mask=None, skip_reason="")
    rows.update(order_key=F("order_key"))
    return {image.pk: image for image in rows.select_related("project").order_by("pk")}


def _supersede_others(version: ModelVersion, images: Sequence[Image]) -> dict[int, list[int]]:
    """Put aside pending proposals of other versions on these images; their ids by image id."""
    pending = Proposal.objects.filter(image__in=images, source=Proposal.Source.MODEL).exclude(model_version=version)
    moved: dict[int, list[int]] = {}
    for image_id, proposal_id in Proposal.objects.filter(pk__in=supersede(pending)).values_list("image_id", "pk"):
        moved.setdefault(image_id, []).append(proposal_id)
    return moved


def _with_pending(version: ModelVersion, offers: Sequence[Offer]) -> set[int]:
    """Images on which this version's proposal still waits: an earlier run was here."""
    waiting = Proposal.objects.filter(
        model_version=version,
        status=Proposal.Status.PENDING,
        image__in=[offer.image_id for offer in offers],
    )
    return set(waiting.values_list("image_id", flat=True))


def _mask(version: ModelVersion, offer: Offer) -> Mask:
    return Mask(
        image_id=offer.image_id,
        blob=offer.blob,
        sha256=offer.sha256,
        origin=Mask.Origin.POLISHED,
        model_version=version,
        method=version.run.method,
        provenance=offer.provenance,
        pixel_counts=offer.pixel_counts,
    )


def _proposal(run: ProposalRun, version: ModelVersion, offer: Offer, mask: Mask) -> Proposal:
    return Proposal(
        image_id=offer.image_id,
        mask=mask,
        run=run,
        source=Proposal.Source.MODEL,
        model_version=version,
        uncertainty=offer.uncertainty,
        uncertainty_blob=offer.uncertainty_blob,
    )


def _tell(proposals: Sequence[Proposal], images: dict[int, Image], masks: Sequence[Mask]) -> None:
    """One event an image, but none where people must not see the proposal before they marked the image."""
    measured = [pk for pk, image in images.items() if image.split != Split.TRAIN]
    marked = set(Mark.objects.filter(annotation__image__in=measured).values_list("annotation__image_id", flat=True))
    for proposal, mask in zip(proposals, masks, strict=True):
        image = images[proposal.image_id]
        if image.split == Split.TRAIN or image.pk in marked:
            proposal.image, proposal.mask = image, mask
            tell_ready(proposal)
