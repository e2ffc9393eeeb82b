"""A server's calls over AudioSocket: each is one of its sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from duologue.audio.formats import PCMU
from duologue.server import Limits, RealtimeApp
from duologue.server.open_sessions import OpenSessions
from duologue.telephony import AudioSocketListener, CallerAudio
from duologue.telephony.codecs.leg_events import CallEnded, HangUpCommand, PlayCommand
from duologue.telephony.serving.audiosocket_calls import serving_audiosocket
from duologue.telephony.serving.phone_sessions import PhoneSessions
from duologue.testing.engines import scripted_app_engines, scripted_engines
from tests.telephony._carrier import speech_frames
from tests.telephony.tcp._asterisk_end import CALL_ID, STARTED, calling


@asynccontextmanager
async def _serving(**options: Any) -> AsyncGenerator[tuple[AudioSocketListener, OpenSessions], None]:
    limits = options.pop("limits", Limits())
    app = RealtimeApp(engines=scripted_app_engines(scripted_engines(responses=["Hi."])), limits=limits)
    async with (
        app.running(),
        serving_audiosocket(PhoneSessions(app), host="127.0.0.1", port=0, max_calls=5, **options) as listener,
    ):
        yield listener, app.open_sessions


async def test_a_call_is_a_session_of_the_server_and_is_answered() -> None:
    async with _serving(call_id=CALL_ID) as (listener, sessions), calling(listener) as asterisk:
        await asterisk.tell(STARTED)
        for frame in (*speech_frames(500), *[b"\xff" * 160] * 40):
            await asterisk.tell(CallerAudio(audio=PCMU.to_pcm16(frame)))
        await asterisk.until(PlayCommand, loud=True)
        assert len(sessions) == 1
        await asterisk.tell(CallEnded())
        await asterisk.until(HangUpCommand)
    assert len(sessions) == 0


async def test_an_unknown_id_makes_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(PhoneSessions, "place", lambda self, network, *, address: asked.append(network))
    async with _serving(call_id="0" * 36) as (listener, sessions), calling(listener) as asterisk:
        await asterisk.tell(STARTED)
        await asterisk.until(HangUpCommand)
        assert (asked, len(sessions)) == ([], 0)


async def test_a_full_server_hangs_up() -> None:
    async with _serving(limits=Limits(sessions=1)) as (listener, sessions), calling(listener) as first:
        await first.tell(STARTED)
        await first.until(PlayCommand)
        async with calling(listener) as second:
            await second.tell(STARTED)
            await second.until(HangUpCommand)
            assert await asyncio.wait_for(second.command(), 5) is None
        assert len(sessions) == 1


async def test_calls_end_with_the_server() -> None:
    async with _serving() as (listener, sessions), calling(listener) as asterisk:
        await asterisk.tell(STARTED)
        await asterisk.until(PlayCommand)
        draining = asyncio.ensure_future(sessions.drain(within_s=5))
        await asterisk.until(HangUpCommand)
        await draining
