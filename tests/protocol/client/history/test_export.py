"""A conversation as JSON."""

from __future__ import annotations

import json

from duologue.events import FunctionCallItem, MessageItem, OutputAudioPart, OutputTextPart, RealtimeSession
from duologue.protocol.client.history.export import export_of
from duologue.protocol.client.history.item_builder import StoredItem
from duologue.protocol.client.usage import UsageSnapshot

SPEECH = MessageItem(role="assistant", content=[OutputAudioPart(transcript="Hello."), OutputTextPart(text="Hi.")])
ITEMS = (
    StoredItem(item_id="item_1", item=SPEECH, done=True, response_id="resp_1", truncated_at_ms=500),
    StoredItem(item_id="item_2", item=FunctionCallItem(name="weather", call_id="c", arguments="{}"), done=True),
)
SESSION = RealtimeSession(id="sess_1", object="realtime.session", model="m", instructions="A secret.")


def test_an_export_has_items_usage_and_a_version_and_no_audio() -> None:
    exported = export_of(ITEMS, usage=UsageSnapshot(), session=SESSION)
    assert json.loads(json.dumps(exported)) == exported
    assert (exported["format"], exported["version"]) == ("duologue.conversation", 1)
    assert exported["session"] == {"id": "sess_1", "model": "m"}
    assert exported["usage"]["input"]["text_tokens"] == 0
    assert exported["items"] == [
        {
            "id": "item_1",
            "role": "assistant",
            "text": "Hello. Hi.",
            "done": True,
            "response_id": "resp_1",
            "interrupted_at_ms": 500,
            "transcription_failed": False,
            "item": {
                "type": "message",
                "role": "assistant",
                "content": [
                    {"type": "output_audio", "transcript": "Hello."},
                    {"type": "output_text", "text": "Hi."},
                ],
            },
        },
        {
            "id": "item_2",
            "role": None,
            "text": "",
            "done": True,
            "response_id": None,
            "interrupted_at_ms": None,
            "transcription_failed": False,
            "item": {"type": "function_call", "name": "weather", "call_id": "c", "arguments": "{}"},
        },
    ]


def test_speech_that_is_kept_is_exported_when_it_is_asked_for() -> None:
    kept = {("item_1", 0): b"\x01\x02"}
    exported = export_of(ITEMS, usage=UsageSnapshot(), session=None, audio=lambda *part: kept.get(part))
    assert exported["session"] is None
    assert [item.get("audio") for item in exported["items"]] == [["AQI=", None], None]
