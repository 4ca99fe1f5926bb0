"""What `mask_polisher` is and which settings it has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodInfo, setting
from models_zoo.methods.common_config import ENCODERS, NetworkConfig


@dataclass(frozen=True, kw_only=True)
class MaskPolisherConfig(NetworkConfig):
    """Settings a person may change; the defaults suit some dozens of accepted masks on two processor cores."""

    encoder: str = setting(
        "efficientnet_lite0",
        choices=ENCODERS,
        help="Image network to look with. Where it is that of the model whose masks are mended, its trained weights "
        "are taken over; of the others only EfficientNet-Lite0 brings trained weights.",
    )
    image_size: int = setting(
        320,
        min=64,
        max=1024,
        help="Long side in pixels at which masks are mended. Larger draws finer borders and takes longer "
        "(twice the size, four times the time).",
    )
    batch_size: int = setting(6, min=1, max=64, help="Spoilt masks a training step.")
    learning_rate: float = setting(1e-3, min=1e-6, max=1e-1, help="Step size of what mends; the encoder stays.")
    ema_decay: float = setting(
        0.99, min=0.0, max=0.9999, help="How slowly the averaged network, which is kept, follows the trained one."
    )


INFO = MethodInfo(
    name="mask_polisher",
    title="Mask polisher",
    accepts=frozenset(),
    config=MaskPolisherConfig,
    entry="models_zoo.methods.mask_polisher.training:MaskPolishing",
    loader="models_zoo.methods.mask_polisher.spoilt:SpoiltLoader",
    polishes=True,
    summary="Learns from accepted masks, spoilt as the model in use errs, to mend that model's proposals; it makes "
    "none by itself.",
    paper="Zhang, Sun and Wei, AAAI 2023 (dual pseudo-label polishing, arXiv 2207.08185), carried over to masks",
    license="Apache-2.0; encoder weights Apache-2.0",
)
