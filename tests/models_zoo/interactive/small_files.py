"""Files that some segmenters are built from, small enough for tests: a trained click network, and a toy of SAM's shape.

The ONNX toy measures how like each pixel's colour is to that of the prompts: it finds an even thing on other ground.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models_zoo import InteractiveInfo, get_method, list_interactive, parse_config
from models_zoo.engine import SilentCallbacks, fit
from tests.models_zoo.toy import make_snapshot

SIDE = 256
"""Of the toy encoder's square; its embedding is a quarter of that."""
CELLS = SIDE // 4
NEEDS_NOTHING = [info.name for info in list_interactive() if not info.files]
_FOLDER = TemporaryDirectory(prefix="small-files-")
CLICKS = {"image_size": 64, "batch_size": 4, "steps": 60, "learning_rate": 3e-3}


def make_click_weights(folder: Path, **settings: object) -> Path:
    """Train a click network on discs for a few seconds; returns its final/ folder."""
    make_snapshot(folder / "snapshot", count=8, num_masks=8, size=(96, 72))
    info = get_method("click_net")
    result = fit(
        method=info.name,
        config=parse_config(info, {**CLICKS, **settings}),
        snapshot_dir=folder / "snapshot",
        work_dir=folder / "run",
        seed=0,
        device="cpu",
        callbacks=SilentCallbacks(),
    )
    return result.weights_dir


@cache
def small_files(name: str) -> dict[str, Path]:
    """Everything a registered segmenter needs, made once and thrown away at the end; not for their quality."""
    folder = Path(_FOLDER.name) / name
    folder.mkdir()
    return files_for(next(info for info in list_interactive() if info.name == name), folder)


def files_for(info: InteractiveInfo, folder: Path) -> dict[str, Path]:
    """The same in a folder of one's own."""
    if info.name == "click_net":
        return {"weights": make_click_weights(folder, steps=2)}
    if info.name == "sam_onnx":
        return {"encoder": write_encoder(folder / "encoder.onnx"), "decoder": write_decoder(folder / "decoder.onnx")}
    assert not info.files, f"no small files are known for {info.name}"
    return {}


# --- a segment-anything model in two dozen nodes ---------------------------------------------------


