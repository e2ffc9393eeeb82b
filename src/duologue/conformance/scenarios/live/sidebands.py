"""Sidebands: sockets for control, attached to a session whose sound runs elsewhere."""

from __future__ import annotations

from typing import Final

from duologue.conformance.outcomes import expect
from duologue.conformance.rulebook.any_session import pcm_of
from duologue.conformance.scenario_context import ScenarioContext, check_alive
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.scenarios.live.base import APPEND, OUTPUT, LiveCall, append, live_call, start
from duologue.conformance.wire.connector import ConnectOptions
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.speech_sample import append_of, speech

__all__ = ["SCENARIOS"]

_NO_HANDSHAKE: Final = 1006
"""The code for a connection that ended without one (RFC 6455, section 7.4.1)."""
_UNKNOWN: Final = ConnectOptions(attach="live_conform_is_no_session")


@scenario(
    "live.sideband",
    "live.sideband.output",
    "live.sideband.events",
    "live.sideband.mirror",
    "live.sideband.commands",
    "live.sideband.detach",
    "live.sideband.graceful",
    "live.error.sideband_start",
    "live.error.sideband_audio",
)
async def _a_sideband(context: ScenarioContext) -> None:
    """A sideband watches, sends commands, and leaves; a second one sees the end."""
    async with live_call(context) as call:
        async with context.open(ConnectOptions(attach=call.id)) as sideband:
            await context.vital("live.sideband", sideband.until("session.started"))
            context.follows("live.sideband", sideband.trace.messages[:1])
            with context.deciding("live.sideband.output"):
                await sideband.until(OUTPUT)
            with context.deciding("live.sideband.mirror"):
                await _muted_speech_is_mirrored(context, call, sideband)
            with context.deciding("live.sideband.commands"):
                await sideband.answer(append("thinking", "The order was sent."), "session.thinking.appended")
            await context.expect_rejection("live.error.sideband_start", sideband, start(context))
            silence = append_of(bytes(4800), APPEND)
            await context.expect_rejection("live.error.sideband_audio", sideband, silence)
        with context.deciding("live.sideband.detach"):
            await check_alive(call.connection, "live")
        with context.deciding("live.sideband.events"):
            async with context.open(ConnectOptions(attach=call.id)) as sideband:
                await sideband.until("session.started")
                await call.connection.answer({"type": "session.close"}, "session.closed")
                with context.deciding("live.sideband.graceful"):
                    code, _ = await sideband.ended()
                    expect(code != _NO_HANDSHAKE, "the connection ends without a closing handshake")
                await sideband.until("session.closed")


async def _muted_speech_is_mirrored(context: ScenarioContext, call: LiveCall, sideband: RawConnection) -> None:
    at = len(sideband.trace.messages)
    await call.connection.answer({"type": "session.input_audio.mute"}, "session.input_audio.muted")
    await call.feed.say(speech()[:48_000])
    await call.connection.answer({"type": "session.input_audio.unmute"}, "session.input_audio.unmuted")
    with context.deciding("live.sideband.events"):
        sideband.rewind(at)
        await sideband.until("session.input_audio.muted")
        await sideband.until("session.input_audio.unmuted")
    sideband.rewind(at)
    mirrored = await sideband.until(APPEND, where=lambda each: any(pcm_of(each, "audio") or b""))
    expect("event_id" not in mirrored.event, "mirrored input has an event_id")


@scenario("live.error.attach_unknown")
async def _no_session_to_attach_to(context: ScenarioContext) -> None:
    """A sideband of a session that does not exist."""
    with context.deciding("live.error.attach_unknown"):
        if await context.refusal(_UNKNOWN) is None:
            async with context.open(_UNKNOWN) as sideband:
                await sideband.until("error")


SCENARIOS: Final[tuple[Scenario, ...]] = (_a_sideband, _no_session_to_attach_to)
