"""Image-text models: published layouts read alike, bad files refused, and the small one that learns from tags."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.networks.encoders import build_encoder
from models_zoo.networks.image_text.byte_pairs import BytePairs, read_vocabulary
from models_zoo.networks.image_text.choosing import build_image_text
from models_zoo.networks.image_text.clip import second_attention
from models_zoo.networks.image_text.clip_files import load_clip
from models_zoo.networks.image_text.learnt import LearntImageText, buckets
from models_zoo.networks.image_text.types import ImageTextError
from tests.models_zoo.networks.clip_folder import (
    CONTEXT,
    MERGES,
    hugging_face_state,
    open_clip_state,
    vocabulary,
    write_clip,
)

SENTENCES = ("a photo of a cat", "dog", "Straße")


def _rgb() -> Tensor:
    return torch.randint(0, 256, (2, 64, 32, 3), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_the_same_weights_in_both_layouts_see_and_read_the_same(tmp_path: Path) -> None:
    write_clip(tmp_path / "hf")
    write_clip(tmp_path / "oc", hugging_face=False)
    ours, theirs = load_clip(tmp_path / "hf"), load_clip(tmp_path / "oc")
    assert torch.equal(ours.texts(SENTENCES), theirs.texts(SENTENCES))
    seen, other = (model.encode(model.normalise(_rgb())) for model in (ours, theirs))
    assert torch.equal(seen.picture_BE, other.picture_BE)
    assert torch.equal(ours.places(seen), theirs.places(other))
    assert seen.attention_LBNN.shape == (6, 2, 8, 8)  # 64 x 32 px in patches of 16
    assert [tuple(layer.shape) for layer in seen.layers] == [(2, width, 4, 2) for width in ours.layer_channels]
    assert ours.places(seen).shape == (2, ours.width, 4, 2)
    assert not any(p.requires_grad for p in ours.parameters())


def _reference(state: dict[str, Tensor], tower: str, tokens: Tensor, heads: int, mask: Tensor | None = None) -> Tensor:
    """CLIP's transformer put together from torch's own attention."""
    blocks = sum(name.startswith(tower) and name.endswith("ln_1.weight") for name in state)
    width = tokens.shape[2]
    for number in range(blocks):
        at = f"{tower}.resblocks.{number}."
        part = {name.removeprefix(at): value for name, value in state.items() if name.startswith(at)}
        attend = nn.MultiheadAttention(width, heads, batch_first=True)
        attend.load_state_dict({n.removeprefix("attn."): v for n, v in part.items() if n.startswith("attn.")})
        x = F.layer_norm(tokens, (width,), part["ln_1.weight"], part["ln_1.bias"])
        tokens = tokens + attend(x, x, x, need_weights=False, attn_mask=mask)[0]
        x = F.layer_norm(tokens, (width,), part["ln_2.weight"], part["ln_2.bias"])
        x = F.linear(x, part["mlp.c_fc.weight"], part["mlp.c_fc.bias"])
        x = x * torch.sigmoid(1.702 * x)
        tokens = tokens + F.linear(x, part["mlp.c_proj.weight"], part["mlp.c_proj.bias"])
    return tokens


@torch.no_grad()
def test_both_towers_agree_with_torchs_own_attention(tmp_path: Path) -> None:
    state = open_clip_state()
    write_clip(tmp_path, state=state)
    model = load_clip(tmp_path)
    images = model.normalise(_rgb()[:, :32])  # its own size of 2 x 2 patches
    patches = F.conv2d(images, state["visual.conv1.weight"], stride=16).flatten(2).transpose(1, 2)
    tokens = torch.cat([state["visual.class_embedding"].expand(2, 1, -1), patches], dim=1)
    tokens = tokens + state["visual.positional_embedding"]
    tokens = F.layer_norm(tokens, (128,), state["visual.ln_pre.weight"], state["visual.ln_pre.bias"])
    tokens = _reference(state, "visual.transformer", tokens, 2)
    first = F.layer_norm(tokens[:, 0], (128,), state["visual.ln_post.weight"], state["visual.ln_post.bias"])
    expected = F.normalize(first @ state["visual.proj"], dim=1)
    torch.testing.assert_close(model.encode(images).picture_BE, expected, atol=1e-4, rtol=1e-3)

    numbers = torch.tensor([read_vocabulary(tmp_path).encode("a cat", CONTEXT)])
    tokens = state["token_embedding.weight"][numbers] + state["positional_embedding"]
    mask = nn.Transformer.generate_square_subsequent_mask(CONTEXT)
    tokens = _reference(state, "transformer", tokens, 1, mask)
    end = F.layer_norm(tokens[:, 3], (64,), state["ln_final.weight"], state["ln_final.bias"])  # start a cat end
    expected = F.normalize(end @ state["text_projection"], dim=1)
    torch.testing.assert_close(model.texts(["a cat"]), expected, atol=1e-4, rtol=1e-3)


def test_the_second_path_looks_by_likeness_and_takes_more_attention_between_places() -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(1, 2, 3, 4) for _ in range(3))
    maps = [torch.softmax(x @ x.transpose(2, 3) / 2, dim=3).sum(dim=1) for x in (query, key, value)]
    found = second_attention(query, key, value)
    torch.testing.assert_close(found, sum(maps) / 3)
    torch.testing.assert_close(found.sum(dim=2), torch.full((1, 3), 2.0))  # heads are summed
    more = second_attention(query, key, value, torch.tensor([[[5.0, 6.0], [7.0, 8.0]]])) - found
    torch.testing.assert_close(more, torch.tensor([[[0.0, 0, 0], [0, 5, 6], [0, 7, 8]]]))


def test_sentences_become_merged_pieces_between_start_and_end() -> None:
    numbers = vocabulary()
    words = BytePairs(numbers, MERGES)
    start, end = numbers["<|startoftext|>"], numbers["<|endoftext|>"]
    assert words.encode("  A  CAT ", 6) == [start, numbers["a</w>"], numbers["cat</w>"], end, end, end]
    assert words.encode("dog &amp; 42", 9) == [
        start, numbers["do"], numbers["g</w>"], numbers["&</w>"], numbers["4</w>"], numbers["2</w>"], end, end, end,
    ]  # fmt: skip
    assert words.encode("a a a a a", 4) == [start, numbers["a</w>"], numbers["a</w>"], end]
    assert len(words.encode("ß 猫", 12)) == 12


def test_settings_say_which_gelu_and_how_many_heads(tmp_path: Path) -> None:
    write_clip(tmp_path)
    quick = load_clip(tmp_path)
    vision = {"hidden_act": "gelu", "num_attention_heads": 4}
    (tmp_path / "config.json").write_text(json.dumps({"vision_config": vision, "text_config": {}}))
    exact = load_clip(tmp_path)
    assert (quick.shape.is_quick, quick.shape.image.heads) == (True, 2)
    assert (exact.shape.is_quick, exact.shape.image.heads, exact.shape.text.heads) == (False, 4, 1)
    (tmp_path / "config.json").write_text(json.dumps({"vision_config": {"hidden_act": "relu"}}))
    with pytest.raises(ImageTextError, match="relu"):
        load_clip(tmp_path)


def test_descriptions_beside_the_model_are_read_by_class_name(tmp_path: Path) -> None:
    write_clip(tmp_path)
    (tmp_path / "descriptions.json").write_text('{"Cat": ["it has whiskers"]}')
    assert load_clip(tmp_path).descriptions == {"cat": ("it has whiskers",)}
    (tmp_path / "descriptions.json").write_text('{"Cat": "it has whiskers"}')
    with pytest.raises(ImageTextError, match="a list of sentences"):
        load_clip(tmp_path)


def _broken(change: str) -> dict[str, Tensor]:
    state = hugging_face_state(open_clip_state())
    inner = "vision_model.encoder.layers.1."
    if change == "missing":
        del state[inner + "mlp.fc1.weight"]
    elif change == "no key":
        del state[inner + "self_attn.k_proj.weight"]
    elif change == "nan":
        state[inner + "mlp.fc1.bias"][3] = torch.nan
    elif change == "shape":
        state[inner + "mlp.fc1.bias"] = torch.zeros(5)
    elif change == "unknown":
        state["vision_model.head.probe"] = torch.zeros(5)
    elif change == "no text":
        state = {name: value for name, value in state.items() if not name.startswith("text")}
    elif change == "other":
        state = {"layer1.0.conv1.weight": torch.zeros(3)}
    elif change == "grid":
        state["vision_model.embeddings.position_embedding.weight"] = torch.zeros(7, 128)
    return state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", "lacks image.blocks.1.fc1.weight"),
        ("no key", "lacks a query, key or value"),
        ("nan", "no numbers"),
        ("shape", r"image.blocks.1.fc1.bias of shape \[5\]"),
        ("unknown", "holds vision_model.head.probe"),
        ("no text", "lacks text.words.weight"),
        ("other", "holds no CLIP"),
        ("grid", "no square patches"),
    ],
)
def test_weights_that_are_no_whole_clip_are_refused_by_name(tmp_path: Path, change: str, message: str) -> None:
    save_file(_broken(change), write_clip(tmp_path))
    with pytest.raises(ImageTextError, match=message):
        load_clip(tmp_path)


class _Code:
    """What a pickle could run."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("ran",)


