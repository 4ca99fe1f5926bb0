"""Tree filter: scores are averaged over the whole picture along its minimum spanning tree.

Yang, CVPR 2012; as used for pseudo-labels by the Tree Energy Loss (Liang et al., CVPR 2022): first a tree of the
colours, exp(-sum of |dI|^2 / sigma) along the path, then, where features are given, one of the features.
Shape letters: C classes, D features, H height, W width, N = H W.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models_zoo.refiners.guided import on_grid
from models_zoo.refiners.running import FloatArray, Held, resize
from models_zoo.refiners.spanning_tree import Tree, from_root, minimum_tree, towards_root

SIGMA = 0.02
"""The paper's for VOC, on pictures standardised with ImageNet's spread."""
_REFINER_SIGMA = 0.3
# On five horses (bench/refiners.py): mIoU 0.762 and border F 0.24 with 0.02 at full size, 0.793 and 0.52 with this
# on the grid; 1.0 is too much (0.70).
GRID_SIDE = 128
"""Long side of the grid that carries the tree, about what the paper's networks put out."""
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SPREAD = (0.229, 0.224, 0.225)


def refine(
    rgb: npt.NDArray[np.uint8],
    scores: FloatArray,
    held: Held,
    features: FloatArray | None = None,
    *,
    sigma: float = _REFINER_SIGMA,
) -> FloatArray:
    """Filter along the colours, then along the features if there are any; marked pixels are put back after each."""

    def along_trees(small: npt.NDArray[np.uint8], start: FloatArray, marked: Held) -> FloatArray:
        standard = (small / 255.0 - IMAGENET_MEAN) / IMAGENET_SPREAD
        made = marked.apply(filter_along(standard.transpose(2, 0, 1), start, sigma=sigma))
        if features is None:
            return made
        known = resize(features, (small.shape[1], small.shape[0]))
        return marked.apply(filter_along(known.astype(np.float64), made, sigma=1.0))

    return on_grid(rgb, scores, held, side=GRID_SIDE, work=along_trees)


def filter_along(guide: npt.NDArray[np.float64], scores: FloatArray, *, sigma: float) -> FloatArray:
    """sum_j A_ij P_j / sum_j A_ij over all pixels, for scores (C, H, W) and a guide (D, H, W) at their size."""
    classes, height, width = scores.shape
    tree = guide_tree(guide)
    weights = np.exp(-edge_costs(tree, guide) / sigma)
    values = np.ones((height * width, classes + 1))
    values[:, :classes] = scores.reshape(classes, -1).T[tree.order]
    whole = from_root(tree, weights, towards_root(tree, weights, values))
    made = np.empty((height * width, classes), np.float32)
    made[tree.order] = whole[:, :classes] / whole[:, classes:]
    return np.ascontiguousarray(made.T.reshape(scores.shape))


def guide_tree(guide: npt.NDArray[np.float64]) -> Tree:
    """The minimum spanning tree of the squared steps of a guide (D, H, W)."""
    right = np.square(np.diff(guide, axis=2)).sum(axis=0)
    down = np.square(np.diff(guide, axis=1)).sum(axis=0)
    return minimum_tree(right, down)


def edge_costs(tree: Tree, guide: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Squared step of the guide (D, H, W) between each position and its parent, (N,); 0 for the root."""
    flat = guide.reshape(len(guide), -1)[:, tree.order]
    return np.asarray(np.square(flat - flat[:, tree.parent]).sum(axis=0), np.float64)
