"""Every plug-in by name: one explicit table a kind, no scanning, no torch.

Adding a method is a folder in `methods/`, a line here and a paragraph in README.md.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from models_zoo.info import AcquisitionInfo, EncoderInfo, InteractiveInfo, MethodInfo, RefinerInfo, UnknownMethod
from models_zoo.methods.affinity.info import INFO as _AFFINITY
from models_zoo.methods.agmm.info import INFO as _AGMM
from models_zoo.methods.bas.info import INFO as _BAS
from models_zoo.methods.cam.info import INFO as _CAM
from models_zoo.methods.dual_polishing.info import INFO as _DUAL_POLISHING
from models_zoo.methods.excel.info import INFO as _EXCEL
from models_zoo.methods.gp_explainable.info import INFO as _GP_EXPLAINABLE
from models_zoo.methods.mask_polisher.info import INFO as _MASK_POLISHER
from models_zoo.methods.ppl.info import INFO as _PPL
from models_zoo.methods.seaclip.info import INFO as _SEACLIP
from models_zoo.methods.seafeats.info import INFO as _SEAFEATS
from models_zoo.methods.seeded_segmentation.info import INFO as _SEEDED_SEGMENTATION
from models_zoo.methods.self_vit_mil.info import INFO as _SELF_VIT_MIL
from models_zoo.methods.toco.info import INFO as _TOCO
from models_zoo.methods.tsddnet.info import INFO as _TSDDNET
from models_zoo.methods.wscl.info import INFO as _WSCL

_ENCODERS: tuple[EncoderInfo, ...] = (
    EncoderInfo(
        name="efficientnet_lite0",
        title="EfficientNet-Lite0 (ImageNet)",
        is_pretrained=True,
        license="Apache-2.0",
    ),
    EncoderInfo(name="resnet18", title="ResNet-18, untrained", is_pretrained=False, license="BSD-3-Clause"),
    EncoderInfo(name="resnet34", title="ResNet-34, untrained", is_pretrained=False, license="BSD-3-Clause"),
    EncoderInfo(name="resnet50", title="ResNet-50, untrained", is_pretrained=False, license="BSD-3-Clause"),
    EncoderInfo(name="vit_tiny", title="ViT-Tiny/16, untrained", is_pretrained=False, license="Apache-2.0"),
    EncoderInfo(name="vit_small", title="ViT-Small/16, untrained", is_pretrained=False, license="Apache-2.0"),
)


def list_methods() -> list[MethodInfo]:
    """All ways to learn, the default first."""
    from models_zoo.interactive.click_net.info import METHOD as CLICK_NET

    return [
        _SEEDED_SEGMENTATION,
        _AGMM,
        _CAM,
        _AFFINITY,
        _BAS,
        _PPL,
        _TOCO,
        _EXCEL,
        _SEAFEATS,
        _SEACLIP,
        _WSCL,
        _SELF_VIT_MIL,
        _GP_EXPLAINABLE,
        CLICK_NET,
        _MASK_POLISHER,
        _DUAL_POLISHING,
        _TSDDNET,
    ]


def get_method(name: str) -> MethodInfo:
    """The method of that name; raises UnknownMethod listing the known ones."""
    for info in list_methods():
        if info.name == name:
            return info
    known = ", ".join(info.name for info in list_methods())
    raise UnknownMethod(f"no method named {name!r}; the methods are: {known}")


def list_encoders() -> list[EncoderInfo]:
    """All encoders, the default first."""
    return list(_ENCODERS)


def list_interactive() -> list[InteractiveInfo]:
    """All interactive segmenters, the default first."""
    from models_zoo.interactive.info import INFOS

    return list(INFOS)


def list_acquisitions() -> list[AcquisitionInfo]:
    """All acquisition functions, the default first."""
    from models_zoo.acquisition.info import INFOS

    return list(INFOS)


def list_refiners() -> list[RefinerInfo]:
    """All refiners, the default first."""
    from models_zoo.refiners.info import INFOS

    return list(INFOS)


def load_entry(entry: str) -> Callable[..., Any]:
    """Import "package.module:attribute"; this is where torch comes in."""
    module, _, attribute = entry.partition(":")
    loaded: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return loaded