def test_a_file_that_could_be_code_is_refused_unread(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"weights": _Code()}, write_clip(tmp_path, hugging_face=False))
    with pytest.raises(ImageTextError, match="could be code"):
        load_clip(tmp_path)
    assert "ran" not in capsys.readouterr().out


def test_a_file_that_differs_from_the_hash_beside_it_is_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path)
    beside = tmp_path / f"{path.name}.sha256"
    beside.write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    load_clip(tmp_path)
    beside.write_text("0" * 64)
    with pytest.raises(ImageTextError, match="does not match the hash"):
        load_clip(tmp_path)


def test_damaged_and_missing_files_say_what_to_do(tmp_path: Path) -> None:
    path = write_clip(tmp_path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ImageTextError, match="cannot be read"):
        load_clip(tmp_path)
    path.rename(tmp_path / "cut.pt")
    with pytest.raises(ImageTextError, match=r"is not read|cannot be read"):
        load_clip(tmp_path)
    (tmp_path / "cut.pt").unlink()
    with pytest.raises(ImageTextError, match="none found"):
        load_clip(tmp_path)
    write_clip(tmp_path)
    (tmp_path / "vocab.json").write_text("[")
    with pytest.raises(ImageTextError, match="vocabulary in"):
        load_clip(tmp_path)
    (tmp_path / "vocab.json").write_text('{"a": 0}')
    with pytest.raises(ImageTextError, match="lacks <"):
        load_clip(tmp_path)
    (tmp_path / "vocab.json").write_text(json.dumps({**vocabulary(), "more": 99_999}))
    with pytest.raises(ImageTextError, match="files of one model"):
        load_clip(tmp_path)
    (tmp_path / "vocab.json").unlink()
    with pytest.raises(ImageTextError, match="no vocabulary"):
        load_clip(tmp_path)


