"""The acquisition functions, torch-free; the default first."""

from __future__ import annotations

from models_zoo.info import AcquisitionInfo

INFOS: tuple[AcquisitionInfo, ...] = (
    AcquisitionInfo(
        name="entropy",
        title="Entropy",
        entry="models_zoo.acquisition.entropy:Entropy",
        needs=("uncertainty",),
        summary="Images whose pixels the model is least sure about, by the mean entropy of their probabilities.",
    ),
    AcquisitionInfo(
        name="value_per_second",
        title="Value per second",
        entry="models_zoo.acquisition.value_per_second:ValuePerSecond",
        needs=("embeddings", "questions"),
        summary="Images whose best question (tag, point, scribble, box or mask) settles most doubt a second, "
        "and no two alike.",
    ),
    AcquisitionInfo(
        name="margin",
        title="Margin",
        entry="models_zoo.acquisition.margin:Margin",
        needs=("uncertainty",),
        summary="Images where the two likeliest classes of many pixels are close.",
    ),
    AcquisitionInfo(
        name="bald",
        title="Disagreement (BALD)",
        entry="models_zoo.acquisition.bald:Bald",
        needs=("disagreement",),
        summary="Images on which several predictions, such as of the picture and its mirror image, "
        "contradict each other.",
        paper="Houlsby et al., 2011; Gal, Islam and Ghahramani, ICML 2017",
    ),
    AcquisitionInfo(
        name="regions",
        title="Most doubtful region",
        entry="models_zoo.acquisition.regions:Regions",
        needs=("regions",),
        summary="Images with one region of like colour that the model is very unsure about, whatever the rest is like.",
        paper="after Siddiqui, Valentin and Niessner, CVPR 2020 (ViewAL)",
    ),
    AcquisitionInfo(
        name="badge",
        title="Different lessons (BADGE)",
        entry="models_zoo.acquisition.badge:Badge",
        needs=("embeddings", "residuals"),
        summary="A batch of images that would change the model much, each in another way.",
        paper="Ash et al., ICLR 2020",
    ),
    AcquisitionInfo(
        name="core_set",
        title="Core-set",
        entry="models_zoo.acquisition.core_set:CoreSet",
        needs=("embeddings",),
        summary="Images unlike those already labelled, so that a few cover the whole pool.",
        paper="Sener and Savarese, ICLR 2018",
    ),
    AcquisitionInfo(
        name="typiclust",
        title="Typical of each kind (TypiClust)",
        entry="models_zoo.acquisition.typiclust:TypiClust",
        needs=("embeddings",),
        summary="The most typical image of each kind there is: for the first few dozen images, "
        "when a model is still too poor to ask.",
        paper="Hacohen, Dekel and Weinshall, ICML 2022",
    ),
    AcquisitionInfo(
        name="probcover",
        title="Widest cover (ProbCover)",
        entry="models_zoo.acquisition.probcover:ProbCover",
        needs=("embeddings",),
        summary="Images with many others close around them, for the first few dozen images as well.",
        paper="Yehuda et al., NeurIPS 2022",
    ),
    AcquisitionInfo(
        name="random",
        title="Random",
        entry="models_zoo.acquisition.random:Random",
        summary="Any image, with a fixed seed: the yardstick for the others.",
    ),
)
