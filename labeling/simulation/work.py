"""An annotator's round: take what the queue offers, mark it or judge its proposal, through the services people use."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from labeling import storage
from labeling.errors import Invalid
from labeling.ml.simulating import COSTS, SimulatedAnnotator, Verdict, full_mask_seconds
from labeling.models import Annotation, Image, Proposal
from labeling.selectors.images import visible_proposals
from labeling.services.annotations import save_annotation
from labeling.services.decisions import accept_proposal, reject_proposal
from labeling.services.leases import release_lease
from labeling.services.masks import store_mask
from labeling.services.proposals import request_proposal
from labeling.services.queue import lease_next
from labeling.simulation.plan import CORRECTIONS, MEND_STROKES, TAKE_REGIONS
from labeling.simulation.stage import Stage
from labeling.tasks.interactive import propose as answer_marks
from models_zoo import Mark, MarkKind, decode_png, encode_png, mark_geometry

LabelMap = npt.NDArray[np.uint8]


@dataclass
class Tally:
    """What the work came to. `names` are the images somebody looked at."""

    seconds: float = 0.0
    full_seconds: float = 0.0
    names: set[str] = field(default_factory=set)
    actions: Counter[str] = field(default_factory=Counter)


@dataclass
class Worker:
    """The annotator at the desk: remembers what was marked, and adds up the seconds."""

    stage: Stage
    annotator: SimulatedAnnotator
    labels: str
    mend_strokes: int = MEND_STROKES
    corrections: int = CORRECTIONS
    take_regions: int = TAKE_REGIONS
    tally: Tally = field(default_factory=Tally)
    touched: set[int] = field(default_factory=set)
    _drawn: dict[int, list[dict[str, object]]] = field(default_factory=dict)

    def work_round(self, *, quota: int) -> None:
        """Go through the queue: `quota` images never seen before, and every proposal on images marked earlier.

        Test images are measured on, so nobody is asked about them.
        """
        test = {image.pk for image in self.stage.images("test")}
        every = {image.pk for image in self.stage.images("train", "val")}
        handled: set[int] = set()
        goal = len(self.touched) + quota
        while True:
            closed = every - self.touched if len(self.touched) >= goal else set()
            handed = lease_next(project=self.stage.project, user=self.stage.person, exclude=test | handled | closed)
            if handed.image is None:
                return
            handled.add(handed.image.pk)
            self._work_on(handed.image)

    def _work_on(self, image: Image) -> None:
        truth = truth_of(self.stage, image)
        proposals = Proposal.objects.filter(image=image, status=Proposal.Status.PENDING)
        proposal = visible_proposals(proposals).select_related("mask", "image__project").first()
        is_new = image.pk not in self.touched
        if is_new:
            self.touched.add(image.pk)
            self.tally.names.add(image.name)
            self.tally.full_seconds += full_mask_seconds(truth)
        if proposal is not None or is_new:
            self.tally.seconds += COSTS.look
        is_settled = proposal is not None and self._judge(image, proposal, truth)
        if is_new and not is_settled and self.mark(image, truth):
            self._look_at_live_mask(image, truth)
        release_lease(image=image, user=self.stage.person)

    def _judge(self, image: Image, proposal: Proposal, truth: LabelMap) -> bool:
        """Accept, mend and accept, take what is right of it, or reject; whether the image has an accepted mask now.

        Regions are taken only where strokes say something about the rest.
        """
        offered = decode_png(storage.read(proposal.mask.blob))
        verdict = self._verdict(offered, truth)
        if verdict.mask is None and self.take_regions and image.pk in self._drawn:
            verdict = self.annotator.take_regions(offered, truth, limit=self.take_regions)
        self.tally.seconds += verdict.seconds
        self.tally.actions[verdict.action] += 1
        if verdict.mask is None:
            reject_proposal(proposal=proposal, by=self.stage.person)
            return False
        sha256 = proposal.mask.sha256
        if verdict.action != "accept":
            mended = store_mask(
                image=image,
                data=encode_png(verdict.mask),
                origin="edited",
                by=self.stage.person,
                parent=proposal.mask,
            )
            sha256 = mended.sha256
        accept_proposal(proposal=proposal, mask_sha256=sha256, by=self.stage.person)
        return True

    def _verdict(self, offered: LabelMap, truth: LabelMap) -> Verdict:
        """The annotator's, who mends what takes a few strokes, or no longer than marking anew."""
        return self.annotator.verify(offered, truth, patience_s=self._patience_s(truth))

    def _patience_s(self, truth: LabelMap) -> float:
        if not self.mend_strokes:
            return 0.0
        anew = sum(seconds for _, seconds in self._marks(truth))
        return max(self.mend_strokes * self.annotator.costs.corrective_click, anew)

    def _look_at_live_mask(self, image: Image, truth: LabelMap) -> None:
        """What appears under the pen is corrected by further strokes, then judged like any proposal."""
        for left in range(self.corrections, -1, -1):
            proposal = self._live_mask(image)
            if proposal is None:
                return
            corrections = self._corrections(proposal, truth) if left else []
            if not corrections:
                self._judge(image, proposal, truth)
                return
            self._save(image, corrections)

    def _live_mask(self, image: Image) -> Proposal | None:
        annotation = Annotation.objects.select_related("image__project").get(image=image, author=self.stage.person)
        method = self.stage.project.options.interactive_method
        run = request_proposal(annotation=annotation, image=image, method=method, by=self.stage.person)
        answer_marks(run.pk)
        found = Proposal.objects.filter(run=run, status=Proposal.Status.PENDING)
        return found.select_related("mask", "image__project").first()

    def _corrections(self, proposal: Proposal, truth: LabelMap) -> list[tuple[Mark, float]]:
        """Strokes on what is wrong; none where the mask is good enough to be taken, mended or not."""
        offered = decode_png(storage.read(proposal.mask.blob))
        if self._verdict(offered, truth).mask is not None:
            return []
        found = self.annotator.corrections_for(offered, truth)
        self.tally.seconds += COSTS.look if found else 0.0
        return found

    def mark(self, image: Image, truth: LabelMap) -> bool:
        """Draw and save; whether anything was drawn that says where something is."""
        drawn = self._marks(truth)
        if drawn:
            self._save(image, drawn)
        return any(mark.kind != MarkKind.TAG for mark, _ in drawn)

    def _marks(self, truth: LabelMap) -> list[tuple[Mark, float]]:
        """What the annotator draws on an image with these classes, with seconds; the same each time."""
        classes = self.stage.folder.classes
        background = next((wanted.index for wanted in classes if wanted.is_background), None)
        indices = [wanted.index for wanted in classes]
        return self.annotator.marks_for(truth, self.labels, indices, background=background)

    def _save(self, image: Image, drawn: list[tuple[Mark, float]]) -> None:
        """Add marks to what the annotator has on the image."""
        self.tally.seconds += sum(seconds for _, seconds in drawn)
        self.tally.actions["mark"] += len(drawn)
        self._drawn[image.pk] = [*self._drawn.get(image.pk, []), *(_wire(mark, seconds) for mark, seconds in drawn)]
        annotation = Annotation.objects.filter(image=image, author=self.stage.person).first()
        revision = annotation.revision if annotation else 0
        save_annotation(image=image, author=self.stage.person, revision=revision, marks=self._drawn[image.pk])


def truth_of(stage: Stage, image: Image) -> LabelMap:
    """The true classes of an image, uint8 (H, W). Raises Invalid when picture and mask differ in size."""
    truth = stage.folder.truth(image.name)
    if truth.shape != (image.height, image.width):
        raise Invalid(f"The mask of {image.name} is not of the picture's size; mend the folder.")
    return truth


def _wire(mark: Mark, seconds: float) -> dict[str, object]:
    return {
        "id": str(uuid.uuid4()),
        "kind": mark.kind.value,
        "class_index": mark.class_index,
        "sign": mark.sign,
        "geometry": mark_geometry(mark),
        "seconds": seconds,
    }
