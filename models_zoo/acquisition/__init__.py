"""Acquisition functions: which image is worth a person's time next, and what to ask about it."""

from models_zoo.acquisition.badge import residual
from models_zoo.acquisition.disagreement import Disagreement, disagree
from models_zoo.acquisition.questions import (
    QUESTIONS,
    BestQuestion,
    Doubts,
    Question,
    QuestionModel,
    best_question,
    find_doubts,
)
from models_zoo.acquisition.regions import RegionDoubt, doubtful_region, superpixels
from models_zoo.acquisition.types import (
    Acquisition,
    PoolPredictions,
    Ranking,
    UncertaintySummary,
    create_acquisition,
    summarise,
)

__all__ = [
    "QUESTIONS",
    "Acquisition",
    "BestQuestion",
    "Disagreement",
    "Doubts",
    "PoolPredictions",
    "Question",
    "QuestionModel",
    "Ranking",
    "RegionDoubt",
    "UncertaintySummary",
    "best_question",
    "create_acquisition",
    "disagree",
    "doubtful_region",
    "find_doubts",
    "residual",
    "summarise",
    "superpixels",
]
