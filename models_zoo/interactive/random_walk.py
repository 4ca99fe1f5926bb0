"""Screened random walk on the grid: scores spread along like colours and stop at edges.

Grady, "Random walks for image segmentation", PAMI 2006, with a data term. For each class it solves

    (D - W + gamma) x = gamma * p,    x fixed on seeds,

where W holds the weights between the eight neighbours and D their sums. x sums to 1 over the
classes wherever p does. Shape letters: C classes, h x w cells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

_BETA = 3.5
_GAMMA = 0.015
_MIN_WEIGHT = 1e-4


@dataclass(frozen=True)
class GridGraph:
    """Weights to the right, lower, lower right and lower left neighbour, and their sum at each cell."""

    right: FloatArray
    down: FloatArray
    down_right: FloatArray
    down_left: FloatArray
    degree: FloatArray


def build_graph(lab: FloatArray) -> GridGraph:
    """Graph of a CIELAB image (h, w, 3): weight exp(-beta * squared difference / its mean)."""
    pairs = (
        (lab[:, :-1], lab[:, 1:]),
        (lab[:-1], lab[1:]),
        (lab[:-1, :-1], lab[1:, 1:]),
        (lab[:-1, 1:], lab[1:, :-1]),
    )
    squares = [((a - b) ** 2).sum(axis=2) for a, b in pairs]
    count = sum(square.size for square in squares)
    mean = sum(float(square.sum()) for square in squares) / max(1, count) + 1e-8
    weights = [np.exp(-_BETA * square / mean).astype(np.float32) + np.float32(_MIN_WEIGHT) for square in squares]
    # Diagonal neighbours are farther away.
    weights[2] *= np.float32(np.sqrt(0.5))
    weights[3] *= np.float32(np.sqrt(0.5))
    right, down, down_right, down_left = weights
    graph = GridGraph(right, down, down_right, down_left, np.zeros(lab.shape[:2], np.float32))
    return replace(graph, degree=_neighbours(graph, np.ones((1, *lab.shape[:2]), np.float32))[0])


def _neighbours(graph: GridGraph, x: FloatArray) -> FloatArray:
    """Weighted sum over the neighbours of each cell: W x for x (C, h, w)."""
    y = np.zeros_like(x)
    y[:, :, :-1] += graph.right * x[:, :, 1:]
    y[:, :, 1:] += graph.right * x[:, :, :-1]
    y[:, :-1] += graph.down * x[:, 1:]
    y[:, 1:] += graph.down * x[:, :-1]
    y[:, :-1, :-1] += graph.down_right * x[:, 1:, 1:]
    y[:, 1:, 1:] += graph.down_right * x[:, :-1, :-1]
    y[:, :-1, 1:] += graph.down_left * x[:, 1:, :-1]
    y[:, 1:, :-1] += graph.down_left * x[:, :-1, 1:]
    return y


def random_walk(graph: GridGraph, scores: FloatArray, seeds: npt.NDArray[np.integer], *, steps: int = 24) -> FloatArray:
    """Spread probabilities (C, h, w) over the graph; returns the same shape, summing to 1.

    ``seeds`` (h, w) holds the class position of fixed cells and -1 elsewhere. ``steps`` of conjugate
    gradients with the diagonal as preconditioner start from ``scores``; stopping early only means
    spreading less far.
    """
    # The classes' answers sum to 1, so the last one need not be solved for.
    solved = len(scores) - 1
    if solved < 1:
        return np.ones_like(scores)
    fixed = seeds >= 0
    x = scores[:solved].copy()
    for position in range(solved):
        x[position][fixed] = seeds[fixed] == position
    free = (~fixed).astype(np.float32)
    diagonal = graph.degree + np.float32(_GAMMA)
    residual = (np.float32(_GAMMA) * scores[:solved] - diagonal * x + _neighbours(graph, x)) * free
    scaled = residual / diagonal
    direction = scaled
    energy = _dots(residual, scaled)
    for _ in range(steps):
        image = (diagonal * direction - _neighbours(graph, direction)) * free
        length = energy / np.maximum(_dots(direction, image), np.float32(1e-20))
        x += length * direction
        residual -= length * image
        scaled = residual / diagonal
        energy_now = _dots(residual, scaled)
        direction = scaled + energy_now / np.maximum(energy, np.float32(1e-20)) * direction
        energy = energy_now
    x = np.clip(x, 0, 1)
    last = np.clip(1 - x.sum(axis=0, keepdims=True), 0, 1)
    full = np.concatenate([x, last])
    return np.asarray(full / full.sum(axis=0, keepdims=True), np.float32)


def _dots(a: FloatArray, b: FloatArray) -> FloatArray:
    """Inner product of each class's maps, (C, 1, 1)."""
    return np.asarray(np.einsum("chw,chw->c", a, b)[:, None, None], np.float32)
