"""A CLIP from a folder: its weights as published for Hugging Face or for OpenCLIP, its vocabulary, its settings.

The folder that the environment variable `IMAGE_TEXT_MODEL` names holds

* the weights: `model.safetensors`, `open_clip_model.safetensors`, `pytorch_model.bin`, `open_clip_pytorch_model.bin`,
  or one other file of such an ending. Of a .bin, .pt or .pth only tensors are read, never code.
* the vocabulary (see `byte_pairs`).
* `config.json` or `open_clip_config.json`, if there is one: which GELU, how many heads. Without it, both are as first
  published: the quick GELU, heads of 64 channels.
* `descriptions.json`, if somebody wrote one: {"class name": ["a sentence about it", ...]}.
"""

from __future__ import annotations

import json
import os
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models_zoo.file_hashes import differs_from_its_hash
from models_zoo.networks.image_text.byte_pairs import read_vocabulary
from models_zoo.networks.image_text.clip import Clip, ClipShape, TowerShape
from models_zoo.networks.image_text.clip_names import own_names
from models_zoo.networks.image_text.types import ImageTextError

FOLDER = "IMAGE_TEXT_MODEL"
"""Environment variable: the folder above."""
DESCRIPTIONS = "descriptions.json"
_KNOWN_FILES = (
    "model.safetensors",
    "open_clip_model.safetensors",
    "pytorch_model.bin",
    "open_clip_pytorch_model.bin",
)
_ENDINGS = (".safetensors", ".bin", ".pt", ".pth")
_HEAD_WIDTH = 64
_QUICK, _EXACT = "quick_gelu", "gelu"


def configured_folder() -> Path:
    """The folder of `IMAGE_TEXT_MODEL`. Raises ImageTextError where it is not set or is none."""
    named = os.environ.get(FOLDER, "")
    if not named:
        raise ImageTextError(
            f"No CLIP is set up on this machine: set {FOLDER} to a folder with one, or choose the learnt model."
        )
    if not Path(named).is_dir():
        raise ImageTextError(f"{FOLDER} names no folder: set it to one with a CLIP's files.")
    return Path(named)


def load_clip(folder: Path) -> Clip:
    """The model of a folder, in evaluation mode. Raises ImageTextError for files that are not what they should be."""
    path = _weights_file(folder)
    if differs_from_its_hash(path):
        raise ImageTextError(f"{path.name} does not match the hash in {path.name}.sha256: fetch the file again.")
    state = own_names(_read(path), path.name)
    broken = [name for name, value in state.items() if not torch.isfinite(value).all()]
    if broken:
        raise ImageTextError(f"{path.name} holds values that are no numbers, in {broken[0]}: fetch the file again.")
    model = Clip(_shape(state, _settings(folder), path.name), read_vocabulary(folder), _descriptions(folder))
    _check(state, {name: value.shape for name, value in model.state_dict().items()}, path.name)
    model.load_state_dict(state)
    return model.eval()


def _weights_file(folder: Path) -> Path:
    for name in _KNOWN_FILES:
        if (folder / name).is_file():
            return folder / name
    others = sorted(path for path in folder.glob("*") if path.suffix in _ENDINGS) if folder.is_dir() else []
    if len(others) != 1:
        found = ", ".join(path.name for path in others) or "none"
        raise ImageTextError(
            f"{folder.name} must hold the weights of one CLIP ({found} found): put its {_KNOWN_FILES[0]} there."
        )
    return others[0]


