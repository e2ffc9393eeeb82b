"""What the core does otherwise for the vendors of Live, by their profiles."""

from __future__ import annotations

import itertools
from typing import Any

from duologue.audio.formats import PCM
from duologue.codec import decode_live, encode_live
from duologue.codec.jsontext import parse_object, write_text
from duologue.dialects import LIVE_PROFILES
from duologue.events.live import LiveSessionConfig, LiveSessionUpdate, LiveSessionUpdateEvent
from duologue.protocol.live.client.core import LiveCore
from duologue.protocol.live.client.notices import (
    CommandEnded,
    LiveAudioPiece,
    LiveUnreadable,
    SessionStarted,
    SessionUpdated,
)

QWEN = "qwen-audio-live"
SESSION = {"id": "sess_1", "object": "realtime.session", "model": "m", "input_audio_format": "pcm"}


class Qwen:
    """A session with a server of this dialect, in its frames."""

    def __init__(self) -> None:
        numbers = itertools.count(1)
        self.core = LiveCore(new_id=lambda kind: f"{kind}_{next(numbers)}", profile=LIVE_PROFILES[QWEN])

    def receive(self, frame: dict[str, Any]) -> list[object]:
        self.core.receive(decode_live(write_text(frame), dialect=QWEN), now=0.0)
        return list(self.core.take_notices())

    def sent(self) -> list[dict[str, Any]]:
        return [parse_object(encode_live(event, dialect=QWEN)) for event in self.core.take_events()]

    def start(self) -> list[object]:
        self.core.start(LiveSessionConfig(model="m"), now=0.0)
        (update,) = self.sent()
        return self.receive(
            {"type": "session.updated", "event_id": "s", "client_event_id": update["event_id"], "session": SESSION}
        )


def test_a_greeting_is_expected_and_an_update_starts_the_session() -> None:
    qwen = Qwen()
    assert qwen.receive({"type": "session.created", "event_id": "s", "session": SESSION}) == []
    ended, started = qwen.start()
    assert isinstance(ended, CommandEnded)
    assert isinstance(started, SessionStarted)
    assert started.session.id == "sess_1"


def test_a_greeting_where_none_belongs_is_reported() -> None:
    core = LiveCore(new_id=str)
    core.receive(decode_live('{"type":"session.created"}'), now=0.0)
    assert [type(notice) for notice in core.take_notices()] == [LiveUnreadable]


def test_every_command_has_an_id_audio_too() -> None:
    qwen = Qwen()
    qwen.start()
    qwen.core.append_audio(bytes(640), now=0.0)
    qwen.core.append("commentary", "Tuesday.", now=0.0)
    qwen.core.close(now=0.0)
    ids = [frame.get("event_id") for frame in qwen.sent()]
    assert len(set(ids)) == 3
    assert None not in ids


def test_what_it_says_has_a_rate_of_its_own() -> None:
    qwen = Qwen()
    qwen.start()
    assert qwen.core.encoding.rate_hz == 16_000
    (piece,) = qwen.receive({"type": "session.output_audio.delta", "event_id": "s", "delta": "AAAA" * 1600})
    assert isinstance(piece, LiveAudioPiece)
    assert piece.encoding == PCM


def test_a_later_update_is_answered_by_what_answers_the_start_and_starts_nothing_anew() -> None:
    qwen = Qwen()
    qwen.start()
    qwen.core.append_audio(bytes(32_000), now=0.0)
    command_id = qwen.core.send(LiveSessionUpdateEvent(session=LiveSessionUpdate()), now=0.0)
    assert [frame["type"] for frame in qwen.sent()] == ["session.input_audio.append", "session.update"]
    ended, updated = qwen.receive(
        {"type": "session.updated", "event_id": "s", "client_event_id": command_id, "session": SESSION}
    )
    assert isinstance(ended, CommandEnded)
    assert ended.command_id == command_id
    assert isinstance(updated, SessionUpdated)
