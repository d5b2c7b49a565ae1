"""Pictures whose files are damaged or cut short, read as viewers read them.

Pillow's own switch for that, LOAD_TRUNCATED_IMAGES, is one for all threads of a process.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain, islice
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageChops
from PIL.ImageFile import ImageFile

Reopen: TypeAlias = Callable[[bytes], ImageFile]

_SIGNATURE = 8  # bytes before a PNG's first chunk
_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by a PNG's colour type
_MARKER = re.compile(rb"\xff([^\xff\0])")
_SOF0, _SOF15, _SOS, _APP0, _APP14, _APP15, _COM = 0xC0, 0xCF, 0xDA, 0xE0, 0xEE, 0xEF, 0xFE
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_OTHERS = {0xC4, 0xC8, 0xCC}  # tables, among the markers of a frame's start
_ALONE = {0x01, *range(0xD0, 0xDA)}  # without a length
_LAYERS, _SCANNED = 9, 4  # where a frame says how many layers it has, and a scan how many of them
_END = b"\xff\xd9"
_MOST_SEGMENTS = 5000
_TRAILER = 64  # bytes that some cameras write after the end
_BLOCK = 2**16
_TURNS = ((0, 8), (4, 8), (2, 4), (1, 2))  # the first row and the step of each turn of an interlaced GIF
_ORIENTATION = 0x0112


def salvaged(kind: str, data: bytes, reopen: Reopen) -> tuple[Image.Image, float | None]:
    """Return the part of a picture that its file holds, and which share of its rows that is; None if none lack.

    `reopen` opens such a file again. Raises about any type of error if nothing can be read, as of a WEBP, AVIF or HEIC,
    which come whole or not at all.
    """
    match kind:
        case "JPEG":
            return _without_grey(reopen(data + _END))
        case "PNG":
            return _rows_of_png(data, reopen)
        case "GIF":
            return _rows_of_gif(reopen(data))
        case "BMP" | "TIFF":
            return _rows_that_show(reopen(data))
    raise OSError("it is damaged")


def without_metadata(data: bytes, kind: str) -> bytes:
    """Return a JPEG or PNG with no more than tells its pixels, an AVIF without its EXIF; any other file as it is."""
    if kind == "JPEG":
        kept = (data[start:end] for marker, start, end in _segments(data) if not _is_metadata(marker))
        return b"".join([data[:2], *kept])
    if kind == "PNG":
        return b"".join(
            [data[:_SIGNATURE], *(data[start:end] for name, start, end in _chunks(data) if name in _PIXELS)]
        )
    return data.replace(b"Exif", b"free") if kind == "AVIF" else data  # the type of an item that readers pass over


def keeps_coefficients(data: bytes) -> bool:
    """Say whether a JPEG comes in several scans, for which a decoder holds the whole picture in memory."""
    layers = 0
    for marker, start, end in _segments(data):
        if marker in _PROGRESSIVE:
            return True
        if _SOF0 <= marker <= _SOF15 and marker not in _OTHERS and end - start > _LAYERS:
            layers = data[start + _LAYERS]
        if marker == _SOS and end - start > _SCANNED:
            return data[start + _SCANNED] < layers
    return False


def lacks_end(data: bytes) -> bool:
    """Say whether a JPEG stops before its end marker. Decoders don't always mind."""
    if _END in data[-_TRAILER:]:
        return False
    scan = next((start for marker, start, _ in _segments(data) if marker == _SOS), 0)
    return data.find(_END, scan) < 0


def check_segments(data: bytes) -> None:
    """Raise OSError for a JPEG of more segments than any camera writes: looking at each would take minutes."""
    if sum(1 for _ in islice(_segments(data), _MOST_SEGMENTS)) == _MOST_SEGMENTS:
        raise OSError(f"it has {_MOST_SEGMENTS} segments or more")


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the marker of each of a JPEG's segments, its start and its end: the last is its first scan to the end."""
    place = 2
    while match := _MARKER.search(data, place):
        marker, start, place = match[1][0], match.end() - 2, match.end()
        if marker == _SOS:
            yield marker, start, len(data)
            return
        if marker not in _ALONE and place + 2 <= len(data):
            place += struct.unpack_from(">H", data, place)[0]
            yield marker, start, place


def _is_metadata(marker: int) -> bool:
    return (_APP0 <= marker <= _APP15 and marker != _APP14) or marker == _COM


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each of a PNG's chunks, its start and its end; the last may be cut short."""
    place = _SIGNATURE
    while place + 8 <= len(data):
        start, place = place, place + 12 + struct.unpack_from(">I", data, place)[0]
        yield data[start + 4 : start + 8], start, place


