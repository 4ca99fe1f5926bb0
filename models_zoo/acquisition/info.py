"""The acquisition functions, torch-free; the default first."""

from __future__ import annotations

from models_zoo.info import AcquisitionInfo

INFOS: tuple[AcquisitionInfo, ...] = (
    AcquisitionInfo(
        name="entropy",
        title="Entropy",
        entry="models_zoo.acquisition.entropy:Entropy",
        summary="Images whose pixels the model is least sure about, by the mean entropy of their probabilities.",
    ),
    AcquisitionInfo(
        name="margin",
        title="Margin",
        entry="models_zoo.acquisition.margin:Margin",
        summary="Images where the two likeliest classes of many pixels are close.",
    ),
    AcquisitionInfo(
        name="core_set",
        title="Core-set",
        entry="models_zoo.acquisition.core_set:CoreSet",
        needs_embeddings=True,
        summary="Images unlike those already labelled, so that a few cover the whole pool.",
        paper="Sener and Savarese, ICLR 2018",
    ),
    AcquisitionInfo(
        name="random",
        title="Random",
        entry="models_zoo.acquisition.random:Random",
        summary="Any image, with a fixed seed: the yardstick for the others.",
    ),
)
