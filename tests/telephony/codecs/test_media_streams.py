"""Twilio's protocol, in the spelling of each vendor."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM, PCMU
from duologue.telephony import CallerAudio, CallStarted, Played, Plivo, SignalWire, Telnyx, Twilio
from duologue.telephony.codecs.frame_shapes import FrameFault, json_object
from duologue.telephony.codecs.media_streams import MediaStream
from tests.telephony._frames import FRAMES, started


def _written(frame: str | bytes) -> dict[str, Any]:
    assert isinstance(frame, str)
    found: dict[str, Any] = json.loads(frame)
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("twilio", {"event": "media", "streamSid": "MZ1", "media": {"payload": "AAE="}}),
        ("telnyx", {"event": "media", "media": {"payload": "AAE="}}),
        (
            "plivo",
            {
                "event": "playAudio",
                "streamId": "s1",
                "media": {"contentType": "audio/x-mulaw", "sampleRate": 8000, "payload": "AAE="},
            },
        ),
    ],
)
def test_audio_is_written_as_the_vendor_takes_it(name: str, expected: dict[str, Any]) -> None:
    assert _written(started(name).play(b"\0\1")) == expected


@pytest.mark.parametrize(
    ("name", "mark", "clear"),
    [
        (
            "twilio",
            {"event": "mark", "streamSid": "MZ1", "mark": {"name": "1.1"}},
            {"event": "clear", "streamSid": "MZ1"},
        ),
        ("telnyx", {"event": "mark", "mark": {"name": "1.1"}}, {"event": "clear"}),
        (
            "plivo",
            {"event": "checkpoint", "streamId": "s1", "name": "1.1"},
            {"event": "clearAudio", "streamId": "s1"},
        ),
    ],
)
def test_marks_and_clears_are_written_as_the_vendor_takes_them(
    name: str, mark: dict[str, Any], clear: dict[str, Any]
) -> None:
    codec = started(name)
    assert _written(codec.mark("1.1")) == mark
    assert _written(codec.clear() or "") == clear
    assert codec.hang_up() is None  # closing the socket does it


@pytest.mark.parametrize(
    ("name", "sequence", "chunk"),
    [("twilio", "7", "3"), ("plivo", 7, 3)],
)
def test_numbers_are_written_as_the_vendor_writes_them(name: str, sequence: str | int, chunk: str | int) -> None:
    frame = _written(started(name).write(CallerAudio(audio=b"", chunk=3, at_ms=5), sequence=7))
    assert frame["sequenceNumber"] == sequence
    assert frame["media"]["chunk"] == chunk
    assert frame["media"]["timestamp"] == "5"


def test_numbers_are_read_as_text_and_as_numbers() -> None:
    for chunk, at in (("2", "5"), (2, 5)):
        media = {"track": "inbound", "chunk": chunk, "timestamp": at, "payload": ""}
        event = started("twilio").decode(json.dumps({"event": "media", "media": media}))
        assert event == CallerAudio(audio=b"", chunk=2, at_ms=5)


def test_custom_parameters_and_ids_of_a_call_are_read() -> None:
    event = Twilio().decode(FRAMES["twilio"][1])
    assert isinstance(event, CallStarted)
    assert (event.call_id, event.stream_id, event.encoding) == ("CA1", "MZ1", PCMU)
    assert event.parameters == {"FirstName": "Jane", "RemoteParty": "Bob"}


def test_telnyx_tells_who_calls_whom() -> None:
    event = Telnyx().decode(FRAMES["telnyx"][1])
    assert isinstance(event, CallStarted)
    assert (event.caller, event.called) == ("+15551230042", "+15559990000")


def _linear(codec: Telnyx | SignalWire, place: str, rate: str) -> None:
    start = json.loads(str(FRAMES["telnyx" if isinstance(codec, Telnyx) else "twilio"][1]))
    start["start"][place] = {"encoding": "L16", rate: 24_000, "channels": 1}
    codec.decode(json.dumps(start))
    assert codec.encoding == PCM


def test_telnyx_sends_and_takes_linear_audio_with_the_high_byte_first() -> None:
    codec = Telnyx()
    _linear(codec, "media_format", "sample_rate")
    media = {"payload": base64.b64encode(b"\x01\x02").decode()}
    assert codec.decode(json.dumps({"event": "media", "media": media})) == CallerAudio(audio=b"\x02\x01")
    assert _written(codec.play(b"\x02\x01"))["media"] == media
    assert _written(codec.write(CallerAudio(audio=b"\x02\x01")))["media"]["payload"] == media["payload"]


def test_signalwire_sends_linear_audio_as_the_wire_has_it() -> None:
    codec = SignalWire()
    _linear(codec, "mediaFormat", "sampleRate")
    media = {"payload": base64.b64encode(b"\x01\x02").decode()}
    assert codec.decode(json.dumps({"event": "media", "media": media})) == CallerAudio(audio=b"\x01\x02")


def test_plivo_names_a_mark_in_two_ways() -> None:
    for name in ("playedStream", "played"):
        assert Plivo().decode(json.dumps({"event": name, "name": "1.1"})) == Played(name="1.1")


def _by_table(codec: MediaStream, frame: str) -> object:
    return codec.spelling.events.read(json_object(frame))


@pytest.mark.parametrize("name", ["twilio", "signalwire", "telnyx", "plivo"])
def test_the_fast_way_to_audio_says_what_the_table_says(name: str) -> None:
    codec = started(name)
    assert isinstance(codec, MediaStream)
    read = [(codec.caller_audio(str(frame)), _by_table(codec, str(frame))) for frame in FRAMES[name]]
    assert any(audio is not None for audio, _ in read)
    assert all(audio == (table if isinstance(table, CallerAudio) else None) for audio, table in read)


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=3),
    st.sampled_from(["7", "AA==", "inbound"]),
)


@given(st.dictionaries(st.sampled_from(["payload", "track", "chunk", "timestamp"]), _VALUES), _VALUES)
def test_what_the_fast_way_does_not_take_is_left_to_the_table(media: dict[str, object], event: object) -> None:
    codec = started("twilio")
    assert isinstance(codec, MediaStream)
    frame = msgspec.json.encode({"event": event or "media", "media": {"payload": "AAE="} | media}).decode()
    audio = codec.caller_audio(frame)
    try:
        table = _by_table(codec, frame)
    except FrameFault:
        return  # the fast way reads a few more numbers in texts, as 1e3
    assert audio in (None, table)
