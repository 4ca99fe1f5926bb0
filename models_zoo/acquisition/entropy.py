"""Images whose pixels the model is least sure about, by the entropy of their class probabilities."""

from __future__ import annotations

import numpy as np

from models_zoo.acquisition.types import PoolPredictions, Ranking, needed_uncertainty, ranked


class Entropy:
    """Acquisition "entropy"."""

    def rank(self, pool: PoolPredictions, *, budget: int) -> Ranking:
        """Score: mean of the entropy over all pixels and over the least sure quarter."""
        summaries = needed_uncertainty(pool)
        scores = np.array([(one.entropy_mean + one.entropy_top) / 2 for one in summaries], np.float64)
        return ranked(pool, scores, budget)
