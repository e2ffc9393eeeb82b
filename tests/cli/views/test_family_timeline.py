"""Events of Live and of translation as lines."""

from __future__ import annotations

import json
from typing import Any

from duologue.cli.views.family_timeline import FamilyTimeline
from duologue.codec import decode_live, decode_translation
from duologue.events.base import encode_audio
from duologue.recording import Direction

SESSION = {"id": "live_1", "expires_at": 9, "model": "gpt-live-1", "status": "active"}


def shown(*frames: tuple[Direction, dict[str, Any]], live: bool = True) -> list[str]:
    timeline, decode = FamilyTimeline(), decode_live if live else decode_translation
    lines = [
        str(line)
        for number, (direction, frame) in enumerate(frames)
        for line in timeline.push(number / 10, direction, decode(json.dumps(frame)))
    ]
    return [" ".join(line.split()) for line in (*lines, *map(str, timeline.close()))]


def started(**audio: Any) -> tuple[Direction, dict[str, Any]]:
    session = {**SESSION, "audio": {"format": audio}} if audio else SESSION
    return "received", {"type": "session.started", "event_id": "e", "session": session}


def test_pieces_of_both_directions_share_a_line_each_until_something_else_happens() -> None:
    sound = {"type": "session.input_audio.append", "audio": encode_audio(bytes(4800))}
    voice = {"type": "session.output_audio.delta", "delta": encode_audio(bytes(4800))}
    words = {"type": "session.output_transcript.delta", "event_id": "e", "start_ms": 0, "end_ms": 200}
    assert shown(
        started(),
        ("sent", sound),
        ("received", voice),
        ("sent", sound),
        ("received", {**words, "delta": "It comes"}),
        ("received", {**words, "delta": " on Tuesday."}),
        ("received", {"type": "session.input_audio.muted", "event_id": "e"}),
        ("sent", sound),
    ) == [
        "0.000 ← session.started live_1, gpt-live-1",
        "0.100 → session.input_audio.append ×2 200 ms",
        "0.200 ← session.output_audio.delta 100 ms",
        "0.400 ← session.output_transcript.delta ×2 It comes on Tuesday.",
        "0.600 ← session.input_audio.muted",
        "0.700 → session.input_audio.append 100 ms",
    ]


def test_audio_lasts_as_long_as_the_format_of_the_session_says() -> None:
    sound = {"type": "session.input_audio.append", "audio": encode_audio(bytes(800))}
    assert shown(started(type="audio/pcmu", rate=8000), ("sent", sound))[1].endswith("100 ms")


def test_what_events_are_about_is_shown() -> None:
    delegation = {"id": "item_1", "type": "delegation", "target": "client"}
    error = {"type": "invalid_request_error", "code": "invalid_value", "message": "no"}
    for frame, words in (
        ({"type": "session.commentary.append", "delegation_id": None, "content": "On Tuesday."}, "On Tuesday."),
        (
            {"type": "session.delegation.created", "event_id": "e", "offset_ms": 1, "delegation": delegation},
            "to client",
        ),
        ({"type": "response.event", "event_id": "e", "event": {"type": "response.created"}}, "response.created"),
        ({"type": "session.usage.updated", "event_id": "e", "usage": {"seconds": 15}}, "15 s"),
        ({"type": "error", "event_id": "e", "error": error}, "invalid_value: no"),
        ({"type": "session.new", "event_id": "e"}, "unknown event type"),
        ({"type": "session.output_audio.delta", "delta": "!"}, "session.output_audio.delta"),
    ):
        (line,) = shown(("received", frame))
        assert words in line


def test_events_of_translation_are_shown_too() -> None:
    words = {"type": "session.output_transcript.delta", "event_id": "e", "delta": "hola"}
    closed = {"type": "session.closed", "event_id": "e"}
    assert shown(("received", words), ("received", closed), live=False) == [
        "0.000 ← session.output_transcript.delta hola",
        "0.100 ← session.closed",
    ]
