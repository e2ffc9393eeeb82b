"""An update of the session is done when the server has taken it, and raised when it has not."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from duologue.client.asyncio.session_updates import SessionWarnings
from duologue.errors import ConnectionClosed, RequestRejected
from duologue.events import AnySession, RealtimeSessionConfig, SessionUpdatedEvent
from duologue.notices import ErrorReported, SessionUpdateEnded
from duologue.testing import Drop, Expect, Send
from tests.client._frames import error, refused, replies, serving, updated
from tests.client._waiting import following, talking

BRIEF = RealtimeSessionConfig(instructions="Be brief.")
POLITE = RealtimeSessionConfig(instructions="Be polite.")


async def test_an_update_returns_when_the_server_has_taken_it() -> None:
    taken = asyncio.Event()
    server = serving([Expect("session.update"), Send(updated(instructions="Be brief."))])
    async with talking(server) as conversation:
        conversation.on("session.updated", lambda _: taken.set())
        await conversation.update_session(BRIEF, timeout=5)
        assert taken.is_set()
        assert getattr(conversation.session, "instructions", None) == "Be brief."


@pytest.mark.parametrize(
    "answer",
    [
        refused("session.update", "invalid_value", "No such voice."),
        error("invalid_value", "No such voice."),
        {"type": "error", "event_id": "e", "error": {"type": "server_error", "message": "No such voice."}},
    ],
    ids=["by event id", "with a null event id", "by nothing"],
)
async def test_an_update_that_the_server_refuses_is_raised_and_not_logged(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server = serving(replies("session.update", answer))
    async with talking(server) as conversation:
        with pytest.raises(RequestRejected, match=r"refused the session's configuration.*No such voice"):
            await conversation.update_session(BRIEF)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_of_two_updates_at_once_each_gets_its_own_answer() -> None:
    server = serving(
        [Expect("session.update"), *replies("session.update", updated(), refused("session.update", "x", "Not that."))]
    )
    async with talking(server) as conversation:
        first, second = await asyncio.gather(
            conversation.update_session(BRIEF, timeout=5),
            conversation.update_session(POLITE, timeout=5),
            return_exceptions=True,
        )
    assert first is None
    assert isinstance(second, RequestRejected)


async def test_an_update_that_is_not_answered_in_the_callers_time_is_a_timeout() -> None:
    server = serving([Expect("session.update")])
    async with talking(server) as conversation:
        with pytest.raises(TimeoutError):
            await conversation.update_session(BRIEF, timeout=0.01)


async def test_a_server_that_answers_no_update_is_waited_for_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("duologue.client.asyncio.session_updates.CONFIG_ANSWER_S", 0.01)
    late = replies("input_audio_buffer.clear", updated())
    server = serving([Expect("session.update"), Expect("session.update"), *late, *replies("session.update", updated())])
    async with talking(server) as conversation:
        await conversation.update_session(BRIEF)
        monkeypatch.setattr("duologue.client.asyncio.session_updates.CONFIG_ANSWER_S", 60)
        await conversation.update_session(BRIEF)
    assert caplog.text.count("has not answered session.update") == 1


async def test_an_update_under_way_when_the_connection_breaks_is_part_of_the_next_session() -> None:
    server = serving([Expect("session.update"), Drop()], [*replies("session.update", updated())])
    async with talking(server) as conversation:
        await conversation.update_session(BRIEF, timeout=5)
        await conversation.restored(timeout=5)
        sent = await server.wait_for("session.update", connection=1)
    assert sent["session"]["instructions"] == "Be brief."


async def test_a_configuration_that_the_next_session_refuses_is_logged_and_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    again = replies("session.update", refused("session.update", "invalid_value", "Not any more."))
    server = serving([*replies("session.update", updated()), Expect("conversation.item.create"), Drop()], again)
    async with (
        talking(server, session=BRIEF) as conversation,
        conversation.stream(ErrorReported) as errors,
        conversation.stream(SessionUpdateEnded) as updates,
    ):
        await conversation.send_text("hello")
        (reported,) = await following(errors)
        (first, ended) = await following(updates, 2)
    assert reported.command is not None
    assert reported.command.type == "session.update"
    assert (first.error, ended.error) == (None, reported.event)
    logged = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert logged == [
        "the server reports an error in answer to session.update: Not any more. (invalid_value)",
    ]


async def test_an_update_ends_with_the_conversation() -> None:
    server = serving([Expect("session.update")])
    async with talking(server) as conversation:
        updating = asyncio.ensure_future(conversation.update_session(BRIEF, timeout=5))
        await server.wait_for("session.update")
        await conversation.close()
        with pytest.raises(ConnectionClosed):
            await updating


async def test_something_that_is_no_configuration_is_a_type_error() -> None:
    wrong: Any = "Be brief."
    async with talking(serving([])) as conversation:
        with pytest.raises(TypeError, match="a session is a struct"):
            await conversation.update_session(wrong)


# --- warnings


def session(warnings: Any) -> AnySession:
    fields = {"type": "realtime", "id": "s", "object": "realtime.session", "warnings": warnings}
    event = SessionUpdatedEvent.from_json({"type": "session.updated", "event_id": "e", "session": fields})
    assert isinstance(event, SessionUpdatedEvent)
    return event.session


def test_a_warning_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    log = SessionWarnings()
    for _ in range(3):
        log.log(session([{"param": "session.audio.output.voice", "message": "there is no voice 'x'"}]))
    assert [record.message for record in caplog.records] == [
        "the server does not do as asked: session.audio.output.voice: there is no voice 'x'"
    ]


@pytest.mark.parametrize("warnings", [None, 7, "x", {}, [], [7, {}, {"param": 1, "message": "m"}, {"param": "p"}]])
def test_what_is_no_list_of_warnings_is_passed_over(warnings: Any, caplog: pytest.LogCaptureFixture) -> None:
    SessionWarnings().log(session(warnings))
    assert caplog.records == []


def test_a_hostile_list_fills_no_log_and_forges_no_line(caplog: pytest.LogCaptureFixture) -> None:
    log = SessionWarnings()
    for start in range(0, 1_000, 100):
        listed = [{"param": f"p{number}\n", "message": "m\x1b" * 1_000} for number in range(start, start + 100)]
        log.log(session(listed))
    assert len(caplog.records) == 20
    assert all(record.message.isprintable() and len(record.message) < 2_500 for record in caplog.records)
