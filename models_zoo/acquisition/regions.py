"""The most doubtful region of each image, for where to look as much as for which image.

After ViewAL (Siddiqui, Valentin and Niessner, CVPR 2020): superpixels are scored by the entropy of the mean over
views of what is seen there, and among the most doubtful the one is asked about on which the views contradict each
other most. ViewAL's views are cameras around a scene; here they are the mirrored or scaled picture, passes with
dropout, or models.

Shape letters: T predictions, C classes, h, w pixels, R regions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models_zoo.acquisition.disagreement import checked_passes, entropy
from models_zoo.acquisition.types import PoolPredictions, Ranking, bounded, needed_regions, ranked

REGIONS = 64
"""Superpixels of an image, about."""
_TOP_ENTROPY = 0.9
_LEAST_SHARE = 0.25
_ROUNDS = 5
_COMPACT = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class RegionDoubt:
    """The region of one image to ask about.

    ``entropy`` in 0..1, of the mean over views, averaged over the region, over log C; ``divergence``
    in nats, the mean Kullback-Leibler divergence between two views; ``box`` its bounds (x0, y0, x1, y1) as shares
    of the image's width and height.
    """

    entropy: float
    divergence: float
    box: tuple[float, float, float, float]


class Regions:
    """Acquisition "regions"."""

    def rank(self, pool: PoolPredictions, *, budget: int) -> Ranking:
        """Score: entropy of the image's most doubtful region."""
        found = needed_regions(pool)
        return ranked(pool, np.array([one.entropy for one in found], np.float64), budget)


def doubtful_region(
    passes: npt.NDArray[np.floating], regions: npt.NDArray[np.integer], *, ignore: npt.NDArray[np.bool_] | None = None
) -> RegionDoubt:
    """The region to ask about, of predictions (T, C, h, w), T >= 2, and a map of regions (h, w).

    Among regions whose entropy is within 10 % of the highest, the one whose views diverge most. Pixels under
    ``ignore`` (h, w), such as those a person marked, count as certain. Regions smaller than a quarter of the
    mean size are left out where there are others. Raises ValueError where shapes do not fit.
    """
    p = checked_passes(passes)
    if regions.shape != p.shape[2:]:
        raise ValueError(f"regions must be (h, w) = {p.shape[2:]} as the predictions are, not {regions.shape}")
    doubt = entropy(p.mean(axis=0), axis=0) / np.log(max(2, p.shape[1]))
    apart = view_divergence(p)
    if ignore is not None:
        if ignore.shape != regions.shape:
            raise ValueError(f"ignore must be (h, w) = {regions.shape} as the regions are, not {ignore.shape}")
        doubt, apart = np.where(ignore, 0, doubt), np.where(ignore, 0, apart)
    names, owner = np.unique(regions.ravel(), return_inverse=True)
    sizes = np.bincount(owner, minlength=len(names))
    entropies = np.bincount(owner, weights=doubt.ravel(), minlength=len(names)) / sizes
    divergences = np.bincount(owner, weights=apart.ravel(), minlength=len(names)) / sizes
    counted = np.where(sizes >= _LEAST_SHARE * sizes.mean(), entropies, -1.0)
    among = np.flatnonzero(counted >= _TOP_ENTROPY * counted.max())
    chosen = int(among[np.lexsort((-entropies[among], -divergences[among]))[0]])
    return RegionDoubt(
        entropy=bounded(float(entropies[chosen])),
        divergence=float(divergences[chosen]),
        box=_bounds(owner.reshape(regions.shape) == chosen),
    )


def view_divergence(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean over ordered pairs of different views of KL(one | other) a pixel (h, w), in nats, of (T, C, h, w)."""
    logs = np.log(np.maximum(p, 1e-6))
    # Sum over pairs (s, t) of p_s (log p_s - log p_t) = T * sum of p_s log p_s - (sum of p_s)(sum of log p_t).
    total = len(p) * (p * logs).sum(axis=(0, 1)) - (p.sum(axis=0) * logs.sum(axis=0)).sum(axis=0)
    return np.asarray(np.maximum(total / (len(p) * (len(p) - 1)), 0), np.float64)


def _bounds(region: npt.NDArray[np.bool_]) -> tuple[float, float, float, float]:
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    height, width = region.shape
    left, top, right, bottom = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    return left / width, top / height, right / width, bottom / height


def superpixels(rgb: npt.NDArray[np.uint8], count: int = REGIONS) -> npt.NDArray[np.intp]:
    """About ``count`` regions (h, w) of like colour, of a small picture uint8 (h, w, 3).

    SLIC (Achanta et al., TPAMI 2012): k-means on colour and place in which a pixel chooses among the nine nearest
    cells of a grid. Regions are not made connected: what is averaged over them does not ask for it.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise ValueError(f"superpixels need a non-empty picture (h, w, 3), not {rgb.shape}")
    height, width = rgb.shape[:2]
    side = max(1.0, np.sqrt(height * width / max(1, count)))
    rows, columns = max(1, round(height / side)), max(1, round(width / side))
    y, x = np.mgrid[0:height, 0:width]
    cell_y, cell_x = y * rows // height, x * columns // width
    values = _coordinates(rgb, y, x, side)
    owner = (cell_y * columns + cell_x).ravel()
    neighbours = _neighbours(cell_y.ravel(), cell_x.ravel(), rows, columns)
    for _ in range(_ROUNDS):
        counts = np.bincount(owner, minlength=rows * columns)
        sums = [np.bincount(owner, weights=part, minlength=rows * columns) for part in values.T]
        centres = np.stack(sums, axis=1) / np.maximum(counts, 1)[:, None]
        centres[counts == 0] = np.inf  # a cell that lost all its pixels stays empty
        gaps = np.stack([((values - centres[other]) ** 2).sum(axis=1) for other in neighbours])
        owner = np.take_along_axis(neighbours, gaps.argmin(axis=0)[None], axis=0)[0]
    return np.asarray(owner.reshape(height, width), np.intp)


def _coordinates(
    rgb: npt.NDArray[np.uint8], y: npt.NDArray[np.intp], x: npt.NDArray[np.intp], side: float
) -> npt.NDArray[np.float64]:
    """Colour in units of its spread, place in units of a cell: (h w, 5)."""
    colour = rgb.reshape(-1, 3).astype(np.float64)
    colour /= max(float(colour.std()), 1.0)
    place = np.stack([y.ravel(), x.ravel()], axis=1) / side
    return np.concatenate([colour, place / _COMPACT], axis=1)


def _neighbours(
    cell_y: npt.NDArray[np.intp], cell_x: npt.NDArray[np.intp], rows: int, columns: int
) -> npt.NDArray[np.intp]:
    """The nine cells around each pixel's own (9, h w); at the border some occur twice."""
    around = [
        np.clip(cell_y + dy, 0, rows - 1) * columns + np.clip(cell_x + dx, 0, columns - 1)
        for dy in (0, -1, 1)
        for dx in (0, -1, 1)
    ]
    return np.stack(around)
