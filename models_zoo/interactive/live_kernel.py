"""Kernel ridge regression on the marked cells.

Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, chapter 2. The kernel of two cells' plain
columns x and a is exp(-|x - a|^2 / (2 * length^2)) + LINEAR * x.a + 1. A column of the kernel matrix belongs to one
taught cell, so a twin that draws as it goes need only add columns for new cells. Shape letters: C classes that
compete, N taught cells, D plain columns, h x w cells.
"""

from __future__ import annotations

import numpy as np

from models_zoo.interactive.pixel_features import FloatArray, gaussian_kernel
from models_zoo.interactive.supervision import Supervision

_LINEAR = 0.09
_RIDGE = 1e-2


def fit_kernel(plain: FloatArray, supervision: Supervision) -> FloatArray:
    """Fit the targets of ``supervision`` on ``plain`` (h * w, D); the fitted targets (C, h, w), about -1..1."""
    shape = (len(supervision.classes), *supervision.seeds.shape)
    cells = supervision.cells
    if not len(cells):
        return np.zeros(shape, np.float32)
    gaussian, linear = gaussian_kernel(plain, plain[cells])
    kernel = gaussian + np.float32(_LINEAR) * linear + np.float32(1)
    matrix = kernel[cells].astype(np.float64)
    matrix.flat[:: len(cells) + 1] += _RIDGE / supervision.weights
    factors = np.linalg.solve(matrix, supervision.targets.astype(np.float64)).astype(np.float32)
    return np.ascontiguousarray((kernel @ factors).T).reshape(shape)
