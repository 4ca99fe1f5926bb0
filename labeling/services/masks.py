"""Store masks: the only way a label map that a person sent becomes a row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from labeling import storage
from labeling.errors import Invalid
from labeling.models import Image, Mask
from labeling.services.provenance import store_edit
from models_zoo import LabelMapError, decode_png, encode_png, list_interactive, pixel_counts, unknown_values

SENT_ORIGINS = (Mask.Origin.PAINTED, Mask.Origin.EDITED, Mask.Origin.INTERACTIVE)


def store_mask(
    *,
    image: Image,
    data: bytes,
    origin: str,
    by: User,
    parent: Mask | None = None,
    method: str = "",
    revision: int | None = None,
) -> Mask:
    """Check and keep an index PNG that a person sent; sending the same again returns the same mask.

    `method` and `revision` tell how an interactive mask came about: the solver, and the revision of the
    person's marks. The bytes are decoded and written anew, so what is served later was made here. Raises
    Invalid `bad_mask` for anything that is not a label map of this image with this project's classes.
    """
    if origin not in SENT_ORIGINS:
        raise _bad(f"A mask is sent as {', '.join(SENT_ORIGINS)}, not as {origin[:40]!r}.")
    if parent is not None and parent.image_id != image.pk:
        raise _bad(_("The parent is a mask of another image; name a mask of this one."))
    if origin == Mask.Origin.EDITED and parent is None:
        raise _bad("An edited mask names the mask it was made from (parent); send others as painted.")
    if (method or revision is not None) and origin != Mask.Origin.INTERACTIVE:
        raise _bad("Only an interactive mask names a method and a revision of the marks.")
    if method and method not in {info.name for info in list_interactive()}:
        raise _bad(f"There is no interactive method named {method[:60]!r}.")
    label_map = checked_label_map(image, data)
    blob = storage.put("masks", encode_png(label_map), suffix="png")
    how = {"origin": origin, "parent": parent, "created_by": by, "method": method, "marks_revision": revision}
    same = Mask.objects.filter(image=image, sha256=blob.sha256, **how).first()
    if same is not None:
        return same
    provenance = store_edit(edited=label_map, parent=parent) if parent is not None else ""
    # One row, so no transaction: two that race leave two equal masks, which harms nobody.
    return Mask.objects.create(
        image=image,
        blob=blob.name,
        sha256=blob.sha256,
        provenance=provenance,
        pixel_counts=counts(label_map),
        **how,
    )


def checked_label_map(image: Image, data: bytes) -> npt.NDArray[np.uint8]:
    """Decode hostile bytes into a label map that fits the image and the project's classes.

    Retired classes are allowed: older masks hold them. Of a mask at the full size of a reduced picture, the middle
    of each cell counts. Raises Invalid `bad_mask`.
    """
    if len(data) > settings.MAX_MASK_BYTES:
        raise _bad(_("The mask is larger than %(limit)s bytes.") % {"limit": settings.MAX_MASK_BYTES})
    most = max(image.width * image.height, min(image.full_size[0] * image.full_size[1], settings.MAX_IMAGE_PIXELS))
    try:
        label_map = decode_png(data, max_pixels=most)
    except LabelMapError as error:
        hint = f" Send it reduced to {image.width} x {image.height}." if error.code == "too_large" else ""
        raise _bad(error.message + hint) from error
    if image.mask_scale > 1 and label_map.shape == (image.full_size[1], image.full_size[0]):
        label_map = _middles(label_map, image.mask_scale)
    if label_map.shape != (image.height, image.width):
        height, width = label_map.shape
        said = _("The mask is %(width)s x %(height)s, the image %(across)s x %(down)s; send it at full size.")
        raise _bad(said % {"width": width, "height": height, "across": image.width, "down": image.height})
    known = set(image.project.classes.values_list("index", flat=True))
    unknown = unknown_values(label_map, known)
    if unknown:
        said = _("The mask holds %(unknown)s, which are no classes of this project (255 means ignore).")
        raise _bad(said % {"unknown": unknown[:5]})
    return label_map


def _middles(label_map: npt.NDArray[np.uint8], factor: int) -> npt.NDArray[np.uint8]:
    """The value in the middle of each cell of `factor` x `factor` pixels, or nearest to it where a cell is cut."""
    rows, columns = (
        np.minimum(np.arange(-(-length // factor)) * factor + factor // 2, length - 1) for length in label_map.shape
    )
    return label_map[np.ix_(rows, columns)]


def counts(label_map: npt.NDArray[np.uint8]) -> dict[str, int]:
    """Pixels per value, with keys as JSON holds them."""
    return {str(value): pixels for value, pixels in pixel_counts(label_map).items()}


def _bad(message: str) -> Invalid:
    return Invalid(message, code="bad_mask")
