"""AudioSocket: messages in a stream of bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.telephony import (
    AudioSocket,
    AudioSocketSplitter,
    CallEnded,
    CallerAudio,
    CallStarted,
    Digit,
    UnknownLegFrame,
)
from duologue.telephony.codecs.frame_shapes import FrameFault
from tests.telephony._frames import FRAMES

_STREAM = b"".join(frame for frame in FRAMES["audiosocket"] if isinstance(frame, bytes))


@given(st.lists(st.integers(0, len(_STREAM)), max_size=20))
def test_a_stream_is_the_same_messages_however_it_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(_STREAM)]
    splitter = AudioSocketSplitter()
    found = [message for begin, end in pairwise(places) for message in splitter.push(_STREAM[begin:end])]
    assert found == list(FRAMES["audiosocket"])


def test_a_call_is_its_id_audio_keys_and_an_end() -> None:
    codec = AudioSocket()
    started, audio, key, _, end = (codec.decode(frame) for frame in FRAMES["audiosocket"])
    assert isinstance(started, CallStarted)
    assert started.call_id == "40325ec2-5efd-4bd3-805f-53576e581d13"
    assert isinstance(audio, CallerAudio)
    assert len(audio.audio) == 320
    assert isinstance(key, Digit)
    assert isinstance(end, CallEnded)


@pytest.mark.parametrize(("rate_hz", "kind"), [(8_000, 0x10), (12_000, 0x11), (24_000, 0x13), (192_000, 0x18)])
def test_audio_has_a_type_for_each_rate(rate_hz: int, kind: int) -> None:
    codec = AudioSocket(rate_hz=rate_hz)
    message = codec.play(b"\0\1")
    assert message == bytes((kind, 0, 2, 0, 1))
    assert codec.decode(message) == CallerAudio(audio=b"\0\1")


@pytest.mark.parametrize(
    "message",
    [b"", b"\x10", b"\x10\0\1", b"\x11\0\2ab", b"\x01\0\1a", b"\x03\0\2ab", b"\x42\0\0", "text"],
)
def test_damaged_messages_are_kept(message: bytes | str) -> None:
    event = AudioSocket().decode(message)
    assert isinstance(event, UnknownLegFrame)
    assert event.raw == message


def test_what_the_protocol_has_not_is_said() -> None:
    assert AudioSocket().clear() is None
    with pytest.raises(FrameFault, match="MarkCommand"):
        AudioSocket().mark("1")
    with pytest.raises(FrameFault, match="more than one message"):
        AudioSocket().play(bytes(65_536))
    with pytest.raises(ValueError, match="no 11025 Hz"):
        AudioSocket(rate_hz=11_025)
