"""What a model sees, quantised and written down: exact, bounded, and refused when it is not what it should be."""

import json
import struct
import zlib

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("cv2")

from models_zoo.interactive.prior import MAX_SIDE, ClassPrior, PriorError, decode_prior, encode_prior, quantised


def probabilities(*values: float, side: tuple[int, int] = (6, 9)) -> npt.NDArray[np.float32]:
    """(C, h, w): each class the same everywhere."""
    return np.broadcast_to(np.array(values, np.float32)[:, None, None], (len(values), *side)).copy()


def test_what_is_written_is_read_exactly() -> None:
    maps = np.random.default_rng(0).integers(0, 256, (3, 5, 7)).astype(np.uint8)
    data = encode_prior(ClassPrior(classes=(0, 4, 253), maps=maps), model_version=2)
    found = decode_prior(data)
    assert found.classes == (0, 4, 253) and (found.maps == maps).all()
    assert data != encode_prior(found, model_version=3)


def test_classes_that_are_seen_nowhere_are_left_out() -> None:
    given = probabilities(0.94, 0.01, 0.05)
    given[2, 3, 4] = 0.2
    prior = quantised(given, (0, 3, 9))
    assert prior is not None and prior.classes == (0, 9)
    assert (prior.maps[0] == round(0.94 * 255)).all()
    assert quantised(probabilities(*[0.05] * 20), range(20)) is None


def test_a_large_answer_is_made_small_and_keeps_its_shape() -> None:
    prior = quantised(probabilities(0.5, 0.5, side=(300, 500)), (0, 1))
    assert prior is not None and prior.maps.shape == (2, 38, MAX_SIDE)
    assert (prior.maps == 128).all()


@pytest.mark.parametrize("wrong", [float("nan"), -0.1, 1.5])
def test_what_is_no_probability_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match=r"0\.\.1"):
        quantised(probabilities(0.5, wrong), (0, 1))


def forged(body: bytes = bytes(2), **fields: object) -> bytes:
    header = {"version": 1, "model_version": 1, "classes": [0, 1], "height": 1, "width": 1} | fields
    text = json.dumps(header).encode()
    return b"BPM1" + struct.pack("<I", len(text)) + text + zlib.compress(body)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"BFM1" + bytes(20),
        forged()[:-3],
        forged(b"too many bytes"),
        forged(version=2),
        forged(classes=[1, 0]),
        forged(classes=[0, 254]),
        forged(classes=[True, 1]),
        forged(classes="01"),
        forged(classes=[], body=b""),
        forged(height=MAX_SIDE + 1),
        forged(width=0),
        forged(width=None),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(data: bytes) -> None:
    assert decode_prior(forged()).classes == (0, 1)
    with pytest.raises(PriorError, match="let the model propose again"):
        decode_prior(data)
