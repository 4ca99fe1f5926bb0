"""A CLIP small enough for a test, saved in the layouts in which CLIPs are published."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from models_zoo.networks.image_text.byte_pairs import END, PACKED, START, byte_letters

WIDTH, TEXT_WIDTH, BLOCKS, TEXT_BLOCKS, SHARED, PATCH, GRID, CONTEXT = 128, 64, 6, 2, 16, 16, 2, 12
MERGES = (("c", "a"), ("ca", "t</w>"), ("d", "o"))
Layout = Callable[[dict[str, Tensor]], dict[str, Tensor]]


def vocabulary() -> dict[str, int]:
    """All bytes, alone and at a word's end, the merges, and the two marks."""
    letters = list(byte_letters().values())
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in MERGES), START, END]
    return {piece: number for number, piece in enumerate(pieces)}


def open_clip_state(seed: int = 0) -> dict[str, Tensor]:
    """Random weights as OpenCLIP names them."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return 0.2 * torch.randn(*shape, generator=generator)

    state = {
        "logit_scale": torch.tensor(4.6),
        "visual.class_embedding": random(WIDTH),
        "visual.positional_embedding": random(1 + GRID**2, WIDTH),
        "visual.proj": random(WIDTH, SHARED),
        "visual.conv1.weight": random(WIDTH, 3, PATCH, PATCH),
        "token_embedding.weight": random(len(vocabulary()), TEXT_WIDTH),
        "positional_embedding": random(CONTEXT, TEXT_WIDTH),
        "text_projection": random(TEXT_WIDTH, SHARED),
    }
    norms = {"visual.ln_pre": WIDTH, "visual.ln_post": WIDTH, "ln_final": TEXT_WIDTH}
    towers = (("visual.transformer", WIDTH, BLOCKS), ("transformer", TEXT_WIDTH, TEXT_BLOCKS))
    for tower, width, blocks in towers:
        for number in range(blocks):
            at = f"{tower}.resblocks.{number}."
            norms |= {at + "ln_1": width, at + "ln_2": width}
            state |= {at + "attn.in_proj_weight": random(3 * width, width), at + "attn.in_proj_bias": random(3 * width)}
            for name, inputs, outputs in (
                ("attn.out_proj", width, width),
                ("mlp.c_fc", width, 2 * width),
                ("mlp.c_proj", 2 * width, width),
            ):
                state |= {at + name + ".weight": random(outputs, inputs), at + name + ".bias": random(outputs)}
    for name, width in norms.items():
        state |= {name + ".weight": 1 + random(width), name + ".bias": random(width)}
    return state


def hugging_face_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights as Hugging Face's CLIPModel names them."""
    names = {
        "visual.class_embedding": "vision_model.embeddings.class_embedding",
        "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
        "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
        "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
        "positional_embedding": "text_model.embeddings.position_embedding.weight",
        "logit_scale": "logit_scale",
    }
    made = {theirs: state[ours] for ours, theirs in names.items()}
    made |= {"visual_projection.weight": state["visual.proj"].T, "text_projection.weight": state["text_projection"].T}
    made["text_model.embeddings.position_ids"] = torch.arange(CONTEXT)[None]
    parts = {
        "visual.ln_pre": "vision_model.pre_layrnorm",
        "visual.ln_post": "vision_model.post_layernorm",
        "ln_final": "text_model.final_layer_norm",
    }
    towers = (("visual.transformer", "vision_model", BLOCKS), ("transformer", "text_model", TEXT_BLOCKS))
    for ours, theirs, blocks in towers:
        for number in range(blocks):
            at, to = f"{ours}.resblocks.{number}.", f"{theirs}.encoder.layers.{number}."
            parts |= {
                at + "ln_1": to + "layer_norm1",
                at + "ln_2": to + "layer_norm2",
                at + "attn.out_proj": to + "self_attn.out_proj",
                at + "mlp.c_fc": to + "mlp.fc1",
                at + "mlp.c_proj": to + "mlp.fc2",
            }
            for kind in ("weight", "bias"):
                for name, part in zip("qkv", state[f"{at}attn.in_proj_{kind}"].chunk(3), strict=True):
                    made[f"{to}self_attn.{name}_proj.{kind}"] = part
    for ours, theirs in parts.items():
        made |= {f"{theirs}.{kind}": state[f"{ours}.{kind}"] for kind in ("weight", "bias")}
    return {name: value.contiguous().clone() for name, value in made.items()}


def write_clip(folder: Path, *, hugging_face: bool = True, state: dict[str, Tensor] | None = None) -> Path:
    """A folder with weights and vocabulary of one of the two layouts; gives the weights' file."""
    folder.mkdir(parents=True, exist_ok=True)
    state = open_clip_state() if state is None else state
    if hugging_face:
        path = folder / "model.safetensors"
        save_file(hugging_face_state(state), path)
        (folder / "vocab.json").write_text(json.dumps(vocabulary()))
        (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in MERGES))
        return path
    path = folder / "open_clip_pytorch_model.bin"
    torch.save(state, path)
    with gzip.open(folder / PACKED, "wt", encoding="utf-8") as opened:
        opened.write("version\n" + "".join(f"{a} {b}\n" for a, b in MERGES))
    return path
