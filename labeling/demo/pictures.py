"""The demo's pictures: what they are called, how they are cut, and what in them is certain enough to be marked.

All files ship inside the wheels of scikit-image and scikit-learn; nothing is fetched. What is certain comes from
thresholds far on the safe side, or from outlines drawn by hand; most pixels stay unknown, as with a person's strokes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image as PILImage

from models_zoo import UNLABELLED

Rgb = npt.NDArray[np.uint8]
LabelMap = npt.NDArray[np.uint8]
Certain = Callable[[Rgb], LabelMap]


@dataclass(frozen=True, kw_only=True)
class DemoClass:
    """A class of a demo project."""

    name: str
    color: str
    is_background: bool = False


@dataclass(frozen=True, kw_only=True)
class DemoProject:
    """One picture cut into crops of `crop_px`, `stride_px` apart; `scale` enlarges it first.

    `path` is relative to the folder of `package`.
    """

    slug: str
    name: str
    description: str
    guidelines: str
    package: str
    path: str
    classes: tuple[DemoClass, ...]
    certain: Certain
    crop_px: int
    stride_px: int
    scale: int = 1
    stroke_px: float = 5.0


def picture_path(project: DemoProject) -> Path | None:
    """Where the picture lies; None if its package is not installed or no longer brings it."""
    spec = find_spec(project.package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / project.path
    return path if path.is_file() else None


def load_picture(project: DemoProject, path: Path) -> Rgb:
    """The whole picture, uint8 (H, W, 3)."""
    with PILImage.open(path) as opened:
        rgb = opened.convert("RGB")
    if project.scale != 1:
        size = (rgb.width * project.scale, rgb.height * project.scale)
        rgb = rgb.resize(size, PILImage.Resampling.BICUBIC)
    return np.asarray(rgb)


def cut(project: DemoProject, rgb: Rgb, certain: LabelMap) -> Iterator[tuple[str, Rgb, LabelMap]]:
    """Overlapping crops with their part of the certain map: name, rgb and map, row by row.

    Crops that show next to nothing (the black around a round picture) are left out.
    """
    height, width = certain.shape
    for row, top in enumerate(_starts(height, project.crop_px, project.stride_px)):
        for column, left in enumerate(_starts(width, project.crop_px, project.stride_px)):
            window = np.s_[top : top + project.crop_px, left : left + project.crop_px]
            if rgb[window].max(axis=2).mean() > 12:
                yield f"{project.slug}-{row}-{column}.png", rgb[window], certain[window]


def _starts(length: int, crop: int, stride: int) -> list[int]:
    """Offsets of crops from one rim to the other, about `stride` apart."""
    if length <= crop:
        return [0]
    count = max(2, round((length - crop) / stride) + 1)
    return [round(position * (length - crop) / (count - 1)) for position in range(count)]


def _unknown(rgb: Rgb) -> LabelMap:
    return np.full(rgb.shape[:2], UNLABELLED, np.uint8)


def _large(inside: npt.NDArray[np.bool_], *, min_px: int) -> npt.NDArray[np.bool_]:
    """Only the connected parts of at least `min_px` pixels."""
    from scipy import ndimage

    numbered, count = ndimage.label(inside)
    sizes = np.bincount(numbered.ravel(), minlength=count + 1)
    sizes[0] = 0
    return np.asarray(sizes[numbered] >= min_px, np.bool_)


def _galaxies(rgb: Rgb) -> LabelMap:
    from scipy import ndimage

    light = rgb.max(axis=2).astype(np.float32)
    smooth = ndimage.gaussian_filter(light, 1.0)
    certain = _unknown(rgb)
    near = ndimage.binary_dilation(ndimage.gaussian_filter(light, 2.0) > 38, iterations=4)
    certain[~near] = 0
    certain[smooth > 95] = 1
    return certain


def _vessels(rgb: Rgb) -> LabelMap:
    from scipy import ndimage

    green = ndimage.gaussian_filter(rgb[..., 1].astype(np.float32), 1.5)
    darker = ndimage.grey_closing(green, size=(25, 25)) - green
    view = ndimage.binary_erosion(rgb[..., 0] > 60, iterations=25)
    certain = _unknown(rgb)
    certain[ndimage.binary_erosion(darker < 6, iterations=3) & view] = 0
    # Only whole trees of vessels: specks around the disc and the dark spot of the fovea look alike.
    certain[_large((darker > 19) & view, min_px=1_500)] = 1
    return certain


def _tissue(rgb: Rgb) -> LabelMap:
    from scipy import ndimage

    smooth = np.stack([ndimage.gaussian_filter(rgb[..., c].astype(np.float32), 2.0) for c in range(3)], axis=2)
    browner = smooth[..., 0] - smooth[..., 2]
    glands = ndimage.binary_closing(np.pad(browner > 25, 16, mode="edge"), iterations=12)[16:-16, 16:-16]
    certain = _unknown(rgb)
    certain[~ndimage.binary_dilation(glands, iterations=7)] = 0
    certain[browner > 45] = 1
    return certain


def _coins(rgb: Rgb) -> LabelMap:
    from scipy import ndimage
    from skimage.segmentation import watershed

    grey = ndimage.gaussian_filter(rgb[..., 0].astype(np.float32), 1.5)
    edges = np.hypot(ndimage.sobel(grey, 0), ndimage.sobel(grey, 1))
    markers = np.zeros(grey.shape, np.int32)
    markers[grey < 35] = 1
    markers[grey > 150] = 2
    coin = ndimage.binary_opening(ndimage.binary_fill_holes(watershed(edges, markers) == 2), iterations=8)  # type: ignore[no-untyped-call]
    certain = _unknown(rgb)
    certain[~ndimage.binary_dilation(coin, iterations=10)] = 0
    certain[ndimage.binary_erosion(coin, iterations=5, border_value=1)] = 1
    return certain


def _petals(rgb: Rgb) -> LabelMap:
    from scipy import ndimage

    smooth = np.stack([ndimage.gaussian_filter(rgb[..., c].astype(np.float32), 1.5) for c in range(3)], axis=2)
    redder = smooth[..., 0] - smooth[..., 1]
    certain = _unknown(rgb)
    certain[ndimage.binary_erosion((redder < 5) & (smooth[..., 0] < 90), iterations=5, border_value=1)] = 0
    certain[(redder > 35) & (smooth[..., 0] > 150)] = 1
    return certain


# Outlines (x, y) well inside what they name, in pixels of the photograph.
_PALACE_OUTLINES: Final[tuple[tuple[int, tuple[tuple[int, int], ...]], ...]] = (
    (0, ((0, 0), (185, 0), (170, 45), (85, 100), (60, 125), (0, 130))),
    (0, ((235, 0), (640, 0), (640, 128), (570, 130), (520, 195), (345, 200), (335, 120), (240, 45))),
    (1, ((125, 138), (290, 138), (300, 190), (320, 238), (325, 300), (110, 338), (85, 320), (90, 265), (108, 195))),
    (2, ((60, 427), (70, 362), (130, 345), (215, 385), (245, 410), (250, 427))),
    (2, ((370, 427), (385, 350), (430, 325), (520, 305), (560, 330), (570, 240), (600, 160), (640, 175), (640, 427))),
    (2, ((0, 200), (40, 205), (55, 235), (15, 258), (0, 262))),
    (3, ((365, 255), (420, 250), (535, 250), (540, 262), (460, 282), (385, 310), (362, 300))),
)


def _palace(rgb: Rgb) -> LabelMap:
    from skimage.draw import polygon

    certain = _unknown(rgb)
    for index, outline in _PALACE_OUTLINES:
        xs, ys = zip(*outline, strict=True)
        certain[polygon(ys, xs, certain.shape)] = index  # type: ignore[no-untyped-call]
    return certain


DEMO_PROJECTS: Final = (
    DemoProject(
        slug="galaxies",
        name="Galaxies",
        description="The Hubble eXtreme Deep Field: find everything that is not empty sky.",
        guidelines=(
            "# Galaxies and stars\n\n"
            "* **galaxy**: every spot of light, faint ones too, up to where its glow ends.\n"
            "* **sky**: the dark between them.\n\n"
            "A point or a short stroke inside a galaxy is enough; one long stroke through the dark gives the sky.\n\n"
            "Picture: NASA, ESA, G. Illingworth, D. Magee, P. Oesch, R. Bouwens and the HUDF09 team; public domain."
        ),
        package="skimage",
        path="data/hubble_deep_field.jpg",
        classes=(
            DemoClass(name="sky", color="#33415c", is_background=True),
            DemoClass(name="galaxy", color="#f0e442"),
        ),
        certain=_galaxies,
        crop_px=256,
        stride_px=160,
        stroke_px=3.0,
    ),
    DemoProject(
        slug="retina-vessels",
        name="Retina vessels",
        description="The back of an eye: trace the blood vessels.",
        guidelines=(
            "# Vessels of the retina\n\n"
            "* **vessel**: arteries and veins, as thin as you can follow them.\n"
            "* **background**: the rest, the bright disc and the dark rim too.\n\n"
            "Use a thin stroke along a vessel and a few wider ones between vessels.\n\n"
            "Picture: Mikael Häggström, 2014, public domain."
        ),
        package="skimage",
        path="data/retina.jpg",
        classes=(
            DemoClass(name="background", color="#6b7280", is_background=True),
            DemoClass(name="vessel", color="#56b4e9"),
        ),
        certain=_vessels,
        crop_px=352,
        stride_px=212,
        stroke_px=3.0,
    ),
    DemoProject(
        slug="stained-tissue",
        name="Stained tissue",
        description="Immunohistochemistry of colon: what took the brown stain, what did not.",
        guidelines=(
            "# Stained tissue\n\n"
            "* **stained**: the brown glands, with the nuclei inside them.\n"
            "* **unstained**: pale tissue with blue nuclei, white gaps, empty glass.\n\n"
            "The border between brown and blue matters most; leave out what you cannot tell.\n\n"
            "Picture: Center for Microscopy and Molecular Imaging (CMMI), no known copyright restrictions."
        ),
        package="skimage",
        path="data/ihc.png",
        classes=(
            DemoClass(name="unstained", color="#6b7280", is_background=True),
            DemoClass(name="stained", color="#e69f00"),
        ),
        certain=_tissue,
        crop_px=256,
        stride_px=64,
    ),
    DemoProject(
        slug="coins",
        name="Coins",
        description="Greek coins from Pompeii on a plate that is lit from one side.",
        guidelines=(
            "# Coins\n\n"
            "* **coin**: the whole disc up to its rim, whatever is struck on it.\n"
            "* **plate**: the rest. It is brighter at the top: mark it there as well.\n\n"
            "Picture: Brooklyn Museum, no known copyright restrictions."
        ),
        package="skimage",
        path="data/coins.png",
        classes=(
            DemoClass(name="plate", color="#6b7280", is_background=True),
            DemoClass(name="coin", color="#009e73"),
        ),
        certain=_coins,
        crop_px=256,
        stride_px=104,
        scale=2,
    ),
    DemoProject(
        slug="summer-palace",
        name="Summer Palace",
        description="A view with four classes and no background: every pixel is something.",
        guidelines=(
            "# Summer Palace\n\n"
            "* **sky** (with the haze), **building**, **trees**, **water**.\n\n"
            "There is no background class here. Leave out boats and the far shore.\n\n"
            "Picture: danielbuechele on Flickr, CC BY 2.0."
        ),
        package="sklearn",
        path="datasets/images/china.jpg",
        classes=(
            DemoClass(name="sky", color="#56b4e9"),
            DemoClass(name="building", color="#d55e00"),
            DemoClass(name="trees", color="#009e73"),
            DemoClass(name="water", color="#0072b2"),
        ),
        certain=_palace,
        crop_px=256,
        stride_px=86,
        stroke_px=7.0,
    ),
    DemoProject(
        slug="dahlia",
        name="Dahlia",
        description="The quickest start: one flower, two classes.",
        guidelines=(
            "# Dahlia\n\n"
            "* **flower**: petals and what is between them; the second flower too.\n"
            "* **background**: leaves, stems, darkness.\n\n"
            "Two strokes an image are usually enough.\n\n"
            "Picture: vultilion on Flickr, CC BY 2.0."
        ),
        package="sklearn",
        path="datasets/images/flower.jpg",
        classes=(
            DemoClass(name="background", color="#6b7280", is_background=True),
            DemoClass(name="flower", color="#cc79a7"),
        ),
        certain=_petals,
        crop_px=256,
        stride_px=86,
        stroke_px=7.0,
    ),
)
