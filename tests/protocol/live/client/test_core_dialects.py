"""Where an update is spelled as the start is, the same event answers both."""

from __future__ import annotations

import itertools
from typing import Any

from duologue.codec import decode_live, encode_live
from duologue.codec.jsontext import parse_object, write_text
from duologue.events.live import LiveSessionConfig, LiveSessionUpdate, LiveSessionUpdateEvent
from duologue.protocol.live.client.core import LiveCore
from duologue.protocol.live.client.notices import CommandEnded, SessionStarted, SessionUpdated

QWEN = "qwen-audio-live"
SESSION = {"id": "sess_1", "object": "realtime.session", "model": "m", "input_audio_format": "pcm"}


class Qwen:
    """A session with a server of this dialect, in its frames."""

    def __init__(self) -> None:
        numbers = itertools.count(1)
        self.core = LiveCore(new_id=lambda kind: f"{kind}_{next(numbers)}")
        self.core.start(LiveSessionConfig(model="m"), now=0.0)

    def sent(self) -> list[dict[str, Any]]:
        return [parse_object(encode_live(event, dialect=QWEN)) for event in self.core.take_events()]

    def updated(self, **fields: Any) -> list[object]:
        frame = {"type": "session.updated", "event_id": "s", "session": SESSION, **fields}
        self.core.receive(decode_live(write_text(frame), dialect=QWEN), now=0.0)
        return list(self.core.take_notices())


def test_an_update_starts_the_session() -> None:
    qwen = Qwen()
    (update,) = qwen.sent()
    assert update["type"] == "session.update"
    ended, started = qwen.updated(client_event_id=update["event_id"])
    assert isinstance(ended, CommandEnded)
    assert isinstance(started, SessionStarted)
    assert started.session.id == "sess_1"


def test_a_later_update_is_answered_and_starts_nothing_anew() -> None:
    qwen = Qwen()
    qwen.updated()
    qwen.core.append_audio(bytes(32_000), now=0.0)
    command_id = qwen.core.send(LiveSessionUpdateEvent(session=LiveSessionUpdate()), now=0.0)
    ended, updated = qwen.updated(client_event_id=command_id)
    assert isinstance(ended, CommandEnded)
    assert ended.command_id == command_id
    assert isinstance(updated, SessionUpdated)
