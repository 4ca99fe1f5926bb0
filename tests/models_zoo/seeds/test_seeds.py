"""Class maps are what the classifier's answer is made of; labels cover every cell once and obey what is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models_zoo.marks import IGNORE
from models_zoo.networks.encoders import build_encoder
from models_zoo.networks.tag_classifier import TagClassifier
from models_zoo.seeds.class_maps import grad_cam, layer_cam, make_maps, sum_over_views, to_unit_peak, to_unit_range
from models_zoo.seeds.labels import Known, SeedRule, coverage, cut_heights, otsu, seed_labels

RULE = SeedRule(threshold=0.5, band=0.2, refiner="none")


@pytest.fixture(scope="module")
def classifier() -> TagClassifier:
    torch.manual_seed(0)
    return TagClassifier(build_encoder("efficientnet_lite0"), 3).eval()


def _images(count: int = 1, side: int = 64) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def _nothing(classes: int, side: int) -> Known:
    return Known(torch.zeros(1, classes, side, side), torch.zeros(1, classes, side, side, dtype=torch.bool))


def test_a_logit_is_the_mean_of_its_class_map(classifier: TagClassifier) -> None:
    with torch.no_grad():
        logits, features = classifier(_images(2))
        maps = classifier.class_maps(features)
    assert maps.shape == (2, 3, 4, 4)
    torch.testing.assert_close(maps.mean(dim=(2, 3)), logits)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18", "resnet50", "vit_tiny"])
def test_maps_are_twice_as_fine_as_the_encoders_last(name: str) -> None:
    made = TagClassifier(build_encoder(name), 2).eval()
    with torch.no_grad():
        features = made(_images())[1]
    assert features[32].shape[2:] == features[16].shape[2:] == (4, 4)


def test_grad_cam_of_the_last_layer_is_cam_by_the_number_of_places() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 5, 3, 4, requires_grad=True)
    weights = torch.randn(5)
    logit = (features.mean(dim=(2, 3)) @ weights).sum()
    (gradients,) = torch.autograd.grad(logit, features)
    cam = (features * weights.view(1, 5, 1, 1)).sum(dim=1)
    torch.testing.assert_close(grad_cam(features, gradients), cam / 12)


def test_layer_cam_by_hand() -> None:
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])
    gradients = torch.tensor([[[[2.0, -5.0]], [[0.5, 1.0]]]])
    torch.testing.assert_close(layer_cam(features, gradients), torch.tensor([[[3.5, -1.0]]]))


@pytest.mark.parametrize(("kind", "side"), [("cam", 4), ("grad_cam", 4), ("layer_cam", 8)])
def test_maps_leave_no_gradient_behind(classifier: TagClassifier, kind: str, side: int) -> None:
    maps = make_maps(classifier, _images(), kind, [1])
    assert maps.shape == (1, 3, side, side) and not maps.requires_grad
    assert all(parameter.grad is None for parameter in classifier.parameters())
    if kind != "cam":
        assert not maps[:, [0, 2]].any() and maps[:, 1].any()


@pytest.mark.parametrize("kind", ["grad_cam", "layer_cam"])
def test_a_transformers_earlier_tokens_can_be_asked_too(kind: str) -> None:
    maps = make_maps(TagClassifier(build_encoder("vit_tiny"), 3).eval(), _images(), kind, [1])
    assert maps.shape == (1, 3, 4, 4) and maps[:, 1].any()


def test_the_sum_of_both_views_turns_with_the_image(classifier: TagClassifier) -> None:
    def summed(images: Tensor) -> Tensor:
        return sum_over_views(
            lambda view: make_maps(classifier, view, "cam", ()), images, scales=[1.0, 0.5], size=(16, 16)
        )

    images = _images()
    torch.testing.assert_close(summed(images.flip(3)), summed(images).flip(3), rtol=1e-4, atol=1e-6)


def test_an_empty_map_gives_no_nan_and_only_allowed_classes_stay() -> None:
    maps = torch.rand(2, 3, 4, 4)
    maps[0, 1] = 0
    made = to_unit_peak(maps, torch.tensor([[1, 1, 0], [0, 0, 1]], dtype=torch.bool))
    assert torch.isfinite(made).all() and not made[0, 1:].any() and not made[1, :2].any()
    assert float(made[0, 0].max()) == pytest.approx(1, abs=1e-3)


def test_maps_are_stretched_over_the_picture_alone() -> None:
    maps = torch.tensor([[[[9.0, 2.0, 3.0, 6.0]], [[0.0, 5.0, 5.0, 5.0]], [[0.0, 1.0, 2.0, 3.0]]]])
    valid = torch.tensor([[[False, True, True, True]]])
    made = to_unit_range(maps, torch.tensor([[True, True, False]]), valid)
    torch.testing.assert_close(made[0, 0, 0], torch.tensor([0.0, 0.0, 0.25, 1.0]), atol=1e-4, rtol=0)
    assert not made[0, 1:].any()  # as high everywhere; not allowed
    assert not to_unit_range(maps, torch.tensor([[True, True, True]]), ~valid & valid).any()


def test_otsu_parts_two_heaps_and_stays_in_its_range() -> None:
    assert float(otsu(torch.tensor([0.15] * 50 + [0.8] * 20))) == pytest.approx(0.475, abs=0.02)
    assert float(otsu(torch.zeros(40))) == pytest.approx(0.1)
    assert float(otsu(torch.tensor([0.7] * 10 + [0.99] * 10))) == pytest.approx(0.6)


def test_a_wide_band_never_turns_the_heights_round() -> None:
    low, high = cut_heights(torch.rand(2, 1, 4, 4), SeedRule(threshold=0.05, band=0.4, refiner="none"))
    assert (low <= high).all() and (low > 0).all()


def test_labels_are_class_background_or_open() -> None:
    maps = torch.zeros(1, 3, 1, 4)
    maps[0, 2] = torch.tensor([[0.9, 0.6, 0.4, 0.1]])
    known = Known(torch.zeros(1, 3, 1, 4), torch.zeros(1, 3, 1, 4, dtype=torch.bool))
    allowed = torch.tensor([[False, False, True]])
    rgb = torch.zeros(1, 3, 1, 4)
    labels = seed_labels(maps, rgb, allowed, known, RULE, background=0)
    assert labels.tolist() == [[[2, IGNORE, IGNORE, 0]]]
    assert coverage(labels, background=0) == pytest.approx((0.25, 0.25, 0.5))
    assert seed_labels(maps, rgb, allowed, known, RULE, background=None).tolist() == [[[2, IGNORE, IGNORE, IGNORE]]]


@pytest.mark.parametrize("refiner", ["par", "none", "guided_filter"])
def test_only_allowed_classes_become_labels_and_marks_win(refiner: str) -> None:
    torch.manual_seed(0)
    maps, rgb = torch.rand(1, 4, 12, 12), torch.rand(1, 3, 12, 12)
    known = _nothing(4, 12)
    known.targets_BCHW[0, 3, 5, 5] = 1
    known.excluded_BCHW[0, 1, :4] = True
    allowed = torch.tensor([[False, True, False, True]])
    rule = SeedRule(threshold=0.0, band=0.1, refiner=refiner)
    labels = seed_labels(to_unit_peak(maps, allowed), rgb, allowed, known, rule, background=0)
    assert set(labels.flatten().tolist()) <= {0, 1, 3, IGNORE}
    assert int(labels[0, 5, 5]) == 3
    assert not (labels[0, :4] == 1).any()


def test_an_image_without_classes_is_background() -> None:
    labels = seed_labels(
        torch.zeros(1, 3, 8, 8), torch.rand(1, 3, 8, 8), torch.zeros(1, 3, dtype=torch.bool), _nothing(3, 8),
        SeedRule(threshold=0.0, band=0.15, refiner="par"), background=0,
    )  # fmt: skip
    assert (labels == 0).all()