def test_a_clip_is_only_asked_for_in_training_and_only_where_one_is_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(pretrained: bool) -> object:
        return build_image_text("clip", encoder="resnet18", pretrained=pretrained, frozen_stages=0)

    monkeypatch.delenv("IMAGE_TEXT_MODEL", raising=False)
    assert build(False) is None
    with pytest.raises(ImageTextError, match="set IMAGE_TEXT_MODEL to a folder"):
        build(True)
    monkeypatch.setenv("IMAGE_TEXT_MODEL", str(tmp_path / "nowhere"))
    with pytest.raises(ImageTextError, match="names no folder"):
        build(True)
    write_clip(tmp_path)
    monkeypatch.setenv("IMAGE_TEXT_MODEL", str(tmp_path))
    assert build(True) is not None


def test_a_pictures_logit_is_the_mean_of_its_places() -> None:
    torch.manual_seed(0)
    model = LearntImageText(build_encoder("resnet18")).eval()
    images = model.normalise(_rgb())
    with torch.no_grad():
        texts = model.texts(["cat", "dog"])
        seen = model.encode(images)
        places = torch.einsum("behw,te->bthw", seen.state, texts)
        torch.testing.assert_close(places.mean(dim=(2, 3)), model.logits(images, texts), atol=1e-6, rtol=1e-4)
        torch.testing.assert_close(seen.attention_LBNN.sum(dim=3), torch.ones(2, 2, 8))
        assert [layer.shape[2:] for layer in seen.layers] == [(4, 2)] * 2
        everywhere = model.places(seen, torch.full((2, 8, 8), 1 / 8))
    assert everywhere.shape == (*places.shape[:1], model.width, 4, 2)
    assert not torch.equal(everywhere, model.places(seen))


def test_names_of_any_language_have_vectors_and_those_that_look_alike_share_parts() -> None:
    torch.manual_seed(0)
    model = LearntImageText(build_encoder("resnet18"))
    horse, horses, cat, sign = model.texts(["horse", "horses", "猫", "--"]).detach()
    torch.testing.assert_close(horse.norm(), torch.tensor(1.0))
    assert horse @ horses > 0.5 > abs(horse @ cat)
    assert sign.isfinite().all() and sign.norm() > 0
    assert buckets("Cat") != buckets("cat") and set(buckets("Cat")) & set(buckets("cat"))
