"""Answers that nothing plays."""

from __future__ import annotations

import json

from duologue.audio.formats import PCM, PCMU
from duologue.cli.call.heard_whole import HeardWhole
from duologue.codec import decode
from duologue.events import RealtimeEvent
from tests.client._frames import audio_delta


def event(frame: dict[str, object]) -> RealtimeEvent:
    return decode(json.dumps({"event_id": "event_1", **frame}))


def test_all_of_an_answer_counts_as_heard_when_all_of_it_has_come() -> None:
    told: list[tuple[str, int, int, bool]] = []
    heard = HeardWhole(lambda *each: told.append(each))
    end = {"type": "response.output_audio.done", "response_id": "r", "output_index": 0, "content_index": 0}
    for item_id, encoding in (("item_1", PCM), ("item_2", PCMU)):
        for _ in range(2):
            heard.take(event(audio_delta("r", item_id, bytes(4800))), encoding)
        assert ("item_2", 0, 1200, True) not in told
        heard.take(event({**end, "item_id": item_id}), encoding)
    heard.take(event({**end, "item_id": "item_3"}), PCM)
    heard.take(event({**audio_delta("r", "item_4", b""), "delta": "!"}), PCM)
    assert told == [("item_1", 0, 200, True), ("item_2", 0, 1200, True)]
