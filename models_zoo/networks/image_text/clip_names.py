"""What a published CLIP calls its weights, and what we call them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from models_zoo.networks.image_text.types import ImageTextError

_NOT_WEIGHTS = re.compile(
    r"(input_resolution|context_length|vocab_size|logit_scale|logit_bias|attn_mask|.*\.position_ids)$"
)
_HUGGING_FACE = {
    "vision_model.embeddings.patch_embedding.": "image.patch.",
    "vision_model.embeddings.class_embedding": "image.class_token",
    "vision_model.embeddings.position_embedding.weight": "image.positions",
    "vision_model.pre_layrnorm.": "image.norm_before.",  # spelt so in published files
    "vision_model.post_layernorm.": "image.norm_after.",
    "vision_model.encoder.layers.": "image.blocks.",
    "visual_projection.": "image.project.",
    "text_model.embeddings.token_embedding.": "text.words.",
    "text_model.embeddings.position_embedding.weight": "text.positions",
    "text_model.encoder.layers.": "text.blocks.",
    "text_model.final_layer_norm.": "text.norm_after.",
    "text_projection.": "text.project.",
}
_OPEN_CLIP = {
    "visual.conv1.": "image.patch.",
    "visual.class_embedding": "image.class_token",
    "visual.positional_embedding": "image.positions",
    "visual.ln_pre.": "image.norm_before.",
    "visual.ln_post.": "image.norm_after.",
    "visual.transformer.resblocks.": "image.blocks.",
    "visual.proj": "image.project.weight",
    "token_embedding.": "text.words.",
    "positional_embedding": "text.positions",
    "transformer.resblocks.": "text.blocks.",
    "ln_final.": "text.norm_after.",
    "text_projection": "text.project.weight",
}
_IN_BLOCKS = {
    "layer_norm1.": "norm1.",
    "layer_norm2.": "norm2.",
    "self_attn.out_proj.": "out.",
    "mlp.fc1.": "fc1.",
    "mlp.fc2.": "fc2.",
    "ln_1.": "norm1.",
    "ln_2.": "norm2.",
    "attn.in_proj_": "qkv.",
    "attn.out_proj.": "out.",
    "mlp.c_fc.": "fc1.",
    "mlp.c_proj.": "fc2.",
}
_BLOCK = re.compile(r"((?:image|text)\.blocks\.\d+\.)(.*)")
_PARTED = re.compile(r"(.*\.)self_attn\.([qkv])_proj\.(weight|bias)")


def own_names(published: Mapping[str, Tensor], file: str) -> dict[str, Tensor]:
    """A published state under our names, float32; a name that no CLIP has stays as it is.

    Raises:
        ImageTextError: neither of the two layouts.
    """
    if "visual.conv1.weight" in published and "visual.class_embedding" in published:
        return _renamed(_turned(published), _OPEN_CLIP)
    if "vision_model.embeddings.class_embedding" in published:
        return _renamed(_together(published, file), _HUGGING_FACE)
    raise ImageTextError(
        f"{file} holds no CLIP with a vision transformer, named as by Hugging Face or OpenCLIP: give the file of one."
    )


def _renamed(state: Mapping[str, Tensor], table: Mapping[str, str]) -> dict[str, Tensor]:
    made = {}
    for name, value in state.items():
        if _NOT_WEIGHTS.match(name):
            continue
        ours = _replaced(name, table)
        inside = _BLOCK.fullmatch(ours)
        if inside:
            ours = inside[1] + _replaced(inside[2], _IN_BLOCKS)
        made[ours] = value.float()
    return made


def _replaced(name: str, table: Mapping[str, str]) -> str:
    """The name with its beginning exchanged, where the table knows it; an entry without a dot at its end is whole."""
    for theirs, ours in table.items():
        if name == theirs or (name.startswith(theirs) and theirs[-1] in "._"):
            return ours + name[len(theirs) :]
    return name


def _turned(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """OpenCLIP multiplies by its two projections from the right, we from the left."""
    turned = {"visual.proj", "text_projection"}
    return {name: value.T.contiguous() if name in turned else value for name, value in state.items()}


def _together(state: Mapping[str, Tensor], file: str) -> dict[str, Tensor]:
    """Hugging Face keeps query, key and value apart, we in one."""
    made: dict[str, Tensor] = {}
    parts: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        found = _PARTED.fullmatch(name)
        if found:
            parts.setdefault(f"{found[1]}qkv.{found[3]}", {})[found[2]] = value
        else:
            made[name] = value
    for name, three in parts.items():
        if len(three) != 3 or len({value.shape for value in three.values()}) != 1:
            raise ImageTextError(f"{file} lacks a query, key or value of {name}: fetch the file again.")
        made[name] = torch.cat([three["q"], three["k"], three["v"]])
    return made
