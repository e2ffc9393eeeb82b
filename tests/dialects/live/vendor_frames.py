"""Frames as each vendor of Live sends or takes them, made up after its pages."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["VENDOR_FRAMES"]

VENDOR_FRAMES: Final[dict[str, list[dict[str, Any]]]] = {
    "openai-live": [
        {"type": "session.start", "event_id": "c1", "session": {"model": "gpt-live-1", "delegation": None}},
        {"type": "session.started", "event_id": "s1", "session": {"id": "live_1", "status": "active"}},
        {"type": "session.output_audio.delta", "delta": "AAAA" * 1600},
    ],
    "azure-live": [
        {"type": "session.start", "event_id": "c1", "session": {"model": "my-deployment"}},
        {"type": "session.commentary.appended", "event_id": "s2", "start_ms": 100, "end_ms": 900},
        {"type": "error", "event_id": "s3", "error": {"type": "invalid_request_error", "code": "c", "message": "m"}},
    ],
    "kugel": [
        {
            "type": "session.start",
            "event_id": "c1",
            "session": {
                "model": "fluid-1",
                "audio": {"format": {"type": "audio/pcmu", "rate": 8000}, "output": {"voice": "973"}},
                "kugel": {"language": "de-DE", "tools": [{"name": "track", "parameters": {"type": "object"}}]},
            },
        },
        {"type": "info", "event_id": "s1", "code": "kugel_voice_alias", "message": "Another voice was chosen."},
        {"type": "kugel.response.cancelled", "event_id": "s2", "response_id": "r1"},
        {"type": "error", "event_id": "s3", "error": {"type": "rate_limit", "code": "rate_limit_exceeded"}},
    ],
    "qwen-audio-live": [
        {
            "type": "session.created",
            "event_id": "s1",
            "session": {"id": "sess_1", "object": "realtime.session", "model": "m", "model_inference": True},
        },
        {
            "type": "session.update",
            "event_id": "c1",
            "session": {
                "model": "qwen-audio-4.0-realtime-preview",
                "modalities": ["text", "audio"],
                "voice": "yunshu",
                "instructions": "Keep answers short.",
                "input_audio_format": "pcm",
                "output_audio_format": "pcm",
                "turn_detection": {"type": "duplex"},
                "tools": [{"type": "function", "name": "track", "parameters": {"type": "object"}}],
                "delegation": {"type": "responses", "responses": {"model": "qwen-max"}},
                "transport": {"type": "websocket"},
            },
        },
        {
            "type": "session.updated",
            "event_id": "s2",
            "client_event_id": "c1",
            "session": {
                "id": "sess_1",
                "object": "realtime.session",
                "model": "qwen-audio-4.0-realtime-preview",
                "voice": "yunshu",
                "input_audio_format": "pcm",
                "output_audio_format": "pcm",
                "turn_detection": {"type": "duplex"},
                "delegation": {"type": "client"},
            },
        },
        {"type": "session.input_audio.append", "event_id": "c2", "audio": "AAAA" * 400},
        {"type": "session.output_audio.delta", "event_id": "s3", "delta": "AAAA" * 1600},
        {"type": "session.input_transcript.delta", "event_id": "s4", "delta": "Wo", "start_ms": 0, "end_ms": 200},
        {
            "type": "session.delegation.created",
            "event_id": "s5",
            "offset_ms": 200,
            "delegation": {"id": "item_1", "type": "delegation", "target": "client"},
        },
        {"type": "session.event", "event_id": "s6", "event": {"type": "response.function_call_arguments.done"}},
        {"type": "session.item.create", "event_id": "c3", "item": {"type": "function_call_output", "call_id": "x"}},
        {"type": "session.commentary.append", "event_id": "c4", "delegation_id": "item_1", "content": "Tuesday."},
        {"type": "session.close", "event_id": "c5"},
        {"type": "session.closed", "event_id": "s7", "client_event_id": "c5"},
        {"type": "session.closed", "event_id": "s8", "reason": "close_requested"},
    ],
}
