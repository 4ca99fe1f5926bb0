"""A picture's minimum spanning tree, and sums along its paths in linear time (Yang, CVPR 2012).

A_ij is the product of the edges' weights on the path from i to j, A_ii = 1. S_i = sum_j A_ij v_j needs two passes:
leaves to root, U_i = v_i + sum over children c of w_c U_c; root to leaves, S_c = U_c + w_c (S_p - w_c U_c).
All nodes of one depth are handled at once. Its derivative by an edge is closed as well, see `edge_gradient`.
Shape letters: N nodes, K value channels, H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph

IntArray = npt.NDArray[np.intp]
Number = TypeVar("Number", np.float32, np.float64)


@dataclass(frozen=True)
class Level:
    """The nodes of one depth: positions start..stop; grouped by parent from `first` on, the parents are `parents`."""

    start: int
    stop: int
    first: IntArray
    parents: IntArray


@dataclass(frozen=True)
class Tree:
    """A rooted tree; nodes are numbered by position, breadth first, the root at 0.

    Attributes:
        order: (N,) node of the grid (row * W + column) at each position.
        parent: (N,) position of each position's parent, never falling; 0 for the root.
        levels: depths 1, 2, ... as slices of positions.
    """

    order: IntArray
    parent: IntArray
    levels: tuple[Level, ...]


def minimum_tree(right: npt.NDArray[np.floating], down: npt.NDArray[np.floating]) -> Tree:
    """The minimum spanning tree of a grid with costs to the right (H, W - 1) and lower (H - 1, W) neighbour.

    Ties go to the edge that comes first, rightward ones before downward ones: the tree is the same every time.
    """
    height, width = down.shape[0] + 1, right.shape[1] + 1
    nodes = np.arange(height * width).reshape(height, width)
    starts = np.concatenate([nodes[:, :-1].ravel(), nodes[:-1].ravel()])
    ends = np.concatenate([nodes[:, 1:].ravel(), nodes[1:].ravel()])
    costs = np.concatenate([right.ravel(), down.ravel()])
    # Ranks instead of costs: none is 0, which would mean "no edge", and none are equal.
    rank = np.empty(len(costs))
    rank[np.argsort(costs, kind="stable")] = np.arange(1, len(costs) + 1)
    graph = sparse.csr_matrix((rank, (starts, ends)), shape=(nodes.size, nodes.size))
    tree = csgraph.minimum_spanning_tree(graph)
    order, before = csgraph.breadth_first_order(tree, int(nodes[height // 2, width // 2]), directed=False)
    position = np.empty(nodes.size, np.intp)
    position[order] = np.arange(nodes.size)
    parent = np.zeros(nodes.size, np.intp)
    parent[1:] = position[before[order[1:]]]
    return Tree(np.asarray(order, np.intp), parent, _levels(parent))


def _levels(parent: IntArray) -> tuple[Level, ...]:
    """Breadth first, parents never fall: a depth ends where the parents leave the depth above."""
    levels = []
    start, end = 1, 1
    while end < len(parent):
        # Parents of this depth are the positions before `start`.
        end = int(np.searchsorted(parent, start, side="left"))
        above = parent[start:end]
        first = np.concatenate([[0], np.flatnonzero(np.diff(above)) + 1]).astype(np.intp)
        levels.append(Level(start, end, first, above[first]))
        start = end
    return tuple(levels)


def towards_root(tree: Tree, weights: npt.NDArray[Number], values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """U (N, K): what each node's subtree adds up to at the node; `weights` (N,) of the edge to the parent."""
    up = values.copy()
    for level in reversed(tree.levels):
        part = slice(level.start, level.stop)
        up[level.parents] += np.add.reduceat(weights[part, None] * up[part], level.first, axis=0)
    return up


def from_root(tree: Tree, weights: npt.NDArray[Number], up: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """S (N, K) from U: each node's sum over the whole tree."""
    whole = up.copy()
    for level in tree.levels:
        part = slice(level.start, level.stop)
        edge = weights[part, None]
        whole[part] += edge * (whole[tree.parent[part]] - edge * up[part])
    return whole


def edge_gradient(
    tree: Tree,
    weights: npt.NDArray[Number],
    values: tuple[npt.NDArray[Number], npt.NDArray[Number]],
    upstream: tuple[npt.NDArray[Number], npt.NDArray[Number]],
) -> npt.NDArray[Number]:
    """d/dw of sum_i g_i S_i, (N,); 0 at the root. `values` and `upstream` are (U, S) of v and of g.

    The paths over edge c join its subtree with the rest R: dL/dw_c = U^g_c . R^v_p + R^g_p . U^v_c with
    R_p = S_p - w_c U_c.
    """
    up_v, whole_v = values
    up_g, whole_g = upstream
    rest_v = whole_v[tree.parent] - weights[:, None] * up_v
    rest_g = whole_g[tree.parent] - weights[:, None] * up_g
    gradient: npt.NDArray[Number] = (up_g * rest_v + rest_g * up_v).sum(axis=1)
    gradient[0] = 0
    return gradient
