"""The domain. Outside code imports from here; inside, each module imports only from the ones listed above it."""

from labeling.models.project import LabelClass, Membership, Project, ProjectSettings, Role
from labeling.models.preferences import CharacterKeys, Preferences  # isort: skip
from labeling.models.image import Image, ImageFeature, Lease, SkipReason, Split  # isort: skip
from labeling.models.annotation import Annotation, Mark  # isort: skip
from labeling.models.mask import Mask, Proposal, Review  # isort: skip
from labeling.models.checking import ClassCheck  # isort: skip
from labeling.models.comment import Comment  # isort: skip
from labeling.models.job import ACTIVE, FINISHED, Job, JobStatus  # isort: skip
from labeling.models.training import ModelVersion, TrainingRun  # isort: skip
from labeling.models.proposing import AcquisitionScore, ImagePrior, ProposalRun  # isort: skip
from labeling.models.transfer import ExportJob, ImportItem, ImportJob, Upload  # isort: skip
from labeling.models.event import Event  # isort: skip

__all__ = [
    "ACTIVE",
    "FINISHED",
    "AcquisitionScore",
    "Annotation",
    "CharacterKeys",
    "ClassCheck",
    "Comment",
    "Event",
    "ExportJob",
    "Image",
    "ImageFeature",
    "ImagePrior",
    "ImportItem",
    "ImportJob",
    "Job",
    "JobStatus",
    "LabelClass",
    "Lease",
    "Mark",
    "Mask",
    "Membership",
    "ModelVersion",
    "Preferences",
    "Project",
    "ProjectSettings",
    "Proposal",
    "ProposalRun",
    "Review",
    "Role",
    "SkipReason",
    "Split",
    "TrainingRun",
    "Upload",
]
