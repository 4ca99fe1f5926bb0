"""Transformers as encoders: tokens, positions, published files, and what is put behind the patches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from models_zoo.networks.encoders import EncoderError, build_encoder, load_encoder
from models_zoo.networks.vision_transformer import VisionTransformer, resize_positions


def _tiny() -> VisionTransformer:
    torch.manual_seed(0)
    encoder = build_encoder("vit_tiny").eval()
    assert isinstance(encoder, VisionTransformer)
    return encoder


def _images(height: int = 64, width: int = 96, count: int = 1) -> Tensor:
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(1))


def _published(encoder: VisionTransformer, side: int) -> dict[str, Tensor]:
    """The encoder's state under the names of published files, with positions for another size and a head."""
    state: dict[str, Tensor] = {"head.weight": torch.zeros(7, 192), "head.bias": torch.zeros(7)}
    depth = 0
    for name, value in encoder.state_dict().items():
        _, stage, rest = name.split(".", 2)
        if name.startswith("stages.0."):
            state[f"patch_embed.{rest}" if rest.startswith("proj") else rest] = value.contiguous()
        elif rest.startswith("norm."):
            state[rest] = value.contiguous()
        elif name.startswith("stages."):
            _, number, inner = rest.split(".", 2)
            depth = int(number) + {"1": 0, "2": 3, "3": 6, "4": 10}[stage]
            state[f"blocks.{depth}.{inner}"] = value.contiguous()
    assert depth == 11
    state["pos_embed"] = torch.randn(1, 1 + side * side, 192)
    return state


def test_all_layers_are_tokens_and_gradients_lead_from_the_last_to_each() -> None:
    encoder = _tiny()
    layers, token_BD = encoder.chain(_images(count=2))
    assert token_BD.shape == (2, 192)
    assert {stride: tuple(layer.shape) for stride, layer in layers.items()} == dict.fromkeys(
        (2, 4, 8, 16, 32), (2, 192, 4, 6)
    )
    for layer in layers.values():
        (gradient,) = torch.autograd.grad(layers[32].square().sum(), layer, retain_graph=True)
        assert gradient.abs().sum() > 0
    # The last tokens are normed, those two blocks before are not.
    torch.testing.assert_close(layers[32].mean(dim=1), torch.zeros(2, 4, 6), atol=1e-5, rtol=0)
    assert layers[16].mean(dim=1).abs().max() > 1e-3


def test_the_kept_resolution_gives_the_last_tokens_as_they_are() -> None:
    encoder = _tiny()
    with torch.no_grad():
        pooled = encoder(_images())[32]
        encoder.keep_resolution()
        kept, layers = encoder(_images())[32], encoder.chain(_images())[0]
    assert kept.shape == (1, 192, 4, 6)
    assert torch.equal(kept, layers[32])
    torch.testing.assert_close(torch.nn.functional.max_pool2d(kept, 2), pooled)


def test_patches_know_their_places_at_every_size() -> None:
    encoder = _tiny()
    with torch.no_grad():
        same = encoder.chain(torch.zeros(1, 3, 64, 96))[0][2]
    assert not torch.allclose(same[0, :, 0, 0], same[0, :, 3, 5])
    grid = torch.arange(16.0).view(1, 16, 1)
    assert torch.equal(resize_positions(grid, (4, 4))[0, 0], torch.arange(16.0).view(4, 4))
    # A ramp stays one, and its middle value.
    wide = resize_positions(grid, (4, 8))[0, 0]
    assert (wide.diff(dim=1) > 0).all() and float(wide.mean()) == pytest.approx(7.5)


@pytest.mark.parametrize("side", [14, 8])
def test_a_published_file_gives_all_but_what_makes_maps_finer(tmp_path: Path, side: int) -> None:
    source = _tiny()
    state = _published(source, side)
    save_file(state, tmp_path / "published.safetensors")
    loaded = load_encoder("vit_tiny", tmp_path / "published.safetensors")
    assert loaded.is_pretrained
    ours, theirs = loaded.state_dict(), source.state_dict()
    same = [k for k in theirs if k.startswith("stages.") and k != "stages.0.pos_embed"]
    assert all(torch.equal(ours[name], theirs[name]) for name in same)
    expected = resize_positions(state["pos_embed"][:, 1:], (14, 14)).flatten(2).transpose(1, 2)
    torch.testing.assert_close(ours["stages.0.pos_embed"][:, 1:], expected)


def test_published_files_of_another_make_are_refused_with_the_cure(tmp_path: Path) -> None:
    state = _published(_tiny(), 14)
    path = tmp_path / "other.safetensors"
    save_file(state | {"pos_embed": torch.zeros(1, 198, 192)}, path)  # with a distillation token
    with pytest.raises(EncoderError, match="plain vision transformer"):
        load_encoder("vit_tiny", path)
    save_file(state | {"blocks.12.norm1.weight": torch.zeros(192)}, path)  # deeper
    with pytest.raises(EncoderError, match="does not hold weights for vit_tiny"):
        load_encoder("vit_tiny", path)
    save_file(state, path)
    with pytest.raises(EncoderError, match="does not hold weights for vit_small"):
        load_encoder("vit_small", path)


def test_frozen_blocks_rest_and_what_makes_maps_finer_learns() -> None:
    encoder = _tiny()
    encoder.freeze_stages(2)
    torch.stack([feature.sum() for feature in encoder(_images()).values()]).sum().backward()  # type: ignore[no-untyped-call]
    with_gradient = [any(p.grad is not None for p in stage.parameters()) for stage in encoder.stages]
    assert with_gradient == [False, False, True, True, True]
    assert all(p.grad is not None for p in encoder.necks.parameters())


@pytest.mark.parametrize("name", ["vit_tiny", "efficientnet_lite0"])
def test_behind_the_trunk_comes_the_same_as_in_one_go(name: str) -> None:
    encoder = build_encoder(name).eval()
    with torch.no_grad():
        trunk = encoder.trunk(_images())
        parted, whole = encoder.beyond(trunk), encoder(_images())
    assert trunk.shape == (1, encoder.trunk_channels, 64 // encoder.trunk_stride, 96 // encoder.trunk_stride)
    assert set(parted) == {4, 8, 16, 32}
    assert all(torch.equal(parted[stride], whole[stride]) for stride in parted)
