"""The Responses model of a Live session: one chain at a time, pending calls, and the order of its events."""

from __future__ import annotations

from typing import Any

from duologue.protocol.live.server import LiveReply
from duologue.protocol.states import BackendState
from tests.protocol.live.server._session import Session, quiet

TOOLS = [{"type": "function", "name": name} for name in ("track", "cancel")]
CONFIG: dict[str, Any] = {
    "model": "gpt-live-1",
    "delegation": {"type": "responses", "responses": {"model": "text-1", "tools": TOOLS}},
}


def wrapped(session: Session) -> list[dict[str, Any]]:
    return [event["event"] for event in session.events("response.event")]


def pending(session: Session) -> list[str]:
    """The calls that the stream completed."""
    items = [event["item"] for event in wrapped(session) if event["type"] == "response.output_item.done"]
    return [item["call_id"] for item in items if item["type"] == "function_call"]


def output(session: Session, call_id: str, text: str = "ok", **fields: Any) -> None:
    item = {"type": "function_call_output", "call_id": call_id, "output": text}
    session.client("response.item.create", item=item, **fields)


def asked(*calls: str) -> Session:
    """A session whose user asked something, for which these functions were called."""
    session = Session(config=CONFIG)
    session.says("Where is it?")
    session.reply(calls=tuple((name, "{}") for name in calls))
    return session


def codes(session: Session) -> list[str]:
    return [frame["error"]["code"] for frame in session.events("error")]


def test_a_call_shows_three_times_in_published_order() -> None:
    session = asked("track")
    assert [event["type"] for event in wrapped(session)] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event["sequence_number"] for event in wrapped(session)] == [*range(7)]
    created = session.events("session.delegation.created")[0]["delegation"]
    assert created["response_id"] == wrapped(session)[0]["response"]["id"]
    for event in (wrapped(session)[0], wrapped(session)[-1]):
        assert (event["response"]["output"], event["response"]["tools"]) == ([], [])
        assert "input" not in event["response"]


def test_all_outputs_are_needed_before_the_model_goes_on() -> None:
    session = asked("track", "cancel")
    first, second = pending(session)
    session.client("response.create", event_id="c1")
    output(session, first)
    session.client("response.create", event_id="c2")
    assert codes(session) == ["function_call_outputs_required"] * 2
    assert [event["client_event_id"] for event in session.events("error")] == ["c1", "c2"]
    output(session, second)
    session.client("response.create")
    assert session.of(LiveReply)[-1].returned == {first, second}
    assert len(session.events("session.delegation.created")) == 1


def test_a_chain_goes_on_under_its_delegation() -> None:
    session = asked("track")
    output(session, pending(session)[0])
    session.client("response.create")
    session.reply(calls=(("cancel", "{}"),))
    output(session, pending(session)[-1])
    session.client("response.create")
    session.reply("Done.", ms=100)
    ids = [event["response"]["id"] for event in wrapped(session) if event["type"] == "response.created"]
    assert len(set(ids)) == 3
    assert len({event["delegation_id"] for event in session.events("response.event")}) == 1
    roles = [message.role for message in session.of(LiveReply)[-1].messages]
    assert roles == ["user", "assistant", "tool", "assistant", "tool"]


def test_a_request_while_a_response_runs_waits_for_it() -> None:
    session = Session(config=CONFIG)
    session.client("response.create")
    session.client("response.create")
    assert len(session.of(LiveReply)) == 1
    session.reply("One.", ms=100)
    assert len(session.of(LiveReply)) == 2
    session.reply("Two.", ms=100)
    assert len(session.events("session.delegation.created")) == 2
    session.speaks(quiet(1_000))
    assert session.transcript["assistant"] == "One. Two."


def test_outputs_may_come_before_the_response_is_complete() -> None:
    session = Session(config=CONFIG)
    session.says("Where is it?")
    reply_id = session.of(LiveReply)[0].reply_id
    session.protocol.reply_call(reply_id, "track", "{}", now=session.now)
    session.collect()
    output(session, pending(session)[0])
    session.client("response.create")
    assert len(session.of(LiveReply)) == 1
    session.protocol.reply_finished(reply_id, now=session.now)
    session.collect()
    assert len(session.of(LiveReply)) == 2
    assert codes(session) == []


def test_a_request_that_turns_out_too_early_is_refused_when_the_response_is_complete() -> None:
    session = Session(config=CONFIG)
    session.says("Where is it?")
    reply_id = session.of(LiveReply)[0].reply_id
    session.protocol.reply_call(reply_id, "track", "{}", now=session.now)
    session.client("response.create", event_id="c1")
    session.protocol.reply_finished(reply_id, now=session.now)
    session.collect()
    assert codes(session) == ["function_call_outputs_required"]
    assert session.events("error")[0]["client_event_id"] == "c1"


def test_too_many_requests_are_refused() -> None:
    session = Session(config=CONFIG, max_response_requests=1)
    for _ in range(3):
        session.client("response.create")
    assert codes(session) == ["rate_limit_exceeded"]


def test_an_output_answers_a_pending_call_once() -> None:
    session = asked("track")
    output(session, "call_77")
    output(session, pending(session)[0])
    output(session, pending(session)[0])
    assert [event["error"]["param"] for event in session.events("error")] == ["item.call_id"] * 2


def test_the_calls_of_a_response_that_fails_are_dropped() -> None:
    session = Session(config=CONFIG)
    session.says("Where is it?")
    reply_id = session.of(LiveReply)[0].reply_id
    session.protocol.reply_call(reply_id, "track", "{}", now=session.now)
    session.protocol.reply_call(reply_id, "cancel", "{}", now=session.now)
    session.collect()
    output(session, pending(session)[0])
    session.protocol.reply_failed(reply_id, "it broke", now=session.now)
    session.collect()
    assert wrapped(session)[-1]["type"] == "response.failed"
    assert wrapped(session)[-1]["response"]["error"]["message"] == "it broke"
    assert session.protocol.held["responses"] == 0
    output(session, pending(session)[1])
    assert codes(session) == ["engine_failed", "invalid_value"]
    session.says("Hello?")
    assert [message.role for message in session.of(LiveReply)[-1].messages] == ["user", "user"]


def test_the_buffer_has_the_published_limits_and_a_full_one_leaves_the_call_pending() -> None:
    session = asked("track")
    output(session, pending(session)[0], "x" * 32_768, event_id="c1")
    assert codes(session) == ["response_input_buffer_full"]
    output(session, pending(session)[0], "x" * 1_000)
    for _ in range(130):
        session.client("response.item.create", item={"type": "message", "role": "user", "content": "x"})
    assert codes(session) == ["response_input_buffer_full"] * 4
    session.client("response.create")
    assert session.protocol.held["responses"] == 0
    running = session.protocol._running
    assert running is not None
    assert running.backend.state is BackendState.RESPONDING


def test_a_session_that_closes_waits_for_pending_calls() -> None:
    session = asked("track")
    session.client("session.close")
    session.passes(3)
    assert session.closed is None
    output(session, pending(session)[0])
    session.client("response.create")
    session.reply("On Tuesday.", ms=500)
    session.passes(3)
    assert session.transcript["assistant"] == "On Tuesday."
    assert session.closed is not None
