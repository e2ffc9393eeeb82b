"""All that the server of Live sessions can send, held against the types of the official SDK, to the last field."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import settings
from hypothesis.stateful import invariant

from duologue import catalogue
from duologue.protocol.live.server import PRIMARY, LiveReply
from tests.compat._live_sdk import CHECKS
from tests.protocol.live.server._session import Session, encoded, quiet, sound
from tests.protocol.live.server.test_properties import AnySession

NEVER_SENT: Final = {
    "decision.event",
    "decision.item.created",
    "decision.item.deleted",  # delegation to the Decision API is refused
    "info",  # permissions of a browser's data channel
    "session.paused",
    "session.resumed",  # WebRTC
    "transport.answered",
    "transport.dtmf.received",
    "transport.dtmf.send",
    "transport.dtmf.sent",
    "transport.failed",
    "transport.ringing",  # telephone lines
}

TOOL: Final = {"type": "function", "name": "track", "parameters": {"$schema": "s", "type": "object"}}
HISTORY: Final = [
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Good morning."}]},
]


def check(session: Session) -> set[str]:
    """Fail unless the SDK has a type for all that the primary connection and a sideband got. Returns the types."""
    for wire in session.frames():
        CHECKS["primary"](wire)
        CHECKS["fork"](wire)
    for wire in session.frames(to="side"):
        CHECKS["sideband"](wire)
    return {wire["type"] for wire in [*session.frames(), *session.frames(to="side")]}


class AnySessionAsTheSdkSeesIt(AnySession):
    """Does anything in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.checked = 0

    @invariant()
    def every_event_is_what_the_sdk_knows(self) -> None:
        for outgoing in self.session.sent[self.checked :]:
            wire = outgoing.event.to_json()
            CHECKS["primary" if outgoing.to == PRIMARY else "sideband"](wire)
            if outgoing.to == "all":
                CHECKS["primary"](wire)
        self.checked = len(self.session.sent)


TestAnySessionAsTheSdkSeesIt = AnySessionAsTheSdkSeesIt.TestCase
TestAnySessionAsTheSdkSeesIt.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)


def session_with(**config: Any) -> Session:
    """A session that has a sideband and begins with silence."""
    session = Session(config={"model": "gpt-live-1", **config})
    session.protocol.attach("side", now=session.now)
    session.collect()
    session.speaks(quiet(300))
    return session


def test_a_session_with_client_delegation_is_what_the_sdk_knows() -> None:
    voice = {"format": {"type": "audio/pcm", "rate": 24000}, "output": {"voice": {"id": "voice_1"}}}
    session = session_with(
        instructions="Be brief.", input=HISTORY, audio=voice, delegation=None, safety_identifier="me", store=True
    )
    session.says("Where is it?")
    session.reply(calls=(("delegate", "{}"),))
    delegation = session.events("session.delegation.created")[0]["delegation"]["id"]
    for kind in ("instructions", "thinking", "commentary"):
        session.client(f"session.{kind}.append", delegation_id=delegation, content="It comes.", event_id=kind)
    session.speaks(quiet(2000))
    session.answer(session.of(LiveReply)[-1], "It comes.", ms=500)
    session.speaks(quiet(1000))
    session.client("session.input_audio.mute")
    session.client("session.input_audio.unmute", source="side", event_id="u")
    session.client("session.output_audio.fixture.play", audio=encoded(sound(200)))
    session.speaks(quiet(20_000))
    session.client("session.no_such", event_id="x")
    session.raw("{")
    session.client("session.close")
    session.passes(20)
    assert session.closed is not None
    seen = check(session)
    live = {entry.wire for entry in catalogue.events() if (entry.api, entry.direction) == ("live", "server")}
    assert live - seen == NEVER_SENT | {"session.updated", "response.event"}


def test_a_session_with_responses_delegation_is_what_the_sdk_knows() -> None:
    choice = {"type": "function", "name": "track"}
    backend = {"model": "gpt-5", "tools": [TOOL], "tool_choice": choice, "reasoning": {"effort": "low"}}
    session = session_with(delegation={"type": "responses", "responses": {**backend, "parallel_tool_calls": False}})
    session.client("session.update", session={"delegation": {"type": "responses", "responses": {"tools": [TOOL]}}})
    session.says("Where is it?")
    session.reply("Let me see. ", ms=300, calls=(("track", '{"a": 1}'), ("track", "")))
    calls = [
        frame["event"]["item"]["call_id"]
        for frame in session.events("response.event")
        if frame["event"]["type"] == "response.output_item.done" and frame["event"]["item"]["type"] == "function_call"
    ]
    assert len(calls) == 2
    session.client("response.create", event_id="early")
    for call_id in calls:
        session.client(
            "response.item.create", item={"type": "function_call_output", "call_id": call_id, "output": "{}"}
        )
    session.client("response.create")
    session.speaks(quiet(1500))
    session.answer(session.of(LiveReply)[-1], "It comes tomorrow.", ms=300)
    session.client("response.item.create", item={"type": "message", "role": "user", "content": "And now?"})
    session.client("response.create")
    session.speaks(quiet(1500))
    session.protocol.reply_failed(session.of(LiveReply)[-1].reply_id, "the model is away", now=session.now)
    session.collect()
    seen = check(session)
    within = {frame["event"]["type"] for frame in session.events("response.event")}
    assert {"session.updated", "response.event", "session.delegation.created", "error"} <= seen
    assert within >= {
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.completed",
        "response.failed",
    }


def test_a_session_that_is_lost_or_expires_is_what_the_sdk_knows() -> None:
    lost = session_with()
    lost.protocol.lost(now=lost.now)
    lost.collect()
    check(lost)
    starved = session_with()
    starved.passes(100)
    assert "session.closed" in check(starved)
    refused = Session(config={"model": 3})
    assert check(refused) == {"error"}
