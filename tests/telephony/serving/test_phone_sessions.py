"""Calls have places among the sessions of a server."""

from __future__ import annotations

import asyncio

import pytest

from duologue.server import Limits
from duologue.server.rejections import Rejection
from duologue.telephony import CallEnded
from duologue.telephony.codecs.leg_events import PlayCommand
from duologue.telephony.serving.phone_sessions import PhoneSessions
from tests.telephony._carrier import speech_frames
from tests.telephony.serving._server import SILENCE, called, scripted_app


async def test_a_call_is_one_session_and_is_answered() -> None:
    app = scripted_app("Hello.")
    async with app.running(), called(app) as (line, serving):
        await line.say(*speech_frames(500), *SILENCE)
        await line.until(PlayCommand)
        assert app.sessions_open == 1
        await line.tell(CallEnded())
        async with asyncio.timeout(5):
            await serving
        assert app.sessions_open == 0


async def test_limits_hold_for_calls() -> None:
    app = scripted_app("Hello.", limits=Limits(max_sessions_per_owner=1))
    async with app.running(), called(app) as (line, _):
        await line.say(*speech_frames(500), *SILENCE)
        await line.until(PlayCommand)
        with pytest.raises(Rejection) as refused:
            async with PhoneSessions(app).place("twilio", address="test"):
                pass
        assert refused.value.name == "owner_sessions"
        async with PhoneSessions(app).place("plivo", address="test"):
            pass  # of another network there is room


async def test_a_rate_of_new_sessions_holds_for_calls() -> None:
    app = scripted_app(limits=Limits(sessions_per_minute=1))
    async with app.running():
        sessions = PhoneSessions(app)
        async with sessions.place("twilio", address="test"):
            pass
        with pytest.raises(Rejection) as refused:
            async with sessions.place("twilio", address="test"):
                pass
        assert refused.value.name == "rate"


async def test_a_draining_server_takes_no_calls() -> None:
    app = scripted_app()
    async with app.running():
        await app.drain()
        with pytest.raises(Rejection) as refused:
            async with PhoneSessions(app).place("twilio", address="test"):
                pass
        assert refused.value.name == "draining"
