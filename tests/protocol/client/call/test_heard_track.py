from __future__ import annotations

import itertools
import json
from array import array
from typing import Any

import pytest

from duologue.events.base import decode_audio
from duologue.protocol.client.call.heard_track import HeardTrack

QUIET = bytes(960)
PART = {"type": "audio", "transcript": ""}


def loud(value: int = 3000) -> bytes:
    return array("h", [value] * 480).tobytes()


class Line:
    """A call's output, which hears a frame every 20 ms."""

    def __init__(self) -> None:
        numbers = itertools.count(1)
        self.output = HeardTrack(new_id=lambda kind: f"{kind}_{next(numbers)}")
        self.now = 0.0
        self.told: list[dict[str, Any]] = []

    def event(self, type: str, **fields: Any) -> None:
        self.output.received(json.dumps({"type": type, "event_id": "event_x", **fields}), now=self.now)
        self._take()

    def hear(self, *frames: bytes) -> None:
        for frame in frames:
            self.now += 0.02
            self.output.heard(frame, now=self.now)
            self._take()

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        self.output.tick(self.now)
        self._take()

    def _take(self) -> None:
        self.told += [json.loads(message) for message in self.output.take()]

    def begin(self, response_id: str = "resp_1", item_id: str = "item_1") -> None:
        self.event("response.created", response={"id": response_id, "object": "realtime.response"})
        named = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
        self.event("response.content_part.added", **named, part=PART)

    def generated(self, response_id: str = "resp_1", item_id: str = "item_1", status: str = "completed") -> None:
        named = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
        self.event("response.output_audio.done", **named)
        self.event("response.done", response={"id": response_id, "object": "realtime.response", "status": status})

    def started(self, response_id: str = "resp_1") -> None:
        self.event("output_audio_buffer.started", response_id=response_id)

    def stopped(self, response_id: str = "resp_1") -> None:
        self.event("output_audio_buffer.stopped", response_id=response_id)

    @property
    def types(self) -> list[str]:
        """What was told, repeated deltas once."""
        return [kind.removeprefix("response.") for kind, _ in itertools.groupby(each["type"] for each in self.told)]

    def speech(self, response_id: str = "resp_1") -> bytes:
        deltas = [each for each in self.told if each["type"] == "response.output_audio.delta"]
        return b"".join(decode_audio(each["delta"]) for each in deltas if each["response_id"] == response_id)


def test_sound_becomes_speech_and_the_ends_wait_for_its_end() -> None:
    line = Line()
    line.begin()
    line.started()
    line.hear(QUIET, loud(1000))
    line.generated()
    line.event("rate_limits.updated", rate_limits=[])
    line.hear(loud(2000))
    line.stopped()
    line.hear(loud(3000), *[QUIET] * 6)
    assert line.types == [
        "created",
        "content_part.added",
        "output_audio_buffer.started",
        "output_audio.delta",
        "rate_limits.updated",
        "output_audio.delta",
        "output_audio.done",
        "done",
        "output_audio_buffer.stopped",
    ]
    assert line.speech() == QUIET + loud(1000) + loud(2000) + loud(3000) + QUIET * 5
    delta = next(each for each in line.told if each["type"] == "response.output_audio.delta")
    assert (delta["item_id"], delta["output_index"], delta["content_index"]) == ("item_1", 0, 0)
    assert len({each["event_id"] for each in line.told if each["type"] == delta["type"]}) == 9


def test_the_tail_ends_by_the_clock_where_no_sound_comes() -> None:
    line = Line()
    line.begin()
    line.started()
    line.hear(loud())
    line.generated()
    line.stopped()
    assert line.output.next_due_at == pytest.approx(line.now + 0.4)
    line.pass_by(0.39)
    assert line.types[-1] == "output_audio.delta"
    line.pass_by(0.02)
    assert line.types[-3:] == ["output_audio.done", "done", "output_audio_buffer.stopped"]


def test_a_speech_that_is_cleared_ends_at_once_and_what_is_on_its_way_belongs_to_none() -> None:
    line = Line()
    line.begin()
    line.started()
    line.hear(loud())
    line.generated()
    line.event("output_audio_buffer.cleared", response_id="resp_1")
    line.hear(loud(), loud())
    assert line.types[-3:] == ["output_audio.done", "done", "output_audio_buffer.cleared"]
    line.begin("resp_2", "item_2")
    line.started("resp_2")
    line.hear(QUIET, loud(7))
    assert line.speech("resp_2") == QUIET + loud(7)


def test_sound_that_overtakes_its_event_is_not_lost() -> None:
    line = Line()
    line.begin()
    line.started()  # from now on the server is known to tell it
    line.stopped()
    line.hear(*[QUIET] * 20)
    line.begin("resp_2", "item_2")
    line.hear(*[QUIET] * 5, loud(1000), loud(2000))
    line.started("resp_2")
    line.hear(loud(3000))
    assert line.speech("resp_2") == QUIET * 2 + loud(1000) + loud(2000) + loud(3000)


