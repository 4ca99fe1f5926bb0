"""What `gp_explainable` is and which settings it has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodConfig, MethodInfo, setting
from models_zoo.marks import MarkKind
from models_zoo.refiners.info import DEFAULT, NAMES

NETWORKS = ("gp_unet", "gp_shuffle_unet", "gp_reconresnet")


@dataclass(frozen=True, kw_only=True)
class GpConfig(MethodConfig):
    """Which network, how its features are pooled, and where its maps are cut."""

    network: str = setting(
        NETWORKS[0],
        choices=NETWORKS,
        help="Network that keeps the picture's resolution; none needs trained weights. gp_unet is the quickest, "
        "gp_shuffle_unet keeps fine detail, gp_reconresnet sees furthest and takes longest.",
    )
    width: str = setting(
        "16",
        choices=("8", "16", "32", "64"),
        help="Channels at full resolution. 64 as published; time grows with the square.",
    )
    pooled_share: float = setting(
        0.01,
        min=0.0,
        max=0.5,
        help="Share of the picture whose strongest places decide about a tag; 0 takes the single strongest, as "
        "published, and makes spotty maps.",
    )
    offset: float = setting(
        0.5,
        min=0.0,
        max=5.0,
        help="How far below the highest of three groups of heat a mask still reaches; larger masks with more.",
    )
    refiner: str = setting(
        DEFAULT,
        choices=NAMES,
        help="How the proposals are made to follow the colours. par is quick and careful; dense_crf and random_walk "
        "move borders further; none leaves them as they are.",
    )
    effort: str = setting(
        "normal",
        choices=("quick", "normal", "thorough"),
        help="How long to train: quick for a first look, thorough (about three times normal) for the last round.",
    )
    steps: int = setting(
        0, min=0, max=100_000, help="Exact number of training steps; 0 lets effort and image count decide."
    )
    image_size: int = setting(
        256,
        min=64,
        max=1024,
        help="Long side in pixels that images are resized to. Larger sees thinner things and takes longer "
        "(twice the size, four times the time).",
    )
    batch_size: int = setting(4, min=1, max=64, help="Images a training step.")
    learning_rate: float = setting(3e-3, min=1e-6, max=1e-1, help="Step size of the whole network.")
    ema_decay: float = setting(
        0.99,
        min=0.0,
        max=0.9999,
        help="How slowly the averaged model, which makes the proposals, follows the trained one.",
    )


INFO = MethodInfo(
    name="gp_explainable",
    title="Explainable classifiers (GP)",
    accepts=frozenset(MarkKind),
    config=GpConfig,
    entry="models_zoo.methods.gp_explainable.task:GpExplainable",
    summary="For tags of pictures that no trained network knows, such as scans: a classifier from scratch whose heat "
    "maps at full resolution become the masks. Needs images with and images without each class.",
    paper="Chatterjee et al. 2022 (GP-UNet, GP-ShuffleUNet, GP-ReconResNet, arXiv 2206.05148)",
    license="Apache-2.0",
)
