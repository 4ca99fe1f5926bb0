"""What each class is called, enriched with what is said about all classes (text semantic enrichment of ExCEL).

Sentences about all classes are grouped; each class takes along the groups that are near its name.

Shape letters: C classes, E shared channels, K groups, S sentences.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from models_zoo.networks.image_text.surroundings import surroundings
from models_zoo.networks.image_text.types import ImageText

PROMPT = "a clean origami {}."
_GENERAL = (
    "a close view of {}",
    "a part of {}",
    "{} seen from far away",
    "the surface of {}",
    "several of {}",
    "{} in the dark",
)
"""Said of a class that nobody described."""
_DROPPED = 0.1
"""Share of the groups that lie farthest from a class and give it nothing."""
_ROUNDS = 20


@torch.no_grad()
def class_texts(model: ImageText, names: Sequence[str], *, clusters: int, background: int | None) -> Tensor:
    """Vectors of unit length to compare places with: the classes by position, then the surroundings, (C + 25, E).

    The background class and the surroundings are not enriched. Surroundings that are classes are left out.

    Args:
        model: a trained one.
        names: of the classes.
        clusters: groups of sentences at most; 0 leaves the names as they are.
        background: position of the background class.
    """
    texts = model.texts([PROMPT.format(name) for name in (*names, *surroundings(names))])
    things = [position for position in range(len(names)) if position != background]
    if clusters and things:
        sentences = [sentence for position in things for sentence in _sentences(model, names[position])]
        bank_KE = group(model.texts(sentences), clusters)
        texts[things] = enrich(texts[things], bank_KE)
    return texts


def _sentences(model: ImageText, name: str) -> list[str]:
    written = model.descriptions.get(name.lower())
    if written:
        return [f"{PROMPT.format(name)} {sentence}" for sentence in written]
    return [PROMPT.format(general.format(name)) for general in _GENERAL]


def enrich(texts_CE: Tensor, bank_KE: Tensor) -> Tensor:
    """t + softmax(t A) A over the nine tenths of the groups that are nearest to each class, of unit length, (C, E)."""
    scores_CK = texts_CE @ bank_KE.T
    dropped = int(_DROPPED * len(bank_KE))
    if dropped:
        farthest = scores_CK.topk(dropped, dim=1, largest=False).indices
        scores_CK = scores_CK.scatter(1, farthest, -torch.inf)
    return F.normalize(texts_CE + torch.softmax(scores_CK, dim=1) @ bank_KE, dim=1)


def group(vectors_SE: Tensor, count: int) -> Tensor:
    """Means of at most `count` groups (k-means), (K, E); the same every time.

    It starts from the first vector and then always the one farthest from all chosen ones.
    """
    centres_KE = _far_apart(vectors_SE, min(count, len(vectors_SE)))
    for _ in range(_ROUNDS):
        nearest_S = torch.cdist(vectors_SE, centres_KE).argmin(dim=1)
        member_KS = F.one_hot(nearest_S, len(centres_KE)).T.to(vectors_SE.dtype)
        mass_K1 = member_KS.sum(dim=1, keepdim=True)
        moved = torch.where(mass_K1 > 0, member_KS @ vectors_SE / mass_K1.clamp(min=1), centres_KE)
        if torch.equal(moved, centres_KE):
            break
        centres_KE = moved
    return centres_KE


def _far_apart(vectors_SE: Tensor, count: int) -> Tensor:
    chosen = [0]
    distance_S = torch.cdist(vectors_SE, vectors_SE[:1])[:, 0]
    while len(chosen) < count:
        chosen.append(int(distance_S.argmax()))
        distance_S = torch.minimum(distance_S, torch.cdist(vectors_SE, vectors_SE[chosen[-1:]])[:, 0])
    return vectors_SE[chosen].clone()
