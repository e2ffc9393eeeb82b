from __future__ import annotations

import itertools
import json
from array import array
from typing import Any

import pytest

from duologue.audio.formats import PCMU
from duologue.events.base import decode_audio, encode_audio
from duologue.protocol.client.call.client_media_line import ClientMediaLine

TONE = array("h", [1000] * 480).tobytes()


class Driven:
    """A line whose time the test has."""

    def __init__(self) -> None:
        numbers = itertools.count(1)
        self.line = ClientMediaLine(new_id=lambda kind: f"{kind}_{next(numbers)}", now=0.0)
        self.now = 0.0

    def send(self, type: str, **fields: Any) -> None:
        self.line.from_application(json.dumps({"type": type, **fields}))

    def receive(self, type: str, **fields: Any) -> None:
        self.line.from_channel(json.dumps({"type": type, "event_id": "event_x", **fields}), now=self.now)

    def append(self, audio: bytes) -> None:
        self.send("input_audio_buffer.append", audio=encode_audio(audio))

    def play(self, seconds: float) -> bytes:
        frames = b""
        until = self.now + seconds
        while self.now < until:
            frames += b"".join(self.line.take_frames(self.now))
            self.now += 0.02
        return frames

    @property
    def sent(self) -> list[dict[str, Any]]:
        return [json.loads(message) for message in self.line.take_for_channel()]

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(message) for message in self.line.take_for_application()]

    def speak(self) -> None:
        """The server plays a response that it has generated."""
        part = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
        self.receive("response.created", response={"id": "resp_1", "object": "realtime.response"})
        self.receive("response.content_part.added", **part, part={"type": "audio"})
        self.receive("output_audio_buffer.started", response_id="resp_1")
        self.line.heard(TONE, now=self.now)
        done = {"id": "resp_1", "object": "realtime.response", "status": "completed"}
        self.receive("response.done", response=done)


def session(type: str | None) -> dict[str, Any]:
    audio = {} if type is None else {"input": {"format": {"type": type}}}
    return {"type": "realtime", "object": "realtime.session", "id": "sess_1", "audio": audio}


def test_appended_audio_is_played_and_everything_else_is_sent() -> None:
    driven = Driven()
    driven.append(TONE * 2)
    driven.send("conversation.item.create", event_id="event_1", item={"type": "message", "role": "user", "content": []})
    driven.send("something.new", event_id="event_2")
    driven.line.from_application("no event")
    assert driven.line.waiting_ms == 40
    assert driven.play(0.2).startswith(TONE * 2 + bytes(960))
    assert driven.line.take_for_channel()[2] == "no event"


def test_audio_that_is_none_goes_to_the_server_which_will_say_so() -> None:
    driven = Driven()
    driven.send("input_audio_buffer.append", audio="!")
    driven.play(0.02)
    assert [each["type"] for each in driven.sent] == ["input_audio_buffer.append"]


def test_a_commit_goes_behind_its_sound() -> None:
    driven = Driven()
    driven.append(TONE * 5)
    driven.send("input_audio_buffer.commit", event_id="event_1")
    driven.play(0.2)
    assert driven.sent == []
    driven.play(0.2)
    assert [each["type"] for each in driven.sent] == ["input_audio_buffer.commit"]
    driven.append(TONE * 500)
    driven.send("input_audio_buffer.clear", event_id="event_2")
    assert driven.line.waiting_ms == 0


@pytest.mark.parametrize("named", [{}, {"response_id": "resp_1"}])
def test_what_is_cancelled_while_it_is_only_played_is_cleared(named: dict[str, str]) -> None:
    driven = Driven()
    driven.speak()
    driven.send("response.cancel", event_id="event_1", **named)
    driven.play(0.02)
    assert driven.sent == [{"type": "output_audio_buffer.clear", "event_id": "event_1"}]
    driven.receive("output_audio_buffer.cleared", response_id="resp_1")
    assert [each["type"] for each in driven.told][-2:] == ["response.done", "output_audio_buffer.cleared"]
    driven.send("response.cancel", event_id="event_2", **named)
    driven.send("output_audio_buffer.clear", event_id="event_3")
    driven.play(0.02)
    assert [each["type"] for each in driven.sent] == ["response.cancel", "output_audio_buffer.clear"]


def test_appended_audio_has_the_format_that_the_session_has_or_was_asked_for() -> None:
    driven = Driven()
    driven.receive("session.created", session=session("audio/pcmu"))
    driven.append(PCMU.from_pcm16(bytes(320)))
    driven.play(0.2)
    driven.send(
        "session.update",
        event_id="event_1",
        session={"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}}},
    )
    driven.append(TONE)
    assert TONE in driven.play(0.2)
    driven.receive("error", error={"type": "invalid_request_error", "message": "m", "event_id": "event_1"})
    driven.append(PCMU.from_pcm16(array("h", [1000] * 800).tobytes()))
    assert driven.line.waiting_ms > 60
    driven.play(0.3)
    driven.receive("session.updated", session=session(None))
    driven.append(TONE)
    assert TONE in driven.play(0.2)


def test_a_message_that_cannot_be_sent_is_answered_as_the_server_would() -> None:
    driven = Driven()
    driven.line.unsent('{"type": "response.create", "event_id": "event_7"}', "too long")
    driven.line.unsent("no event", "too long")
    first, second = driven.told
    assert (first["type"], first["error"]["event_id"], first["error"]["message"]) == ("error", "event_7", "too long")
    assert second["error"].get("event_id") is None


def test_the_server_s_sound_is_told_as_deltas_and_the_end_of_the_call_tells_the_rest() -> None:
    driven = Driven()
    driven.speak()
    driven.line.end()
    told = driven.told
    assert [each["type"] for each in told][-2:] == ["response.output_audio.delta", "response.done"]
    assert decode_audio(told[-2]["delta"]) == TONE
