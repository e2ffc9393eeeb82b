"""What a file is by its first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.file_kinds import LOOKED_AT_BYTES, kind_of

KINDS = {
    b"": "empty",
    b"ID3\x04\0": "an MP3 file",
    b"\xff\xfb\x90\x64": "an MP3 file",
    b"\xff\xf1\x50\x80": "an AAC file",
    b"OggS\0\2": "an Ogg file",
    b"fLaC\0\0": "a FLAC file",
    b"\0\0\0\x20ftypM4A \0": "an MP4, M4A or MOV file",
    b"\x1aE\xdf\xa3\x9f": "a WebM or Matroska file",
    b"FORM\0\0\0\0AIFF": "an AIFF file",
    b".snd\0\0\0\x18": "a Sun AU file",
    b"RIFF\0\0\0\0AVI LIST": "an AVI file",
    b"RIFF\0\0\0\0WAVEfmt ": "a WAV file",
    b"\xd4\xc3\xb2\xa1\2\0": "a packet capture (pcap)",
    b"PK\3\4\x14\0": "a ZIP archive",
    b"\x1f\x8b\x08\0": "a gzip file",
    b"  <!DOCTYPE html>": "an HTML page",
    b"\xef\xbb\xbf<html>": "an HTML page",
    b"\xff\xfe<\0h\0t\0m\0l\0": "an HTML page",
    b'{"a": 1}': "JSON text",
    b"Connected\n": "text",
    "Grüße".encode()[:3]: "text",
    "Grüße".encode("latin-1"): "binary data of an unknown kind",
    bytes(64): "binary data of an unknown kind",
    b"\x1b[32mgreen": "text",
}


@pytest.mark.parametrize(("head", "words"), KINDS.items(), ids=map(repr, KINDS))
def test_a_file_is_what_its_first_bytes_say(head: bytes, words: str) -> None:
    assert kind_of(head).words == words


def test_ffmpeg_is_for_what_holds_sound() -> None:
    assert kind_of(b"fLaC").is_sound
    assert not kind_of(b"%PDF-1.4").is_sound


@given(st.binary(max_size=LOOKED_AT_BYTES))
def test_every_beginning_is_of_some_kind(head: bytes) -> None:
    assert kind_of(head).words
