"""Other people's ways to cut out an object, for `bench/interactive.py`: two classes, from seed pixels.

GrabCut (Rother et al., SIGGRAPH 2004), random walker (Grady, PAMI 2006), watershed, geodesic distance (Bai and Sapiro,
ICCV 2007), a pixel forest in the manner of ilastik (Berg et al., Nature Methods 2019), and the nearest seed in deep
features as the data term of a graph cut (Boykov and Jolly, ICCV 2001).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from bench.annotators import BoolArray
from models_zoo import Box, Mark
from models_zoo.features import STRIDE, grid_size, resize_rgb

if TYPE_CHECKING:
    from models_zoo.networks.encoders import Encoder

FloatArray = npt.NDArray[np.float32]
Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What is known about one object: the marks, the same as pixels (H, W), the box, the last answer."""

    marks: tuple[Mark, ...]
    on_object: BoolArray
    on_ground: BoolArray
    box: Box | None
    previous: BoolArray | None

    @property
    def has_both(self) -> bool:
        """Whether there are seeds of the object and of the rest."""
        return bool(self.on_object.any() and self.on_ground.any())


class Peer(Protocol):
    """A method for two classes."""

    def prepare(self, rgb: Rgb) -> None:
        """Everything that does not depend on marks."""

    def segment(self, prompt: Prompt) -> BoolArray | None:
        """The object's pixels (H, W); None where the method cannot do with what is known."""


def _lab(rgb: Rgb) -> FloatArray:
    import cv2

    return np.asarray(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def _edges(rgb: Rgb, sigma: float) -> FloatArray:
    """Length of the colour gradient (Sobel, CIELAB), after smoothing."""
    import cv2

    lab = cv2.GaussianBlur(_lab(rgb), (0, 0), sigma)
    both = [cv2.Sobel(lab, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1))]
    return np.asarray(np.sqrt(sum((part**2).sum(axis=2) for part in both)), np.float32)


def _seed_map(prompt: Prompt) -> npt.NDArray[np.int32]:
    """1 object, 2 the rest, 0 unknown."""
    seeds = np.zeros(prompt.on_object.shape, np.int32)
    seeds[prompt.on_ground] = 2
    seeds[prompt.on_object] = 1
    return seeds


class GrabCutPeer:
    """OpenCV's GrabCut: five rounds from a box or from the nearest seed, two from the last answer."""

    def prepare(self, rgb: Rgb) -> None:
        import cv2

        self._image = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)

    def segment(self, prompt: Prompt) -> BoolArray | None:
        import cv2

        state = self._start(prompt)
        state[prompt.on_ground] = cv2.GC_BGD
        state[prompt.on_object] = cv2.GC_FGD
        if 0 < np.count_nonzero(state & 1) < state.size:
            cv2.setRNGSeed(1)  # its k-means starts at random
            rounds = 5 if prompt.previous is None else 2
            models = np.zeros((1, 65)), np.zeros((1, 65))
            cv2.grabCut(self._image, state, (0, 0, 1, 1), *models, rounds, cv2.GC_INIT_WITH_MASK)
        return np.asarray(state & 1, np.bool_)

    def _start(self, prompt: Prompt) -> npt.NDArray[np.uint8]:
        import cv2

        maybe = np.zeros(prompt.on_object.shape, np.bool_)
        state = np.full(maybe.shape, cv2.GC_PR_BGD, np.uint8)
        if prompt.box is not None:
            x0, y0, x1, y1 = (round(value) for value in (prompt.box.x0, prompt.box.y0, prompt.box.x1, prompt.box.y1))
            state[:] = cv2.GC_BGD
            maybe[y0:y1, x0:x1] = True
        elif prompt.previous is not None and prompt.previous.any():
            maybe = prompt.previous
        elif prompt.has_both:
            to_object, to_ground = (
                cv2.distanceTransform((~seeds).astype(np.uint8), cv2.DIST_L2, 3)
                for seeds in (prompt.on_object, prompt.on_ground)
            )
            maybe = to_object < to_ground
        state[maybe] = cv2.GC_PR_FGD
        return state


