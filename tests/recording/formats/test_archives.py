"""Packed files: what is in them, damage, and the limits that stand against archives made to fill memory."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from duologue.errors import RecordingError
from duologue.recording.formats import archives
from duologue.recording.formats.archives import is_gzip, is_zip, unpacked_gzip, unpacked_zip


def zipped(**members: bytes) -> io.BytesIO:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name.replace("_", "."), data)
    return io.BytesIO(archive.getvalue())


def test_archives_are_known_by_their_first_bytes() -> None:
    assert (is_gzip(gzip.compress(b"")), is_zip(zipped().getvalue()), is_zip(zipped(a=b"").getvalue())) == (True,) * 3
    assert (is_gzip(b"{}"), is_zip(b"{}")) == (False, False)


def test_gzip_of_several_parts_is_one_text() -> None:
    stream = io.BytesIO(gzip.compress(b"one ") + gzip.compress(b"two"))
    assert unpacked_gzip(stream, "x.gz").read() == b"one two"


def test_a_trace_is_all_its_files_and_another_archive_the_one_that_may_hold_frames() -> None:
    trace = zipped(b_trace=b"b\n", a_network=b"a\n", c_json=b"not this")
    assert unpacked_zip(trace, "trace.zip").read() == b"a\nb\n"
    assert unpacked_zip(zipped(a_jpeg=b"", b_HAR=b"har"), "x.zip").read() == b"har"


@pytest.mark.parametrize(("members", "count"), [({}, "no file"), ({"a_json": b"", "b_log": b""}, "2 files")])
def test_an_archive_that_leaves_the_choice_is_left_to_the_user(members: dict[str, bytes], count: str) -> None:
    with pytest.raises(RecordingError) as caught:
        unpacked_zip(zipped(**members), "x.zip")
    assert str(caught.value) == f"x.zip is a ZIP archive with {count} that may hold frames: unpack it, and name one"


def test_an_archive_unpacks_up_to_a_limit_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    monkeypatch.setattr(archives, "_MAX_UNPACKED_BYTES", 1_000_000)
    stream = unpacked_gzip(io.BytesIO(bomb), "x.gz")
    with pytest.raises(RecordingError, match=r"the gzip file x\.gz unpacks to more than"):
        stream.read()
    with pytest.raises(RecordingError, match=r"the ZIP archive x\.zip unpacks to more than"):
        unpacked_zip(zipped(a_trace=bytes(600_000), b_trace=bytes(600_000)), "x.zip").read()


def test_an_archive_is_read_as_a_whole_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_MAX_ZIP_BYTES", 100)
    with pytest.raises(RecordingError, match="more than 0 MiB: unpack it first"):
        unpacked_zip(zipped(a_json=bytes(range(256))), "x.zip")


def test_an_archive_of_very_many_files_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_MAX_MEMBERS", 1)
    with pytest.raises(RecordingError, match="a ZIP archive of 2 files: unpack it first"):
        unpacked_zip(zipped(a_json=b"", b_jpeg=b""), "x.zip")


@pytest.mark.parametrize("cut", [5, 12, 30])
def test_a_gzip_file_that_was_not_copied_whole_says_so(cut: int) -> None:
    packed = gzip.compress(bytes(range(256)) * 4)
    with pytest.raises(RecordingError, match=r"the gzip file x\.gz breaks off: it was not copied whole"):
        unpacked_gzip(io.BytesIO(packed[:-cut]), "x.gz").read()


def test_damaged_archives_are_named() -> None:
    packed = bytearray(gzip.compress(bytes(range(256)) * 4))
    packed[20] ^= 0xFF
    with pytest.raises(RecordingError, match=r"the gzip file x\.gz is damaged"):
        unpacked_gzip(io.BytesIO(packed), "x.gz").read()
    archive = bytearray(zipped(a_har=bytes(range(256)) * 4).getvalue())
    archive[50] ^= 0xFF
    with pytest.raises(RecordingError, match=r"the ZIP archive x\.zip is damaged"):
        unpacked_zip(io.BytesIO(archive), "x.zip").read()
    with pytest.raises(RecordingError, match=r"x\.zip is a damaged ZIP archive"):
        unpacked_zip(io.BytesIO(b"PK\3\4"), "x.zip")


def test_an_archive_with_a_password_cannot_be_unpacked() -> None:
    archive = bytearray(zipped(a_har=b"secret").getvalue())
    archive[6] |= 1  # the bit of the flags that says "encrypted", in both of its places
    archive[archive.index(b"PK\1\2") + 8] |= 1
    with pytest.raises(RecordingError, match=r"x\.zip is a ZIP archive that cannot be unpacked here"):
        unpacked_zip(io.BytesIO(archive), "x.zip").read()
