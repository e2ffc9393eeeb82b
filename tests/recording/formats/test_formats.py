"""Every file of frames that people have is read, and every other file is named in one sentence."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duologue.codec.jsontext import parse_object
from duologue.errors import RecordingError
from duologue.recording import MarkNote, RecordingWriter, UnknownLine
from duologue.recording.formats import FORMATS, FoundFrame, FrameFile
from tests.recording.formats._files import SAMPLES, SESSION, compact, har, har_messages, lines
from tests.repo._tree import ROOT


def read(path: Path, data: bytes) -> tuple[FrameFile, list[FoundFrame]]:
    path.write_bytes(data)
    with FrameFile(path) as file:
        return file, list(file)


def zipped(data: bytes, name: str = "har.har") -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("resources/page@1.jpeg", b"\xff\xd8\xff")
        file.writestr(name, data)
    return archive.getvalue()


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda data: data,
    "with a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "UTF-16 of Windows": lambda data: data.decode().encode("utf-16"),
    "UTF-16 without a mark": lambda data: data.decode().encode("utf-16-le"),
    "big-endian UTF-16 without a mark": lambda data: data.decode().encode("utf-16-be"),
    "UTF-32": lambda data: data.decode().encode("utf-32"),
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "blank lines in front": lambda data: b"\n \r\n" + data,
    "gzip": gzip.compress,
    "gzip of UTF-16": lambda data: gzip.compress(data.decode().encode("utf-16")),
    "ZIP": zipped,
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("name", SAMPLES)
def test_files_of_frames_are_read_as_they_are_found(name: str, packing: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    file, found = read(tmp_path / "file", PACKINGS[packing](sample.data))
    assert file.format.name == sample.format
    assert [frame.problem for frame in found] == [""] * len(found)
    assert [(frame.direction, parse_object(frame.text)) for frame in found] == sample.found


def test_every_format_has_a_sample() -> None:
    assert {sample.format for sample in SAMPLES.values()} == {each.name for each in FORMATS} - {FORMATS[0].name}


def how_to_read() -> str:
    """The part of the page on recordings that is about reading files."""
    page = (ROOT / "docs" / "howto" / "recordings.md").read_text(encoding="utf-8")
    return page.partition("\n## Read\n")[2]


def test_the_documentation_has_every_format_in_the_order_in_which_they_are_recognised() -> None:
    page = how_to_read()
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")]
    assert rows == ["read as", *(each.name for each in FORMATS)]


def test_the_listing_of_the_documentation_shows_the_types_of_a_har(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = how_to_read()
    (listing,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "app.har").write_bytes(har(("wss://x/v1/realtime", har_messages())))
    monkeypatch.chdir(tmp_path)
    exec(listing, {})
    assert capsys.readouterr().out.splitlines() == [f"{direction} {frame['type']}" for direction, frame in SESSION]


def test_a_recording_of_our_own_is_read_packed_too(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "own.jsonl") as writer:
        writer.write("sent", '{"type":"a"}')
        writer.write("received", b"\0\1")
    for data in (own := (tmp_path / "own.jsonl").read_bytes(), gzip.compress(own)):
        file, found = read(tmp_path / "file", data)
        assert file.recording is not None
        assert [(frame.number, frame.text, frame.direction) for frame in found] == [
            (2, '{"type":"a"}', "sent"),
            (3, b"\0\1", "received"),
        ]
        assert found[1].problem == "a binary message of 2 bytes, and frames are text"


NO_FRAMES = {
    b"": "is empty: it holds no frames",
    b"\n\n": "is empty: it holds no frames",
    b"\xff\xfe": "is empty: it holds no frames",
    gzip.compress(b""): "is empty: it holds no frames",
    b"Hello, world\n": "is not a file of frames: it is text",
    b"[]": "is not a file of frames: it is text, perhaps JSON",
    b"<!DOCTYPE html><html></html>": "is not a file of frames: it is an HTML page",
    b"RIFF\x24\0\0\0WAVEfmt ": "is not a file of frames: it is a WAV file",
    b"ID3\x04\0\0\0\0\0\0": "is not a file of frames: it is an MP3 file",
    b"\xd4\xc3\xb2\xa1\2\0\4\0": "is not a file of frames: it is a packet capture (pcap)",
    b"\x0a\x0d\x0d\x0a\x1c\0\0\0": "is not a file of frames: it is a packet capture (pcapng)",
    b"\x89PNG\r\n\x1a\n\0\0": "is not a file of frames: it is a PNG picture",
    b"\x28\xb5\x2f\xfd\0\0": "is not a file of frames: it is a Zstandard file; unpack it first: unzstd",
    bytes(100): "is not a file of frames: it is binary data of an unknown kind",
    b"\x80\x04\x95\x10": "is not a file of frames: it is binary data of an unknown kind",
    b"SessionCreatedEvent(event_id='e', type='session.created')\n": "is not a file of frames: it is text",
    har(): "is a HAR file without WebSocket messages: open the browser's DevTools before the session starts",
    har(("ws://x/hmr?token=t", [{"type": "receive", "data": "{}"}])): (
        "is a HAR file without a Realtime session: its WebSockets go to ws://x/hmr"
    ),
    b'{"log":{"entries":[{"_webSocketMessages":7}]}}': (
        "is a HAR file of an unknown kind: Expected `array | null`, got `int`"
        " - at `$.log.entries[0]._webSocketMessages`"
    ),
    lines(compact({"type": "context-options"}), compact({"type": "before"})): (
        "is a Playwright trace without WebSocket messages: save a HAR file instead"
    ),
    compact({"method": "Network.enable", "params": {}}).encode(): (
        "holds no frames: it is a log of the DevTools protocol without any"
    ),
    zipped(b"", "x.docx"): ("is a ZIP archive with no file that may hold frames: unpack it, and name one"),
    gzip.compress(b"{}" * 1000)[:-20]: None,
    b"\x1f\x8b\x08\0 and no gzip": None,
    b"PK\x03\x04 and no archive": "is a damaged ZIP archive",
}


@pytest.mark.parametrize(
    ("data", "sentence"),
    NO_FRAMES.items(),
    ids=[f"{number} {sentence}" for number, sentence in enumerate(NO_FRAMES.values())],  # an archive has its time in it
)
def test_a_file_without_frames_is_named_in_one_sentence(data: bytes, sentence: str | None, tmp_path: Path) -> None:
    with pytest.raises(RecordingError) as caught:
        read(tmp_path / "file", data)
    if sentence is not None:
        assert str(caught.value) == f"{tmp_path / 'file'} {sentence}"
    assert "\n" not in str(caught.value)


def test_lines_without_an_object_are_problems_among_frames_and_are_counted_in_a_log(tmp_path: Path) -> None:
    _, found = read(tmp_path / "frames", b'{"type":"a"}\noops\n{"type":"b"} and more\n')
    assert [(frame.number, bool(frame.problem)) for frame in found] == [(1, False), (2, True), (3, False), (3, True)]
    log, found = read(tmp_path / "log", b'Connected\n> {"type":"a"} +2ms\n\nping\n< {"type":"b"}\n')
    assert [(frame.number, frame.problem) for frame in found] == [(2, ""), (5, "")]
    assert log.notes == ["2 lines hold no frame"]
    objects, found = read(
        tmp_path / "objects", b'{"level":"info","msg":"up"}\n{"direction":"in","data":{"type":"a"}}\n'
    )
    assert ([frame.number for frame in found], objects.notes) == ([2], ["1 object holds no frame"])


@pytest.mark.parametrize("cut", range(1, 60, 7))
@pytest.mark.parametrize("name", ["wscat", "JSON array", "indented objects", "direction and data", "indented array"])
def test_a_file_that_breaks_off_is_read_up_to_there_and_says_so(name: str, cut: int, tmp_path: Path) -> None:
    data = SAMPLES[name].data
    data = data[: data.rindex(b"response.output_text.delta") + 20]
    _, found = read(tmp_path / "file", data[: len(data) - cut % 20])
    assert [frame.problem for frame in found[:3]] == ["", "", ""]
    assert len(found) == 4
    assert found[3].problem.startswith("not a JSON object")


def test_a_damaged_object_does_not_take_those_behind_it_along(tmp_path: Path) -> None:
    _, found = read(tmp_path / "file", b'< {"type":"a"\n> {"type":"b"}\n< {"type":"c","x":\n\n< {"type":"d"}\n')
    assert [(frame.number, frame.text) for frame in found if not frame.problem] == [
        (2, b'{"type":"b"}'),
        (5, b'{"type":"d"}'),
    ]
    assert [frame.number for frame in found if frame.problem] == [1, 3]


def test_a_har_with_several_sockets_says_which_are_read(tmp_path: Path) -> None:
    noise = [{"type": "receive", "time": 1, "opcode": 1, "data": '{"type":"connected"}'}]
    file, found = read(
        tmp_path / "file",
        har(
            ("ws://localhost:5173/?token=secret", noise),
            ("wss://user:password@api.example/v1/voice?key=secret", har_messages()),
        ),
    )
    assert len(found) == len(SESSION)
    assert file.notes == [
        "1 of 2 WebSocket connections are Realtime sessions, and are read: wss://api.example/v1/voice (4 messages)"
    ]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.lists(
            st.sampled_from(
                [
                    b"{",
                    b"}",
                    b"[",
                    b"]",
                    b'"',
                    b"\\",
                    b":",
                    b",",
                    b"\n",
                    b"'",
                    b"< ",
                    b'"type":',
                    b"{'a':1}",
                    b"\0",
                    b"1",
                    b'{"log":{',
                    b'{"type":"a"}',
                    b'"entries":[',
                    b'{\\"a\\":1}',
                    b"\xff\xfe",
                    b"\x1f\x8b",
                    b"PK\3\4",
                ]
            ),
            max_size=30,
        ).map(b"".join),
        st.tuples(st.sampled_from([sample.data for sample in SAMPLES.values()]), st.integers(0, 400), st.binary()).map(
            lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] :]
        ),
    ),
    pack=st.sampled_from([bytes, gzip.compress, zipped]),
)
def test_any_bytes_are_a_reading_or_one_sentence(data: bytes, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    with suppress(RecordingError):
        _, found = read(tmp_path / "file", pack(data))
        assert found
        for frame in found:
            assert frame.text or frame.problem


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [{}], {"type": "a"}, {"data": {"data": {"data": {}}}}])
@pytest.mark.parametrize(
    "key", ["frame", "data", "events", "type", "direction", "time", "method", "opcode", "_webSocketMessages", "log"]
)
def test_whatever_an_envelope_holds_it_is_read_or_told(key: str, value: object, tmp_path: Path) -> None:
    frame = '{"type":"input_audio_buffer.cleared","event_id":"e"}'
    _, found = read(tmp_path / "file", lines(frame, json.dumps({key: value}), json.dumps({key: value, "data": frame})))
    assert found[0].text == frame.encode()


def test_of_a_recording_lines_that_are_no_frames_are_counted_and_unknown_ones_are_told(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    with RecordingWriter(path) as writer:
        writer.note(MarkNote(text="a"))
        writer.write("sent", "{}")
        writer.write_line(UnknownLine(fields={"weather": 1}))
        writer.write("sent", "[]")
    with FrameFile(path) as frames:
        assert [(frame.number, frame.text) for frame in frames] == [(3, "{}"), (5, "[]")]
        assert frames.notes == ["lines of kinds that this version does not know were passed over: weather (1)"]
