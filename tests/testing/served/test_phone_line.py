"""Telephone calls of ASGI applications, of URLs and over transports."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import duologue
from duologue import telephony
from duologue.audio.wav import Sound
from duologue.errors import ConnectFailed
from duologue.server import RealtimeApp
from duologue.server.run.listener import listening
from duologue.telephony.carrier import CallerSays
from duologue.telephony.serving.authentication import (
    AsteriskAuthentication,
    NetworkAuthentication,
    TwilioAuthentication,
)
from duologue.telephony.serving.phone_app import PhoneApp
from duologue.telephony.serving.phone_sessions import PhoneSessions
from duologue.testing.engines import scripted_app_engines, scripted_engines
from duologue.testing.served import AppInMemory, PhoneLine
from duologue.testing.sounds import tone
from duologue.transports import memory_pair
from duologue.transports.asgi import ASGITransport

_AUTHENTICATIONS: dict[str, NetworkAuthentication] = {
    "twilio": TwilioAuthentication("secret"),
    "asterisk": AsteriskAuthentication("secret"),
}


def _app() -> RealtimeApp:
    app = RealtimeApp(engines=scripted_app_engines(scripted_engines(responses=["Hi."])))
    app.mount("phone", PhoneApp(PhoneSessions(app), _AUTHENTICATIONS))
    return app


@pytest.mark.virtual_time
@pytest.mark.parametrize("protocol", _AUTHENTICATIONS)
async def test_an_application_in_memory_is_called(protocol: str) -> None:
    app, line = _app(), PhoneLine()
    async with app.running():
        call = await line(app, tone(400), protocol=protocol, path=f"/phone/{protocol}", secret="secret")
        with pytest.raises(ConnectFailed):
            await line(app, tone(400), protocol=protocol, path=f"/phone/{protocol}", secret="other")
    assert call.report.is_answered
    assert line.calls == [call]


@pytest.mark.virtual_time
async def test_an_application_of_ones_own_is_called() -> None:
    memory, line = AppInMemory(RealtimeApp(engines=scripted_app_engines())), PhoneLine()

    async def phone(scope: Any, receive: Any, send: Any) -> None:
        assert dict(scope["headers"])[b"x-tenant"] == b"7"
        transport = ASGITransport(receive, send)
        await transport.accept()
        call = await telephony.accept(transport, telephony.Twilio())
        async with duologue.converse(open_connection=memory.connect) as conversation:
            await call.join(conversation)

    sound = Sound(tone(400), 24_000)
    last = CallerSays(sound=sound, interrupts_after_ms=300)
    call = await line(phone, tone(400), sound, last, interrupt_after_ms=200, settle_ms=300, headers={"x-tenant": "7"})
    assert [each.answer_began_ms is not None for each in call.report.spoken] == [True, True, True]
    assert len(call.report.clears) == 2


async def test_a_url_is_called() -> None:
    async with listening(_app()) as url:
        base = url.partition("/v1/")[0]
        line = PhoneLine()
        call = await line(f"{base}/phone/twilio", tone(400), secret="secret", settle_ms=100)
        assert call.report.is_answered
        page = f"{base.replace('ws', 'http', 1)}/phone/twilio/answer"
        call = await line(page, tone(400), secret="secret", settle_ms=100)
        assert call.report.is_answered
        with pytest.raises(ConnectFailed, match="status 403"):
            await line(page, tone(400), secret="other")
        with pytest.raises(ConnectFailed):
            await line(f"{base}/phone/twilio", tone(400))


@pytest.mark.virtual_time
async def test_a_transport_is_called_and_a_plan_has_known_fields() -> None:
    theirs, ours = memory_pair()
    line = PhoneLine()
    calling = asyncio.ensure_future(line(theirs, tone(400), patience_s=1))
    assert '"connected"' in str(await ours.receive())
    assert not (await calling).report.is_answered
    with pytest.raises(TypeError, match="unknown"):
        await line(theirs, tone(400), unknown=1)
    with pytest.raises(ValueError, match="no protocol"):
        await line(theirs, tone(400), protocol="pots")
