"""What holds for every codec: documents round-trip, and nothing that a socket can bring raises."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.telephony import CallerAudio, CallStarted, LegCodec, UnknownLegFrame
from duologue.telephony.codecs.frame_shapes import FrameFault
from duologue.telephony.codecs.leg_codec import encoding_of, swapped
from duologue.telephony.codecs.leg_events import ClearCommand, HangUpCommand, MarkCommand, PlayCommand
from tests.telephony._frames import CODECS, FRAMES, started

each_codec = pytest.mark.parametrize("name", CODECS)

_STREAMS = [name for name in CODECS if name in {"twilio", "signalwire", "telnyx", "plivo"}]


def _meaning(frame: str | bytes) -> Any:
    return json.loads(frame) if isinstance(frame, str) and frame.startswith("{") else frame


def _sequence(frame: str | bytes) -> int:
    plain: Any = _meaning(frame)
    number: Any = plain.get("sequenceNumber", plain.get("sequence_number")) if isinstance(plain, dict) else 0
    return int(number or 0)


@each_codec
def test_each_frame_of_the_documents_is_understood_and_written_as_it_came(name: str) -> None:
    codec = CODECS[name]()
    for frame in FRAMES[name]:
        event = codec.decode(frame)
        assert not isinstance(event, UnknownLegFrame), event
        assert _meaning(codec.write(event, sequence=_sequence(frame))) == _meaning(frame)


@pytest.mark.parametrize("name", _STREAMS)
def test_a_second_start_changes_nothing_of_the_call(name: str) -> None:
    codec = started(name)
    before = codec.encoding, codec.stream_id
    (start,) = [frame for frame in FRAMES[name] if '"start"' in str(frame)]
    other = str(start).replace("audio/x-mulaw", "audio/x-l16").replace("PCMU", "L16").replace("1", "2")
    assert isinstance(codec.decode(other), UnknownLegFrame)
    assert (codec.encoding, codec.stream_id) == before


@each_codec
def test_a_call_starts_with_its_ids_and_its_format(name: str) -> None:
    events = [CODECS[name]().decode(frame) for frame in FRAMES[name]]
    (start,) = [event for event in events if isinstance(event, CallStarted)]
    assert start.call_id
    codec = started(name)
    assert codec.encoding == start.encoding
    assert codec.stream_id == start.stream_id


@each_codec
def test_commands_are_read_as_they_were_written(name: str) -> None:
    codec = started(name)
    audio = bytes(range(160)) * 2
    played = codec.read_command(codec.play(audio))
    assert isinstance(played, PlayCommand)
    assert played.audio == audio
    if codec.traits.marks:
        mark = codec.mark("12345.4096")
        assert codec.read_command(mark) == MarkCommand(name="12345.4096")
        assert len(mark) <= (codec.traits.longest_text_bytes or 200)
    clear = codec.clear()
    assert (clear is None) == (not codec.traits.clears)
    if clear is not None:
        assert codec.read_command(clear) == ClearCommand()
    if (hang_up := codec.hang_up()) is not None:
        assert codec.read_command(hang_up) == HangUpCommand()


@each_codec
@settings(max_examples=60)
@given(audio=st.binary(max_size=400).filter(lambda audio: len(audio) % 2 == 0), number=st.integers(0, 10**6))
def test_audio_of_the_caller_round_trips(name: str, audio: bytes, number: int) -> None:
    codec = started(name)
    event = CallerAudio(audio=audio, at_ms=number, chunk=number)
    read = codec.decode(codec.write(event, sequence=number))
    assert isinstance(read, CallerAudio)
    assert read.audio == audio
    assert (read.at_ms, read.chunk) in {(number, number), (None, None)}


# --- what is none of the protocol's


@each_codec
@given(frame=st.text(max_size=300) | st.binary(max_size=300))
def test_no_text_and_no_bytes_raise(name: str, frame: str | bytes) -> None:
    codec = started(name)
    read = codec.decode(frame)
    if isinstance(read, UnknownLegFrame):
        assert read.raw == frame
        assert read.reason
    codec.read_command(frame)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@each_codec
@given(data=st.data())
def test_no_json_in_the_place_of_a_field_raises(name: str, data: st.DataObject) -> None:
    frames = [plain for frame in FRAMES[name] if isinstance(plain := _meaning(frame), dict)]
    if not frames:
        return
    frame = json.loads(json.dumps(data.draw(st.sampled_from(frames))))
    place = frame
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(_JSON)
    text = json.dumps(frame)
    codec = started(name)
    codec.decode(text)
    codec.read_command(text)
    CODECS[name]().decode(text)


def _mutated(frame: str | bytes, chance: random.Random) -> str | bytes:
    raw = bytearray(frame.encode() if isinstance(frame, str) else frame)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(raw) + 1)
        match chance.randrange(4):
            case 0:
                raw[at:at] = chance.randbytes(chance.randint(1, 4))
            case 1:
                del raw[at : at + chance.randint(1, 9)]
            case 2:
                raw[at : at + 1] = chance.choice((b"null", b"{", b'"', b"-1", b"1e999", b"[]", b"\\ud800"))
            case _:
                raw[at : at + 8] = raw[: chance.randint(0, 20)]
    if isinstance(frame, str) and chance.random() < 0.95:
        return raw.decode("utf-8", chance.choice(("replace", "surrogateescape")))
    return bytes(raw)


def _survives(name: str, n_frames: int) -> int:
    chance, unknown = random.Random(15), 0
    codec = started(name)
    for number in range(n_frames):
        if not number % 1000:
            codec = started(name)
        frame = _mutated(chance.choice(FRAMES[name]), chance)
        unknown += isinstance(codec.decode(frame), UnknownLegFrame)
        codec.read_command(frame)
    return unknown


@each_codec
def test_mutated_frames_are_read_or_kept(name: str) -> None:
    assert _survives(name, 2_000) > 100


@pytest.mark.slow
@pytest.mark.timeout(600)
@each_codec
def test_two_hundred_thousand_mutated_frames_are_read_or_kept(name: str) -> None:
    assert _survives(name, 200_000) > 10_000


def test_deep_nesting_is_no_json_object() -> None:
    for name in _STREAMS:
        assert isinstance(started(name).decode('{"event":' * 100_000), UnknownLegFrame)
        assert isinstance(started(name).decode('{"event":"start","start":' + "[" * 5_000), UnknownLegFrame)


@pytest.mark.parametrize("name", _STREAMS)
def test_bytes_are_no_frame_where_all_are_text(name: str) -> None:
    frame = FRAMES[name][1]
    assert isinstance(frame, str)
    assert isinstance(started(name).decode(frame.encode()), UnknownLegFrame)


# --- encodings


@pytest.mark.parametrize(
    ("vendor", "rate_hz", "encoding"),
    [
        ("audio/x-mulaw", 8000, PCMU),
        ("PCMA", 8000, PCMA),
        ("L16", 16_000, Encoding.of("audio/pcm", 16_000)),
        ("linear16", 24_000, PCM),
        ("ulaw", None, PCMU),
    ],
)
def test_encodings_are_known_by_the_vendors_names(vendor: str, rate_hz: int | None, encoding: Encoding) -> None:
    assert encoding_of(vendor, rate_hz) == encoding


@pytest.mark.parametrize(("vendor", "rate_hz"), [("OPUS", 48_000), ("PCMU", 16_000), ("L16", 7), ("", 8000)])
def test_other_encodings_are_refused_with_the_way_out(vendor: str, rate_hz: int) -> None:
    with pytest.raises(FrameFault, match="ask the carrier for PCMU"):
        encoding_of(vendor, rate_hz)


def test_bytes_are_swapped_in_pairs() -> None:
    assert swapped(b"\x01\x02\x03\x04\x05") == b"\x02\x01\x04\x03"


def test_what_a_direction_has_not_is_a_fault_of_the_writer() -> None:
    codec: LegCodec = CODECS["twilio"]()
    with pytest.raises(FrameFault, match="HangUpCommand"):
        codec.command(HangUpCommand())


def test_events_show_neither_audio_nor_numbers() -> None:
    events = [codec.decode(frame) for codec in [CODECS["telnyx"]()] for frame in FRAMES["telnyx"]]
    shown = repr(events)
    assert "+15551230042" not in shown
    assert "…42" in shown
    assert len(shown) < 2_000
    assert msgspec.structs.asdict(events[1])["caller"] == "+15551230042"