def _without_grey(picture: ImageFile) -> tuple[Image.Image, float]:
    """Return a JPEG that was ended early without the rows at its bottom that nothing came of: they are mid-grey."""
    picture.load()
    last = picture.getpixel((picture.width - 1, picture.height - 1))
    levels = last if isinstance(last, tuple) else (last,)
    if not set(levels) <= {127, 128}:
        return picture, 1.0
    bounds = ImageChops.difference(picture, Image.new(picture.mode, picture.size, last)).getbbox()
    return _top(picture, bounds[3] if bounds else 0)


def _rows_of_png(data: bytes, reopen: Reopen) -> tuple[Image.Image, float | None]:
    bare = without_metadata(data, "PNG")
    picture = reopen(bare)
    try:
        picture.load()
    except (OSError, SyntaxError):
        rows = _png_rows(bare)
        if rows == picture.height:  # all came, and are damaged
            raise
        picture.tile = []  # see _load_what_came
        return _top(picture, rows)
    return picture, None


def _rows_of_gif(picture: ImageFile) -> tuple[Image.Image, float]:
    """Return the rows of a GIF that came; of one whose rows come in turns, with those between as those above."""
    args = picture.tile[0].args
    _, top, _, bottom = picture.tile[0].extents or (0, 0, *picture.size)
    in_turns = isinstance(args, tuple) and args[1]
    order = [row for first, step in (_TURNS if in_turns else ((0, 1),)) for row in range(top + first, bottom, step)]
    _load_what_came(picture)
    drawn = (np.asarray(picture) != picture.info.get("transparency", 0)).any(1)[order]
    rows = int(drawn.nonzero()[0].max(initial=-1)) + 1
    if not in_turns or not rows:
        return _top(picture, top + rows if rows else 0)
    came = np.sort(order[:rows])
    nearest = came[np.searchsorted(came, np.arange(picture.height), "right").clip(1) - 1]
    return Image.fromarray(np.asarray(picture.convert("RGBA"))[nearest]), rows / len(order)


def _rows_that_show(picture: ImageFile) -> tuple[Image.Image, float]:
    """Return the rows of a BMP or TIFF up to the last that shows anything: those that didn't come are black.

    Raises OSError where that can't be told.
    """
    args = picture.tile[0].args
    if picture.getexif().get(_ORIENTATION, 1) != 1 or picture.mode[:1] in ("I", "F"):
        raise OSError("it ends early")
    _load_what_came(picture)
    _, first, _, end = picture.getbbox(alpha_only=False) or (0, 0, 0, 0)
    if picture.format == "BMP" and isinstance(args, tuple) and args[-1] == -1:  # from the bottom up
        return picture.crop((0, first, *picture.size)), _share(picture.height - first if end else 0, picture)
    return _top(picture, end)


def _load_what_came(picture: ImageFile) -> None:
    with suppress(OSError, ValueError):
        picture.load()
    picture.tile = []  # it keeps the rows that it has


def _png_rows(data: bytes) -> int:
    """Return how many rows of a PNG came, as far as they can be unpacked; of an interlaced one, none."""
    width, height, depth, colours, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, _SIGNATURE + 8)
    if interlaced:
        return 0
    row, unpacked = 1 + (width * depth * _CHANNELS[colours] + 7) // 8, 0
    for grown in _unpacked(data[start + 8 : end - 4] for name, start, end in _chunks(data) if name == b"IDAT"):
        unpacked += grown
        if unpacked >= height * row:  # what else there is, however much, is no row
            return int(height)
    return int(unpacked // row)


def _unpacked(chunks: Iterator[bytes]) -> Iterator[int]:
    """Yield by how much a stream in chunks grows, a little at a time, as far as it can be read."""
    stream = zlib.decompressobj()
    for part in chain.from_iterable(_blocks(chunk) for chunk in chunks):
        try:
            rest = part
            while rest:
                yield len(stream.decompress(rest, _BLOCK))
                rest = stream.unconsumed_tail
        except zlib.error:
            return


def _blocks(chunk: bytes) -> Iterator[bytes]:
    return (chunk[start : start + _BLOCK] for start in range(0, len(chunk), _BLOCK))


def _top(picture: Image.Image, rows: int) -> tuple[Image.Image, float]:
    """Return the first rows of a picture, and which share of it they are."""
    return picture.crop((0, 0, picture.width, rows)), _share(rows, picture)


def _share(rows: int, picture: Image.Image) -> float:
    """Return which share of a picture so many rows are. Raises OSError for none."""
    if not rows:
        raise OSError("nothing of it came")
    return rows / picture.height
