"""Images about which several predictions contradict each other: what the model could still learn."""

from __future__ import annotations

import numpy as np

from models_zoo.acquisition.types import PoolPredictions, Ranking, needed_disagreement, ranked


class Bald:
    """Acquisition "bald"."""

    def rank(self, pool: PoolPredictions, *, budget: int) -> Ranking:
        """Score: mean of the mutual information over all pixels and over the least agreed quarter."""
        found = needed_disagreement(pool)
        scores = np.array([(one.information_mean + one.information_top) / 2 for one in found], np.float64)
        return ranked(pool, scores, budget)
