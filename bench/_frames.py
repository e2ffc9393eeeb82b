"""Frames as servers send them, in sizes that real sessions have."""

from __future__ import annotations

import base64
import json

__all__ = [
    "AUDIO",
    "AUDIO_DELTA",
    "BETA_TEXT_DELTA",
    "LIVE_AUDIO_DELTA",
    "LIVE_TRANSCRIPT_DELTA",
    "NEW_FIELD_TEXT_DELTA",
    "RESPONSE_DONE",
    "TEXT_DELTA",
]

AUDIO = bytes(range(240)) * 20
"""100 ms of 24 kHz PCM16."""

_DELTA = {
    "event_id": "event_BqY3nTzLwKfR8sVxCdPmA",
    "response_id": "resp_BqY3mAeWkUoJ2iHgZtSvN",
    "item_id": "item_BqY3mPxQcLrF7yDbEnTwK",
    "output_index": 0,
    "content_index": 0,
}


def _frame(type_name: str, **fields: object) -> str:
    return json.dumps({"type": type_name, **fields}, separators=(",", ":"))


TEXT_DELTA = _frame("response.output_text.delta", **_DELTA, delta=" together", obfuscation="k3Lw9Qa")
BETA_TEXT_DELTA = _frame("response.text.delta", **_DELTA, delta=" together")
NEW_FIELD_TEXT_DELTA = _frame("response.output_text.delta", **_DELTA, delta=" together", confidence=0.75)
AUDIO_DELTA = _frame("response.output_audio.delta", **_DELTA, delta=base64.b64encode(AUDIO).decode())
LIVE_AUDIO_DELTA = _frame("session.output_audio.delta", delta=base64.b64encode(AUDIO).decode())
LIVE_TRANSCRIPT_DELTA = _frame(
    "session.output_transcript.delta",
    event_id="event_BqY3nTzLwKfR8sVxCdPmA",
    delta=" together",
    start_ms=2000,
    end_ms=2200,
)
RESPONSE_DONE = _frame(
    "response.done",
    event_id="event_BqY3oUjMxGhT9uWyDeQnB",
    response={
        "object": "realtime.response",
        "id": "resp_BqY3mAeWkUoJ2iHgZtSvN",
        "status": "completed",
        "status_details": None,
        "output": [
            {
                "id": "item_BqY3mPxQcLrF7yDbEnTwK",
                "type": "message",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "We can walk there together, it is not far."}],
            }
        ],
        "conversation_id": "conv_BqY3kVnAyHiS5tXzEfRoC",
        "output_modalities": ["text"],
        "max_output_tokens": "inf",
        "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"}},
        "usage": {
            "total_tokens": 151,
            "input_tokens": 138,
            "output_tokens": 13,
            "input_token_details": {
                "text_tokens": 138,
                "audio_tokens": 0,
                "image_tokens": 0,
                "cached_tokens": 64,
                "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 0, "image_tokens": 0},
            },
            "output_token_details": {"text_tokens": 13, "audio_tokens": 0},
        },
        "metadata": None,
    },
)
