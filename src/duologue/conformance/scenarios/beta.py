"""The shapes of the beta, for servers that still support them."""

from __future__ import annotations

from typing import Any, Final

from duologue.conformance.outcomes import NotApplicable, Violation
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, finish, message, scenario
from duologue.conformance.wire.connector import ConnectOptions
from duologue.conformance.wire.raw_connection import RawConnection

__all__ = ["SCENARIOS"]

_SPEECH: Final[dict[str, Any]] = {"modalities": ["text", "audio"], "turn_detection": None}


@scenario("connect.beta", "item.create.beta", "response.text.beta", "response.audio.beta", "manual.commit.beta")
async def _the_beta(context: ScenarioContext) -> None:
    """One connection that asks for the beta."""
    async with context.open(ConnectOptions(beta=True)) as connection:
        await _greeted(connection)
        with context.deciding("connect.beta"):
            await connection.until("conversation.created")
            context.follows("connect.beta", connection.trace.messages[:2])
        await connection.answer({"type": "session.update", "session": _SPEECH}, "session.updated")
        with context.deciding("item.create.beta"):
            created = await connection.answer(message("Good day."), "conversation.item.created")
            commands = connection.trace.sent("conversation.item.create")
            context.follows("item.create.beta", [*commands, *connection.about(*created.ids)])
        for rule_id, modalities in (("response.text.beta", ["text"]), ("response.audio.beta", ["text", "audio"])):
            with context.deciding(rule_id):
                await _answer(context, connection, rule_id, modalities)
        with context.deciding("manual.commit.beta"):
            await _commit(context, connection)


async def _answer(context: ScenarioContext, connection: RawConnection, rule_id: str, modalities: list[str]) -> None:
    await connection.send(message("Say hello."))
    asked = {"type": "response.create", "response": {"modalities": modalities}}
    response = await finish(connection, await connection.answer(asked, "response.created"))
    context.follows(rule_id, response.messages)


async def _commit(context: ScenarioContext, connection: RawConnection) -> None:
    began = len(connection.trace.messages)
    await context.speak(connection)
    committed = await connection.answer({"type": "input_audio_buffer.commit"}, "input_audio_buffer.committed")
    await connection.until("conversation.item.created")
    request = connection.trace.messages[began:]
    context.follows("manual.commit.beta", [each for each in request if each.side == "C" or each.ids & committed.ids])


@scenario("transcription.session.beta")
async def _the_beta_that_only_transcribes(context: ScenarioContext) -> None:
    """One connection that asks for the beta and for transcription."""
    async with context.open(ConnectOptions(beta=True, intent="transcription")) as connection:
        await _greeted(connection)
        with context.deciding("transcription.session.beta"):
            settings = {"input_audio_transcription": {"model": "gpt-4o-mini-transcribe"}}
            update = {"type": "transcription_session.update", "session": settings}
            await connection.answer(update, "transcription_session.updated")
            context.follows("transcription.session.beta", connection.trace.messages)


async def _greeted(connection: RawConnection) -> None:
    """Raise NotApplicable unless this is a session of the beta: its rules are about other servers then."""
    try:
        greeting = await connection.until("session.created", "transcription_session.created")
    except Violation as fault:
        raise NotApplicable("the server does not support the beta") from fault
    if "type" in (greeting.event.get("session") or {}):
        raise NotApplicable("the server ignores the beta's header")


SCENARIOS: Final[tuple[Scenario, ...]] = (_the_beta, _the_beta_that_only_transcribes)
