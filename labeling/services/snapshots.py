"""Freeze what a training run learns from, at the click: later marks and masks do not reach it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from labeling import storage
from labeling.selectors.snapshots import Choice
from models_zoo import mark_to_json, snapshot_hash

FORMAT = 1


@dataclass(frozen=True)
class Frozen:
    """A stored snapshot: its blob, and the hash that `models_zoo` computes over the same content."""

    blob: str
    snapshot_hash: str


def freeze_snapshot(*, choice: Choice) -> Frozen:
    """Store the manifest: classes, images with marks, and the blobs that hold pictures and masks.

    No picture is copied: blobs are named by their bytes, so naming one freezes it. `labeling.ml.snapshot` makes
    the folder from it. The same choice always gives the same blob.
    """
    digest = snapshot_hash(choice.classes, choice.images)
    content = {
        "format": FORMAT,
        "hash": digest,
        "classes": [
            {"index": item.index, "name": item.name, "color": item.color, "is_background": item.is_background}
            for item in choice.classes
        ],
        "images": [
            {
                "id": image.id,
                "sha256": image.sha256,
                "file": image.file,
                "width": image.width,
                "height": image.height,
                "split": image.split,
                "marks": [mark_to_json(mark) for mark in image.marks],
                "mask": image.mask,
                "mask_origin": image.mask_origin,
            }
            for image in choice.images
        ],
        "blobs": choice.blobs,
    }
    data = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return Frozen(blob=storage.put("snapshots", data, suffix="json").name, snapshot_hash=digest)


def named_blobs(blob: str) -> set[str]:
    """The blobs a frozen snapshot needs; garbage collection keeps them while a run may want them."""
    return set(json.loads(storage.read(blob))["blobs"].values())