class RandomWalkerPeer:
    """scikit-image's random walker on CIELAB, solved by preconditioned conjugate gradients."""

    def prepare(self, rgb: Rgb) -> None:
        self._lab = _lab(rgb) / np.float32(100)

    def segment(self, prompt: Prompt) -> BoolArray | None:
        from skimage.segmentation import random_walker

        if not prompt.has_both:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of probabilities a little beside 0..1 at this tolerance
            labels = random_walker(self._lab, _seed_map(prompt), beta=300, mode="cg_j", tol=1e-3, channel_axis=-1)
        return np.asarray(labels == 1, np.bool_)


class WatershedPeer:
    """scikit-image's watershed of the colour gradient, flooded from the seeds."""

    def prepare(self, rgb: Rgb) -> None:
        self._edges = _edges(rgb, 1.5)

    def segment(self, prompt: Prompt) -> BoolArray | None:
        from skimage.segmentation import watershed

        if not prompt.has_both:
            return None
        labels = watershed(self._edges, _seed_map(prompt))  # type: ignore[no-untyped-call]
        return np.asarray(labels == 1, np.bool_)


class GeodesicPeer:
    """The nearer seed along the cheapest path, where a step costs its colour gradient (scikit-image's MCP)."""

    def prepare(self, rgb: Rgb) -> None:
        self._cost = 0.05 + 0.25 * _edges(rgb, 1.0).astype(np.float64)

    def segment(self, prompt: Prompt) -> BoolArray | None:
        from skimage.graph import MCP_Geometric

        if not prompt.has_both:
            return None
        to_object, to_ground = (
            MCP_Geometric(self._cost).find_costs(np.argwhere(seeds))[0]
            for seeds in (prompt.on_object, prompt.on_ground)
        )
        return np.asarray(to_object < to_ground, np.bool_)


class ForestPeer:
    """Extremely randomised trees on colour, gradients and Hessians at several scales, pixel by pixel."""

    def prepare(self, rgb: Rgb) -> None:
        from scipy import ndimage
        from skimage.feature import multiscale_basic_features

        scales = {"sigma_min": 1, "sigma_max": 10, "num_sigma": 4}
        basic = multiscale_basic_features(rgb, **scales, channel_axis=-1)  # type: ignore[no-untyped-call]
        grey = _lab(rgb)[..., 0] / 100
        blobs = np.stack([ndimage.gaussian_laplace(grey, sigma) for sigma in (1, 2, 4, 8)], axis=-1)
        self._columns = np.concatenate([basic, blobs], axis=-1).astype(np.float32)

    def segment(self, prompt: Prompt) -> BoolArray | None:
        from sklearn.ensemble import ExtraTreesClassifier

        if not prompt.has_both:
            return None
        rows = np.concatenate([self._columns[prompt.on_object], self._columns[prompt.on_ground]])
        is_object = np.arange(len(rows)) < np.count_nonzero(prompt.on_object)
        forest = ExtraTreesClassifier(30, max_depth=12, class_weight="balanced", random_state=0).fit(rows, is_object)
        depth = self._columns.shape[-1]
        answer = forest.predict_proba(self._columns.reshape(-1, depth))[:, 1].reshape(prompt.on_object.shape) > 0.5
        return np.asarray((answer | prompt.on_object) & ~prompt.on_ground, np.bool_)


