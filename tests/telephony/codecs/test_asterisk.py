"""Asterisk's chan_websocket, with JSON and with plain lines."""

from __future__ import annotations

import json

import pytest

from duologue.audio.formats import PCMA, PCMU, Encoding
from duologue.telephony import Asterisk, AsteriskPlain, CallEnded, CallStarted, Flow, LegStatus, Played, UnknownLegFrame
from tests.telephony._frames import FRAMES


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("ulaw", PCMU),
        ("alaw", PCMA),
        ("slin", Encoding.of("audio/pcm", 8_000)),
        ("slin16", Encoding.of("audio/pcm", 16_000)),
        ("slin48", Encoding.of("audio/pcm", 48_000)),
    ],
)
def test_the_dialplan_decides_on_the_format(name: str, encoding: Encoding) -> None:
    codec = Asterisk()
    event = codec.decode(json.dumps({"event": "MEDIA_START", "connection_id": "c", "format": name}))
    assert isinstance(event, CallStarted)
    assert codec.encoding == encoding
    assert json.loads(codec.write(event))["format"] == name


def test_another_codec_is_said_to_be_none() -> None:
    event = Asterisk().decode(json.dumps({"event": "MEDIA_START", "format": "opus"}))
    assert isinstance(event, UnknownLegFrame)
    assert "ask the carrier for PCMU" in event.reason


def test_older_versions_tell_less_of_a_call() -> None:
    line = "MEDIA_START connection_id:e226 channel:WebSocket/c format:ulaw optimal_frame_size:160"
    event = AsteriskPlain().decode(line)
    assert isinstance(event, CallStarted)
    assert (event.call_id, event.stream_id) == ("", "e226")


def test_variables_of_the_channel_are_parameters() -> None:
    event = Asterisk().decode(FRAMES["asterisk"][0])
    assert isinstance(event, CallStarted)
    assert event.parameters == {"A": "b"}


@pytest.mark.parametrize("codec", [Asterisk(), AsteriskPlain()], ids=["json", "plain"])
def test_a_full_queue_is_told_and_its_end_too(codec: Asterisk) -> None:
    for on in (False, True):
        assert codec.decode(codec.write(Flow(on=on))) == Flow(on=on)


def test_commands_are_lines_or_json() -> None:
    assert AsteriskPlain().mark("1.1") == "MARK_MEDIA 1.1"
    assert AsteriskPlain().clear() == "FLUSH_MEDIA"
    assert AsteriskPlain().hang_up() == "HANGUP"
    assert json.loads(Asterisk().mark("1.1")) == {"command": "MARK_MEDIA", "correlation_id": "1.1"}


def test_reports_and_ends_are_read() -> None:
    status = Asterisk().decode(FRAMES["asterisk"][-1])
    assert isinstance(status, LegStatus)
    assert status.details["queue_length"] == 150
    assert isinstance(Asterisk().decode('{"event":"HANGUP"}'), CallEnded)
    assert AsteriskPlain().decode("MEDIA_MARK_PROCESSED correlation_id:1.1") == Played(name="1.1")


def test_a_line_of_too_many_words_is_none() -> None:
    assert isinstance(AsteriskPlain().decode("DTMF_END " + "a:b " * 70), UnknownLegFrame)
    assert isinstance(AsteriskPlain().decode(""), UnknownLegFrame)


def test_no_parameter_of_a_plain_line_replaces_its_name() -> None:
    event = AsteriskPlain().decode("STATUS event:HANGUP")
    assert isinstance(event, LegStatus)
    assert event.name == "STATUS"
