"""Reads of images: one annotated query, whoever asks (list, detail, queue, progress)."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    FloatField,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from labeling.models import (
    AcquisitionScore,
    Comment,
    Image,
    ImageFeature,
    ImagePrior,
    Lease,
    Mark,
    Mask,
    ModelVersion,
    Project,
    Proposal,
    Review,
    Split,
)
from labeling.tilefile import TILED_SIDE
from models_zoo import list_acquisitions

# Scores that are no acquisition function: which question is worth most about an image (its place in
# `models_zoo.acquisition.QUESTIONS`), and how much it is worth.
QUESTION: Final = "question"
QUESTION_VALUE: Final = "question_value"

STATES: Final = ("new", "marked", "proposed", "accepted", "in_review", "changes_requested", "skipped")


def _has_marks(image: str) -> Exists:
    """Whether anybody marked the image that `image` (a path from the outer row) leads to."""
    return Exists(Mark.objects.filter(annotation__image=OuterRef(image)))


def _hidden() -> Q:
    """A model's proposals on val and test images that no person has marked.

    Seeing the model's answer first would make the person's marks, and so the measured accuracy, follow it.
    """
    return Q(source=Proposal.Source.MODEL, image__split__in=[Split.VAL, Split.TEST]) & ~Q(_has_marks("image"))


def visible_proposals(proposals: QuerySet[Proposal]) -> QuerySet[Proposal]:
    """Without those that nobody may see yet."""
    return proposals.exclude(_hidden())


def visible_masks(masks: QuerySet[Mask]) -> QuerySet[Mask]:
    """Without the masks of proposals that nobody may see yet."""
    return masks.exclude(Exists(Proposal.objects.filter(_hidden(), mask=OuterRef("pk"))))


def with_state(images: QuerySet[Image]) -> QuerySet[Any]:
    """Annotate `state`, one of STATES.

    A mask that was sent back is no longer the image's accepted mask, so "changes requested" is read from
    the latest verdict on any of the image's masks.
    """
    pending = visible_proposals(Proposal.objects.filter(image=OuterRef("pk"), status=Proposal.Status.PENDING))
    of_accepted = Review.objects.filter(mask=OuterRef("accepted_mask")).order_by("-id").values("verdict")[:1]
    of_image = Review.objects.filter(mask__image=OuterRef("pk")).order_by("-id").values("verdict")[:1]
    approved, sent_back = Review.Verdict.APPROVED.value, Review.Verdict.CHANGES_REQUESTED.value
    return images.alias(
        accepted_verdict=Subquery(of_accepted, output_field=CharField()),
        image_verdict=Subquery(of_image, output_field=CharField()),
    ).annotate(
        state=Case(
            When(~Q(skip_reason=""), then=Value("skipped")),
            When(
                Q(accepted_mask__isnull=False, project__settings_json__review_required=True)
                & (Q(accepted_verdict=None) | ~Q(accepted_verdict=approved)),
                then=Value("in_review"),
            ),
            When(accepted_mask__isnull=False, then=Value("accepted")),
            When(image_verdict=sent_back, then=Value("changes_requested")),
            When(Exists(pending), then=Value("proposed")),
            When(_has_marks("pk"), then=Value("marked")),
            default=Value("new"),
            output_field=CharField(),
        )
    )


def listed_images(project: Project) -> QuerySet[Any]:
    """Everything a row shows: state, active version's score, whether features exist, accepted mask, holder, comments.

    Adds `state`, `score`, `has_features`, `leased_by`, `accepted_sha256`, `open_comments`; one query for any
    number of rows.
    """
    score = AcquisitionScore.objects.filter(
        image=OuterRef("pk"),
        model_version__project=project,
        model_version__is_active=True,
        function=acquisition_function(project),
    )
    lease = Lease.objects.filter(image=OuterRef("pk"), expires_at__gt=timezone.now())
    features = ImageFeature.objects.filter(image=OuterRef("pk"), encoder=settings.ENCODER)
    unresolved = Comment.objects.filter(image=OuterRef("pk"), resolved_at=None).order_by().values("image")
    rows: QuerySet[Any] = with_state(Image.objects.filter(project=project)).annotate(
        score=Subquery(score.values("score")[:1], output_field=FloatField()),
        has_features=Exists(features),
        leased_by=Subquery(lease.values("user__username")[:1], output_field=CharField()),
        accepted_sha256=F("accepted_mask__sha256"),
        open_comments=Coalesce(
            Subquery(unresolved.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), Value(0)
        ),
    )
    return rows


def image_detail(image: Image) -> Any:
    """One image with all that `listed_images` adds, and `features_sha256`, `features_version` of the newest ones.

    `prior_sha256` is of what the version in use sees in it, None where that may not be leant on.

    `question` is the stored score of that name by the active version, None where the project's order asks none.
    """
    features = ImageFeature.objects.filter(image=OuterRef("pk"), encoder=settings.ENCODER).order_by("-version")
    sha256 = Subquery(features.values("sha256")[:1], output_field=CharField())
    version = Subquery(features.values("version")[:1], output_field=IntegerField())
    asked = AcquisitionScore.objects.filter(
        image=OuterRef("pk"),
        model_version__project=image.project_id,
        model_version__is_active=True,
        function=QUESTION if orders_by_questions(image.project) else "",
    )
    question = Subquery(asked.values("score")[:1], output_field=FloatField())
    rows = listed_images(image.project).annotate(
        features_sha256=sha256,
        features_version=version,
        question=question,
        prior_sha256=Subquery(usable_priors(image).values("sha256")[:1], output_field=CharField()),
    )
    return rows.get(pk=image.pk)


def filtered_images(
    images: QuerySet[Any],
    *,
    state: str | None = None,
    split: str | None = None,
    search: str = "",
    comments: str | None = None,
) -> QuerySet[Any]:
    """Narrow a listing; `search` is part of a name, `comments="open"` leaves those with something left to answer."""
    if state:
        images = images.filter(state=state)
    if split:
        images = images.filter(split=split)
    if search:
        images = images.filter(name__icontains=search)
    if comments == "open":
        images = images.filter(Exists(Comment.objects.filter(image=OuterRef("pk"), resolved_at=None)))
    return images


def current_feature(image_id: int) -> ImageFeature | None:
    """The newest features of the image by the encoder in use."""
    return ImageFeature.objects.filter(image_id=image_id, encoder=settings.ENCODER).order_by("-version").first()


def usable_priors(image: Image) -> QuerySet[ImagePrior]:
    """What the version in use sees in the image, at most one; never of an image that measures.

    A person's mask that had leant on the model would make the measured accuracy follow the model.
    """
    return ImagePrior.objects.filter(image=image, image__split=Split.TRAIN, model_version__is_active=True)


def images_without_features(*, project: Project | None = None, limit: int = 1_000) -> list[int]:
    """Ids of images the encoder in use has not seen, oldest first; what a lost message left behind."""
    seen = ImageFeature.objects.filter(image=OuterRef("pk"), encoder=settings.ENCODER)
    images = Image.objects.filter(~Exists(seen))
    if project is not None:
        images = images.filter(project=project)
    return list(images.order_by("pk").values_list("pk", flat=True)[:limit])


def images_without_tiles(*, limit: int | None = None) -> list[int]:
    """Ids of large images that came in before pictures had tiles, oldest first."""
    large = Q(width__gt=TILED_SIDE) | Q(height__gt=TILED_SIDE)
    return list(Image.objects.filter(large, tiles="").order_by("pk").values_list("pk", flat=True)[:limit])


def active_version(project: Project) -> ModelVersion | None:
    """The model version whose scores order the queue."""
    return ModelVersion.objects.filter(project=project, is_active=True).first()


def orders_by_questions(project: Project) -> bool:
    """Whether the project's order comes from what is best asked about each image."""
    chosen = acquisition_function(project)
    return any(info.name == chosen and "questions" in info.needs for info in list_acquisitions())


def acquisition_function(project: Project) -> str:
    """Name of the acquisition function whose scores order the queue; the default if the stored one is not known."""
    known = [info.name for info in list_acquisitions()]
    wanted = project.options.acquisition
    return wanted if wanted in known else known[0]
