"""Tree filter: scores are averaged over the whole picture along its minimum spanning tree.

Yang, CVPR 2012; as used for pseudo-labels by the Tree Energy Loss (Liang et al., CVPR 2022): first a tree of the
colours, exp(-sum of |dI|^2 / sigma) along the path, then, where features are given, one of the features.
Shape letters: C classes, D features, H height, W width, N = H W.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models_zoo.refiners.running import FloatArray, Held
from models_zoo.refiners.spanning_tree import Tree, from_root, minimum_tree, towards_root

SIGMA = 0.02
"""The paper's for VOC, on pictures standardised with ImageNet's spread."""
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SPREAD = (0.229, 0.224, 0.225)


def refine(
    rgb: npt.NDArray[np.uint8],
    scores: FloatArray,
    held: Held,
    features: FloatArray | None = None,
    *,
    sigma: float = SIGMA,
) -> FloatArray:
    """Filter along the colours, then along the features if there are any; marked pixels are put back after each."""
    standard = (rgb / 255.0 - IMAGENET_MEAN) / IMAGENET_SPREAD
    made = held.apply(filter_along(standard.transpose(2, 0, 1), held.apply(scores), sigma=sigma))
    if features is not None:
        made = held.apply(filter_along(features.astype(np.float64), made, sigma=1.0))
    return made


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
