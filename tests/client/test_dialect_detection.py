from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from duologue import connect
from duologue.client.dialect_detection import DialectDetector
from duologue.events import SessionCreatedEvent, SessionUpdateEvent
from duologue.events.session import RealtimeSessionConfig
from duologue.transports import memory_pair

GA: dict[str, Any] = {
    "type": "session.created",
    "event_id": "event_1",
    "session": {"type": "realtime", "id": "s", "object": "realtime.session"},
}
BETA: dict[str, Any] = {
    "type": "session.created",
    "event_id": "event_1",
    "session": {"id": "s", "object": "realtime.session", "modalities": ["text"], "input_audio_format": "pcm16"},
}
GROK: dict[str, Any] = {"type": "ping", "event_id": "e", "timestamp": 1}
UUID = "0b5e0a1e-3c5c-4f0e-9d6e-2f1f0a9b8c7d"


def detected(*frames: dict[str, Any], dialect: str = "auto", url: str | None = None) -> DialectDetector:
    """A detector after these frames."""
    detector = DialectDetector(dialect, url=url)
    for frame in frames:
        detector.observe(json.dumps(frame))
    return detector


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("wss://api.x.ai/v1/realtime?model=grok-voice-latest", "xai"),
        ("wss://r.openai.azure.com/openai/realtime?api-version=2025-04-01-preview&deployment=d", "azure-preview"),
        ("wss://api.openai.com/v1/realtime?model=gpt-realtime", "openai"),
    ],
)
def test_a_url_that_gives_the_dialect_away_settles_it(url: str, dialect: str) -> None:
    detector = detected(url=url)
    assert (detector.dialect, detector.is_settled) == (dialect, True)
    detector.observe(json.dumps(BETA))
    assert detector.dialect == dialect


@pytest.mark.parametrize("url", ["ws://127.0.0.1:8000/v1/realtime", "ws://127.0.0.1/?model=gpt-4o-realtime-preview"])
def test_a_url_that_gives_nothing_away_leaves_it_to_the_greeting(url: str) -> None:
    assert detected(url=url).dialect == "openai"
    assert not detected(url=url).is_settled
    assert (detected(GA, url=url).dialect, detected(GA, url=url).is_settled) == ("openai", True)
    assert detected(BETA, url=url).dialect == "openai-beta"


def test_a_vendor_is_believed_only_when_the_sign_is_its_own() -> None:
    assert detected(GROK).dialect == "xai"
    # Many servers make ids of this shape.
    shared = {"type": "conversation.created", "event_id": UUID, "conversation": {"id": "c"}}
    assert (detected(shared).dialect, detected(shared).is_settled) == ("openai", False)
    assert detected({**GA, "event_id": UUID}).dialect == "openai"


def test_only_the_first_frames_count_and_only_once() -> None:
    nothing = {"type": "rate_limits.updated", "event_id": "e", "rate_limits": []}
    assert detected(nothing, nothing, BETA).dialect == "openai-beta"
    assert detected(nothing, nothing, nothing, BETA).dialect == "openai"
    assert detected(GA, BETA).dialect == "openai"
    assert detected(BETA, GA).dialect == "openai-beta"


def test_a_dialect_that_was_named_stays() -> None:
    assert detected(BETA, dialect="openai").dialect == "openai"
    assert detected(GA, dialect="qwen", url="wss://api.x.ai/").dialect == "qwen"


def test_what_is_no_json_says_nothing() -> None:
    detector = DialectDetector()
    detector.observe(b"\x00")
    detector.observe("[]")
    detector.observe(json.dumps(BETA))
    assert detector.dialect == "openai-beta"


async def test_a_connection_reads_and_writes_what_the_greeting_says() -> None:
    ours, theirs = memory_pair()
    async with asyncio.timeout(5), connect(transport=ours) as connection:
        assert connection.dialect == "openai"
        await theirs.send(json.dumps(BETA))
        event = await connection.receive()
        assert isinstance(event, SessionCreatedEvent)
        assert connection.dialect == "openai-beta"
        await connection.send(SessionUpdateEvent(session=RealtimeSessionConfig(output_modalities=["text"])))
        assert json.loads(await theirs.receive())["session"] == {"modalities": ["text"]}


async def test_a_dialect_that_does_not_exist_is_refused_before_anything_is_opened() -> None:
    with pytest.raises(ValueError, match="no dialect 'klingon'; known: auto, openai"):
        async with connect("ws://127.0.0.1:1", dialect="klingon"):
            pass
