"""What `click_net` is, as a way to learn and as an interactive segmenter; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import InteractiveInfo, MethodInfo, setting
from models_zoo.marks import MarkKind
from models_zoo.methods.common_config import NetworkConfig

_PAPER = "Sofiiuk, Petrov and Konushin, ICIP 2022 (RITM, arXiv 2102.06583)"


@dataclass(frozen=True, kw_only=True)
class ClickNetConfig(NetworkConfig):
    """Settings a person may change; the defaults suit some hundred accepted masks on two processor cores."""

    steps: int = setting(
        0, min=0, max=200_000, help="Exact number of training steps; 0 lets effort and image count decide."
    )
    image_size: int = setting(
        256,
        min=64,
        max=1024,
        help="Side in pixels of the pieces of images it learns on. Larger sees finer outlines and takes longer "
        "(twice the size, four times the time).",
    )
    batch_size: int = setting(8, min=1, max=64, help="Objects a training step.")
    learning_rate: float = setting(
        1e-3, min=1e-6, max=1e-1, help="Step size of the decoder; the encoder learns at three tenths of it."
    )
    max_corrections: int = setting(
        3,
        min=0,
        max=8,
        help="At most so many simulated corrections: each is a click on the largest mistake of the network's own "
        "last answer. 0 teaches first clicks only, which is faster and answers corrections worse.",
    )
    ema_decay: float = setting(
        0.99, min=0.0, max=0.9999, help="How slowly the averaged network, which is kept, follows the trained one."
    )


METHOD = MethodInfo(
    name="click_net",
    title="Click network",
    accepts=frozenset(),
    config=ClickNetConfig,
    entry="models_zoo.interactive.click_net.training:ClickTraining",
    loader="models_zoo.interactive.click_net.objects:ObjectLoader",
    interactive="click_net",
    summary="Learns from accepted masks to answer clicks, strokes and boxes while somebody draws; it makes no "
    "proposals for images that nobody marked.",
    paper=_PAPER,
    license="Apache-2.0; encoder weights Apache-2.0",
)

INFO = InteractiveInfo(
    name="click_net",
    title="Click network",
    accepts=frozenset(MarkKind),
    entry="models_zoo.interactive.click_net.segmenter:ClickNetSegmenter",
    needs_features=False,
    summary="A network trained on masks to find the extent of what was clicked; has to be trained first.",
    paper=_PAPER,
    files=("weights",),
)
