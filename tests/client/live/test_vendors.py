"""Sessions with servers of the vendors of Live, over scripted ones."""

from __future__ import annotations

import base64
import warnings
from typing import Any

from duologue.codec import LossyTranslationWarning
from duologue.notices import LiveAudioPiece, LiveUnreadable
from duologue.testing import LIVE_CLOSED, Close, Expect, ScriptedServer, ScriptStep, Send
from tests.client.live._talking import START, heard, read_to_the_end, talking

QWEN = "qwen-audio-live"
GREETING = {"type": "session.created", "event_id": "s1", "session": {"id": "sess_1", "object": "realtime.session"}}


def qwen(*steps: ScriptStep) -> ScriptedServer:
    """A server that speaks first, and that an update starts."""
    session = {"id": "sess_1", "model": "m", "voice": "yunshu", "input_audio_format": "pcm"}
    updated = {"type": "session.updated", "event_id": "s2", "session": session}
    closed = {"type": "session.closed", "event_id": "s3"}
    start = (Send(GREETING), Expect("session.update"), Send(updated))
    return ScriptedServer([*start, *steps, Expect("session.close"), Send(closed), Close()])


def audio_of(server: ScriptedServer) -> bytes:
    return b"".join(base64.b64decode(event["audio"]) for event in server.received[0] if "audio" in event)


async def test_a_session_with_qwen_is_one_of_live() -> None:
    sound = {"type": "session.output_audio.delta", "event_id": "s4", "delta": "AAAAAA=="}
    server = qwen(Expect("session.input_audio.append"), Send(sound))
    settings: dict[str, Any] = {
        "voice": "yunshu",
        "turn_detection": {"type": "duplex"},
        "delegation": {"type": "client"},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error", LossyTranslationWarning)
        async with talking(server, model="m", dialect=QWEN, session=settings) as live:
            assert live.session is not None
            assert live.session.id == "sess_1"
            async with live.stream(LiveAudioPiece) as pieces:
                await live.send_audio(bytes(640))
                (piece,) = await heard(pieces)
    assert piece.encoding.rate_hz == 24_000
    update, append, close = server.received[0]
    assert update["session"] == {"model": "m", **settings}
    assert all(event["event_id"] for event in (update, append, close))
    assert live.outcome is not None
    assert live.outcome.finalised


async def test_audio_is_sent_at_the_rate_that_the_vendor_hears() -> None:
    server = qwen()
    async with talking(server, model="m", dialect=QWEN) as live:
        await live.send_audio(bytes(48_000), rate_hz=24_000)
    assert 28_800 <= len(audio_of(server)) <= 32_000  # a second at 16 kHz, but for what the filter holds back


async def test_settings_of_kugel_reach_it_and_its_own_events_are_kept() -> None:
    kugel = {"language": "de-DE", "tools": [{"name": "track"}]}
    server = ScriptedServer([*START, Send({"type": "kugel.response.cancelled"}), Send(LIVE_CLOSED), Close()])
    async with talking(server, dialect="kugel", session={"kugel": kugel}) as live:
        (unread,) = [notice for notice in await read_to_the_end(live) if isinstance(notice, LiveUnreadable)]
    assert unread.event.type == "kugel.response.cancelled"
    assert server.received[0][0]["session"]["kugel"] == kugel
