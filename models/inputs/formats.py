"""What is a picture: told by its first bytes, for uploads, archives, folders and training data alike."""

import struct

PREFIX = 4096
"""So many of a file's first bytes tell what it is."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIC")
"""The formats that are read."""

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"}
    | {".avif", ".avifs", ".heic", ".heif", ".hif", ".heics", ".heifs"}
)
"""Of files that say they are pictures: one that isn't, or is damaged, is an error rather than left out."""

_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}  # bytes; two letters alone would take texts for pictures
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"mif2"}

_FOREIGN_MAGIC = (
    (b"%PDF-", "a PDF"),
    (b"8BPS", "a Photoshop file (PSD)"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"FUJIFILMCCD-RAW", "a camera's raw file"),
    (b"IIRO", "a camera's raw file"),
    (b"IIRS", "a camera's raw file"),
    (b"IIU\0", "a camera's raw file"),
    (b"\x1aE\xdf\xa3", "a film (WebM or Matroska)"),
    (b"\0\0\x01\0", "an icon (ICO)"),
)
_DNG_VERSION, _RAW_MAKERS = 0xC612, (b"CR\x02\0",)
_MOST_BOXES = 1000  # far more than any picture has
_FILM_BRANDS = (b"isom", b"iso2", b"mp41", b"mp42", b"avc1", b"qt  ", b"M4V ", b"3gp", b"MSNV")


def looks_like_picture(data: bytes) -> str | None:
    """Return the one of FORMATS that a file's first bytes are of; PREFIX of them suffice. None for anything else."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return None if name == "TIFF" and _is_raw(data) else name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:2] == b"BM" and len(data) >= 18 and struct.unpack_from("<I", data, 14)[0] in _BMP_HEADERS:
        return "BMP"
    brands = _brands(data)
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIC" if brands & _HEIC_BRANDS else None


def looks_foreign(data: bytes) -> str | None:
    """Return what a picture, drawing or film is that isn't read, in words, by its first bytes. None if it is none."""
    for magic, name in _FOREIGN_MAGIC:
        if data.startswith(magic):
            return name
    if (data.startswith((b"II", b"MM")) and _is_raw(data)) or data[4:11] == b"ftypcrx":
        return "a camera's raw file"
    if data[4:8] == b"ftyp" and data[8:].startswith(_FILM_BRANDS):
        return "a film (MP4 or QuickTime)"
    return "a drawing (SVG)" if b"<svg" in data[:PREFIX] and data.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<" else None


def stated_size(data: bytes) -> int | None:
    """Return how many bytes a picture's file says it has, at least; None where it doesn't say."""
    match looks_like_picture(data):
        case "WEBP":
            return 8 + int(struct.unpack_from("<I", data, 4)[0])
        case "BMP":
            return int(struct.unpack_from("<I", data, 2)[0])
        case "TIFF":  # its table of contents, which often comes last
            return int(struct.unpack_from("<I" if data[:2] == b"II" else ">I", data + bytes(4), 4)[0])
        case "AVIF" | "HEIC":
            return _end_of_boxes(data)
    return None


def _end_of_boxes(data: bytes) -> int | None:
    place = 0
    for _ in range(_MOST_BOXES):
        if place + 16 > len(data):
            return place
        size = struct.unpack_from(">I", data, place)[0]
        place += struct.unpack_from(">Q", data, place + 8)[0] if size == 1 else size
        if not size:  # to the end
            return None
    return None


def _brands(data: bytes) -> set[bytes]:
    """Return the brands of a file of boxes (ISO 14496-12): which kinds of reader it is made for."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(struct.unpack_from(">I", data)[0], len(data), PREFIX)
    return {data[8:12], *(data[start : start + 4] for start in range(16, end - 3, 4))}


def _is_raw(data: bytes) -> bool:
    """Say whether a TIFF holds what a camera's sensor saw, of which Pillow would show a thumbnail."""
    if data[8:12] in _RAW_MAKERS:
        return True
    order = "<" if data[:2] == b"II" else ">"
    if len(data) < 10 or struct.unpack_from(f"{order}H", data, 2)[0] != 42:
        return False
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    entries = data[start : start + 2]
    count = struct.unpack(f"{order}H", entries)[0] if len(entries) == 2 else 0
    places = range(start + 2, min(start + 2 + 12 * count, len(data), PREFIX) - 1, 12)
    return any(struct.unpack_from(f"{order}H", data, place)[0] == _DNG_VERSION for place in places)
