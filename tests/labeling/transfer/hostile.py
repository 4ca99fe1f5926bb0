"""Files that strangers might send: damaged, disguised, oversized; small to make, each with one flaw."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image as PILImage

from tests.factories import photo, picture_bytes


def saved(picture: PILImage.Image, fmt: str, **options: object) -> bytes:
    """The bytes of a picture in a format."""
    out = io.BytesIO()
    picture.save(out, fmt, **options)
    return out.getvalue()


def truncated_jpeg() -> bytes:
    data = picture_bytes(photo(width=200, height=160), "JPEG")
    return data[: len(data) // 2]


def png_header(width: int, height: int, body: bytes = b"") -> bytes:
    """A PNG that claims a size, with whatever pixel data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def bomb_png() -> bytes:
    """A few kilobytes that claim 40,000 x 40,000 pixels, more than is read even strip by strip."""
    return png_header(40_000, 40_000, zlib.compress(bytes(4_000_000), 9))


def svg() -> bytes:
    return b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def exif_rotated() -> bytes:
    """60 x 40 as stored, red on the left; orientation 6 shows it as 40 x 60 with red on top."""
    rgb = np.zeros((40, 60, 3), np.uint8)
    rgb[:, :30, 0] = 255
    picture = PILImage.fromarray(rgb)
    exif = PILImage.Exif()
    exif[0x0112] = 6
    return saved(picture, "JPEG", exif=exif, quality=95)


def deep_tiff() -> bytes:
    values = np.linspace(1000, 5000, 50 * 40).reshape(40, 50).astype(np.uint16)
    return saved(PILImage.fromarray(values), "TIFF")


def cmyk_jpeg() -> bytes:
    return saved(PILImage.fromarray(photo()).convert("CMYK"), "JPEG")


def animated_webp() -> bytes:
    frames = [PILImage.fromarray(photo(seed=seed)) for seed in (1, 2, 3)]
    return saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=50, lossless=True)


def polyglot() -> bytes:
    """A JPEG with a web page in its comment and a zip behind it."""
    jpeg = saved(PILImage.fromarray(photo()), "JPEG", comment=b"<script>alert(1)</script>")
    return jpeg + zip_of({"evil.png": picture_bytes(photo())})


def zip_of(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def zip_with_link(name: str = "link.jpg", target: str = "/etc/passwd") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.create_system = 3
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, target)
        archive.writestr("good.png", picture_bytes(photo()))
    return out.getvalue()


def encrypted_zip() -> bytes:
    """The flag of an encrypted entry, set in both headers."""
    data = bytearray(zip_of({"secret.png": picture_bytes(photo())}))
    data[6] |= 1
    central = data.index(b"PK\x01\x02")
    data[central + 8] |= 1
    return bytes(data)


def lying_zip(*, claimed: int = 100) -> bytes:
    """The entry's headers claim fewer bytes than its stream holds."""
    data = bytearray(zip_of({"big.png": picture_bytes(photo(width=200, height=200))}))
    struct.pack_into("<I", data, 22, claimed)
    central = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, central + 24, claimed)
    return bytes(data)


def overlong_zip() -> bytes:
    """The entry's headers claim more bytes than its stream holds."""
    return lying_zip(claimed=10_000_000)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """Put files into a folder."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder
