"""What a file is, by its first bytes: for errors that say what was given instead of what was expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["LOOKED_AT_BYTES", "FileKind", "kind_of"]

LOOKED_AT_BYTES: Final = 64
"""More than this is not looked at; fewer may be given, and then fewer kinds are told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    """What a file is."""

    words: str
    """With an article: "an MP3 file"."""
    is_sound: bool = False
    """Whether ffmpeg makes a WAV of it."""
    remedy: str = ""
    """What to do to read what is inside; empty where that depends on what was expected."""


def _sound(words: str) -> FileKind:
    return FileKind(words=words, is_sound=True)


_MP3, _AAC = _sound("an MP3 file"), _sound("an AAC file")
_MP4, _OGG, _MATROSKA = _sound("an MP4, M4A or MOV file"), _sound("an Ogg file"), _sound("a WebM or Matroska file")
_TIFF, _PCAP = FileKind(words="a TIFF picture"), FileKind(words="a packet capture (pcap)")
_HTML, _ZIP = FileKind(words="an HTML page"), FileKind(words="a ZIP archive", remedy="unpack it first")

_SIGNATURES: Final[tuple[tuple[int, bytes, FileKind], ...]] = (
    (0, b"ID3", _MP3),
    *((0, bytes([0xFF, second]), _MP3) for second in (0xFB, 0xFA, 0xF3, 0xF2, 0xE3, 0xE2)),
    *((0, bytes([0xFF, second]), _sound("an MPEG audio file")) for second in (0xFD, 0xFC, 0xF5, 0xF4)),
    *((0, bytes([0xFF, second]), _AAC) for second in (0xF1, 0xF0, 0xF9, 0xF8)),
    (0, b"ADIF", _AAC),
    (0, b"OggS", _OGG),
    (0, b"fLaC", _sound("a FLAC file")),
    (4, b"ftyp", _MP4),
    (4, b"moov", _MP4),
    (4, b"mdat", _MP4),
    (0, b"\x1aE\xdf\xa3", _MATROSKA),
    (8, b"AIFF", _sound("an AIFF file")),
    (8, b"AIFC", _sound("an AIFF file")),
    (0, b".snd", _sound("a Sun AU file")),
    (0, b"dns.", _sound("a Sun AU file")),
    (0, b"caff", _sound("a Core Audio file")),
    (0, b"riff\x2e\x91\xcf\x11", _sound("a Wave64 file")),
    (0, b"#!AMR", _sound("an AMR file")),
    (0, b"NIST_1A", _sound("a NIST SPHERE file")),
    (0, b"Creative Voice File", _sound("a VOC file")),
    (0, b"wvpk", _sound("a WavPack file")),
    (0, b"MAC ", _sound("a Monkey's Audio file")),
    (0, b"FLV", _sound("an FLV file")),
    (0, b"\x30\x26\xb2\x75", _sound("a Windows Media file")),
    (0, b"MThd", FileKind(words="a MIDI file, which holds notes and no sound")),
    (8, b"AVI ", _sound("an AVI file")),
    (8, b"WEBP", FileKind(words="a WebP picture")),
    (8, b"WAVE", _sound("a WAV file")),
    (0, b"RIFF", FileKind(words="a RIFF file without WAVE audio")),
    (0, b"\x89PNG", FileKind(words="a PNG picture")),
    (0, b"\xff\xd8\xff", FileKind(words="a JPEG picture")),
    (0, b"GIF8", FileKind(words="a GIF picture")),
    (0, b"II*\0", _TIFF),
    (0, b"MM\0*", _TIFF),
    (0, b"%PDF", FileKind(words="a PDF document")),
    (0, b"\xd4\xc3\xb2\xa1", _PCAP),
    (0, b"\xa1\xb2\xc3\xd4", _PCAP),
    (0, b"\x4d\x3c\xb2\xa1", _PCAP),
    (0, b"\xa1\xb2\x3c\x4d", _PCAP),
    (0, b"\x0a\x0d\x0d\x0a", FileKind(words="a packet capture (pcapng)")),
    (0, b"\x1f\x8b", FileKind(words="a gzip file", remedy="unpack it first: gunzip")),
    (0, b"PK\x03\x04", _ZIP),
    (0, b"PK\x05\x06", _ZIP),
    (0, b"BZh", FileKind(words="a bzip2 file", remedy="unpack it first: bunzip2")),
    (0, b"\xfd7zXZ\0", FileKind(words="an xz file", remedy="unpack it first: unxz")),
    (0, b"\x28\xb5\x2f\xfd", FileKind(words="a Zstandard file", remedy="unpack it first: unzstd")),
    (0, b"\x04\x22\x4d\x18", FileKind(words="an LZ4 file", remedy="unpack it first: unlz4")),
    (0, b"7z\xbc\xaf\x27\x1c", FileKind(words="a 7z archive", remedy="unpack it first")),
    (257, b"ustar", FileKind(words="a tar archive", remedy="unpack it first")),
    (0, b"SQLite format 3", FileKind(words="an SQLite database")),
    (0, b"\x7fELF", FileKind(words="a program")),
    (0, b"MZ", FileKind(words="a program")),
    (0, b"\x93NUMPY", FileKind(words="a NumPy array")),
    (0, b"PAR1", FileKind(words="a Parquet file")),
)
"""Where a kind's mark is, the mark, and the kind: as their specifications have them. The first that fits counts."""

_TEXT_SIGNATURES: Final[tuple[tuple[bytes, FileKind], ...]] = (
    (b"<!doctype html", _HTML),
    (b"<!doctype", _HTML),
    (b"<html", _HTML),
    (b"<head", _HTML),
    (b"<body", _HTML),
    (b"<?xml", FileKind(words="an XML document")),
    (b"<svg", FileKind(words="an SVG picture")),
    (b"%yaml", FileKind(words="a YAML document")),
    (b"---\n", FileKind(words="a YAML or Markdown document")),
    (b"#!/", FileKind(words="a script")),
    (b"{", FileKind(words="JSON text")),
    (b"[", FileKind(words="text, perhaps JSON")),
)
"""What the text of a kind begins with, in small letters."""

_BOMS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_CONTROL: Final = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")
"""Bytes that text does not have. Escape is in logs with colours."""


def kind_of(head: bytes) -> FileKind:
    """What a file with this beginning is. Never fails: of what is unknown, it says whether it is text."""
    if not head:
        return FileKind(words="empty")
    for at, mark, kind in _SIGNATURES:
        if head[at : at + len(mark)] == mark:
            return kind
    plain = head
    for bom in _BOMS:
        plain = plain.removeprefix(bom)
    if plain == head and not _is_text(head):
        return FileKind(words="binary data of an unknown kind")
    start = plain.replace(b"\0", b"").lstrip().lower()  # UTF-16 has a NUL beside each ASCII letter
    return next((kind for mark, kind in _TEXT_SIGNATURES if start.startswith(mark)), FileKind(words="text"))


def _is_text(head: bytes) -> bool:
    if not _CONTROL.isdisjoint(head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as fault:
        return fault.reason == "unexpected end of data"  # cut inside of a character
    return True