class DeepCutPeer:
    """Nearest seed in EfficientNet-Lite0 features (strides 4, 8, 16) and colour; then a graph cut on colour."""

    _GAIN, _SMOOTHNESS = 2.0, 5.0
    _MAX_ANCHORS = 400
    _MIN_COVER = 0.15

    def prepare(self, rgb: Rgb) -> None:
        import cv2

        deep = _deep_columns(rgb)
        lab = _lab(rgb)
        small = cv2.resize(lab, deep.shape[1::-1], interpolation=cv2.INTER_AREA) / 100
        self._grid = deep.shape[:2]
        self._columns = np.concatenate([deep, small], axis=2).reshape(deep.shape[0] * deep.shape[1], -1)
        self._squares = (self._columns**2).sum(axis=1)
        self._lab: FloatArray = np.asarray(lab / np.array([100, 50, 50], np.float32), np.float32)
        steps = [((a - b) ** 2).sum(axis=2).ravel() for a, b in _pairs(self._lab)[:2]]
        self._variance = 2 * max(float(np.concatenate(steps).mean()), 1e-6)

    def segment(self, prompt: Prompt) -> BoolArray | None:
        import cv2

        if not prompt.has_both:
            return None
        lead = (self._distance(prompt.on_ground) - self._distance(prompt.on_object)).reshape(self._grid)
        size = prompt.on_object.shape[::-1]
        lead = np.clip(self._GAIN * cv2.resize(lead, size, interpolation=cv2.INTER_LINEAR), -11, 11)
        return self._cut(lead, prompt)

    def _distance(self, seeds: BoolArray) -> FloatArray:
        """Squared distance (cells,) to the likest seed."""
        import cv2

        share = cv2.resize(seeds.astype(np.float32), self._grid[::-1], interpolation=cv2.INTER_AREA).ravel()
        cells = np.flatnonzero(share > min(self._MIN_COVER, 0.5 * float(share.max())))
        if len(cells) > self._MAX_ANCHORS:
            cells = cells[np.linspace(0, len(cells) - 1, self._MAX_ANCHORS).astype(int)]
        products = self._columns @ self._columns[cells].T
        return np.asarray((self._squares[:, None] - 2 * products + self._squares[cells]).min(axis=1), np.float32)

    def _cut(self, logit: FloatArray, prompt: Prompt) -> BoolArray:
        import maxflow

        graph = maxflow.GraphFloat()
        nodes = graph.add_grid_nodes(logit.shape)
        for (dy, dx), (a, b) in zip(((0, 1), (1, 0), (1, 1), (1, -1)), _pairs(self._lab), strict=True):
            weight = np.exp(-((a - b) ** 2).sum(axis=2) / self._variance) * self._SMOOTHNESS / np.hypot(dy, dx)
            left = max(0, -dx)
            weights = np.zeros(self._lab.shape[:2])
            weights[: weight.shape[0], left : left + weight.shape[1]] = weight
            structure = np.zeros((3, 3))
            structure[1 + dy, 1 + dx] = 1
            graph.add_grid_edges(nodes, weights, structure=structure, symmetric=True)
        certain = 1e6
        source = np.where(prompt.on_object, certain, np.where(prompt.on_ground, 0, np.logaddexp(0, logit)))
        sink = np.where(prompt.on_object, 0, np.where(prompt.on_ground, certain, np.logaddexp(0, -logit)))
        graph.add_grid_tedges(nodes, source, sink)
        graph.maxflow()
        return np.asarray(~graph.get_grid_segments(nodes), np.bool_)


def _pairs(image: FloatArray) -> tuple[tuple[FloatArray, FloatArray], ...]:
    """Each pixel and its neighbour to the right, below, lower right and lower left."""
    return (
        (image[:, :-1], image[:, 1:]),
        (image[:-1], image[1:]),
        (image[:-1, :-1], image[1:, 1:]),
        (image[:-1, 1:], image[1:, :-1]),
    )


def _deep_columns(rgb: Rgb) -> FloatArray:
    """Encoder maps of strides 4, 8 and 16 on the stride-4 grid, each cell's vector of length 1 a stride.

    Small pictures are enlarged as they are for our own features, so that the grid is as fine.
    """
    import torch
    from torch.nn import functional as F

    from models_zoo.networks.encoders import pad_to_multiple, rgb_to_tensor

    encoder = _encoder()
    width, height = grid_size(rgb.shape[1], rgb.shape[0])
    resized = resize_rgb(rgb, width * STRIDE, height * STRIDE)
    with torch.inference_mode():
        maps = encoder(pad_to_multiple(encoder.normalise(rgb_to_tensor(resized))))
        grid = maps[4].shape[-2:]
        unit = [F.normalize(maps[stride], dim=1) for stride in (4, 8, 16)]
        columns = torch.cat([F.interpolate(part, grid, mode="bilinear", align_corners=False) for part in unit], dim=1)
    inside = columns[0, :, :height, :width]
    return np.asarray(inside.permute(1, 2, 0).contiguous().numpy(), np.float32)


@cache
def _encoder() -> Encoder:
    from models_zoo.networks.encoders import load_encoder

    return load_encoder("efficientnet_lite0").eval()


PEERS: dict[str, Callable[[], Peer]] = {
    "peer_grabcut": GrabCutPeer,
    "peer_random_walker": RandomWalkerPeer,
    "peer_watershed": WatershedPeer,
    "peer_geodesic": GeodesicPeer,
    "peer_forest": ForestPeer,
    "peer_deep_cut": DeepCutPeer,
}
