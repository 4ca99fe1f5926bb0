"""What `wscl` is and which settings it has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodInfo, setting
from models_zoo.marks import MarkKind
from models_zoo.methods.common_config import AveragedConfig
from models_zoo.refiners.info import DEFAULT, NAMES


@dataclass(frozen=True, kw_only=True)
class WsclConfig(AveragedConfig):
    """Which evidence is looked at, and how much agreeing counts."""

    streams: str = setting(
        "rgb srm bayar",
        choices=("rgb srm bayar", "rgb srm", "rgb bayar", "srm bayar", "rgb"),
        help="Evidence, each seen by a network of its own: rgb the colours, srm and bayar the noise, by fixed and by "
        "learnt filters. Each takes its own share of the time.",
    )
    stream_agreement: float = setting(
        0.1, min=0.0, max=5.0, help="How much each kind of evidence has to agree with the mean of all; 0 is off."
    )
    place_agreement: float = setting(
        0.1, min=0.0, max=5.0, help="How much places have to be alike inside and outside of what was found; 0 is off."
    )
    refiner: str = setting(
        DEFAULT,
        choices=NAMES,
        help="How the coarse map is made to follow the colours in proposals. "
        "par is quick and careful; dense_crf and random_walk move borders further; none leaves it as it is.",
    )


INFO = MethodInfo(
    name="wscl",
    title="Streams that agree (WSCL)",
    accepts=frozenset(MarkKind),
    config=WsclConfig,
    entry="models_zoo.methods.wscl.task:WsclTraining",
    loader="models_zoo.methods.wscl.pixels:PixelLoader",
    summary="For what does not belong in a picture (pasted parts, defects), from yes or no an image: networks for "
    "colours and for noise learn a map each and have to agree.",
    paper="Zhai et al. 2023 (WSCL, arXiv 2309.01246); Fridrich and Kodovsky 2012 (SRM); Bayar and Stamm 2018; "
    "Otsu 1979",
    license="Apache-2.0; encoder weights Apache-2.0",
)
