"""The beta's shapes, with servers that still speak them."""

from __future__ import annotations

from typing import Any, Final

from duologue.conformance.outcomes import NotApplicable, Violation
from duologue.conformance.scenario_context import Bench
from duologue.conformance.scenarios.base import Scenario, finish, message, scenario
from duologue.conformance.wire.connector import ConnectOptions
from duologue.conformance.wire.raw_connection import RawConnection

__all__ = ["SCENARIOS"]

_SPEECH: Final[dict[str, Any]] = {"modalities": ["text", "audio"], "turn_detection": None}


@scenario("connect.beta", "item.create.beta", "response.text.beta", "response.audio.beta", "manual.commit.beta")
async def _the_beta(bench: Bench) -> None:
    """One connection that asks for the beta."""
    async with bench.open(ConnectOptions(beta=True)) as line:
        await _greeted(line)
        with bench.deciding("connect.beta"):
            await line.until("conversation.created")
            bench.follows("connect.beta", line.trace.messages[:2])
        await line.answer({"type": "session.update", "session": _SPEECH}, "session.updated")
        with bench.deciding("item.create.beta"):
            created = await line.answer(message("Good day."), "conversation.item.created")
            commands = line.trace.sent("conversation.item.create")
            bench.follows("item.create.beta", [*commands, *line.about(*created.ids)])
        for rule_id, modalities in (("response.text.beta", ["text"]), ("response.audio.beta", ["text", "audio"])):
            with bench.deciding(rule_id):
                await _answer(bench, line, rule_id, modalities)
        with bench.deciding("manual.commit.beta"):
            await _commit(bench, line)


async def _answer(bench: Bench, line: RawConnection, rule_id: str, modalities: list[str]) -> None:
    await line.send(message("Say hello."))
    asked = {"type": "response.create", "response": {"modalities": modalities}}
    turn = await finish(line, await line.answer(asked, "response.created"))
    bench.follows(rule_id, turn.messages)


async def _commit(bench: Bench, line: RawConnection) -> None:
    began = len(line.trace.messages)
    await bench.speak(line)
    committed = await line.answer({"type": "input_audio_buffer.commit"}, "input_audio_buffer.committed")
    await line.until("conversation.item.created")
    request = line.trace.messages[began:]
    bench.follows("manual.commit.beta", [each for each in request if each.side == "C" or each.ids & committed.ids])


@scenario("transcription.session.beta")
async def _the_beta_that_only_transcribes(bench: Bench) -> None:
    """One connection that asks for the beta and for transcription."""
    async with bench.open(ConnectOptions(beta=True, intent="transcription")) as line:
        await _greeted(line)
        with bench.deciding("transcription.session.beta"):
            settings = {"input_audio_transcription": {"model": "gpt-4o-mini-transcribe"}}
            update = {"type": "transcription_session.update", "session": settings}
            await line.answer(update, "transcription_session.updated")
            bench.follows("transcription.session.beta", line.trace.messages)


async def _greeted(line: RawConnection) -> None:
    """Raises NotApplicable if this is no session of the beta: then its rules are about other servers."""
    try:
        greeting = await line.until("session.created", "transcription_session.created")
    except Violation as fault:
        raise NotApplicable("the server does not speak the beta") from fault
    if "type" in (greeting.event.get("session") or {}):
        raise NotApplicable("the server takes no notice of the beta's header")


SCENARIOS: Final[tuple[Scenario, ...]] = (_the_beta, _the_beta_that_only_transcribes)
