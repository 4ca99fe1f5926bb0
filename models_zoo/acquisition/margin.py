"""Images where the two likeliest classes of many pixels are close."""

from __future__ import annotations

import numpy as np

from models_zoo.acquisition.types import PoolPredictions, Ranking, needed_uncertainty, ranked


class Margin:
    """Acquisition "margin"."""

    def rank(self, pool: PoolPredictions, *, budget: int) -> Ranking:
        """Score: mean of one minus the margin over all pixels and over the least sure quarter."""
        summaries = needed_uncertainty(pool)
        scores = np.array([(one.margin_mean + one.margin_top) / 2 for one in summaries], np.float64)
        return ranked(pool, scores, budget)