def test_the_beginning_may_be_told_before_the_part() -> None:
    line = Line()
    line.event("response.created", response={"id": "resp_1", "object": "realtime.response"})
    line.started()
    line.hear(loud())
    named = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    line.event("response.content_part.added", **named, part=PART)
    assert line.speech() == loud()


def test_a_response_without_speech_waits_for_nothing() -> None:
    line = Line()
    line.event("response.created", response={"id": "resp_1", "object": "realtime.response"})
    line.generated()
    assert line.types == ["created", "output_audio.done", "done"]


def test_the_end_of_a_response_that_calls_functions_does_not_wait() -> None:
    line = Line()
    line.begin()
    line.started()
    call = {"type": "function_call", "id": "item_2", "call_id": "call_1", "name": "f", "arguments": ""}
    line.event("response.output_item.added", response_id="resp_1", output_index=1, item=call)
    line.hear(loud())
    line.generated()
    assert line.types[-1] == "done"
    line.hear(loud())
    line.stopped()
    line.hear(*[QUIET] * 5)
    assert line.types[-3:] == ["output_audio.delta", "output_audio.done", "output_audio_buffer.stopped"]


@pytest.mark.parametrize("begun", [True, False])
def test_a_response_that_is_cancelled_before_it_is_played_ends_at_once(begun: bool) -> None:
    line = Line()
    line.begin()
    if begun:
        line.started()
        line.hear(loud())
    line.generated(status="cancelled")
    assert (line.types[-1] == "done") is not begun


def test_a_server_that_tells_neither_beginning_nor_end_is_heard_too() -> None:
    line = Line()
    line.begin()
    line.hear(*[QUIET] * 10, loud(1), loud(3000))
    line.generated()
    line.hear(loud(2000), *[QUIET] * 90)
    assert line.types[-1] == "output_audio.delta"
    line.hear(*[QUIET] * 20)
    assert line.types[-2:] == ["output_audio.done", "done"]
    assert line.speech().strip(b"\0") == loud(1) + loud(3000) + loud(2000)


def test_a_stop_that_never_comes_holds_nothing_for_ever() -> None:
    line = Line()
    line.begin()
    line.started()
    line.hear(loud())
    line.generated()
    line.pass_by(1.9)
    assert line.types[-1] == "output_audio.delta"
    line.pass_by(0.2)
    assert line.types[-2:] == ["output_audio.done", "done"]


def test_the_end_of_the_call_tells_what_waits() -> None:
    line = Line()
    line.begin()
    line.started()
    line.hear(loud())
    line.generated()
    line.stopped()
    line.output.end()
    line.pass_by(0)
    assert line.types[-3:] == ["output_audio.done", "done", "output_audio_buffer.stopped"]
    assert line.output.next_due_at == float("inf")


def test_speech_has_the_format_of_the_session() -> None:
    line = Line()
    audio = {"input": {"format": {"type": "audio/pcma"}}, "output": {"format": {"type": "audio/pcmu"}}}
    line.event(
        "session.created", session={"type": "realtime", "object": "realtime.session", "id": "sess_1", "audio": audio}
    )
    assert line.output.input_encoding.type == "audio/pcma"
    line.begin()
    line.started()
    line.hear(*[loud()] * 50)
    line.generated()
    line.stopped()
    line.hear(*[QUIET] * 5)
    assert len(line.speech()) == 8 * 20 * 55


def test_speech_in_events_is_not_told_twice() -> None:
    line = Line()
    line.begin()
    line.event(
        "response.output_audio.delta", response_id="resp_1", item_id="item_1", output_index=0, content_index=0, delta=""
    )
    line.started()
    line.hear(loud())
    line.generated()
    assert line.types[-1] == "done"
    assert line.speech() == b""


def test_what_is_generated_can_only_be_stopped_by_a_clear() -> None:
    line = Line()
    line.begin()
    line.started()
    line.hear(loud())
    assert not line.output.is_generated(None)
    assert not line.output.is_generated("resp_1")
    line.generated()
    assert line.output.is_generated(None)
    assert line.output.is_generated("resp_1")
    line.event("response.created", response={"id": "resp_2", "object": "realtime.response"})
    assert not line.output.is_generated(None)
    line.stopped()
    line.hear(*[QUIET] * 5)
    assert not line.output.is_generated("resp_1")


def test_what_is_no_event_passes_as_it_is() -> None:
    output = HeardTrack(new_id=str)
    output.received("[]", now=0.0)
    output.received(b'{"type": "new.event"}', now=0.0)
    assert output.take() == ["[]", '{"type": "new.event"}']


def test_many_responses_leave_a_bounded_rest() -> None:
    line = Line()
    for number in range(200):
        line.begin(f"resp_{number}")
        line.generated(f"resp_{number}")
    assert len(line.output._speeches) == 64
    assert line.types.count("done") == 136