def _save(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, Any]) -> Path:
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "toy", inputs, outputs, initializer=tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def _info(name: str, shape: list[Any], kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def write_encoder(path: Path, *, name: str = "x", channels: int = 3, raw: bool = False) -> Path:
    """Colour averaged over 4 x 4 pixels, as an embedding (1, 3, CELLS, CELLS).

    ``raw``: takes pixels (H, W, 3) as they are, and normalises and pads by itself.
    """
    pool = helper.make_node("AveragePool", ["planes"], ["image_embeddings"], kernel_shape=[4, 4], strides=[4, 4])
    output = _info("image_embeddings", [1, channels, CELLS, CELLS])
    if not raw:
        nodes = [helper.make_node("Identity", [name], ["planes"]), pool]
        return _save(path, nodes, [_info(name, [1, channels, SIDE, SIDE])], [output], {})
    constants = {
        "mean": np.array([123.675, 116.28, 103.53], np.float32),
        "std": np.array([58.395, 57.12, 57.375], np.float32),
        "zero": np.zeros(1, np.int64),
        "side": np.array([1024, 1024], np.int64),
        "head": np.zeros(6, np.int64),
        "batch": np.array([0], np.int64),
        "planes_then": np.array([1, 3], np.int64),
    }
    nodes = [
        helper.make_node("Sub", [name, "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["first"], perm=[2, 0, 1]),
        helper.make_node("Unsqueeze", ["first", "batch"], ["batched"]),
        helper.make_node("Shape", ["batched"], ["shape"]),
        helper.make_node("Slice", ["shape", "two", "four"], ["size"]),
        helper.make_node("Sub", ["side", "size"], ["lacking"]),
        helper.make_node("Concat", ["head", "lacking"], ["pads"], axis=0),
        helper.make_node("Pad", ["batched", "pads"], ["padded"]),
        helper.make_node("AveragePool", ["padded"], ["planes"], kernel_shape=[4, 4], strides=[4, 4]),
        pool,
    ]
    constants |= {"two": np.array([2], np.int64), "four": np.array([4], np.int64)}
    return _save(path, nodes, [_info(name, ["h", "w", 3])], [output], constants)


def write_decoder(
    path: Path,
    *,
    plain: bool = False,
    channels: int = 3,
    cells: int = CELLS,
    frame: int = SIDE,
    rename: dict[str, str] | None = None,
) -> Path:
    """Masks by likeness of colour to the positive prompts less that to the negative ones, plus half of `mask_input`.

    Four masks as SAM has them: the second of them, with the best estimate, is larger than the first. ``plain``: the
    signature of EdgeSAM, without mask_input, has_mask_input and orig_im_size. ``frame`` is the side of the square that
    prompts are given in.
    """
    names = {"embedding": "image_embeddings", "coords": "point_coords", "labels": "point_labels", **(rename or {})}
    rows, columns = np.mgrid[0:cells, 0:cells].reshape(2, -1)
    constants: dict[str, Any] = {
        "centres": np.stack([columns, rows], axis=1).astype(np.float32) * (frame / cells)
        + np.float32(frame / cells / 2),
        "flat": np.array([channels, -1], np.int64),
        "one": np.float32(1.0),
        "nought": np.float32(0.0),
        "last": np.array([2], np.int64),
        "steep": np.float32(-0.05 * (4 * cells / frame) ** 2),
        "narrow": np.float32(-0.5),
        "axis": np.array([1], np.int64),
        "first": np.array([0], np.int64),
        "square": np.array([1, 1, cells, cells], np.int64),
        "offsets": np.array([0, 1.5, 0, 0], np.float32).reshape(1, 4, 1, 1),
        "quality": np.array([[0.9, 0.8, 0.3, 0.2]], np.float32),
        "gain": np.float32(12.0),
        "bias": np.float32(-4.0),
    }
    node = helper.make_node
    nodes = [
        node("Reshape", [names["embedding"], "flat"], ["planes"]),
        node("Squeeze", [names["coords"], "first"], ["prompts"]),
        node("Squeeze", [names["labels"], "first"], ["kinds"]),
        # Which cell each prompt lies in, softly: weights (N, cells) that sum to 1.
        node("Unsqueeze", ["prompts", "axis"], ["prompts1"]),
        node("Sub", ["prompts1", "centres"], ["offs"]),
        node("Mul", ["offs", "offs"], ["squares"]),
        node("ReduceSum", ["squares", "last"], ["distances"], keepdims=0),
        node("Mul", ["distances", "steep"], ["nearness"]),
        node("Softmax", ["nearness"], ["where"], axis=1),
        node("Transpose", ["planes"], ["cells"], perm=[1, 0]),
        node("MatMul", ["where", "cells"], ["colours"]),
        # Likeness of every cell to every prompt, (N, cells).
        node("Unsqueeze", ["colours", "axis"], ["colours1"]),
        node("Sub", ["colours1", "cells"], ["unlike"]),
        node("Mul", ["unlike", "unlike"], ["unlike2"]),
        node("ReduceSum", ["unlike2", "last"], ["far"], keepdims=0),
        node("Mul", ["far", "narrow"], ["minus"]),
        node("Exp", ["minus"], ["like"]),
        node("Unsqueeze", ["kinds", "axis"], ["kinds1"]),
        node("Equal", ["kinds1", "one"], ["is_on"]),
        node("Equal", ["kinds1", "nought"], ["is_off"]),
        node("Cast", ["is_on"], ["on"], to=TensorProto.FLOAT),
        node("Cast", ["is_off"], ["off"], to=TensorProto.FLOAT),
        node("Mul", ["like", "on"], ["like_on"]),
        node("Mul", ["like", "off"], ["like_off"]),
        node("ReduceMax", ["like_on"], ["best_on"], axes=[0], keepdims=0),
        node("ReduceMax", ["like_off"], ["best_off"], axes=[0], keepdims=0),
        node("Sub", ["best_on", "best_off"], ["lead"]),
        node("Mul", ["lead", "gain"], ["raised"]),
        node("Add", ["raised", "bias"], ["logits"]),
        node("Reshape", ["logits", "square"], ["single"]),
    ]
    inputs = [
        _info(names["embedding"], [1, channels, cells, cells]),
        _info(names["coords"], [1, "n", 2]),
        _info(names["labels"], [1, "n"]),
    ]
    if plain:
        nodes += [
            node("Add", ["single", "offsets"], ["masks"]),
            node("Identity", ["quality"], ["scores"]),
        ]
        outputs = [_info("scores", [1, 4]), _info("masks", [1, 4, cells, cells])]
        return _save(path, nodes, inputs, outputs, constants)
    inputs += [
        _info("mask_input", [1, 1, 4 * cells, 4 * cells]),
        _info("has_mask_input", [1]),
        _info("orig_im_size", [2]),
    ]
    nodes += [
        node("AveragePool", ["mask_input"], ["small"], kernel_shape=[4, 4], strides=[4, 4]),
        node("Mul", ["small", "has_mask_input"], ["held"]),
        node("Add", ["single", "held"], ["joined"]),
        node("Add", ["joined", "offsets"], ["low_res_masks"]),
        node("Identity", ["quality"], ["iou_predictions"]),
        # The real thing enlarges to orig_im_size; that it is asked for and used is all that matters here.
        node("Cast", ["orig_im_size"], ["whole_size"], to=TensorProto.INT64),
        node("Concat", ["front", "whole_size"], ["sizes"], axis=0),
        node("Resize", ["low_res_masks", "", "", "sizes"], ["masks"], mode="linear"),
    ]
    constants["front"] = np.array([1, 4], np.int64)
    outputs = [
        _info("masks", [1, 4, "h", "w"]),
        _info("iou_predictions", [1, 4]),
        _info("low_res_masks", [1, 4, cells, cells]),
    ]
    return _save(path, nodes, inputs, outputs, constants)
