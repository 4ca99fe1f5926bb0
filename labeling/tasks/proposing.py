"""Pool proposals: fetch, claim, call, record."""

from __future__ import annotations

from celery import shared_task

from labeling.errors import PermanentError
from labeling.models import ProposalRun
from labeling.selectors.runs import images_to_propose, pool_images
from labeling.selectors.snapshots import marks_by_image
from labeling.services.offers import finish_pool_run, offer_proposals, store_scores
from labeling.tasks import lifecycle


@shared_task(name="proposing.propose_pool")
def propose_pool(run_id: int) -> None:
    """Offer the version's masks on every image without an accepted one, the queue's order first.

    Returns at once unless the row can be claimed; what an earlier attempt stored is not computed again.
    """
    run = ProposalRun.objects.select_related("project", "model_version__run").filter(pk=run_id).first()
    if run is not None:
        lifecycle.run(run, lambda progress: _propose(run, progress))


def _propose(run: ProposalRun, progress: lifecycle.Progress) -> None:
    from labeling.ml import predicting, ranking  # torch: in workers only

    version = run.model_version
    if version is None or not version.is_active:
        raise PermanentError("This model version is not in use any more; proposals of the active one are computed.")
    images = list(images_to_propose(run).only("pk", "name", "file", "width", "height", "split", "project"))
    total = pool_images(run.project).count()
    done = max(0, total - len(images))
    progress.job.beat(done=done, total=total)
    if images:
        proposer = predicting.Proposer(version)
    for batch in predicting.batches(images):
        marks = marks_by_image(run.project, images=[image.pk for image in batch])
        offer_proposals(run=run, offers=proposer.offers(batch, marks, check=progress.check))
        done += len(batch)
        progress.update(done, total)
    store_scores(version=version, scores=ranking.pool_scores(version, check=progress.check))
    finish_pool_run(run=run)
