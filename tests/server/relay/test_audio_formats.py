"""Audio formats in events, read and replaced."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from duologue.audio.formats import PCMU, Encoding
from duologue.events import RealtimeEvent, ResponseCreateEvent, SessionUpdateEvent
from duologue.server.relay.audio_formats import (
    response_format,
    session_format,
    wire_of,
    with_response_format,
    with_session_format,
)

PCM_16 = Encoding.of("audio/pcm", 16_000)


def update(audio: Any) -> SessionUpdateEvent:
    event = RealtimeEvent.from_json({"type": "session.update", "session": {"type": "realtime", "audio": audio}})
    assert isinstance(event, SessionUpdateEvent)
    return event


@pytest.mark.parametrize("encoding", [PCM_16, PCMU])
def test_a_format_is_replaced_where_an_event_names_one(encoding: Encoding) -> None:
    event = update({"input": {"format": {"type": "audio/pcma"}}, "output": {"voice": "v"}})
    assert session_format(with_session_format(event, "input", encoding), "input") == wire_of(encoding)
    assert session_format(event, "output") is UNSET
    assert with_session_format(event, "output", encoding) is event
    assert with_session_format(event, "input", None) is event


def test_a_response_without_a_format_stays_as_it_is() -> None:
    event = ResponseCreateEvent()
    assert response_format(event) is UNSET
    assert with_response_format(event, PCMU) is event
