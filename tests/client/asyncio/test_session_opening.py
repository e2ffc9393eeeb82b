"""A conversation begins when its session is open and is as it was asked for; or it does not begin, and says why."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from duologue import converse
from duologue.client import connect
from duologue.errors import (
    AuthenticationFailed,
    ConnectFailed,
    ConnectionClosedError,
    DuologueError,
    ModelNotFound,
    RequestRejected,
)
from duologue.events import (
    AudioConfig,
    AudioInputConfig,
    AudioOutputConfig,
    RealtimeSessionConfig,
    SemanticVad,
    ServerVad,
    SessionCreatedEvent,
)
from duologue.notices import AudioDelta, SessionChanged
from duologue.server.session.session import ServerSession
from duologue.testing import Close, Drop, Expect, ScriptedServer, ScriptStep, Send
from duologue.testing.engines import scripted_engines
from duologue.transports import memory_pair
from tests.client._frames import (
    added,
    audio_delta,
    created,
    error,
    greeting,
    message,
    refused,
    replies,
    serving,
    unasked,
    updated,
)
from tests.client._waiting import FAST, following, no_task_left, talking

BRIEF = RealtimeSessionConfig(instructions="Be brief.")
MODULE = "duologue.client.asyncio.session_opening"


def weather(city: str) -> str:
    """The weather in a city."""
    return city


def listening_with(detection: ServerVad | SemanticVad) -> RealtimeSessionConfig:
    return RealtimeSessionConfig(audio=AudioConfig(input=AudioInputConfig(turn_detection=detection)))


async def raised(server: ScriptedServer, **options: Any) -> BaseException:
    """What opening a conversation raises; nothing is left of it."""
    async with no_task_left():
        with pytest.raises((DuologueError, TypeError)) as caught:
            await converse(open_connection=server.connect, reconnect=FAST, **options).__aenter__()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


# --- a configuration that the server refuses


@pytest.mark.parametrize(
    ("session", "param"),
    [
        (listening_with(ServerVad(threshold=7.0)), "session.audio.input.turn_detection.threshold"),
        (listening_with(SemanticVad(eagerness="eventually")), "session.audio.input.turn_detection.eagerness"),
        (
            RealtimeSessionConfig(audio=AudioConfig(output=AudioOutputConfig(speed=9))),
            "session.audio.output.speed",
        ),
    ],
    ids=["threshold", "eagerness", "speed"],
)
async def test_a_value_that_our_server_refuses_is_raised_with_its_name(
    session: RealtimeSessionConfig, param: str, caplog: pytest.LogCaptureFixture
) -> None:
    near, far = memory_pair()
    serving_it = asyncio.ensure_future(ServerSession(far, scripted_engines()).run())
    with caplog.at_level(logging.ERROR), pytest.raises(RequestRejected, match=param) as caught:
        await converse(open_connection=lambda: connect(transport=near), session=session, tools=[weather]).__aenter__()
    assert caught.value.error is not None
    assert caught.value.error.error.param == param
    await asyncio.wait_for(serving_it, 5)
    assert caplog.records == []  # the caller has the error


@pytest.mark.parametrize(
    "answer",
    [
        refused("session.update", "invalid_value", "Too much."),
        {**error("invalid_value", "Too much."), "event_id": "e"},
        {"type": "error", "event_id": "e", "error": {"type": "server_error", "message": "Too much."}},
    ],
    ids=["by event id", "with a null event id", "by nothing"],
)
async def test_an_error_behind_the_configuration_is_its_answer_whatever_it_names(answer: Any) -> None:
    fault = await raised(serving(replies("session.update", answer)), session=BRIEF)
    assert isinstance(fault, RequestRejected)
    assert "the server refused the session's configuration" in str(fault)
    assert str(fault).endswith("Too much.")


async def test_functions_travel_in_the_configuration_and_are_refused_with_it() -> None:
    refusal = refused("session.update", "invalid_function_parameters", "No such type.")
    assert isinstance(await raised(serving(replies("session.update", refusal)), tools=[weather]), RequestRejected)


@pytest.mark.parametrize("session", ["alloy", ["alloy"]], ids=["str", "list"])
async def test_a_configuration_of_another_type_is_a_type_error_before_anything_is_opened(session: Any) -> None:
    server = serving([])
    fault = await raised(server, session=session)
    assert isinstance(fault, TypeError)
    assert "a session is a struct of duologue.events or a mapping" in str(fault)
    assert server.received == []


async def test_a_mapping_with_a_setting_that_the_server_does_not_know_is_raised_too() -> None:
    near, far = memory_pair()
    serving_it = asyncio.ensure_future(ServerSession(far, scripted_engines()).run())
    opening = converse(open_connection=lambda: connect(transport=near), session={"colour": "blue"})
    with pytest.raises(RequestRejected, match=r"session\.colour"):
        await opening.__aenter__()
    await asyncio.wait_for(serving_it, 5)


# --- a session that the server refuses


@pytest.mark.parametrize("configured", [False, True])
@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([Send(error("invalid_api_key", "Incorrect API key provided.")), Close(3000)], AuthenticationFailed),
        ([Send(error("invalid_api_key", "Incorrect API key provided.")), Drop()], AuthenticationFailed),
        ([Send(error("invalid_api_key", "Incorrect API key provided."))], AuthenticationFailed),
        ([Close(1008, "Invalid API key")], AuthenticationFailed),
        ([Send(error("model_not_found", "There is no such model.")), Close(4000)], ModelNotFound),
        ([Close(4000, "invalid_request_error.invalid_model")], ModelNotFound),
        ([Send(error("beta_api_shape_disabled", "Use GA.")), Close(4000)], ConnectFailed),
        ([Send(error("odd", "Something odd.")), Close(1011)], ConnectFailed),
        ([Close(1008, "policy")], ConnectFailed),
        ([Close(1000)], ConnectFailed),
    ],
    ids=[
        "key",
        "key, no close",
        "key, left open",
        "key, close",
        "model",
        "model, close",
        "shape",
        "odd",
        "1008",
        "1000",
    ],
)
async def test_a_server_that_opens_no_session_is_an_error_at_once(
    steps: Sequence[ScriptStep], kind: type[ConnectFailed], configured: bool
) -> None:
    server = ScriptedServer(steps)
    fault = await raised(server, session=BRIEF if configured else None)
    assert type(fault) is kind
    assert not kind("x", retryable=False).retryable
    assert "\n" not in str(fault)
    assert len(server.received) == 1


async def test_a_key_that_is_refused_behind_the_greeting_is_an_error_at_once_too() -> None:
    steps = replies("session.update", error("invalid_api_key", "Incorrect API key provided."))
    assert isinstance(await raised(serving(steps), session=BRIEF), AuthenticationFailed)


async def test_a_server_that_is_overloaded_may_be_asked_again() -> None:
    fault = await raised(ScriptedServer([Send(error("server_overloaded", "Later.")), Close(1013)]))
    assert isinstance(fault, ConnectFailed)
    assert fault.retryable


@pytest.mark.parametrize("steps", [[Drop()], [Send(greeting()), Expect("session.update"), Drop()]], ids=["0", "1"])
async def test_a_network_that_breaks_meanwhile_is_no_refusal_and_the_next_connection_is_waited_for(
    steps: Sequence[ScriptStep],
) -> None:
    server = ScriptedServer(steps, [Send(greeting("sess_2")), *replies("session.update", updated())])
    async with talking(server, session=BRIEF) as conversation:
        assert conversation.session is not None
    assert server.received[1][0]["session"]["instructions"] == "Be brief."


# --- servers that say nothing


async def test_a_server_that_greets_and_never_answers_the_configuration_is_waited_for_a_while_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(f"{MODULE}.CONFIG_ANSWER_S", 0.02)
    late = replies("conversation.item.create", refused("session.update", "late"))
    server = serving([Expect("session.update"), Expect("session.update"), *late])
    async with talking(server, session=BRIEF) as conversation:
        await conversation.update_session(BRIEF)  # without a wait
        assert "the server has not answered session.update" in caplog.text
        async with conversation.stream("error") as errors:
            await conversation.send_text("hello")
            await following(errors)
    assert "in answer to session.update: no (late)" in caplog.text


async def test_a_server_that_says_nothing_at_all_is_waited_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{MODULE}.FIRST_EVENT_S", 0.02)
    monkeypatch.setattr(f"{MODULE}.SILENT_ANSWER_S", 0.02)
    monkeypatch.setattr(f"{MODULE}.CONFIG_ANSWER_S", 60.0)
    server = ScriptedServer([Expect("session.update")])
    async with talking(server, session=BRIEF):
        await server.wait_for("session.update")


@pytest.mark.filterwarnings("ignore::duologue.codec.LossyTranslationWarning")
async def test_a_server_whose_dialect_has_no_answer_to_a_configuration_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(f"{MODULE}.CONFIG_ANSWER_S", 60.0)
    server = ScriptedServer([Send(greeting()), Expect("session.update")])
    async with no_task_left(), server.listening() as url, converse(url, dialect="vllm", session=BRIEF) as conversation:
        await conversation.update_session(BRIEF, timeout=60)
    assert "has not answered" not in caplog.text


async def test_a_server_that_greets_with_another_event_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{MODULE}.CONFIG_ANSWER_S", 60.0)
    server = ScriptedServer([Send({"type": "conversation.created", "conversation": {"id": "c", "object": "x"}})])
    async with talking(server):
        pass


# --- what comes before the application has the conversation


async def test_what_the_server_says_first_reaches_the_streams_that_the_block_begins_with() -> None:
    speech = Send(
        unasked(created("resp_1")),
        added(message("item_1", "assistant", status="in_progress")),
        audio_delta("resp_1", "item_1", bytes(960)),
    )
    server = ScriptedServer([Send(greeting()), speech, *replies("session.update", updated()), speech])
    async with (
        talking(server, session=BRIEF) as conversation,
        conversation.stream(AudioDelta) as speaking,
        conversation.stream(SessionCreatedEvent) as greetings,
    ):
        seen: list[SessionChanged] = []
        conversation.on(SessionChanged, seen.append)
        assert len(await following(speaking, 1)) == 1
        assert len(await following(greetings)) == 1
        assert len(seen) == 2


async def test_an_error_after_the_session_is_open_belongs_to_the_conversation() -> None:
    server = serving([Send(error("invalid_api_key", "It has expired.")), Close(3000)])
    async with talking(server) as conversation, conversation.stream(SessionChanged) as notices:
        with pytest.raises(ConnectionClosedError, match="It has expired"):
            await following(notices, 9)
