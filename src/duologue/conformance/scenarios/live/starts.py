"""The start of a Live session, and its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from duologue.conformance.outcomes import expect
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.scenarios.live.base import APPEND, OUTPUT, start
from duologue.conformance.wire.audio_feed import AudioFeed

__all__ = ["SCENARIOS"]

_SILENCE_S: Final = 1.0
"""How long to wait for a server that speaks first: many round trips."""

_FORMATS: Final[Mapping[str, tuple[dict[str, Any], int, bytes]]] = {
    "PCM 16 kHz": ({"type": "audio/pcm", "rate": 16_000}, 32, b"\0"),
    "PCM 24 kHz": ({"type": "audio/pcm", "rate": 24_000}, 48, b"\0"),
    "PCMU": ({"type": "audio/pcmu", "rate": 8000}, 8, b"\xff"),
    "PCMA": ({"type": "audio/pcma", "rate": 8000}, 8, b"\xd5"),
}
"""Each format with its bytes in a millisecond, and its byte of silence."""

_HISTORY: Final = [
    {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "The user is called Ada."}]},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello, Ada."}]},
]


@scenario("live.silent", "live.start", "live.start.resolved")
async def _the_first_word_is_the_clients(context: ScenarioContext) -> None:
    """The client waits, and then starts a session."""
    async with context.open() as connection:
        with context.deciding("live.silent"):
            came = await connection.during(min(_SILENCE_S, connection.timeout_s))
            expect(not came, f"{came[0].type if came else ''} comes before session.start")
        asked = {"instructions": "Keep answers short.", "delegation": {"type": "client"}}
        started = await context.vital("live.start", connection.answer(start(context, **asked), "session.started"))
        context.follows("live.start", connection.trace.messages)
        with context.deciding("live.start.resolved"):
            lacking = [name for name in ("id", "expires_at", "model") if not started.get(f"session.{name}")]
            expect(not lacking, f"session.started lacks {', '.join(lacking)}")
            expect(started.get("session.status") == "active", f"its status is {started.get('session.status')}")
            changed = [name for name, value in asked.items() if not _holds(started.get(f"session.{name}"), value)]
            expect(not changed, f"session.started has other {', '.join(changed)} than was asked for")


def _holds(found: Any, asked: Any) -> bool:
    """Whether a resolved value holds what was asked for; defaults may be filled in."""
    if isinstance(asked, Mapping):
        return isinstance(found, Mapping) and all(_holds(found.get(name), value) for name, value in asked.items())
    return bool(found == asked)


@scenario("live.start.formats")
async def _sessions_of_each_format(context: ScenarioContext) -> None:
    """A session in each audio format, with silence until output comes."""
    with context.deciding("live.start.formats"):
        for name, (format, bytes_per_ms, silence) in _FORMATS.items():
            async with context.open() as connection:
                started = await connection.answer(start(context, audio={"format": format}), "session.started")
                kept = started.get("session.audio.format")
                expect(_holds(kept, format), f"{name}: session.started names {kept}")
                feed = AudioFeed.on(connection, append=APPEND, bytes_per_ms=bytes_per_ms, silence=silence)
                async with feed:
                    await connection.until(OUTPUT)


@scenario("live.start.input")
async def _a_conversation_goes_on(context: ScenarioContext) -> None:
    """A session that begins with earlier messages, and with no delegation named."""
    async with context.open() as connection:
        with context.deciding("live.start.input"):
            await connection.answer(start(context, input=_HISTORY, delegation=None), "session.started")


SCENARIOS: Final[tuple[Scenario, ...]] = (
    _the_first_word_is_the_clients,
    _sessions_of_each_format,
    _a_conversation_goes_on,
)
