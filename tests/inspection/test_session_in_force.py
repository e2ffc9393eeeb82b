"""Settings of sessions that figures depend on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duologue.codec import decode
from duologue.events import SessionCreatedEvent
from duologue.inspection.session_in_force import SessionInForce


def settings(session: dict[str, Any]) -> SessionInForce:
    whole = {"object": "realtime.session", "id": "sess_1", "model": "m", **session}
    event = decode(json.dumps({"type": "session.created", "event_id": "e", "session": whole}))
    assert isinstance(event, SessionCreatedEvent)
    return SessionInForce.of(event.session)


def realtime(detection: Any) -> dict[str, Any]:
    return {"type": "realtime", "audio": {"input": {"turn_detection": detection, "format": {"type": "audio/pcmu"}}}}


@pytest.mark.parametrize(
    ("detection", "told"),
    [
        ({"type": "server_vad", "silence_duration_ms": 700}, ("server_vad", 700, True)),
        ({"type": "server_vad", "interrupt_response": False}, ("server_vad", 500, False)),
        ({"type": "semantic_vad"}, ("semantic_vad", 0, True)),
        (None, (None, 500, False)),
    ],
    ids=["silence", "default", "semantic", "none"],
)
def test_the_turn_detection_in_force(detection: Any, told: tuple[Any, ...]) -> None:
    found = settings(realtime(detection))
    assert (found.detection, found.silence_ms, found.interrupts) == told
    assert found.input.rate_hz == 8000


def test_a_session_that_says_nothing_detects_turns() -> None:
    assert settings({"type": "realtime"}) == SessionInForce()
    assert settings({"type": "later", "turn_detection": None}).detection is None
