"""The interactive segmenters, torch-free; the default first."""

from __future__ import annotations

from models_zoo.info import InteractiveInfo
from models_zoo.interactive.click_net.info import INFO as CLICK_NET
from models_zoo.interactive.sam_onnx.info import INFO as SAM_ONNX
from models_zoo.marks import MarkKind

INFOS: tuple[InteractiveInfo, ...] = (
    InteractiveInfo(
        name="live_head",
        title="Live head",
        accepts=frozenset(MarkKind),
        entry="models_zoo.interactive.live_head:LiveHead",
        needs_features=True,
        summary="Learns from the marks on this image at once, on the deep features, and follows colour edges.",
    ),
    InteractiveInfo(
        name="grabcut",
        title="GrabCut",
        accepts=frozenset(MarkKind),
        entry="models_zoo.interactive.grabcut:GrabCut",
        needs_features=False,
        summary="Colour models and graph cuts; needs no features, slower.",
        paper="Rother et al., SIGGRAPH 2004",
    ),
    InteractiveInfo(
        name="random_walker",
        title="Random walker",
        accepts=frozenset(MarkKind),
        entry="models_zoo.interactive.random_walker:RandomWalker",
        needs_features=False,
        summary="Each place goes to the mark that a random walk along like colours meets first; needs no features.",
        paper="Grady, PAMI 2006",
    ),
    InteractiveInfo(
        name="geodesic",
        title="Geodesic distance",
        accepts=frozenset(MarkKind),
        entry="models_zoo.interactive.geodesic:Geodesic",
        needs_features=False,
        summary="Each place goes to the mark that is nearest without crossing edges; needs no features.",
        paper="Criminisi et al., ECCV 2008",
    ),
    CLICK_NET,
    SAM_ONNX,
)
