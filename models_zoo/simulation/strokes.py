"""Where a hand would put a stroke or a click inside a region."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
Places = npt.NDArray[np.float64]

# Paths are found on a grid of at most this many cells a side: a hand does not follow single pixels, unless what it
# follows is itself only a few cells of that grid wide.
_GRID_SIDE = 64
_CELLS_ACROSS = 2.0
_FAR_SHARE = 0.2
_MIN_PART, _MAX_PART = 0.5, 1.0
_MAX_POINTS = 40


def depth(region: BoolArray) -> npt.NDArray[np.float32]:
    """Distance of each pixel to the outside of the region; the image's rim counts as outside."""
    import cv2

    padded = np.pad(region, 1).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1], np.float32)


def thickness(region: BoolArray) -> float:
    """How wide the region is at its widest place, in pixels."""
    return 2 * float(depth(region).max(initial=0.0))


def components(region: BoolArray, *, min_pixels: float, limit: int) -> list[BoolArray]:
    """The largest connected pieces, largest first; the largest is always among them."""
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8)
    sizes = stats[1:, cv2.CC_STAT_AREA]
    order = np.argsort(-sizes, kind="stable")[:limit]
    if count <= 1:
        return []
    return [labels == position + 1 for rank, position in enumerate(order) if rank == 0 or sizes[position] >= min_pixels]


def click_inside(region: BoolArray, rng: np.random.Generator) -> tuple[float, float]:
    """(x, y) of a click: likelier deep inside, but seldom the very middle."""
    weight = depth(region).ravel().astype(np.float64) ** 2
    chosen = int(rng.choice(len(weight), p=weight / weight.sum()))
    row, column = divmod(chosen, region.shape[1])
    return column + 0.5, row + 0.5


def stroke_inside(region: BoolArray, rng: np.random.Generator) -> Places:
    """Points (N, 2), N >= 2, as x and y, of a stroke that runs along the middle of the region."""
    import cv2

    height, width = region.shape
    shrink = max(1.0, min(max(height, width) / _GRID_SIDE, thickness(region) / _CELLS_ACROSS))
    size = max(1, round(width / shrink)), max(1, round(height / shrink))
    share = cv2.resize(region.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    coarse = _largest(share > min(0.75, float(share.max()) * 0.9))
    path = _middle_path(coarse, rng)
    scale = np.array([width / size[0], height / size[1]])
    places = _part((path[:, ::-1] + 0.5) * scale, rng)
    if len(places) < 2:
        half = np.array([max(1.0, scale[0] * 0.4), 0.0])
        places = np.concatenate([places[:1] - half, places[:1] + half])
    return places


def _largest(region: BoolArray) -> BoolArray:
    return components(region, min_pixels=0, limit=1)[0]


def _middle_path(region: BoolArray, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Rows and columns (N, 2) of a path between two far ends of a region, keeping to its middle."""
    from scipy.sparse.csgraph import dijkstra

    cells = np.argwhere(region)
    if len(cells) == 1:
        return cells.astype(np.float64)
    lengths, costs = _graphs(region, cells)
    first = _far_end(dijkstra(lengths, indices=int(rng.integers(len(cells)))), rng)
    last = _far_end(dijkstra(lengths, indices=first), rng)
    _, before = dijkstra(costs, indices=first, return_predecessors=True)
    path = [last]
    while path[-1] != first and before[path[-1]] >= 0:
        path.append(int(before[path[-1]]))
    return cells[path].astype(np.float64)


def _graphs(region: BoolArray, cells: npt.NDArray[np.intp]) -> tuple[object, object]:
    """Neighbour graphs of the region's cells: by length, and by length with a toll near the outside."""
    from scipy.sparse import coo_array

    number = np.full(region.shape, -1)
    number[tuple(cells.T)] = np.arange(len(cells))
    toll = 1 / (depth(region)[tuple(cells.T)] + 0.1) ** 2
    padded = np.pad(number, 1, constant_values=-1)
    starts, ends, steps = [], [], []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other = padded[cells[:, 0] + 1 + dy, cells[:, 1] + 1 + dx]
        linked = other >= 0
        starts.append(np.flatnonzero(linked))
        ends.append(other[linked])
        steps.append(np.full(int(linked.sum()), np.hypot(dy, dx)))
    start, end, step = np.concatenate(starts), np.concatenate(ends), np.concatenate(steps)
    both = (np.concatenate([start, end]), np.concatenate([end, start]))
    priced = step * (toll[start] + toll[end])
    shape = (len(cells), len(cells))
    lengths = coo_array((np.tile(step, 2), both), shape=shape).tocsr()
    return lengths, coo_array((np.tile(priced, 2), both), shape=shape).tocsr()


def _far_end(distances: npt.NDArray[np.float64], rng: np.random.Generator) -> int:
    """One of the farthest cells that can be reached."""
    reached = np.flatnonzero(np.isfinite(distances))
    order = reached[np.argsort(-distances[reached], kind="stable")]
    return int(order[int(rng.integers(max(1, int(len(order) * _FAR_SHARE))))])


def _part(places: Places, rng: np.random.Generator) -> Places:
    """A piece of the path, half of it or more, smoothed as a hand's curve is."""
    length = max(2, round(len(places) * rng.uniform(_MIN_PART, _MAX_PART)))
    start = int(rng.integers(max(1, len(places) - length + 1)))
    piece = places[start : start + length]
    if len(piece) >= 5:
        inner = (piece[:-4] + piece[1:-3] + piece[2:-2] + piece[3:-1] + piece[4:]) / 5
        piece = np.concatenate([piece[:1], inner, piece[-1:]])
    if len(piece) > _MAX_POINTS:
        piece = piece[np.linspace(0, len(piece) - 1, _MAX_POINTS).astype(int)]
    return piece
