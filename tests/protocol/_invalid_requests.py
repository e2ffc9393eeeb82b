"""A way to provoke each invalid request, by its name in `INVALID_REQUESTS`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from duologue.events.base import encode_audio
from duologue.protocol import ServerProtocol, SessionDefaults
from duologue.server.budget import Budget
from duologue.testing import CountedIds

__all__ = ["FULL", "MARK", "PARAMS", "SMALL", "WAYS", "Provoked"]

MARK: Final = "m" * 600
"""Text in each event that is rejected."""

SMALL: Final = SessionDefaults(
    max_items=3,
    max_event_bytes=50_000,
    max_event_values=2_000,
    max_event_objects=20,
    max_item_bytes=30_000,
    max_conversation_bytes=50_000,
    max_configuration_bytes=20_000,
    max_session_bytes=200_000,
    max_responses=1,
)


class Provoked:
    """A session with small limits, to which JSON is sent."""

    def __init__(
        self, defaults: SessionDefaults = SMALL, *, kind: Any = "realtime", budget: Budget | None = None
    ) -> None:
        share = budget.share("key 1") if budget is not None else None
        self.protocol = ServerProtocol(
            defaults,
            new_id=CountedIds(),
            now=0.0,
            started_at=0.0,
            kind=kind,
            charge=share.charge if share is not None else None,
        )
        self.protocol.connect()
        self.take()

    def send(self, name: str, **fields: Any) -> list[dict[str, Any]]:
        """The client sends an event; returns the answers."""
        return self.send_text(json.dumps({"type": name, **fields}))

    def send_text(self, message: str | bytes) -> list[dict[str, Any]]:
        """The client sends a message; returns the answers."""
        self.protocol.receive_text(message, now=0.0)
        return self.take()

    def take(self) -> list[dict[str, Any]]:
        """The session's events to send; commands are dropped."""
        self.protocol.take_commands()
        return [event.to_json() for event in self.protocol.take_events()]

    # --- what clients send

    def session(self, **session: Any) -> list[dict[str, Any]]:
        return self.send("session.update", session={"type": "realtime", **session})

    def message(self, text: str = MARK, **item: Any) -> list[dict[str, Any]]:
        content = [{"type": "input_text", "text": text}]
        return self.item(type="message", role="user", content=content, **item)

    def item(self, **item: Any) -> list[dict[str, Any]]:
        return self.send("conversation.item.create", item=item)

    def append(self, n_bytes: int) -> list[dict[str, Any]]:
        return self.send("input_audio_buffer.append", audio=encode_audio(bytes(n_bytes)))

    def respond(self, **response: Any) -> list[dict[str, Any]]:
        return self.send("response.create", response={"metadata": {"m": MARK[:500]}, **response})

    def about(self, verb: str, item_id: str = MARK, **fields: Any) -> list[dict[str, Any]]:
        return self.send(f"conversation.item.{verb}", item_id=item_id, **fields)

    def speaks(self) -> None:
        """The model speaks."""
        self.respond()
        self.protocol.response_text("resp_1", "Hi.", now=0.0)
        self.protocol.response_audio("resp_1", bytes(480), now=0.0)
        self.take()


def _mcp(n_servers: int) -> list[dict[str, Any]]:
    return [{"type": "mcp", "server_label": f"s{n}", "server_url": "https://x/"} for n in range(n_servers)]


def _full_of_audio() -> Provoked:
    session = Provoked(SessionDefaults(max_session_bytes=200_000_000))
    session.session(audio={"input": {"turn_detection": None}})
    for _ in range(4):
        session.append(14_400_000)
    return session


def _spoken() -> Provoked:
    session = Provoked()
    session.speaks()
    return session


def _responding(**response: Any) -> Provoked:
    session = Provoked()
    session.respond(**response)
    return session


def _full_of_items() -> Provoked:
    session = Provoked()
    for _ in range(3):
        session.message("hi")
    return session


def _with_long_item() -> Provoked:
    session = Provoked()
    session.message("x" * 28_000)
    return session


def _with_item() -> Provoked:
    session = Provoked()
    session.message(id="there")
    return session


def _traced() -> Provoked:
    session = Provoked()
    session.session(tracing="auto")
    return session


def _transcribing(**input: Any) -> list[dict[str, Any]]:
    """The answer of a session that transcribes to an update of its input."""
    session = {"type": "transcription", "audio": {"input": input}}
    return Provoked(kind="transcription").send("session.update", session=session)


_SPEED: Final = {"output": {"speed": 1.4}}

