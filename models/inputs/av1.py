"""How large the pictures in an AVIF are by their own headers: a decoder goes by these, whatever the file says."""

import struct
from collections.abc import Iterable, Iterator
from itertools import islice

_SEQUENCE_HEADER = 1  # of the kinds of OBU, the units of a stream of AV1
_TABLES = (b"moov", b"trak", b"mdia", b"minf", b"stbl")  # where a track says where its frames are
_MOST_BOXES, _MOST_EXTENTS, _MOST_UNITS = 200, 10_000, 10_000  # far more than any picture has


def coded_pixels(data: bytes) -> int:
    """Return the pixels of a file's items together, or of its tracks' first frames if these have more.

    Raises OSError if there are none, or if they cannot be found.
    """
    pixels = max(_together(_items(data), len(data)), _together(_first_frames(data), len(data)))
    if not pixels:
        raise OSError("it holds no picture")
    return pixels


def _together(streams: Iterable[bytes], size: int) -> int:
    """Return the pixels of streams from a file of this size. Raises OSError for more of them than it can hold."""
    pixels, left, units = 0, 2 * size, _MOST_UNITS
    for stream in streams:
        left -= len(stream)
        if left < 0:
            raise OSError("its pictures lie on one another")
        found = list(islice(_sizes(stream), units))
        units -= len(found)
        if not units:
            raise OSError("its pictures have too many parts")
        pixels += max(found, default=0)
    return pixels


class _Bits:
    """Numbers of any count of bits, one after the other."""

    def __init__(self, data: bytes, place: int = 0) -> None:
        self._data, self._place = data, 8 * place

    def take(self, count: int) -> int:
        """Return the number in the next bits. Raises OSError if so many aren't left."""
        start, self._place = self._place, self._place + count
        end = (self._place + 7) // 8
        if end > len(self._data):
            raise OSError("one of its headers ends early")
        number = int.from_bytes(self._data[start // 8 : end], "big")
        return number >> (8 * end - self._place) & ((1 << count) - 1)


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind of each box between two places, and where its contents begin and end (ISO 14496-12)."""
    for _ in range(_MOST_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        begin = start + 8
        if size == 1 and start + 16 <= end:  # it is too large for 32 bits
            (size,) = struct.unpack_from(">Q", data, begin)
            begin += 8
        stop = min(start + size, end) if size else end
        if stop < begin:
            return
        yield kind, begin, stop
        start = stop


def _within(data: bytes, path: tuple[bytes, ...], start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where the boxes at a path of kinds begin and end; but for tracks, there is one of a kind."""
    if not path:
        yield start, end
        return
    found = (box for box in _boxes(data, start, end) if box[0] == path[0])
    for _, begin, stop in islice(found, None if path[0] == b"trak" else 1):
        yield from _within(data, path[1:], begin, stop)


def _items(data: bytes) -> Iterator[bytes]:
    """Yield the bytes of each item. Raises OSError."""
    for start, end in _within(data, (b"meta",), 0, len(data)):
        boxes = {kind: begin for kind, begin, _ in _boxes(data, start + 4, end)}
        for extents in _extents(_Bits(data, boxes[b"iloc"])) if b"iloc" in boxes else ():
            if sum(length or len(data) for _, _, length in extents) > len(data):
                raise OSError("its pictures lie on one another")
            starts = (place + (boxes.get(b"idat", 0) if is_inside else 0) for is_inside, place, _ in extents)
            pairs = zip(starts, extents, strict=True)
            yield b"".join(data[at : at + length if length else len(data)] for at, (_, _, length) in pairs)


def _extents(box: _Bits) -> Iterator[list[tuple[bool, int, int]]]:
    """Yield the parts of each item that the box iloc lists: whether they lie in idat, where, and how long they are."""
    version, _ = box.take(8), box.take(24)
    offset, length, base, index = (8 * box.take(4) for _ in range(4))
    left = _MOST_EXTENTS
    for _ in range(box.take(16 if version < 2 else 32)):
        box.take(16 if version < 2 else 32)  # the item's number
        is_inside = bool(version) and box.take(16) & 15 == 1
        box.take(16)  # which file
        start, count = box.take(base), box.take(16)
        left -= max(count, 1)
        if left < 0:
            raise OSError("its pictures lie in too many parts")
        found = []
        for _ in range(count):
            box.take(index if version else 0)
            found.append((is_inside, start + box.take(offset), box.take(length)))
        yield found


def _first_frames(data: bytes) -> Iterator[bytes]:
    """Yield the bytes of the first frame of each track, by its tables of samples and of places."""
    for start, end in _within(data, _TABLES, 0, len(data)):
        tables = {kind: _Bits(data, begin + 4) for kind, begin, _ in _boxes(data, start, end)}
        sizes, places = tables.get(b"stsz"), tables.get(b"stco") or tables.get(b"co64")
        if sizes and places:
            size, count = sizes.take(32), sizes.take(32)
            if count and places.take(32):
                place = places.take(32 if b"stco" in tables else 64)
                yield data[place : place + (size or sizes.take(32))]


def _sizes(stream: bytes) -> Iterator[int]:
    """Yield for each unit of a stream the pixels of a frame, if it is a header that tells them, or 0 (AV1, 5.3)."""
    place = 0
    while place < len(stream):
        unit = _Bits(stream, place)
        _, kind, is_extended, has_size, _ = (unit.take(bits) for bits in (1, 4, 1, 1, 1))
        place += 1 + is_extended
        size, place = _size(stream, place) if has_size else (len(stream), place)
        yield _pixels(_Bits(stream[place : place + size])) if kind == _SEQUENCE_HEADER else 0
        place += size


def _size(stream: bytes, place: int) -> tuple[int, int]:
    """Return the number that stands at a place, seven bits a byte, and the place after it."""
    number = 0
    for shift in range(0, 56, 7):
        byte = _Bits(stream, place).take(8)
        number, place = number | (byte & 127) << shift, place + 1
        if byte < 128:
            break
    return number, place


def _pixels(header: _Bits) -> int:
    """Return the most pixels of a frame under a sequence header (AV1, 5.5).

    A frame may have a size of its own, in as many bits as the largest, unless it is a still picture. Where these are
    no more than the largest needs, as encoders write it, that counts.
    """
    header.take(4)  # profile, still picture
    is_still = bool(header.take(1))
    if is_still:
        header.take(5)
    else:
        _pass_operating_points(header)
    bits = header.take(4) + 1, header.take(4) + 1
    sides = [header.take(count) + 1 for count in bits]
    is_tight = all(side > 1 << (count - 1) for side, count in zip(sides, bits, strict=True))
    return sides[0] * sides[1] if is_still or is_tight else 1 << sum(bits)


def _pass_operating_points(header: _Bits) -> None:
    delay = _pass_timing(header) if header.take(1) else 0
    has_display_delay = header.take(1)
    for _ in range(header.take(5) + 1):
        header.take(12)
        if header.take(5) > 7:
            header.take(1)
        if delay and header.take(1):
            header.take(2 * delay + 1)
        if has_display_delay and header.take(1):
            header.take(4)


def _pass_timing(header: _Bits) -> int:
    """Return how many bits a decoder's delay has; 0 if there is none."""
    header.take(64)
    if header.take(1):  # a number in Exp-Golomb code: how far apart pictures are
        zeros = 0
        while zeros < 32 and not header.take(1):
            zeros += 1
        header.take(zeros)
    if not header.take(1):
        return 0
    delay = header.take(5) + 1
    header.take(42)
    return delay
