"""Fixtures: prepared clips that are played through the session's output."""

from __future__ import annotations

from typing import Any, Final

from duologue.conformance.outcomes import expect
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.scenarios.live.base import APPEND, append, fixture, is_speech, live_call, start, tone
from duologue.conformance.wire.audio_feed import AudioFeed
from duologue.conformance.wire.speech_sample import BYTES_PER_MS, speech

__all__ = ["SCENARIOS"]

_CLIP_MS: Final = 1500
_LONG_CLIP_MS: Final = 4500
"""The recorded sentence takes three seconds."""
_LIMIT_MS: Final = 30_000
_TRANSCRIBED_S: Final = 2.0
"""Words were seen 1.0 to 1.2 s after their sound."""
_HEARD: Final = "session.input_transcript.delta"
_PLAY: Final = "session.output_audio.fixture.play"
_PLAYING: Final = "session.output_audio.fixture.playing"
_PLAYED: Final = "session.output_audio.fixture.played"


@scenario(
    "live.fixture",
    "live.fixture.sound",
    "live.error.fixture_busy",
    "live.error.append_in_fixture",
    "live.error.fixture_long",
)
async def _a_clip(context: ScenarioContext) -> None:
    """A clip; while it plays, a second one and an append; and a clip that is too long."""
    async with live_call(context) as call:
        connection = call.connection
        clip = await connection.send(fixture(tone(_CLIP_MS)))
        playing = await context.vital("live.fixture", connection.until(_PLAYING))
        events: dict[str, Any] = {
            "live.error.fixture_busy": fixture(tone(_CLIP_MS)),
            "live.error.append_in_fixture": append("thinking", "It rains."),
        }
        for rule_id, event in events.items():
            with context.deciding(rule_id):
                answer = await connection.answer(event, "error", _PLAYED, _PLAYING, "session.thinking.appended")
                context.check_rejection(rule_id, connection, answer)
        played = next(connection.trace.received(_PLAYED), None)  # it may have come while a refusal was waited for
        if played is None:
            played = await context.vital("live.fixture", connection.until(_PLAYED))
        refused = [each.event.get("event_id") for each in connection.trace.sent(_PLAY)][1:]
        since = connection.since(clip)
        context.follows("live.fixture", [each for each in since if each.event.get("event_id") not in refused])
        with context.deciding("live.fixture.sound"):
            begin, end = (connection.trace.messages.index(each) for each in (playing, played))
            heard = [each for each in connection.trace.messages[begin:end] if is_speech(each)]
            expect(bool(heard), "there is silence while the clip plays")
        too_long = fixture(bytes((_LIMIT_MS + 1000) * BYTES_PER_MS))
        await context.expect_rejection("live.error.fixture_long", connection, too_long)


@scenario("live.fixture.format")
async def _a_clip_in_a_telephone_session(context: ScenarioContext) -> None:
    """A clip of PCM16 at 24 kHz in a session of G.711."""
    async with context.open() as connection:
        telephone = {"format": {"type": "audio/pcmu", "rate": 8000}}
        await connection.answer(start(context, audio=telephone), "session.started")
        async with AudioFeed.on(connection, append=APPEND, bytes_per_ms=8, silence=b"\xff"):
            with context.deciding("live.fixture.format"):
                await connection.answer(fixture(tone(_CLIP_MS)), _PLAYING)
                await connection.until(_PLAYED)


@scenario("live.fixture.deaf")
async def _speech_during_a_clip(context: ScenarioContext) -> None:
    """A sentence is spoken while a clip plays."""
    async with live_call(context) as call:
        connection = call.connection
        await connection.answer(fixture(tone(_LONG_CLIP_MS)), _PLAYING)
        with context.deciding("live.fixture.deaf"):
            await call.feed.say(speech())
            await connection.until(_PLAYED)
            await connection.during(min(_TRANSCRIBED_S, connection.timeout_s))
            expect(not any(connection.trace.received(_HEARD)), f"{_HEARD} came")


SCENARIOS: Final[tuple[Scenario, ...]] = (_a_clip, _a_clip_in_a_telephone_session, _speech_during_a_clip)
