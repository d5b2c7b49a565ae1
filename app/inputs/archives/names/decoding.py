"""The names of an archive's entries as text, whatever encoding they were written in."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from app import errors
from app.inputs.archives.faults import FEW, archive_error
from app.inputs.archives.formats.interface import Entry
from app.inputs.archives.names import code_pages
from app.inputs.archives.names.code_pages import Reading
from kshot import text

MAX_PATH, MAX_PART = 1000, 255  # bytes, as file systems take them
MAX_DEPTH = 100  # folders, more than anybody has


def read_names(entries: Sequence[Entry], encoding: str | None) -> list[str]:
    """Return each entry's name as it is spelled, with / between its parts.

    Names that don't say what they are in are read in `encoding`, or else in the one that all of them together tell.
    Raises ArchiveEncoding, or ArchiveUnreadable for a name that is too long.
    """
    for entry in entries:
        _check_length(entry.name.replace(b"\\", b"/"))
    names = _decoded(entries, _known(encoding) if encoding is not None else None)
    if not any("/" in name for name in names):
        names = [name.replace("\\", "/") for name in names]
    for name in names:
        _check_length(name.encode())
    return names


def _decoded(entries: Sequence[Entry], encoding: str | None) -> list[str]:
    raw = list(dict.fromkeys(entry.name for entry in entries if entry.declared is None))
    read = _in(encoding, raw) if encoding else _detected(raw, not any(entry.dos for entry in entries))
    texts = dict(zip(raw, read, strict=True))
    return [_separated(entry, texts) for entry in entries]


def _separated(entry: Entry, texts: dict[bytes, str]) -> str:
    """Return the name with / between its parts: split once it is text, as letters may hold the byte of a backslash."""
    name = texts[entry.name] if entry.declared is None else entry.declared
    return name.replace("\\", "/") if entry.dos else name


def _known(encoding: str) -> str:
    """Return Python's name of an encoding. Raises ArchiveEncoding for one that isn't among KNOWN."""
    try:
        name = codecs.lookup(encoding.strip()).name
    except (LookupError, ValueError):
        name = ""
    name = code_pages.WITHIN.get(name, name)
    if name not in code_pages.KNOWN:
        known = ", ".join(code_pages.KNOWN)
        raise _error(f"archive_encoding is {encoding!r:.60}, and this server knows {known}. Send one of them.")
    return name


def _in(encoding: str, names: Sequence[bytes]) -> list[str]:
    """Return names in the encoding that was asked for. Raises ArchiveEncoding if one isn't."""
    try:
        return [name.decode(encoding) for name in names]
    except UnicodeDecodeError as error:
        found = text.shown(bytes(error.object).decode(encoding, "replace"))
        detail = f"The archive's names are not in archive_encoding {encoding}: one reads {found!r:.120}."
        raise _error(f"{detail} Send another, or leave it out.") from error


def _detected(names: Sequence[bytes], from_unix: bool) -> list[str]:
    """Return names in the encoding that they are in. Raises ArchiveEncoding if that cannot be told."""
    if all(map(bytes.isascii, names)):
        return [name.decode("ascii") for name in names]
    readings = code_pages.readings(names, from_unix)
    if readings and code_pages.is_sure(readings):
        return readings[0].names
    raise _unsure(readings)


def _unsure(readings: Sequence[Reading]) -> errors.AppError:
    shown = [{"encoding": each.encoding, "names": _shown(each)} for each in readings[:FEW]]
    read = "; ".join(f"{each['encoding']}: {', '.join(each['names'])}" for each in shown)
    found = f" They could be in {read}." if shown else ""
    detail = (
        f"The archive doesn't say which encoding its names are in, and they don't tell.{found} "
        "Send archive_encoding, or make the archive again with names in UTF-8."
    )
    return _error(detail, candidates=shown)


def _shown(reading: Reading) -> list[str]:
    return [text.shown(name)[:60] for name in reading.names if not name.isascii()][:FEW]


def _error(detail: str, **members: object) -> errors.AppError:
    return errors.ArchiveEncoding(detail, field="archive_encoding", **members)


def _check_length(name: bytes) -> None:
    """Raise for names longer than file systems take: nobody's folders have them."""
    parts = name.split(b"/")
    if len(name) > MAX_PATH or max(map(len, parts)) > MAX_PART or len(parts) > MAX_DEPTH:
        most = f"{MAX_PATH} bytes, {MAX_PART} between slashes, in {MAX_DEPTH} folders"
        found = text.shown(name[:50].decode("utf-8", "replace"))
        raise archive_error(errors.ArchiveUnreadable, f"It holds the name {found}…, and takes names of at most {most}.")
