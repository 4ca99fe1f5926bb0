"""The refiners, torch-free; the default first."""

from __future__ import annotations

from models_zoo.info import RefinerInfo

INFOS: tuple[RefinerInfo, ...] = (
    RefinerInfo(
        name="par",
        title="Pixel-adaptive refinement (PAR)",
        entry="models_zoo.refiners.pixel_adaptive:par_refiner",
        summary="Scores flow to neighbours of like colour, up to four pixels at a time; quick and careful.",
        paper="Ru et al., AFA, CVPR 2022",
    ),
    RefinerInfo(
        name="pamr",
        title="Pixel-adaptive mask refinement (PAMR)",
        entry="models_zoo.refiners.pixel_adaptive:pamr_refiner",
        summary="The forerunner of PAR: sharper weights and no term for distance.",
        paper="Araslanov and Roth, CVPR 2020",
    ),
    RefinerInfo(
        name="dense_crf",
        title="Dense CRF",
        entry="models_zoo.refiners.dense_crf:refine",
        summary="Every pixel talks to every other of like colour and place; bold, and drops thin structures.",
        paper="Krähenbühl and Koltun, NIPS 2011; Adams et al., Eurographics 2010 (permutohedral lattice)",
    ),
    RefinerInfo(
        name="random_walk",
        title="Random walk",
        entry="models_zoo.refiners.affinity_walk:refine",
        uses_features=True,
        summary="Scores walk to near pixels unless a border lies between; takes learnt features where given.",
        paper="Ahn and Kwak, CVPR 2018 (AffinityNet); Ahn et al., CVPR 2019 (IRNet)",
    ),
    RefinerInfo(
        name="tree_filter",
        title="Tree filter",
        entry="models_zoo.refiners.tree_filter:refine",
        uses_features=True,
        summary="Scores are averaged along a tree that joins the likest pixels; far-reaching within one surface.",
        paper="Yang, CVPR 2012; Liang et al., Tree Energy Loss, CVPR 2022",
    ),
    RefinerInfo(
        name="guided_filter",
        title="Guided filter",
        entry="models_zoo.refiners.guided:guided_filter",
        summary="Scores become locally linear in the colours; the quickest, gives soft borders.",
        paper="He et al., ECCV 2010",
    ),
    RefinerInfo(
        name="joint_bilateral",
        title="Joint bilateral upsampling",
        entry="models_zoo.refiners.guided:joint_bilateral",
        summary="Coarse scores are enlarged so that their borders fall on colour edges.",
        paper="Kopf et al., SIGGRAPH 2007",
    ),
    RefinerInfo(
        name="none",
        title="No refinement",
        entry="models_zoo.refiners.running:unrefined",
        summary="The model's scores as they are, with the person's marks obeyed: the yardstick for the others.",
    ),
)

DEFAULT = INFOS[0].name
NAMES: tuple[str, ...] = tuple(info.name for info in INFOS)
