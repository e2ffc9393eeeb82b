"""Builders of events, and readers of what a session has answered."""

from __future__ import annotations

import json
from typing import Any

from duologue.events import ClientEvent, ErrorEvent, RealtimeEvent
from duologue.testing import Pair

SPOKEN_END = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]


def update(**session: Any) -> RealtimeEvent:
    """A `session.update` of these fields."""
    return RealtimeEvent.from_json({"type": "session.update", "session": {"type": "realtime", **session}})


def turn_detection(**settings: Any) -> RealtimeEvent:
    """A `session.update` of `server_vad` with these settings."""
    return update(audio={"input": {"turn_detection": {"type": "server_vad", **settings}}})


def by_hand() -> RealtimeEvent:
    """A `session.update` that switches turn detection off."""
    return update(audio={"input": {"turn_detection": None}})


def transcribed() -> RealtimeEvent:
    """A `session.update` that asks for transcripts."""
    return update(audio={"input": {"transcription": {"model": "whisper-1"}}})


def create(item: dict[str, Any], **fields: Any) -> RealtimeEvent:
    """A `conversation.item.create`."""
    return RealtimeEvent.from_json({"type": "conversation.item.create", "item": item, **fields})


def user_text(text: str, **fields: Any) -> dict[str, Any]:
    """A typed message of the user."""
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **fields}


def respond(**response: Any) -> RealtimeEvent:
    """A `response.create` with these settings."""
    fields = {"response": response} if response else {}
    return RealtimeEvent.from_json({"type": "response.create", **fields})


def client_event(name: str, **fields: Any) -> RealtimeEvent:
    """Any client event."""
    return RealtimeEvent.from_json({"type": name, **fields})


def command(name: str, **fields: Any) -> ClientEvent:
    """A client event that is known and well-formed."""
    event = client_event(name, **fields)
    assert isinstance(event, ClientEvent), event
    return event


def server_event(name: str, /, **fields: Any) -> RealtimeEvent:
    """A server event that is known and well-formed; its id is "e" unless it is given."""
    event = RealtimeEvent.from_json({"event_id": "e", **fields, "type": name})
    assert event.type == name, event
    return event


def rejected(event_id: str | None, code: str | None = None) -> RealtimeEvent:
    """An `error` that answers the event of this id."""
    error = {"type": "invalid_request_error", "message": code or "", "code": code, "event_id": event_id}
    return server_event("error", error=error)


def types(events: list[RealtimeEvent]) -> list[str | None]:
    """The events' names."""
    return [event.type for event in events]


def session_of(pair: Pair) -> dict[str, Any]:
    """The session as the client last received it."""
    last = [event for event in pair.received if event.type in ("session.created", "session.updated")][-1]
    session: dict[str, Any] = last.to_json()["session"]
    return session


def invalid(events: list[RealtimeEvent]) -> dict[str, Any]:
    """The one `error` that these events are."""
    assert types(events) == ["error"], types(events)
    assert isinstance(events[0], ErrorEvent)
    error: dict[str, Any] = events[0].to_json()["error"]
    return error


def raw(pair: Pair, message: dict[str, Any]) -> list[RealtimeEvent]:
    """Send JSON as it is."""
    return pair.send_raw(json.dumps(message))


def order(pair: Pair) -> list[str]:
    """The ids of the conversation, in order."""
    return [entry.item_id for entry in pair.server.conversation]


def retrieve(pair: Pair, item_id: str) -> dict[str, Any]:
    """An item as `conversation.item.retrieved` shows it."""
    [event] = pair.send(client_event("conversation.item.retrieve", item_id=item_id))
    assert event.type == "conversation.item.retrieved"
    item: dict[str, Any] = event.to_json()["item"]
    return item


def done(events: list[RealtimeEvent]) -> dict[str, Any]:
    """The response that the one `response.done` of these events holds."""
    [event] = [event for event in events if event.type == "response.done"]
    response: dict[str, Any] = event.to_json()["response"]
    return response
