"""The start of a session, and its configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from duologue.conformance.outcomes import expect
from duologue.conformance.scenario_context import ScenarioContext, update_session
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.trace import Json, look

__all__ = ["SCENARIOS"]

_VAD: Final = ("type", "threshold", "prefix_padding_ms", "silence_duration_ms", "create_response", "interrupt_response")
_NAMES: Final = frozenset({"id", "object", "expires_at"})
"""Fields that identify a session and that no update sets."""
_VOICES: Final = ("alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse")
_MODELS: Final = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
_EAGERNESS: Final = ("low", "medium", "high", "auto")
_TOOL: Final = {
    "type": "function",
    "name": "look_up",
    "description": "Looks a word up.",
    "parameters": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"word": {"type": "string"}},
        "additionalProperties": False,
    },
}


def _input(**settings: Any) -> Json:
    return {"audio": {"input": settings}}


_ACCEPTED: Final[Mapping[str, tuple[Json, ...]]] = {
    "accepts.semantic_vad": tuple(
        _input(turn_detection={"type": "semantic_vad", "eagerness": each}) for each in _EAGERNESS
    ),
    "accepts.voices": tuple({"audio": {"output": {"voice": each}}} for each in _VOICES),
    "accepts.transcription_models": tuple(_input(transcription={"model": each}) for each in _MODELS),
    "accepts.speed": ({"audio": {"output": {"speed": 1.2}}},),
    "accepts.tool_schema": ({"tools": [_TOOL], "tool_choice": "auto"},),
    "accepts.g711": tuple(
        {"audio": {"input": {"format": {"type": each}}, "output": {"format": {"type": each}}}}
        for each in ("audio/pcmu", "audio/pcma")
    ),
    "accepts.nulls": ({"tracing": None, "prompt": None, **_input(noise_reduction=None, transcription=None)},),
    "accepts.tracing": ({"tracing": "auto"},),
}
"""Updates that existing clients send. A server must accept them, also if it does not act on them."""


@scenario("connect.realtime", "session.defaults")
async def _greeting(context: ScenarioContext) -> None:
    """The first event of a session."""
    async with context.open() as connection:
        created = await context.vital("connect.realtime", connection.until("session.created"))
        context.follows("connect.realtime", connection.trace.messages[:1])
        with context.deciding("session.defaults"):
            for path, value in (
                ("audio.input.turn_detection.type", "server_vad"),
                ("audio.input.format.type", "audio/pcm"),
                ("audio.input.format.rate", 24_000),
                ("audio.output.format.type", "audio/pcm"),
                ("output_modalities", ["audio"]),
            ):
                found = created.get(f"session.{path}")
                expect(found == value, f"session.{path} is {found!r}")


@scenario("session.update", "session.full_echo", "session.sparse", "session.all_or_nothing", "session.null_vad")
async def _updates(context: ScenarioContext) -> None:
    """What an update changes, and what session.updated says about it."""
    async with context.open() as connection:
        created = (await connection.until("session.created")).event.get("session") or {}
        updated = (await context.vital("session.update", update_session(connection, instructions="Be brief."))).get(
            "session"
        )
        context.follows("session.update", connection.trace.messages[1:])
        with context.deciding("session.full_echo"):
            listening = await update_session(connection, audio={"input": {"turn_detection": {"type": "server_vad"}}})
            missing = sorted({path for path, _ in _leaves(created)} - {path for path, _ in _leaves(updated)} - _NAMES)
            expect(not missing, f"session.updated lacks {', '.join(missing)}")
            detection = listening.get("session.audio.input.turn_detection") or {}
            lacking = [name for name in _VAD if name not in detection]
            expect(not lacking, f"audio.input.turn_detection lacks {', '.join(lacking)}")
        with context.deciding("session.sparse"):
            expect(look(updated, "instructions") == "Be brief.", "the instructions are not what was asked for")
            before, after = dict(_leaves(created)), dict(_leaves(updated))
            changed = sorted(each for each in before if each in after and before[each] != after[each])
            expect(changed in ([], ["instructions"]), f"an update of the instructions changed {', '.join(changed)}")
        with context.deciding("session.all_or_nothing"):
            await _all_or_nothing(connection)
        with context.deciding("session.null_vad"):
            quiet = await update_session(connection, audio={"input": {"turn_detection": None}})
            found = quiet.get("session.audio.input.turn_detection")
            expect(found is None, f"turn_detection is {found!r} after null")


async def _all_or_nothing(connection: RawConnection) -> None:
    session = {"type": "realtime", "instructions": "Be long.", "conform": True}
    await connection.answer({"type": "session.update", "session": session}, "error")
    kept = (await update_session(connection)).get("session.instructions")
    expect(kept == "Be brief.", "an update with an unknown field changed the instructions")


@scenario("session.early_update")
async def _updates_before_the_greeting(context: ScenarioContext) -> None:
    """Two updates that are sent before session.created is read."""
    async with context.open() as connection:
        with context.deciding("session.early_update"):
            for words in ("First.", "Second."):
                await connection.send(
                    {"type": "session.update", "session": {"type": "realtime", "instructions": words}}
                )
            connection.rewind(0)
            await connection.until("session.created")
            actual = [(await connection.until("session.updated")).get("session.instructions") for _ in range(2)]
            expect(actual == ["First.", "Second."], "the updates are not applied in their order")


@scenario(*_ACCEPTED)
async def _updates_that_clients_send(context: ScenarioContext) -> None:
    """Settings of existing clients, one after the other in one session."""
    async with context.open() as connection:
        await connection.until("session.created")
        for rule_id, sessions in _ACCEPTED.items():
            with context.deciding(rule_id):
                for session in sessions:
                    await update_session(connection, **session)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every field that holds no object, with its path. Not by recursion: a server may nest deeply."""
    waiting = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping) and value:
            waiting += [(f"{path}.{name}" if path else str(name), each) for name, each in [*value.items()][::-1]]
        else:
            yield path, value


SCENARIOS: Final[tuple[Scenario, ...]] = (_greeting, _updates, _updates_before_the_greeting, _updates_that_clients_send)
