"""Files read and decoded in threads, some blocks ahead of what computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Self, TypeAlias

from torch import Tensor

from app.bulk.sources.interface import Entry, Source
from app.errors import AppError, StoreUnavailable
from app.inputs.decoding import Decoder
from app.inputs.limits import ImageLimits
from app.inputs.support_set import Upload
from app.settings import Settings
from app.threads import Cancellation
from models.inputs.interface import Input

AHEAD = 3  # blocks that are decoded beside the one that is computed
TOGETHER = 16  # files of a task: for small pictures, to hand one to a thread takes as long as to decode it

Decoded: TypeAlias = Tensor | str
"""An example uint8 [C, H, W], or why there is none."""


@dataclass(frozen=True)
class EntryDecoder:
    """Decodes files within the bounds that a server has for each picture, and with the same words for what is wrong."""

    decoder: Decoder
    most_bytes: int
    input: Input

    @classmethod
    def of(cls, settings: Settings, source: Input) -> Self:
        """Return the one that the settings describe, for this input."""
        limits = replace(ImageLimits.of(settings), max_request_pixels=settings.max_image_pixels)
        return cls(Decoder(limits), settings.max_image_bytes, source)

    def decode(self, entry: Entry) -> Decoded:
        """Read and decode a file. Raises StoreUnavailable, which is no fault of the file."""
        try:
            data = entry.read(self.most_bytes)
        except StoreUnavailable:
            raise
        except AppError as error:
            return error.detail
        except OSError as error:
            return f"{entry.path} cannot be read: {error.strerror or error}."
        (found,) = self.decoder.each([(Upload("", 0, entry.path), data)], self.input, Cancellation())
        return found.fault.detail if found.fault else found.example

    def blocks(self, source: Source, skip: int, size: int) -> Iterator[list[tuple[Entry, Decoded]]]:
        """Yield what comes of the files after the first `skip`, `size` at a time, in their order."""
        entries = islice(source.entries(), skip, None)
        pool = ThreadPoolExecutor(source.threads, thread_name_prefix="decode")
        try:
            ahead: deque[list[Future[list[tuple[Entry, Decoded]]]]] = deque()
            while block := list(islice(self._read(entries, source.is_stream), size)):
                parts = (block[first : first + TOGETHER] for first in range(0, len(block), TOGETHER))
                ahead.append([pool.submit(self._decode_all, part) for part in parts])
                if len(ahead) > AHEAD:
                    yield _joined(ahead.popleft())
            while ahead:
                yield _joined(ahead.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _read(self, entries: Iterator[Entry], is_stream: bool) -> Iterator[Entry]:
        """Yield the files; those of a stream with what is in them, as it can't be had later."""
        return map(self._held, entries) if is_stream else entries

    def _held(self, entry: Entry) -> Entry:
        try:
            data = entry.read(self.most_bytes)
        except AppError as error:
            return replace(entry, read=_Raise(error))
        return replace(entry, read=_Give(data))

    def _decode_all(self, entries: Sequence[Entry]) -> list[tuple[Entry, Decoded]]:
        return [(entry, self.decode(entry)) for entry in entries]


@dataclass(frozen=True)
class _Give:
    data: bytes

    def __call__(self, most: int) -> bytes:
        return self.data[: most + 1]


@dataclass(frozen=True)
class _Raise:
    error: AppError

    def __call__(self, most: int) -> bytes:
        raise self.error


def _joined(parts: Sequence[Future[list[tuple[Entry, Decoded]]]]) -> list[tuple[Entry, Decoded]]:
    return [each for part in parts for each in part.result()]