def _read(path: Path) -> dict[str, Tensor]:
    """A file's tensors by name, without running anything that may be in it."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ImageTextError(
            f"{path.name} holds more than weights, which could be code and is not read: give a safetensors file."
        ) from error
    except (OSError, EOFError, RuntimeError, ValueError, SafetensorError) as error:
        raise ImageTextError(f"{path.name} cannot be read: fetch it again, as a safetensors file.") from error
    if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
        found = found["state_dict"]
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise ImageTextError(f"{path.name} holds no table of weights: give a safetensors file.")
    return {str(name).removeprefix("module."): value for name, value in found.items()}


def _settings(folder: Path) -> dict[str, Any]:
    """{"act": GELU's name, "image_heads": int, "text_heads": int}, as far as a settings file says so."""
    for name, parse in (("config.json", _of_hugging_face), ("open_clip_config.json", _of_open_clip)):
        if (folder / name).is_file():
            found = {key: value for key, value in parse(_json(folder / name)).items() if value is not None}
            if found.get("act", _QUICK) not in (_QUICK, _EXACT):
                raise ImageTextError(f"{name} asks for {found['act']}; known are {_QUICK} and {_EXACT}.")
            if not all(isinstance(found.get(key, 1), int) for key in ("image_heads", "text_heads")):
                raise ImageTextError(f"{name} gives no whole number of attention heads: fetch it again.")
            return found
    return {}


def _of_hugging_face(config: dict[str, Any]) -> dict[str, Any]:
    image, text = _table(config, "vision_config"), _table(config, "text_config")
    return {
        "act": image.get("hidden_act"),
        "image_heads": image.get("num_attention_heads"),
        "text_heads": text.get("num_attention_heads"),
    }


def _of_open_clip(config: dict[str, Any]) -> dict[str, Any]:
    model = _table(config, "model_cfg")
    return {
        "act": _QUICK if model.get("quick_gelu") else _EXACT,
        "text_heads": _table(model, "text_cfg").get("heads"),
    }


def _table(config: dict[str, Any], name: str) -> dict[str, Any]:
    found = config.get(name)
    return found if isinstance(found, dict) else {}


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ImageTextError(f"{path.name} cannot be read: fetch or write it again.") from error
    if not isinstance(found, dict):
        raise ImageTextError(f"{path.name} is no table: fetch or write it again.")
    return found


def _descriptions(folder: Path) -> dict[str, tuple[str, ...]]:
    path = folder / DESCRIPTIONS
    if not path.is_file():
        return {}
    found = _json(path)
    if not all(
        isinstance(value, list) and value and all(isinstance(sentence, str) for sentence in value)
        for value in found.values()
    ):
        raise ImageTextError(
            f'{DESCRIPTIONS} must hold a list of sentences a class: {{"cat": ["a cat has whiskers"]}}.'
        )
    return {name.lower(): tuple(value) for name, value in found.items()}


def _shape(state: Mapping[str, Tensor], settings: Mapping[str, Any], file: str) -> ClipShape:
    """Sizes from the tensors themselves."""
    try:
        kernel, positions = state["image.patch.weight"], state["image.positions"]
        words, project = state["text.words.weight"], state["image.project.weight"]
        grid = int((len(positions) - 1) ** 0.5)
        if kernel.ndim != 4 or kernel.shape[2] != kernel.shape[3] or grid**2 != len(positions) - 1 or grid < 1:
            raise ImageTextError(
                f"{file} has no square patches on a square grid: give a CLIP with a vision transformer."
            )
        return ClipShape(
            image=_tower(state, "image", kernel.shape[0], settings.get("image_heads"), file),
            text=_tower(state, "text", words.shape[1], settings.get("text_heads"), file),
            patch=kernel.shape[2],
            grid=grid,
            shared=project.shape[0],
            context=len(state["text.positions"]),
            vocabulary=len(words),
            is_quick=settings.get("act", _QUICK) == _QUICK,
        )
    except (KeyError, IndexError) as error:
        missing = error.args[0] if isinstance(error, KeyError) else "a part"
        raise ImageTextError(
            f"{file} lacks {missing}: give the weights of a whole CLIP with a vision transformer."
        ) from error


def _tower(state: Mapping[str, Tensor], kind: str, width: int, heads: int | None, file: str) -> TowerShape:
    numbers = [int(found[1]) for name in state if (found := re.match(rf"{kind}\.blocks\.(\d+)\.", name))]
    chosen = heads or max(1, width // _HEAD_WIDTH)
    if not numbers or width % chosen:
        raise ImageTextError(f"{file} has no {kind} transformer with {chosen} heads: give a CLIP's own files.")
    blocks, hidden = max(numbers) + 1, state[f"{kind}.blocks.0.fc1.weight"].shape[0]
    return TowerShape(width=width, heads=chosen, blocks=blocks, hidden=hidden)


def _check(state: Mapping[str, Tensor], wanted: Mapping[str, torch.Size], file: str) -> None:
    """Whether names and shapes are those of a CLIP of that size."""
    missing = sorted(set(wanted) - set(state))
    unknown = sorted(set(state) - set(wanted))
    if missing or unknown:
        what = f"lacks {missing[0]}" if missing else f"holds {unknown[0]}"
        raise ImageTextError(f"{file} {what}: give the weights of a CLIP with a plain vision transformer.")
    wrong = [name for name, shape in wanted.items() if state[name].shape != shape]
    if wrong:
        raise ImageTextError(
            f"{file} has {wrong[0]} of shape {list(state[wrong[0]].shape)}, where {list(wanted[wrong[0]])} would fit: "
            "fetch the file again."
        )