WAYS: Final[dict[str, Callable[[], list[dict[str, Any]]]]] = {
    "not_json": lambda: Provoked().send_text(f'{{"type":"{MARK}'),
    "binary": lambda: Provoked().send_text(MARK.encode()),
    "unknown_type": lambda: Provoked().send(MARK),
    "unknown_parameter": lambda: Provoked().session(unknown=MARK),
    "missing": lambda: Provoked().send("conversation.item.delete", other=MARK),
    "wrong_type": lambda: Provoked().send("conversation.item.delete", item_id=[MARK]),
    "wrong_value": lambda: Provoked().session(tool_choice=MARK),
    "rate_too_low": lambda: Provoked().session(audio={"input": {"format": {"type": "audio/pcm", "rate": 8}}}),
    "other_session_kind": lambda: Provoked().send("session.update", session={"type": "transcription"}),
    "event_id_too_long": lambda: Provoked().send("response.cancel", event_id=MARK),
    "transcription_only": lambda: Provoked(kind="transcription").respond(),
    "not_for_transcription": lambda: _transcribing(transcription={"model": "gpt-realtime"}),
    "detection_unsupported": lambda: _transcribing(
        transcription={"model": "gpt-realtime-whisper"}, turn_detection={"type": "server_vad"}
    ),
    "transcription_setting": lambda: _transcribing(transcription={"model": "whisper-1", "keywords": [MARK]}),
    "voice_in_use": lambda: _spoken().session(audio={"output": {"voice": "marin"}}),
    "speed_in_use": lambda: _responding().session(audio=_SPEED),
    "tracing_in_use": lambda: _traced().session(tracing=None),
    "tool_unknown": lambda: Provoked().session(tool_choice={"type": "function", "name": MARK}),
    "call_unknown": lambda: Provoked().item(type="function_call_output", call_id=MARK, output=MARK),
    "not_a_picture": lambda: Provoked().item(
        type="message", role="user", content=[{"type": "input_image", "image_url": MARK}]
    ),
    "audio_too_large": lambda: Provoked().append(15 * 1024 * 1024 + 1),
    "not_audio": lambda: Provoked().send("input_audio_buffer.append", audio=f"?{MARK}"),
    "buffer_full": lambda: _full_of_audio().append(48),
    "commit_empty": lambda: Provoked().send("input_audio_buffer.commit"),
    "response_active": lambda: _responding().respond(),
    "too_many_responses": lambda: _responding(conversation="none").respond(conversation="none"),
    "no_response_active": lambda: Provoked().send("response.cancel", response_id=MARK),
    "retrieve_unknown": lambda: Provoked().about("retrieve"),
    "truncate_unknown": lambda: Provoked().about("truncate", content_index=0, audio_end_ms=1),
    "delete_unknown": lambda: Provoked().about("delete"),
    "truncate_not_audio": lambda: _with_item().about("truncate", "there", content_index=0, audio_end_ms=1),
    "truncate_too_late": lambda: _spoken().about("truncate", "item_1", content_index=0, audio_end_ms=99),
    "item_exists": lambda: _with_item().message(id="there"),
    "conversation_full": lambda: _full_of_items().message(),
    "event_too_large": lambda: Provoked().message("x" * 50_000),
    "too_many_values": lambda: Provoked().session(junk=[[]] * 6_000),
    "too_many_escapes": lambda: Provoked().message('"' * 20_001),
    "too_many_objects": lambda: Provoked().session(tools=[{"type": "function", "name": "f"}] * 30),
    "item_too_large": lambda: Provoked().message("x" * 30_000),
    "configuration_too_large": lambda: Provoked().session(instructions="x" * 20_000),
    "conversation_too_large": lambda: _with_long_item().message("x" * 28_000),
    "session_full": lambda: Provoked().append(300_000),
    "owner_full": lambda: Provoked(budget=Budget(max_bytes=100_000, max_owner_bytes=10_000)).append(4_800),
    "server_full": lambda: Provoked(budget=Budget(max_bytes=10_000, max_owner_bytes=10_000)).append(4_800),
    "too_many_servers": lambda: Provoked().session(tools=_mcp(17)),
    "previous_unknown": lambda: Provoked().send(
        "conversation.item.create", previous_item_id=MARK, item={"type": "message", "role": "user", "content": []}
    ),
    "not_supported": lambda: Provoked().send("session.update", session={"type": MARK}),
}
"""Each returns the answers; nothing refers to its session afterwards."""

PARAMS: Final[dict[str, str]] = {
    "detection_unsupported": "session.audio.input.turn_detection",
    "transcription_setting": "session.audio.input.transcription.keywords",
    "unknown_type": "type",
    "unknown_parameter": "session.unknown",
    "missing": "item_id",
    "wrong_type": "item_id",
    "wrong_value": "session.tool_choice",
    "rate_too_low": "session.audio.input.format.rate",
    "other_session_kind": "session.type",
    "event_id_too_long": "event_id",
    "transcription_only": "type",
    "voice_in_use": "session.audio.output.voice",
    "speed_in_use": "session.audio.output.speed",
    "tracing_in_use": "session.tracing",
    "tool_unknown": "session.tool_choice",
    "call_unknown": "item.call_id",
    "not_a_picture": "item.content[0].image_url",
    **dict.fromkeys(
        ("audio_too_large", "not_audio", "buffer_full", "session_full", "owner_full", "server_full"), "audio"
    ),
    **dict.fromkeys(("retrieve_unknown", "truncate_unknown", "delete_unknown"), "item_id"),
    "truncate_too_late": "audio_end_ms",
    "item_exists": "item.id",
    **dict.fromkeys(("conversation_full", "item_too_large", "conversation_too_large"), "item"),
    "configuration_too_large": "session",
    "too_many_servers": "session.tools",
    "previous_unknown": "previous_item_id",
    "not_supported": "session.type",
}
"""The parameter that each error names; the others name none."""

FULL: Final[dict[str, Callable[[Provoked], list[dict[str, Any]]]]] = {
    "audio": lambda session: session.append(300_000),
    "item": lambda session: session.item(
        type="message", role="user", content=[{"type": "input_audio", "audio": encode_audio(bytes(300_000))}]
    ),
    "session": lambda session: session.session(instructions="x" * 15_000),
    "response": lambda session: session.respond(instructions="x" * 15_000),
}
"""Ways to fill a session's memory, by the parameter that is named."""
