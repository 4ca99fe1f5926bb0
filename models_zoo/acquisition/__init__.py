"""Acquisition functions: which image is worth a person's time next."""

from models_zoo.acquisition.types import (
    Acquisition,
    PoolPredictions,
    Ranking,
    UncertaintySummary,
    create_acquisition,
    summarise,
)

__all__ = ["Acquisition", "PoolPredictions", "Ranking", "UncertaintySummary", "create_acquisition", "summarise"]
