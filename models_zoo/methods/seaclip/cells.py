"""Which cells sound like a picture's class, and how two grids are averaged (SeaCLIP).

A cell whose most fitting sentence is about a thing, of whatever class, takes the picture's label; all others are
background (Raine et al., WACV 2024).

Shape letters: B batch, C classes, E shared channels, P sentences; g rows and k columns of cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.marks import IGNORE
from models_zoo.networks.cells import CellClassifier
from models_zoo.networks.encoders import Encoder
from models_zoo.networks.image_text.surroundings import surroundings
from models_zoo.networks.image_text.types import ImageText

_PROMPTS = ("a photo of {}", "a blurry photo of {}", "a photo containing some {}")
_EPS = 1e-6
NOBODY = -1
"""Owner of a sentence that is about no class."""


@torch.no_grad()
def sentence_vectors(model: ImageText, names: Sequence[str], background: int | None) -> tuple[Tensor, Tensor]:
    """Sentences to compare cells with, (P, E) of unit length, and whose each is, (P,): a class position or `NOBODY`.

    What somebody wrote about a class (or about the background) stands for the general sentences.

    Args:
        model: a trained one.
        names: of the classes.
        background: position of the background class.
    """
    sentences: list[str] = []
    owners: list[int] = []
    for position, name in enumerate(names):
        written = model.descriptions.get(name.lower(), ())
        if position == background:
            said = written or [prompt.format(word) for word in surroundings(names) for prompt in _PROMPTS]
        else:
            said = written or [prompt.format(name) for prompt in _PROMPTS]
        sentences += said
        owners += [NOBODY if position == background else position] * len(said)
    return model.texts(sentences), torch.tensor(owners)


def word_labels(
    scores_BPgk: Tensor, owners_P: Tensor, present_BC: Tensor, pure_B: Tensor, *, background: int | None
) -> Tensor:
    """Labels of cells, class positions (B, g, k); `IGNORE` in pictures of which nothing is known.

    Args:
        scores_BPgk: how much each cell is like each sentence.
        owners_P: class positions, `NOBODY` for sentences about the rest.
        present_BC: bool, classes a picture shows, without the background. Of several a cell takes the most fitting.
        pure_B: bool, pictures known to show background only: all of their cells are.
        background: its position; None: every cell of a picture is of one of its classes.
    """
    num_classes = present_BC.shape[1]
    by_class = [
        scores_BPgk[:, owners_P == position].amax(dim=1)
        if bool((owners_P == position).any())
        else torch.full_like(scores_BPgk[:, 0], -torch.inf)
        for position in range(num_classes)
    ]
    own_BCgk = torch.stack(by_class, dim=1).masked_fill(~present_BC[:, :, None, None], -torch.inf)
    labels_Bgk = own_BCgk.argmax(dim=1)
    is_known_B = present_BC.any(dim=1)
    labels_Bgk = labels_Bgk.masked_fill(~is_known_B[:, None, None], IGNORE)
    if background is None:
        return labels_Bgk
    is_ground = (owners_P[scores_BPgk.argmax(dim=1)] == NOBODY) & is_known_B[:, None, None]
    return labels_Bgk.masked_fill(is_ground | pure_B[:, None, None], background)


def standardised(logits_BCgk: Tensor) -> Tensor:
    """A picture's logits less their mean, divided by their spread, over classes and cells: no scale is left."""
    mean = logits_BCgk.mean(dim=(1, 2, 3), keepdim=True)
    spread = (logits_BCgk - mean).square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return (logits_BCgk - mean) / spread.clamp(min=_EPS)


def averaged(first_BCgk: Tensor, second_BCgk: Tensor) -> Tensor:
    """Probabilities (B, C, g, k) of two grids' logits: the softmax of the mean of both, standardised."""
    return torch.softmax((standardised(first_BCgk) + standardised(second_BCgk)) / 2, dim=1)


class CellPair(CellClassifier):
    """The grid that learns from templates, and beside it `other`, which learns from words."""

    def __init__(self, encoder: Encoder, other: Encoder, num_classes: int, *, cell: int) -> None:
        """Takes both encoders over."""
        super().__init__(encoder, num_classes, cell=cell)
        self.other = CellClassifier(other, num_classes, cell=cell)
        linear, dropout, last = self.other.head
        self.other.head = nn.Sequential(linear, nn.ReLU(), dropout, last)

    def both(self, images_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, C, g, k) of both grids."""
        return self(images_BCHW)[1], self.other(images_BCHW)[1]


def compared(places_BEhw: Tensor, vectors_PE: Tensor, size: tuple[int, int], *, by_direction: bool) -> Tensor:
    """How much each cell is like each sentence, (B, P, g, k).

    Args:
        places_BEhw: of an image-text model.
        vectors_PE: of its sentences.
        size: (g, k).
        by_direction: whether only the directions of places count.
    """
    units = F.normalize(places_BEhw, dim=1) if by_direction else places_BEhw
    return F.adaptive_avg_pool2d(torch.einsum("behw,pe->bphw", units, vectors_PE), size)
