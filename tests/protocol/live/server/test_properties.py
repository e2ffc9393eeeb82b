"""Any order of legal and illegal messages, sidebands and engine reports: what holds for every Live session."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from duologue.catalogue import examples
from duologue.codec import decode_live
from duologue.events.live import UnknownLiveEvent
from duologue.protocol.live.server import PRIMARY, LiveReply, TranscribeUtterance
from duologue.protocol.server.commands import Close, Detect
from duologue.protocol.states import LiveServerState
from tests.protocol._broken_forms import broken_forms
from tests.protocol.live.server._session import FRAME_MS, MS_BYTES, Session, encoded, quiet, sound

CONFIRMED = {
    "session.start": "session.started",
    "session.update": "session.updated",
    "session.close": "session.closed",
    "session.input_audio.mute": "session.input_audio.muted",
    "session.input_audio.unmute": "session.input_audio.unmuted",
    "session.output_audio.fixture.play": "session.output_audio.fixture.playing",
    "session.instructions.append": "session.instructions.appended",
    "session.thinking.append": "session.thinking.appended",
    "session.commentary.append": "session.commentary.appended",
    "decision.item.create": "decision.item.created",
    "decision.item.delete": "decision.item.deleted",
    "transport.dtmf.send": "transport.dtmf.sent",
}
"""By command: the event that confirms it."""

RESPONSES = {
    "type": "responses",
    "responses": {
        "model": "text-1",
        "tools": [{"type": "function", "name": "track", "parameters": {"type": "object"}}],
    },
}
CONFIGS: list[Any] = [
    {"model": "gpt-live-1"},
    {"model": "gpt-live-1", "delegation": RESPONSES, "store": True},
    {"model": "gpt-live-1", "audio": {"format": {"type": "audio/pcm", "rate": 16_000}}},
    {"model": "gpt-live-1", "voice": "marin"},
    {"model": 3},
    {},
]
COMMANDS: list[dict[str, Any]] = [
    *({"type": "session.start", "session": config} for config in CONFIGS),
    {"type": "session.update", "session": {"delegation": RESPONSES}},
    {"type": "session.update", "session": {"instructions": "No."}},
    {"type": "session.input_audio.mute"},
    {"type": "session.input_audio.unmute"},
    {"type": "session.output_audio.fixture.play", "audio": encoded(sound(300))},
    {"type": "session.output_audio.fixture.play", "audio": encoded(b"odd")},
    *(
        {"type": f"session.{kind}.append", "delegation_id": None, "content": "Fact."}
        for kind in ("instructions", "thinking")
    ),
    {"type": "session.commentary.append", "delegation_id": None, "content": "It comes on Tuesday."},
    {"type": "session.commentary.append", "delegation_id": "item_7", "content": "Now."},
    {"type": "session.thinking.append", "delegation_id": None, "content": "x" * 3000},
    {"type": "response.item.create", "item": {"type": "message", "role": "user", "content": "Hello"}},
    {"type": "response.item.create", "item": {"type": "function_call_output", "call_id": "call_9", "output": "{}"}},
    {"type": "response.create"},
    {"type": "decision.item.create", "item": {"role": "user", "content": "x"}},
    {"type": "decision.item.delete", "item_id": "x"},
    {"type": "decision.create"},
    {"type": "transport.dtmf.send", "event": "5"},
    {"type": "session.no_such"},
    {"type": "session.started", "session": {"id": "x"}},
    {"nothing": 1},
]
SIDES = ["side_a", "side_b"]


class AnySession(RuleBasedStateMachine):
    """Does anything in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(start=False, max_utterance_ms=3_000, max_untranscribed=2, max_appends=3)
        self.protocol = self.session.protocol
        self.asked: dict[str, tuple[str, str]] = {}
        """Confirmed commands that were sent while the session was not over: kind and source."""
        self.number = 0
        self.detections: list[Detect] = []
        self.utterances: list[str] = ["utt_0"]
        self.replies: list[str] = ["reply_0"]
        self.calls: list[str] = []
        self.lost = False

    def _collect(self) -> None:
        self.session.sent += self.protocol.take_outgoing()
        commands = self.protocol.take_commands()
        self.session.commands += commands
        self.detections += [command for command in commands if isinstance(command, Detect)]
        self.utterances += [c.utterance_id for c in commands if isinstance(c, TranscribeUtterance)]
        self.replies += [c.reply_id for c in commands if isinstance(c, LiveReply)]

    def _send(self, frame: dict[str, Any], source: str) -> None:
        self.number += 1
        frame = {**frame, "event_id": f"c{self.number}"}
        if frame.get("type") in CONFIRMED and not self.protocol.is_over:
            self.asked[f"c{self.number}"] = (frame["type"], source)
        self.protocol.receive_text(json.dumps(frame), now=self.session.now, source=source)
        self._collect()

    @rule(config=st.sampled_from(CONFIGS[:2]))
    def starts(self, config: dict[str, Any]) -> None:
        self._send({"type": "session.start", "session": config}, PRIMARY)

    @rule(frame=st.sampled_from(COMMANDS), source=st.sampled_from([PRIMARY, PRIMARY, *SIDES]))
    def sends_a_command(self, frame: dict[str, Any], source: str) -> None:
        if source == PRIMARY or self.protocol.is_running:
            self._send(frame, source)

    @rule(source=st.sampled_from([PRIMARY, *SIDES]))
    def asks_for_the_end(self, source: str) -> None:
        if self.number % 5 == 0:
            self._send({"type": "session.close"}, source)

    @rule(message=st.sampled_from(["", "[]", "{", b"{}", '{"type": 3}', '{"a":' * 200, "\x00", '{"type":"error"}']))
    def sends_what_is_no_event(self, message: str | bytes) -> None:
        self.protocol.receive_text(message, now=self.session.now)
        self._collect()

    @rule(ms=st.sampled_from([20, 100, 700, 2_000]), speech=st.booleans(), audio=st.booleans())
    def time_passes(self, ms: int, speech: bool, audio: bool) -> None:
        if audio:
            self._send(
                {"type": "session.input_audio.append", "audio": encoded((sound if speech else quiet)(ms))}, PRIMARY
            )
        self._passes(ms / 1000)

    def _passes(self, seconds: float) -> None:
        ends_at = self.session.now + seconds
        while self.protocol.next_tick_at <= ends_at:
            self.session.now = max(self.session.now, self.protocol.next_tick_at)
            self.protocol.tick(self.session.now)
            self._collect()
        self.session.now = ends_at

    @rule(source=st.sampled_from(SIDES))
    def a_sideband_comes(self, source: str) -> None:
        attached = self.protocol.attach(source, now=self.session.now)
        assert attached == self.protocol.is_running
        self._collect()

    @rule(source=st.sampled_from(SIDES))
    def a_sideband_goes(self, source: str) -> None:
        self.protocol.detach(source, now=self.session.now)
        self._collect()

    @rule()
    def the_detector_reports(self) -> None:
        for command in self.detections:
            frames = len(command.audio) // (FRAME_MS * MS_BYTES)
            self.protocol.detected([float(any(command.audio))] * frames, FRAME_MS, now=self.session.now)
        self.detections.clear()
        self._collect()

    @rule(data=st.data(), text=st.sampled_from(["Where is it?", " ", "你好", "a b c d e f g h"]))
    def the_transcriber_reports(self, data: st.DataObject, text: str) -> None:
        utterance_id = data.draw(st.sampled_from(self.utterances))
        if text == " ":
            self.protocol.transcription_failed(utterance_id, "it broke", now=self.session.now)
        else:
            self.protocol.transcript(utterance_id, text, now=self.session.now)
        self._collect()

    @rule(data=st.data(), text=st.sampled_from(["", "Yes. No.", "Well"]), ms=st.sampled_from([0, 30, 900]))
    def the_responder_reports(self, data: st.DataObject, text: str, ms: int) -> None:
        reply_id, now = data.draw(st.sampled_from(self.replies[-3:])), self.session.now
        self.protocol.reply_text(reply_id, text, now=now)
        if text:
            self.protocol.reply_clause(reply_id, text[:4], now=now)
        self.protocol.reply_audio(reply_id, sound(ms), now=now)
        self._collect()

    @rule(data=st.data(), name=st.sampled_from(["delegate", "track", "no_such"]))
    def the_responder_calls(self, data: st.DataObject, name: str) -> None:
        self.protocol.reply_call(data.draw(st.sampled_from(self.replies[-3:])), name, "{}", now=self.session.now)
        self._collect()

    @rule(data=st.data(), how=st.sampled_from(["finished", "failed"]))
    def the_reply_ends(self, data: st.DataObject, how: str) -> None:
        reply_id = data.draw(st.sampled_from(self.replies[-3:]))
        if how == "failed":
            self.protocol.reply_failed(reply_id, "it broke", now=self.session.now)
        else:
            self.protocol.reply_finished(reply_id, now=self.session.now)
        self._collect()

    @rule()
    def functions_return(self) -> None:
        pending = [
            frame["event"]["item"]["call_id"]
            for frame in self.session.events("response.event")
            if frame["event"]["type"] == "response.output_item.done" and "call_id" in frame["event"]["item"]
        ]
        for call_id in pending[-2:]:
            item = {"type": "function_call_output", "call_id": call_id, "output": "{}"}
            self._send({"type": "response.item.create", "item": item}, PRIMARY)
        self._send({"type": "response.create"}, PRIMARY)

    @rule(how=st.sampled_from(["lost", "stop", "detection", "", "", "", "", ""]))
    def the_session_is_ended(self, how: str) -> None:
        if how == "lost":
            self.lost = self.lost or not self.protocol.is_over
            self.protocol.lost(now=self.session.now)
        elif how == "stop":
            self.protocol.stop(now=self.session.now)
        elif how == "detection":
            self.lost = self.lost or self.protocol.is_running
            self.protocol.detection_failed("it broke", now=self.session.now)
        self._collect()

    # --- what holds

    @invariant()
    def nothing_comes_before_the_start_or_behind_the_end(self) -> None:
        types = [frame["type"] for frame in self.session.frames() if frame["type"] != "error"]
        if types:
            assert types[0] == "session.started"
            assert "session.closed" not in types[:-1]
        if "session.closed" in types:
            assert self.session.frames()[-1]["type"] == "session.closed"
            assert len(self.session.of(Close)) == 1

    @invariant()
    def output_is_as_long_as_the_time(self) -> None:
        running = self.protocol._running
        if running is not None:
            expected = running.encoding.bytes_for_ms(self.protocol.position_ms // 100 * 100)
            assert len(self.session.output) == expected
            assert self.protocol.position_ms <= running.input.received_ms

    @invariant()
    def times_do_not_run_backwards(self) -> None:
        for side in ("input", "output"):
            end_ms = 0
            for event in self.session.events(f"session.{side}_transcript.delta"):
                assert event["start_ms"] >= end_ms
                assert event["start_ms"] % 200 == 0
                assert event["end_ms"] - event["start_ms"] == 200
                end_ms = event["end_ms"]
        seconds = [event["usage"]["seconds"] for event in self.session.events("session.usage.updated")]
        assert seconds == sorted(seconds)

    @invariant()
    def every_event_can_be_read(self) -> None:
        for outgoing in self.session.sent[-20:]:
            assert not isinstance(decode_live(json.dumps(outgoing.event.to_json())), UnknownLiveEvent)

    @invariant()
    def delegations_are_announced(self) -> None:
        known = set[str]()
        for frame in self.session.frames():
            if frame["type"] == "session.delegation.created":
                known.add(frame["delegation"]["id"])
            elif frame["type"] == "response.event":
                assert frame["delegation_id"] in known

    def teardown(self) -> None:
        self.protocol.stop(now=self.session.now)
        self._collect()
        self._passes(60)
        assert self.protocol.is_over
        assert {kind: held for kind, held in self.protocol.held.items() if held} == {}
        self._check_answers()
        count = len(self.session.sent)
        self._send({"type": "session.input_audio.mute"}, PRIMARY)
        self.protocol.tick(self.session.now + 100)
        self._collect()
        assert len(self.session.sent) == count

    def _check_answers(self) -> None:
        """Every confirmed command was answered once: by its event, or by an error."""
        answers = Counter[str]()
        for outgoing in self.session.sent:
            frame = outgoing.event.to_json()
            reference = frame.get("client_event_id")
            if reference is None:
                continue
            if frame["type"] == "error":
                assert frame["error"]["client_event_id"] == reference
                assert frame["error"]["message"]
                answers[reference] += 1
                if reference in self.asked:
                    assert outgoing.to == self.asked[reference][1]
            elif frame["type"] != "session.output_audio.fixture.played":
                assert frame["type"] == CONFIRMED[self.asked[reference][0]]
                answers[reference] += 1
        assert max(answers.values(), default=0) <= 1
        if not self.lost:
            assert {event_id for event_id in self.asked if not answers[event_id]} == set()
        assert self.protocol.state in (LiveServerState.FINALISED, LiveServerState.LOST)


TestAnySession = AnySession.TestCase
TestAnySession.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


FULL_RESPONSES: dict[str, Any] = {
    "type": "responses",
    "acknowledgement_delay_ms": 300,
    "responses": {
        "model": "text-1",
        "instructions": "Short.",
        "tools": [{"type": "function", "name": "track", "description": "x", "parameters": {"type": "object"}}],
        "tool_choice": {"type": "function", "name": "track"},
        "max_output_tokens": 300,
    },
}
FULL_CONFIG: dict[str, Any] = {
    "model": "gpt-live-1",
    "instructions": "Short.",
    "audio": {"format": {"type": "audio/pcm", "rate": 24_000}, "output": {"voice": "marin"}},
    "delegation": FULL_RESPONSES,
    "store": True,
    "client": {"data": {"a": "b"}},
    "triggers": [],
}
EXAMPLES = [message for name, message in examples().items() if name.startswith("live:client:")]
"""Of every event of a client."""


@pytest.mark.parametrize("delegation", [{"type": "client"}, FULL_RESPONSES], ids=["client", "responses"])
@pytest.mark.parametrize("is_stored", [False, True], ids=["new", "fork"])
def test_an_event_with_one_broken_place_never_breaks_a_session(delegation: dict[str, Any], *, is_stored: bool) -> None:
    config = {"model": "gpt-live-1", "delegation": delegation, "store": True}
    first = Session(config=config)
    stored = first.protocol.stored() if is_stored else None
    start: dict[str, Any] = {"type": "session.start", "session": FULL_CONFIG}
    for broken in broken_forms(start):
        Session(start=False, stored=stored).raw(json.dumps(broken))
    update: dict[str, Any] = {"type": "session.update", "session": {"delegation": FULL_RESPONSES, "triggers": []}}
    session = Session(config=config)
    for message in (update, *EXAMPLES):
        if message["type"] in {"session.close", "session.start"}:
            continue
        for broken in (message, *broken_forms(message)):
            if session.protocol.state is not LiveServerState.RUNNING:
                session = Session(config=config)
            session.raw(json.dumps(broken))
            session.passes(0.001)
