"""Vonage's WebSocket."""

from __future__ import annotations

import json

from duologue.audio.formats import Encoding
from duologue.telephony import CallerAudio, CallStarted, Digit, UnknownLegFrame, Vonage
from tests.telephony._frames import FRAMES


def test_the_first_message_has_the_format_and_the_applications_own_headers() -> None:
    event = Vonage().decode(FRAMES["vonage"][0])
    assert isinstance(event, CallStarted)
    assert event.encoding == Encoding.of("audio/pcm", 16_000)
    assert event.parameters == {"uuid": "u1", "customer": "ABC123"}
    assert event.call_id == "u1"


def test_audio_is_binary_both_ways() -> None:
    codec = Vonage()
    assert codec.decode(bytes(640)) == CallerAudio(audio=bytes(640))
    assert codec.play(b"\1\2") == b"\1\2"


def test_marks_are_notifications() -> None:
    assert json.loads(Vonage().mark("1.1")) == {"action": "notify", "payload": {"name": "1.1"}}
    assert json.loads(Vonage().clear() or "") == {"action": "clear"}


def test_a_key_has_a_duration() -> None:
    event = Vonage().decode(FRAMES["vonage"][2])
    assert isinstance(event, Digit)
    assert (event.digit, event.duration_ms) == ("5", 260)


def test_another_content_type_is_no_start() -> None:
    for content_type in ("audio/l16", "audio/l16;rate=7", "audio/l16;rate=99999", "text/plain", None, 5):
        frame = json.dumps({"event": "websocket:connected", "content-type": content_type})
        assert isinstance(Vonage().decode(frame), UnknownLegFrame)
