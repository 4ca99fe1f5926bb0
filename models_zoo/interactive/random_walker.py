"""Random walker: each cell goes to the class whose seed a walker from there would likeliest meet first.

Grady, "Random walks for image segmentation", PAMI 2006. With L the Laplacian of the grid graph (eight neighbours,
weights falling with the squared difference of colour), U the free cells and S the seeds, it solves L_UU x = -L_US m
for each class, with m = 1 on the seeds of the class and 0 on the others'. Solved exactly, by sparse factors.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models_zoo.interactive.pixel_features import FloatArray
from models_zoo.interactive.random_walk import GridGraph, build_graph
from models_zoo.interactive.seeded import SeededSegmenter, Seeds


class RandomWalker(SeededSegmenter[GridGraph]):
    """InteractiveSegmenter "random_walker"."""

    def __init__(self) -> None:
        super().__init__(build_graph, walk)


def walk(graph: GridGraph, seeds: Seeds, columns: int) -> FloatArray:
    """Probabilities (C, h, w), summing to 1; all alike where there is no seed at all."""
    from scipy.sparse import coo_array, csc_array
    from scipy.sparse.linalg import splu

    flat = seeds.ravel()
    free, fixed = np.flatnonzero(flat < 0), np.flatnonzero(flat >= 0)
    if not len(fixed):
        return np.full((columns, *seeds.shape), 1 / columns, np.float32)
    met = (flat[fixed][:, None] == np.arange(columns)).astype(np.float64)
    answer = np.zeros((len(flat), columns))
    answer[fixed] = met
    if len(free):
        starts, ends, weights = _edges(graph)
        both = np.concatenate([starts, ends]), np.concatenate([ends, starts])
        between = coo_array((np.tile(weights, 2), both), shape=(len(flat), len(flat))).tocsr()
        degree = np.asarray(between.sum(axis=1)).ravel()
        inner = csc_array(-between[free][:, free])
        inner.setdiag(degree[free])
        factors = splu(inner, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        answer[free] = factors.solve(between[free][:, fixed] @ met)
    answer = np.clip(answer, 0, 1)
    answer /= answer.sum(axis=1, keepdims=True)
    return np.asarray(answer.T.reshape(columns, *seeds.shape), np.float32)


def _edges(graph: GridGraph) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Both ends and the weight of each edge, as flat cell numbers."""
    cells = np.arange(graph.degree.size).reshape(graph.degree.shape)
    starts = (cells[:, :-1], cells[:-1], cells[:-1, :-1], cells[:-1, 1:])
    ends = (cells[:, 1:], cells[1:], cells[1:, 1:], cells[1:, :-1])
    weights = (graph.right, graph.down, graph.down_right, graph.down_left)
    return (
        np.concatenate([part.ravel() for part in starts]),
        np.concatenate([part.ravel() for part in ends]),
        np.concatenate([part.ravel() for part in weights]).astype(np.float64),
    )
