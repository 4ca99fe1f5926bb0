"""Any image, in an order drawn from the pool's seed: the yardstick for the others."""

from __future__ import annotations

import numpy as np

from models_zoo.acquisition.types import PoolPredictions, Ranking, ranked


class Random:
    """Acquisition "random"."""

    def rank(self, pool: PoolPredictions, *, budget: int) -> Ranking:
        """Scores are uniform in 0..1 and depend on the seed and the pool's order alone."""
        return ranked(pool, np.random.default_rng([pool.seed, 1]).random(len(pool.ids)), budget)
